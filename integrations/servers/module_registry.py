"""A registry of Terraform modules, behind a gate."""

from __future__ import annotations

import io
import json
import re
import tarfile
import uuid
from collections.abc import Callable
from http import HTTPStatus

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

MODULE = "team/bucket/cloud"
VERSION = "1.0.0"
TEXT = 'output "hello" {\n  value = "from the registry"\n}\n'

_PLACE = "/v1/modules/"
_ARCHIVE = re.compile(r"/archives/([0-9a-f-]+)\.tar\.gz")


def behind(gate: Gate) -> Callable[[Request], Answer]:
    """Return what knows one module, and tells those whom `gate` admits where its archive is.

    The archive itself is asked for without a token, so it lies where only they know. Source:
    Terraform's "Remote Service Discovery" and "Module Registry Protocol".
    """
    archives: set[str] = set()

    def answer(request: Request) -> Answer:
        found = _ARCHIVE.fullmatch(request.path)
        if found and found[1] in archives:
            return Answer(HTTPStatus.OK, _archive(), [("Content-Type", "application/gzip")])
        if request.path == "/api/v2/account/details":
            # Of the token that somebody has pasted for "terraform login": any will do.
            user = {"id": "user-1", "type": "users", "attributes": {"username": "somebody"}}
            return _json({"data": user}, "application/vnd.api+json")
        if gate.admit(request.headers.get("Authorization")) is None:
            return Answer(HTTPStatus.UNAUTHORIZED, b'{"errors":["who are you?"]}')
        if request.path == "/.well-known/terraform.json":
            return _json({"modules.v1": _PLACE, "tfe.v2": "/api/v2/"})
        if request.path == f"{_PLACE}{MODULE}/versions":
            return _json({"modules": [{"versions": [{"version": VERSION}]}]})
        if request.path == f"{_PLACE}{MODULE}/{VERSION}/download":
            name = str(uuid.uuid4())
            archives.add(name)
            place = f"https://{request.headers['Host']}/archives/{name}.tar.gz"
            return Answer(HTTPStatus.NO_CONTENT, b"", [("X-Terraform-Get", place)])
        return Answer(HTTPStatus.NOT_FOUND)

    return answer


def _json(document: dict[str, object], kind: str = "application/json") -> Answer:
    return Answer(HTTPStatus.OK, json.dumps(document).encode(), [("Content-Type", kind)])


def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("main.tf")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT.encode()))
    return packed.getvalue()
