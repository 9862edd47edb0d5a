"""The sandbox's own endpoints: its keys, its counters, its faults."""

from __future__ import annotations

from typing import Any

from credhelper.sandbox import faults, wire
from credhelper.sandbox.call import RefusedError
from credhelper.sandbox.shared import Shared
from credhelper.sandbox.wire import Request

JWKS = "/.well-known/jwks.json"
BACK_DOORS = "/_sandbox/"


def is_private(path: str) -> bool:
    """Whether a path is the sandbox's own: not counted, not slowed, never at fault."""
    return path.startswith(BACK_DOORS) or path == JWKS


def jwks(shared: Shared, *_: object) -> dict[str, Any]:
    """Return the public keys."""
    return shared.jwks


def aws(shared: Shared, *_: object) -> list[dict[str, Any]]:
    """Return the AWS keys that are valid now."""
    return shared.state.objects.living(shared.clock())


def data_shown(shared: Shared, *_: object) -> dict[str, Any]:
    """Return all data that has a path, and all upload sessions."""
    tree = shared.state.tree
    return {"data": tree.all(), "uploadSessions": list(tree.sessions)}


def data_changed(shared: Shared, request: Request, _: faults.Fault) -> dict[str, Any]:
    """Add, move or delete data as the body says."""
    shared.state.tree.put(wire.decode_json(request.body))
    return data_shown(shared)


def stats(shared: Shared, *_: object) -> dict[str, int]:
    """Return the counters."""
    return dict(shared.state.counters)


def revoke_all(shared: Shared, *_: object) -> None:
    """End every token and session."""
    shared.state.ledger.revoke_all()


def projects_added(shared: Shared, request: Request, _: faults.Fault) -> None:
    """Add the projects that the body describes."""
    shared.state.projects.add(wire.decode_json(request.body))


def projects_cleared(shared: Shared, *_: object) -> None:
    """Forget the projects that were added."""
    shared.state.projects.clear()


def faults_shown(shared: Shared, *_: object) -> list[dict[str, Any]]:
    """Return the faults that wait."""
    return shared.queue.queued()


def faults_cleared(shared: Shared, *_: object) -> None:
    """Forget the faults that wait."""
    shared.queue.clear()


def faults_added(shared: Shared, request: Request, _: faults.Fault) -> list[dict[str, Any]]:
    """Queue the faults that the body describes."""
    try:
        shared.queue.add(faults.parse(wire.decode_json(request.body)))
    except faults.FaultError as error:
        raise RefusedError(400, str(error)) from None
    return shared.queue.queued()
