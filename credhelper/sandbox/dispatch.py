"""Which function answers a request: of the APIs, the protected resource, or the sandbox itself."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from credhelper.sandbox import control, faults, iap, ica, lists, objects, wire
from credhelper.sandbox.call import RefusedError
from credhelper.sandbox.shared import Shared
from credhelper.sandbox.wire import Request, Response


def admit(shared: Shared, request: Request) -> faults.Fault:
    """Count a request and say which fault it meets."""
    if control.is_private(request.path):
        return faults.NONE
    with shared.lock:
        shared.state.counters["requests"] += 1
    return shared.queue.take(request.method, request.path)


def answer(shared: Shared, request: Request, fault: faults.Fault) -> Response:
    """Perform a request, or answer what its fault scripts instead."""
    doors = _doors(request.path)
    if fault.canned:
        return _canned(request, fault, shared.clock(), documented=doors.get(request.method))
    try:
        if not doors:
            raise RefusedError(404, "there is nothing at this path")
        if request.method not in doors:
            message = "the method is not allowed here"
            refused = wire.error_response(405, message, request.path, shared.clock())
            return Response(405, refused.body, refused.headers | {"Allow": ", ".join(doors)})
        status, perform = doors[request.method]
        with shared.lock:
            value = perform(shared, request, fault)
    except RefusedError as refusal:
        now = shared.clock()
        refused = wire.error_response(refusal.status, refusal.message, request.path, now)
        if request.path == "/protected" and refusal.status == HTTPStatus.UNAUTHORIZED:
            # git and curl send a user name and password only to a server that asks for Basic.
            challenge = {"WWW-Authenticate": 'Basic realm="sandbox"'}
            return Response(refused.status, refused.body, refused.headers | challenge)
        return refused
    return Response(status) if value is None else wire.value_response(status, value, request.path)


def _canned(
    request: Request, fault: faults.Fault, now: float, documented: tuple[int, object] | None
) -> Response:
    if fault.redirect:
        status = fault.status or HTTPStatus.FOUND
        found = wire.error_response(status, path=request.path, now=now)
        return Response(status, found.body, found.headers | {"Location": fault.redirect})
    status = fault.status or (documented[0] if documented else HTTPStatus.OK)
    if fault.body is not None:
        return Response(status, fault.body.encode(), {"Content-Type": "application/json"})
    if fault.access_token is not None:
        body = wire.token_body(request.path, fault.access_token)
        return wire.value_response(status, body, request.path)
    return wire.error_response(status, path=request.path, now=now)


_Door = tuple[int, Callable[[Shared, Request, faults.Fault], Any]]
# Path, method, the documented success status, and the function.
_ROUTES: dict[str, dict[str, _Door]] = {
    "/v1/tokens": {"POST": (201, iap.create), "DELETE": (204, iap.revoke)},
    "/v1/tokens:refresh": {"POST": (201, iap.refresh)},
    "/v1/tokens/details": {"GET": (200, iap.details)},
    "/v1/projects": {"GET": (200, iap.projects)},
    "/v1/workgroups": {"GET": (200, iap.workgroups)},
    "/v1/health": {"GET": (200, iap.health)},
    "/v1/folders": {"GET": (200, lists.by_path)},
    "/v1/files": {"GET": (200, lists.by_path)},
    # libica 3.3 does not accept a 201.
    "/ica/rest/api/tokens": {"POST": (200, ica.create)},
    "/ica/rest/api/tokens:refresh": {"POST": (200, ica.refresh)},
    "/ica/rest/api/projects": {"GET": (200, ica.projects)},
    "/protected": {"GET": (200, iap.protected)},
    control.JWKS: {"GET": (200, control.jwks)},
    "/_sandbox/stats": {"GET": (200, control.stats)},
    "/_sandbox/aws": {"GET": (200, control.aws)},
    "/_sandbox/data": {"GET": (200, control.data_shown), "POST": (200, control.data_changed)},
    "/_sandbox/faults": {
        "GET": (200, control.faults_shown),
        "POST": (200, control.faults_added),
        "DELETE": (204, control.faults_cleared),
    },
    "/_sandbox/projects": {
        "POST": (204, control.projects_added),
        "DELETE": (204, control.projects_cleared),
    },
    "/_sandbox/revoke-all": {"POST": (204, control.revoke_all)},
}
# The same for /v1/folders/{folderId} and its kin.
_OBJECT: dict[str, _Door] = {"GET": (200, iap.resource), "PATCH": (200, iap.resource)}
_DATA: dict[str, _Door] = {"POST": (200, ica.aws_credentials)}
_PROJECT: dict[str, _Door] = {"GET": (200, ica.project)}
_LIST: dict[str, _Door] = {"GET": (200, lists.of_project)}
_SESSIONS: dict[str, _Door] = {"POST": (201, lists.open_session)}


def _doors(path: str) -> dict[str, _Door]:
    v1, _, given_id = path.rpartition("/")
    if given_id and v1 in {f"/v1/{kind}s" for kind in objects.KINDS}:
        return _OBJECT
    if ica.parts_of_data(path):
        return _DATA
    if ica.id_of_project(path):
        return _PROJECT
    if lists.project_of(path):
        return _LIST
    if lists.parts_of_sessions(path):
        return _SESSIONS
    return _ROUTES.get(path, {})
