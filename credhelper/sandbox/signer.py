"""The key that signs the sandbox's JWTs: real RS256, with a new key for each sandbox."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_BITS = 2048


class Signer:
    """An RSA key pair with its key id. The private half never leaves this object."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self._public: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        # RFC 7638 asks for exactly these members in this order.
        thumb = '{{"e":"{e}","kty":"RSA","n":"{n}"}}'.format(**self._public)
        digest = hashlib.sha256(thumb.encode()).digest()
        self.key_id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def sign(self, claims: dict[str, Any]) -> str:
        """Make a compact JWT of `claims`: RS256, unpadded base64url, with a `kid` header."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        public = {name: self._public[name] for name in ("kty", "n", "e")}
        return {"keys": [public | {"kid": self.key_id, "use": "sig", "alg": "RS256"}]}
