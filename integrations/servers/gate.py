"""Who may pass: a server's own check of the sandbox's tokens, sharing no code with credhelper."""

from __future__ import annotations

import base64
import binascii
import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import jwt

ISSUER = "https://platform.login.illumina.com"


class Visit(NamedTuple):
    """One request at the gate.

    No token: `scheme` is empty where none was shown (not even beside a user name), and `expires` is
    the `exp` of a good one, else 0.
    """

    scheme: str
    username: str
    admitted: bool
    expires: int


class Gate:
    """A check of JWTs: as Bearer, or as the password of Basic with any user name.

    Signature (RS256, by the sandbox's JWKS), issuer, audience and times are judged here; whether
    the token was revoked is asked of the API, as a careful server does.

    Parameters: `url`, the sandbox's; `realm`, for challenges; `bearer`, whether Bearer is offered.

    Attributes: `visits`, in order.
    """

    def __init__(self, url: str, realm: str, *, bearer: bool = False) -> None:
        self.visits: list[Visit] = []
        self._url = url
        self._keys = jwt.PyJWKSet.from_dict(json.loads(_get(f"{url}/.well-known/jwks.json")))
        schemes = ["Bearer", "Basic"] if bearer else ["Basic"]
        self.challenge = [("WWW-Authenticate", f'{each} realm="{realm}"') for each in schemes]
        self._schemes = [each.lower() for each in schemes]

    @property
    def admitted(self) -> list[Visit]:
        """The visits of those who passed."""
        return [visit for visit in self.visits if visit.admitted]

    @property
    def refused(self) -> list[Visit]:
        """The visits of those who showed something, and did not pass."""
        return [visit for visit in self.visits if visit.scheme and not visit.admitted]

    def admit(self, authorization: str | None) -> str | None:
        """Return the user's id for a good `Authorization` header, else None."""
        scheme, _, rest = (authorization or "").partition(" ")
        username, token = _shown(scheme.lower(), rest)
        claims = self._claims(token) if scheme.lower() in self._schemes else None
        expires = claims["exp"] if claims else 0
        self.visits.append(Visit(scheme if token else "", username, claims is not None, expires))
        return claims["sub"] if claims else None

    def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=["RS256"], audience="iap-aps2", issuer=ISSUER
            )
            _get(f"{self._url}/v1/tokens/details", f"Bearer {token}")
        except (jwt.PyJWTError, KeyError, urllib.error.HTTPError):
            return None
        return claims


def _shown(scheme: str, rest: str) -> tuple[str, str]:
    if scheme != "basic":
        return "", rest
    try:
        username, _, token = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, token


def _get(url: str, authorization: str = "") -> bytes:
    request = urllib.request.Request(url)
    if authorization:
        request.add_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
    return body
