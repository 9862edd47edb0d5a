"""A proxy of Go modules, behind a gate."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from http import HTTPStatus

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

VERSION = "v1.0.0"


def behind(gate: Gate, *modules: str) -> Callable[[Request], Answer]:
    """Return what hands out `modules`, in one version each, to those whom `gate` admits.

    Source: the Go Modules Reference, "GOPROXY protocol".
    """
    files = {path: data for module in modules for path, data in _files(module).items()}

    def answer(request: Request) -> Answer:
        if gate.admit(request.headers.get("Authorization")) is None:
            return Answer(HTTPStatus.UNAUTHORIZED, b"who are you?\n", gate.challenge)
        found = files.get(request.path)
        return Answer(HTTPStatus.NOT_FOUND) if found is None else Answer(HTTPStatus.OK, found)

    return answer


def _files(module: str) -> dict[str, bytes]:
    mod = f"module {module}\n\ngo 1.24\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{module}@{VERSION}/go.mod", mod)
        name = module.rpartition("/")[2]
        archive.writestr(f"{module}@{VERSION}/{name}.go", f"package {name}\n")
    info = json.dumps({"Version": VERSION, "Time": "2026-11-27T12:00:00Z"}).encode()
    place = f"/{module}/@v"
    return {
        f"{place}/list": f"{VERSION}\n".encode(),
        f"{place}/{VERSION}.info": info,
        f"{place}/{VERSION}.mod": mod,
        f"{place}/{VERSION}.zip": packed.getvalue(),
        f"/{module}/@latest": info,
    }
