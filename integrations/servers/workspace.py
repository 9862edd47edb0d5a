"""As much of a Databricks workspace as tells callers who they are, behind a gate."""

from __future__ import annotations

import json

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

CONFIG = "/.well-known/databricks-config"
ME = "/api/2.0/preview/scim/v2/Me"


class Workspace:
    """A workspace whose gate admits those with a live token.

    Source: the SDK for Python, `oauth.py` and `service/iam.py`.

    Attributes: `gate`.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def answer(self, request: Request) -> Answer:
        """Answer what a host tells everybody, and who the caller is; nothing else is known here."""
        if request.path == CONFIG:
            return _json(200, {"workspace_id": "1", "account_id": "2", "cloud": "AWS"})
        if request.path != ME:
            return _json(404, {"error_code": "NOT_FOUND", "message": "no such thing"})
        user = self.gate.admit(request.headers.get("Authorization"))
        if user is None:
            return _json(401, {"error_code": "UNAUTHENTICATED", "message": "who are you?"})
        return _json(200, {"id": "1", "userName": user})


def _json(status: int, told: dict[str, str]) -> Answer:
    return Answer(status, json.dumps(told).encode(), [("Content-Type", "application/json")])
