"""A registry of Rust crates: a sparse index, downloads, publishing and yanking, behind a gate."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from http import HTTPStatus
from typing import Any

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

OWNER = "somebody"

_FILE = re.compile(r"/index/(?:\d|[^/]+)/(?:[^/]+/)?([^/]+)")
_DOWNLOAD = re.compile(r"/dl/([^/]+)/([^/]+)/download")
_YANK = re.compile(r"/api/v1/crates/([^/]+)/([^/]+)/(yank|unyank)")
_ALLOWED = ("name", "vers", "features", "links")


class Registry:
    """The registry's answers to those whom `gate` admits.

    Source: the Cargo book, "Registry Index" and "Registry Web API".

    Parameters: `bare`, whether it takes the token alone as the whole `Authorization`, and nothing
    else. Attributes: `asked`, of those who passed the method, host and path, in order; `refused`,
    what those showed who did not; `elsewhere`, the host that it names for its crates, where that is
    not the one that was asked.
    """

    def __init__(self, gate: Gate, *, bare: bool = False) -> None:
        self.asked: list[str] = []
        self.refused: list[str] = []
        self.elsewhere = ""
        self._gate = gate
        self._bare = bare
        self._crates: dict[tuple[str, str], bytes] = {}
        self._index: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, name: str, version: str) -> None:
        """Add a crate that anybody who passes can fetch."""
        lines = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n'
        files = {"Cargo.toml": lines, "src/lib.rs": "pub fn hello() {}\n"}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        self._keep({"name": name, "vers": version, "features": {}}, packed.getvalue())

    def yanked(self, name: str, version: str) -> bool:
        """Tell whether this version was taken back."""
        found: bool = self._index[name, version]["yanked"]
        return found

    def answer(self, request: Request) -> Answer:
        """Return what the registry answers."""
        shown = request.headers.get("Authorization")
        if self._bare and shown:
            shown = f"Bearer {shown}"
        if self._gate.admit(shown) is None:
            self.refused += [shown] if shown else []
            url = f"https://{request.headers['Host']}/me"
            login = ("WWW-Authenticate", f'Cargo login_url="{url}"')
            told = {"errors": [{"detail": "who are you?"}]}
            return Answer(HTTPStatus.UNAUTHORIZED, json.dumps(told).encode(), [login])
        self.asked.append(f"{request.method} {request.headers['Host']}{request.path}")
        found = self._found(request)
        return Answer(HTTPStatus.NOT_FOUND) if found is None else Answer(HTTPStatus.OK, found)

    def _found(self, request: Request) -> bytes | None:
        path = request.path
        if path == "/index/config.json":
            here = f"https://{request.headers['Host']}"
            there = f"https://{self.elsewhere}" if self.elsewhere else here
            return json.dumps({"dl": f"{there}/dl", "api": here, "auth-required": True}).encode()
        if path == "/api/v1/crates/new" and request.method == "PUT":
            return self._publish(request.body)
        if found := _YANK.fullmatch(path):
            name, version, word = found.groups()
            self._index[name, version]["yanked"] = word == "yank"
            return b'{"ok":true}'
        if path.endswith("/owners"):
            return json.dumps({"users": [{"id": 1, "login": OWNER, "name": None}]}).encode()
        if found := _DOWNLOAD.fullmatch(path):
            return self._crates.get((found[1], found[2]))
        if found := _FILE.fullmatch(path):
            lines = [line for (name, _), line in self._index.items() if name == found[1]]
            return "".join(f"{json.dumps(line)}\n" for line in lines).encode() or None
        return None

    def _publish(self, body: bytes) -> bytes:
        length = int.from_bytes(body[:4], "little")
        told, crate = json.loads(body[4 : 4 + length]), body[8 + length :]
        assert len(crate) == int.from_bytes(body[4 + length : 8 + length], "little")
        self._keep({key: told[key] for key in _ALLOWED if key in told}, crate)
        return json.dumps({"warnings": {}}).encode()

    def _keep(self, line: dict[str, Any], crate: bytes) -> None:
        key = line["name"], line["vers"]
        self._crates[key] = crate
        cksum = hashlib.sha256(crate).hexdigest()
        self._index[key] = {**line, "deps": [], "cksum": cksum, "yanked": False}
