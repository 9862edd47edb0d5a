"""A token service that exchanges tokens (RFC 8693) behind a gate, and a door for what it gives."""

from __future__ import annotations

import json
import secrets
import urllib.parse

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

TEXT = b"what only the exchanged token shows"

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class TokenService:
    """An exchange at `/v1/token`, an introspection at `/v1/introspect`, and data at `/data`.

    Source: RFC 8693 and RFC 7662, in the form in which Google's libraries send them.

    Attributes: `asked`, the fields of each exchange, without the token; `gate`, who checks that;
    `lifetime`, seconds, of what it gives.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.lifetime = 3600
        self.asked: list[dict[str, str]] = []
        self._given: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """Exchange a live token, or show the data to who brings what it was exchanged for."""
        if (request.method, request.path) == ("POST", "/v1/token"):
            return self._exchange(_fields(request))
        if (request.method, request.path) == ("POST", "/v1/introspect"):
            known = self.opens(_fields(request).get("token", ""))
            return _json(200, {"active": known, "username": "principal://somebody"})
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and self.opens(token):
            return Answer(200, TEXT)
        return Answer(401, b"who are you?\n", self.gate.challenge)

    def opens(self, token: str) -> bool:
        """Return whether this service has given `token`."""
        return token in self._given

    def _exchange(self, fields: dict[str, str]) -> Answer:
        user = self.gate.admit(f"Bearer {fields.pop('subject_token', '')}")
        self.asked.append(fields)
        if user is None or fields.get("grant_type") != _EXCHANGE:
            return _json(400, {"error": "invalid_grant", "error_description": "not a live token"})
        token = f"exchanged-{secrets.token_hex(16)}"
        self._given.add(token)
        told = {
            "access_token": token,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        }
        return _json(200, told)


def _fields(request: Request) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(request.body.decode()))


def _json(status: int, told: dict[str, object]) -> Answer:
    return Answer(status, json.dumps(told).encode(), [("Content-Type", "application/json")])
