"""A small WebDAV server behind a gate: files and folders, in memory."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from xml.sax.saxutils import escape

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

_HEAD = '<?xml version="1.0" encoding="utf-8"?><d:multistatus xmlns:d="DAV:">'
_FOUND = (
    "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop>"
    "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
)
_FOLDER = "<d:resourcetype><d:collection/></d:resourcetype>"
_FILE = (
    "<d:resourcetype/><d:getcontentlength>{size}</d:getcontentlength>"
    "<d:getlastmodified>Fri, 15 Jan 2027 08:00:00 GMT</d:getlastmodified>"
)


def behind(gate: Gate, files: dict[str, bytes], root: str = "/dav/") -> Callable[[Request], Answer]:
    """Return what serves `files` (by their paths below `root`) to those whom `gate` admits.

    Source: RFC 4918, as much of it as one who lists, reads and writes needs. Folders are there when
    something is in them, or when they were made: those are paths that end in `/`.
    """

    def answer(request: Request) -> Answer:
        if gate.admit(request.headers.get("Authorization")) is None:
            return Answer(401, b"who are you?\n", gate.challenge)
        path = urllib.parse.unquote(request.path)
        if not path.startswith(root):
            return Answer(404)
        name = path.removeprefix(root)
        if request.method == "PROPFIND":
            return _properties(files, root, name, request.headers.get("Depth", "1"))
        if request.method == "PUT":
            files[name] = request.body
            return Answer(201)
        if request.method == "MKCOL":
            files[f"{name.rstrip('/')}/"] = b""
            return Answer(201)
        if request.method == "MOVE" and name in files:
            target = urllib.parse.urlsplit(request.headers["Destination"]).path
            files[urllib.parse.unquote(target).removeprefix(root)] = files.pop(name)
            return Answer(201)
        if request.method in ("GET", "HEAD") and name in files:
            return Answer(200, files[name])
        return Answer(404)

    return answer


def _properties(files: dict[str, bytes], root: str, name: str, depth: str) -> Answer:
    if name in files and not name.endswith("/"):
        return _multistatus([_file(root, name, files[name])])
    folder = f"{name.rstrip('/')}/".lstrip("/")
    below = {each.removeprefix(folder): each for each in files if each.startswith(folder)}
    if folder and not below:
        return Answer(404)
    found = [_FOUND.format(href=_href(root + folder), properties=_FOLDER)]
    if depth != "0":
        inner = {f"{rest.partition('/')[0]}/" for rest in below if "/" in rest}
        found += [
            _FOUND.format(href=_href(root + folder + each), properties=_FOLDER) for each in inner
        ]
        plain = [each for rest, each in below.items() if rest and "/" not in rest]
        found += [_file(root, each, files[each]) for each in plain]
    return _multistatus(found)


def _file(root: str, name: str, data: bytes) -> str:
    return _FOUND.format(href=_href(root + name), properties=_FILE.format(size=len(data)))


def _multistatus(found: list[str]) -> Answer:
    body = f"{_HEAD}{''.join(found)}</d:multistatus>".encode()
    return Answer(207, body, [("Content-Type", "application/xml; charset=utf-8")])


def _href(path: str) -> str:
    return escape(urllib.parse.quote(path))
