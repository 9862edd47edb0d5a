"""The lists in which both APIs find data by its path, and v2's upload sessions."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox import objects, state_data, wire
from credhelper.sandbox.call import RefusedError
from credhelper.sandbox.faults import Fault
from credhelper.sandbox.shared import Shared
from credhelper.sandbox.tree import Data
from credhelper.sandbox.wire import Request

_V1 = ("volume.name", "path", "pageSize", "pageToken")
_V2 = ("filePath", "filePathMatchMode", "type", "pageSize", "pageToken")
_START, _FULL = _MODES = "STARTS_WITH_CASE_INSENSITIVE", "FULL_CASE_INSENSITIVE"
_MOST = 1000
_SESSION_LIFE = 7 * 86400


def by_path(shared: Shared, request: Request, fault: Fault) -> dict[str, Any]:
    """The folders or files of a volume, by pages (GET /v1/folders, GET /v1/files)."""
    given = _given(request, _V1)
    who, now = wire.presented(request), shared.clock()
    volume = wire.single(given, "volume.name")
    state_data.check_volume(shared.state, who, volume, now, fault.tweak)
    kind = request.path.rpartition("/")[2].removesuffix("s")
    patterns = [one for text in given.get("path", []) for one in text.split(",") if one]
    found = [
        one
        for one in shared.state.tree.below(volume or "", kind)
        if not patterns or any(_fits(one.path, pattern) for pattern in patterns)
    ]
    page, after, _ = _page(found, given, 10)
    items = [objects.resource(kind, one.id, None, one) for one in page]
    more = {"nextPageToken": after} if after else {}
    return {"items": items, "itemCount": len(items), **more}


def of_project(shared: Shared, request: Request, fault: Fault) -> dict[str, Any]:
    """The data of a project, by pages (getProjectDataList)."""
    given = _given(request, _V2)
    project = project_of(request.path) or ""
    state_data.check_project(
        shared.state, wire.caller_v2(request), project, shared.clock(), fault.tweak
    )
    mode = wire.single(given, "filePathMatchMode") or _START
    kind = wire.single(given, "type")
    if mode not in _MODES or kind not in (None, "FILE", "FOLDER"):
        raise RefusedError(400, "filePathMatchMode or type makes no sense")
    paths = [path.casefold() for path in given.get("filePath", []) if path]
    fits: Callable[[str, str], bool] = str.__eq__ if mode == _FULL else str.startswith
    found = [
        one
        for one in shared.state.tree.below(project, kind.lower() if kind else None)
        if not paths or any(fits(one.path.casefold(), path) for path in paths)
    ]
    page, after, left = _page(found, given, _MOST)
    return {
        "items": [_item(one) for one in page],
        "nextPageToken": after,
        "remainingRecords": left,
        "totalItemCount": len(found),
    }


def open_session(shared: Shared, request: Request, fault: Fault) -> dict[str, Any]:
    """Open an upload session for a folder, which changes a project (createFolderUploadSession)."""
    project, given_id = parts_of_sessions(request.path) or ("", "")
    now = shared.clock()
    keys = state_data.exchange_v2(
        shared.state,
        wire.caller_v2(request),
        project,
        given_id,
        now,
        read_only=False,
        tweak=fault.tweak,
    )
    session = {
        "id": secrets.token_hex(16),
        "timeCreated": _moment(now),
        "status": "OPEN",
        "timeSessionExpires": _moment(now + _SESSION_LIFE),
    }
    shared.state.tree.sessions.append({"data": given_id, "project": project, **session})
    credentials = objects.for_rclone(keys, session["id"]) if keys else {}
    return session | {"tempCredentials": credentials}


def project_of(path: str) -> str | None:
    """The id of the project in a path of `of_project`; None for another path."""
    words = path.removeprefix(f"{wire.V2}api/projects/").split("/")
    return words[0] if path.startswith(wire.V2) and words[1:] == ["data"] else None


def parts_of_sessions(path: str) -> tuple[str, str] | None:
    """The ids of project and data in a path of `open_session`; None for another path."""
    words = path.removeprefix(f"{wire.V2}api/projects/").split("/")
    if not path.startswith(wire.V2) or len(words) != 4 or words[1::2] != _SESSIONS:
        return None
    return words[0], words[2]


_SESSIONS = ["data", "folderUploadSessions"]


def _given(request: Request, known: tuple[str, ...]) -> dict[str, list[str]]:
    given = wire.parameters(request)
    for name in given:
        if name not in known:
            # A filter that is not applied would answer more than what was asked for.
            raise RefusedError(400, f"the sandbox does not know the parameter {name!r}")
    return given


def _fits(path: str, pattern: str) -> bool:
    before, star, _ = pattern.partition("*")
    return path.startswith(before) if star else path == pattern


def _page(
    found: list[Data], given: Mapping[str, list[str]], usual: int
) -> tuple[list[Data], str, int]:
    """Return a page, the token of the next one, "" for the last, and how many are left."""
    texts = [(given.get(name) or [""])[-1] for name in ("pageSize", "pageToken")]
    if not all(
        not text or (text.isascii() and text.isdigit() and len(text) < 10) for text in texts
    ):
        raise RefusedError(400, "pageSize or pageToken makes no sense")
    size, begin = int(texts[0] or usual) or usual, int(texts[1] or "0")
    end = begin + min(size, _MOST)
    left = max(0, len(found) - end)
    return found[begin:end], str(end) if left else "", left


def _item(one: Data) -> dict[str, Any]:
    details = {
        "timeCreated": accounts.CREATED,
        "timeModified": accounts.CREATED,
        "tenantId": accounts.v2_id(accounts.TENANT),
        "tenantName": accounts.DEFAULT_DOMAIN,
        "owningProjectId": one.place,
        "name": one.name,
        "path": one.path,
        "status": "AVAILABLE",
        "tags": {},
        "dataType": one.kind.upper(),
    }
    return {"data": {"id": one.id, "details": details}, "projectId": one.place}


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
