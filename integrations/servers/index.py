"""A Python package index behind a gate: the simple API to install from, and the upload of twine."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import hashlib
import io
import zipfile
from collections.abc import Callable

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

PROJECT = "readings"
VERSION = "1.2"
TEXT = "the first text"


class Index:
    """The files of an index, by name; there is one wheel at the start.

    Source: the simple repository API (PEP 503), and Warehouse's form for uploads.

    Attributes: `files`, name to content; `gate`, what the server saw.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.files = dict([wheel(VERSION)])

    def answer(self, request: Request) -> Answer:
        """Answer those whom the gate admits."""
        if self.gate.admit(request.headers.get("Authorization")) is None:
            return Answer(401, b"who are you?\n", self.gate.challenge)
        known: dict[str, Callable[[str], Answer]] = {"simple": self._list, "files": self._file}
        _, top, *rest = request.path.split("/")
        if request.method == "POST" and top == "legacy":
            return self._upload(request)
        if request.method in ("GET", "HEAD") and top in known:
            return known[top](rest[0] if rest else "")
        return Answer(404)

    def _list(self, project: str) -> Answer:
        if project not in ("", PROJECT):
            return Answer(404)
        links = [
            f'<a href="/files/{name}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a>'
            for name, content in sorted(self.files.items())
        ]
        if not project:
            links = [f'<a href="/simple/{PROJECT}/">{PROJECT}</a>']
        page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"
        return Answer(200, page.encode(), [("Content-Type", "text/html")])

    def _file(self, name: str) -> Answer:
        if name not in self.files:
            return Answer(404)
        return Answer(200, self.files[name], [("Content-Type", "application/octet-stream")])

    def _upload(self, request: Request) -> Answer:
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
        fields = {
            part.get_param("name", header="Content-Disposition"): part for part in form.walk()
        }
        part = fields["content"]
        name = part.get_filename()
        content = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        assert fields[":action"].get_payload() == "file_upload"
        assert fields["sha256_digest"].get_payload() == hashlib.sha256(content).hexdigest()
        self.files[name] = content
        return Answer(200)


def wheel(version: str) -> tuple[str, bytes]:
    """Return the file name and the bytes of a wheel of the project: one module with one text."""
    folder = f"{PROJECT}-{version}.dist-info"
    contents = {
        f"{PROJECT}.py": f"TEXT = {TEXT!r}\n",
        f"{folder}/METADATA": (
            f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\nSummary: a text\n"
        ),
        f"{folder}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = [f"{name},{_digest(text)},{len(text)}" for name, text in contents.items()]
    contents[f"{folder}/RECORD"] = "\n".join([*record, f"{folder}/RECORD,,", ""])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in contents.items():
            entry = zipfile.ZipInfo(name)  # the same bytes whenever it is made
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return f"{PROJECT}-{version}-py3-none-any.whl", packed.getvalue()


def _digest(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"
