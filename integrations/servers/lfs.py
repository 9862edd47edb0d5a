"""A Git LFS server behind a gate, beside a git server: its batch API, and the objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

_KIND = [("Content-Type", "application/vnd.git-lfs+json")]
_BATCH = "/info/lfs/objects/batch"
_OBJECTS = "/objects/"


def beside(
    git: Callable[[Request], Answer], gate: Gate, objects: dict[str, bytes]
) -> Callable[[Request], Answer]:
    """Return what serves LFS objects to those whom `gate` admits, and hands all else to `git`.

    Parameters: `objects`, by the SHA-256 of what they hold, in hexadecimal.

    Source: git-lfs, docs/api/batch.md and basic-transfers.md. Objects are sent to and fetched from
    the same server, and without a token in the answer: the client has to ask for one itself.
    """

    def answer(request: Request) -> Answer:
        if "/info/lfs/" not in request.path and not request.path.startswith(_OBJECTS):
            return git(request)
        if gate.admit(request.headers.get("Authorization")) is None:
            return Answer(401, b'{"message":"who are you?"}', [*gate.challenge, *_KIND])
        if request.path.endswith(_BATCH):
            asked = json.loads(request.body)
            here = f"https://{request.headers['Host']}{_OBJECTS}"
            told = [_told(each, asked["operation"], here, objects) for each in asked["objects"]]
            return Answer(200, json.dumps({"transfer": "basic", "objects": told}).encode(), _KIND)
        name = request.path.removeprefix(_OBJECTS)
        if request.method == "PUT" and hashlib.sha256(request.body).hexdigest() == name:
            objects[name] = request.body
            return Answer(200)
        if request.method == "GET" and name in objects:
            return Answer(200, objects[name])
        return Answer(404, b'{"message":"not found"}', _KIND)

    return answer


def _told(
    asked: dict[str, Any], operation: str, here: str, objects: dict[str, bytes]
) -> dict[str, Any]:
    oid = asked["oid"]
    told = {"oid": oid, "size": asked["size"]}
    if operation == "download" and oid not in objects:
        return {**told, "error": {"code": 404, "message": "no such object"}}
    if operation == "upload" and oid in objects:
        return told
    return {**told, "actions": {operation: {"href": f"{here}{oid}"}}}
