"""A small npm registry behind a gate: one package, in one version."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import urllib.parse
from collections.abc import Callable

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

NAME = "@team/greeting"
VERSION = "1.0.0"
PROGRAM = b'module.exports = "hello";\n'


def behind(gate: Gate) -> Callable[[Request], Answer]:
    """Return what serves the package to those whom `gate` admits.

    Source: npm's registry API, as much of it as installing needs.
    """
    archive = _archive()
    tarball = f"/{NAME}/-/greeting-{VERSION}.tgz"

    def answer(request: Request) -> Answer:
        if gate.admit(request.headers.get("Authorization")) is None:
            return Answer(401, b'{"error":"who are you?"}', gate.challenge)
        path = urllib.parse.unquote(request.path)
        if path == f"/{NAME}":
            here = f"https://{request.headers['Host']}{tarball}"
            return Answer(200, _packument(here, archive), [("Content-Type", "application/json")])
        if path == tarball:
            return Answer(200, archive, [("Content-Type", "application/octet-stream")])
        return Answer(404, b'{"error":"not found"}', [("Content-Type", "application/json")])

    return answer


def _packument(tarball: str, archive: bytes) -> bytes:
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    dist = {
        "tarball": tarball,
        "shasum": hashlib.sha1(archive, usedforsecurity=False).hexdigest(),
        "integrity": f"sha512-{digest}",
    }
    version = {"name": NAME, "version": VERSION, "main": "index.js", "dist": dist}
    told = {
        "name": NAME,
        "dist-tags": {"latest": VERSION},
        "versions": {VERSION: version},
        "time": {"modified": "2026-01-01T00:00:00.000Z", VERSION: "2026-01-01T00:00:00.000Z"},
    }
    return json.dumps(told).encode()


def _archive() -> bytes:
    manifest = json.dumps({"name": NAME, "version": VERSION, "main": "index.js"}).encode()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in (("package.json", manifest), ("index.js", PROGRAM)):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return data.getvalue()
