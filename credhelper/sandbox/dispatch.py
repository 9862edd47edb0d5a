"""Which request is answered by what: the APIs, the protected resource, the sandbox's own doors."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from credhelper.sandbox import faults, ica, objects, wire
from credhelper.sandbox.state import RefusedError, Tweak
from credhelper.sandbox.wire import Answer, Request
from credhelper.sandbox.world import World

JWKS = "/.well-known/jwks.json"
BACK_DOORS = "/_sandbox/"


def is_private(path: str) -> bool:
    """Whether a path is the sandbox's own: not counted, not slowed, never at fault."""
    return path.startswith(BACK_DOORS) or path == JWKS


def admit(world: World, request: Request) -> faults.Fault:
    """Count a request and say which fault it meets."""
    if is_private(request.path):
        return faults.NONE
    with world.lock:
        world.state.counters["requests"] += 1
    return world.queue.take(request.method, request.path)


def answer(world: World, request: Request, fault: faults.Fault) -> Answer:
    """Perform a request, or answer what its fault scripts instead."""
    doors = _doors(request.path)
    if fault.canned:
        return _canned(request, fault, world.clock(), documented=doors.get(request.method))
    try:
        if not doors:
            raise RefusedError(404, "there is nothing at this path")
        if request.method not in doors:
            told = "the method is not allowed here"
            refused = wire.error_answer(405, told, request.path, world.clock())
            return Answer(405, refused.body, refused.headers | {"Allow": ", ".join(doors)})
        status, perform = doors[request.method]
        with world.lock:
            value = perform(world, request, fault)
    except RefusedError as refusal:
        now = world.clock()
        refused = wire.error_answer(refusal.status, refusal.message, request.path, now)
        if request.path == "/protected" and refusal.status == HTTPStatus.UNAUTHORIZED:
            # git and curl only offer a user name and password to who asks for Basic.
            challenge = {"WWW-Authenticate": 'Basic realm="sandbox"'}
            return Answer(refused.status, refused.body, refused.headers | challenge)
        return refused
    return Answer(status) if value is None else wire.value_answer(status, value, request.path)


def _canned(
    request: Request, fault: faults.Fault, now: float, documented: tuple[int, object] | None
) -> Answer:
    if fault.redirect:
        status = fault.status or HTTPStatus.FOUND
        found = wire.error_answer(status, path=request.path, now=now)
        return Answer(status, found.body, found.headers | {"Location": fault.redirect})
    status = fault.status or (documented[0] if documented else HTTPStatus.OK)
    if fault.body is not None:
        return Answer(status, fault.body.encode(), {"Content-Type": "application/json"})
    if fault.access_token is not None:
        told = wire.token_told(request.path, fault.access_token)
        return wire.value_answer(status, told, request.path)
    return wire.error_answer(status, path=request.path, now=now)


def _tweak(fault: faults.Fault) -> Tweak:
    return Tweak(fault.date, fault.nbf, fault.lifetime, fault.rotate)


def _create(world: World, request: Request, fault: faults.Fault) -> dict[str, str]:
    who, order = wire.grant(request), wire.order(request)
    made = world.state.create(who, order, world.clock(), _tweak(fault))
    return wire.token_told(request.path, made, fault.access_token)


def _refresh(world: World, request: Request, fault: faults.Fault) -> dict[str, str]:
    who, token = wire.credentials(request), wire.access_token(request)
    made = world.state.refresh(who, token, world.clock(), _tweak(fault))
    return wire.token_told(request.path, made, fault.access_token)


def _revoke(world: World, request: Request, fault: faults.Fault) -> None:
    who, token = wire.credentials(request), wire.access_token(request)
    world.state.revoke(who, token, world.clock(), _tweak(fault))


def _details(world: World, request: Request, fault: faults.Fault) -> dict[str, Any]:
    return world.state.details(wire.credentials(request), world.clock(), _tweak(fault))


def _projects(world: World, request: Request, fault: faults.Fault) -> dict[str, Any]:
    return world.state.projects(wire.credentials(request), world.clock(), _tweak(fault))


