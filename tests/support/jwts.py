"""JWTs that nobody signed: their claims are all that we read."""

from __future__ import annotations

import base64
import json


def jwt(**claims: object) -> str:
    """Return a JWT with these claims."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return b".".join(part.rstrip(b"=") for part in (*encoded, b"c2lnbmVk")).decode()