def _workgroups(world: World, request: Request, _: faults.Fault) -> dict[str, Any]:
    return world.state.workgroups(wire.credentials(request), world.clock())


def _object(world: World, request: Request, fault: faults.Fault) -> dict[str, Any]:
    _, _, kinds, given_id = request.path.split("/")
    kind, read_only = kinds[:-1], request.method == "GET"
    if request.body.strip():
        wire.json_body(request)
    asked = ",".join(wire.parameters(request).get("include", [])).lower().split(",")
    # The GET of a volume has no keys to give.
    wanted = "objectstoreaccess" in asked and not (read_only and kind == "volume")
    keys = world.state.exchange(
        wire.credentials(request),
        kind,
        given_id,
        world.clock(),
        read_only=read_only,
        wanted=wanted,
        tweak=_tweak(fault),
    )
    return objects.resource(kind, given_id, keys)


def _protected(world: World, request: Request, fault: faults.Fault) -> dict[str, Any]:
    return world.state.identity(wire.credentials(request), world.clock(), _tweak(fault))


def _health(*_: object) -> dict[str, Any]:
    return {"status": 2, "details": [{"name": "sandbox", "status": 2, "version": "v1"}]}


def _jwks(world: World, *_: object) -> dict[str, Any]:
    return world.jwks


def _aws(world: World, *_: object) -> list[dict[str, Any]]:
    return world.state.objects.living(world.clock())


def _stats(world: World, *_: object) -> dict[str, int]:
    return dict(world.state.counters)


def _revoke_all(world: World, *_: object) -> None:
    world.state.ledger.revoke_all()


def _faults_shown(world: World, *_: object) -> list[dict[str, Any]]:
    return world.queue.queued()


def _faults_cleared(world: World, *_: object) -> None:
    world.queue.clear()


def _faults_added(world: World, request: Request, _: faults.Fault) -> list[dict[str, Any]]:
    try:
        world.queue.add(faults.parse(wire.decode_json(request.body)))
    except faults.FaultError as error:
        raise RefusedError(400, str(error)) from None
    return world.queue.queued()


_Door = tuple[int, Callable[[World, Request, faults.Fault], Any]]
# Path, method, the documented success status, and what to do.
_ROUTES: dict[str, dict[str, _Door]] = {
    "/v1/tokens": {"POST": (201, _create), "DELETE": (204, _revoke)},
    "/v1/tokens:refresh": {"POST": (201, _refresh)},
    "/v1/tokens/details": {"GET": (200, _details)},
    "/v1/projects": {"GET": (200, _projects)},
    "/v1/workgroups": {"GET": (200, _workgroups)},
    "/v1/health": {"GET": (200, _health)},
    # libica 3.3 makes nothing of a 201.
    "/ica/rest/api/tokens": {"POST": (200, ica.create)},
    "/ica/rest/api/tokens:refresh": {"POST": (200, ica.refresh)},
    "/ica/rest/api/projects": {"GET": (200, ica.projects)},
    "/protected": {"GET": (200, _protected)},
    JWKS: {"GET": (200, _jwks)},
    "/_sandbox/stats": {"GET": (200, _stats)},
    "/_sandbox/aws": {"GET": (200, _aws)},
    "/_sandbox/faults": {
        "GET": (200, _faults_shown),
        "POST": (200, _faults_added),
        "DELETE": (204, _faults_cleared),
    },
    "/_sandbox/revoke-all": {"POST": (204, _revoke_all)},
}
# The same for /v1/folders/{folderId} and its kin.
_OBJECT: dict[str, _Door] = {"GET": (200, _object), "PATCH": (200, _object)}
_DATA: dict[str, _Door] = {"POST": (200, ica.credentials)}


def _doors(path: str) -> dict[str, _Door]:
    v1, _, given_id = path.rpartition("/")
    if given_id and v1 in {f"/v1/{kind}s" for kind in objects.KINDS}:
        return _OBJECT
    if ica.parts_of_data(path):
        return _DATA
    return _ROUTES.get(path, {})
