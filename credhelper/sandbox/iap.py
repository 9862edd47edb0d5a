"""The endpoints of v1: its Tokens API, its data APIs, and the protected resource."""

from __future__ import annotations

from typing import Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox import faults, objects, state_data, wire
from credhelper.sandbox import projects as lists
from credhelper.sandbox.shared import Shared
from credhelper.sandbox.wire import Request


def create(shared: Shared, request: Request, fault: faults.Fault) -> dict[str, str]:
    """Make a JWT or a psToken (POST /v1/tokens)."""
    who, asked = wire.grant(request), wire.asked(request)
    made = shared.state.create(who, asked, shared.clock(), fault.tweak)
    return wire.token_body(request.path, made, fault.access_token)


def refresh(shared: Shared, request: Request, fault: faults.Fault) -> dict[str, str]:
    """Extend a session (POST /v1/tokens:refresh)."""
    who, token = wire.presented(request), wire.access_token(request)
    made = shared.state.refresh(who, token, shared.clock(), fault.tweak)
    return wire.token_body(request.path, made, fault.access_token)


def revoke(shared: Shared, request: Request, fault: faults.Fault) -> None:
    """End a JWT or a session (DELETE /v1/tokens)."""
    who, token = wire.presented(request), wire.access_token(request)
    shared.state.revoke(who, token, shared.clock(), fault.tweak)


def details(shared: Shared, request: Request, fault: faults.Fault) -> dict[str, Any]:
    """Describe the token and its owner (GET /v1/tokens/details)."""
    return shared.state.details(wire.presented(request), shared.clock(), fault.tweak)


def projects(shared: Shared, request: Request, fault: faults.Fault) -> dict[str, Any]:
    """List the account's projects by pages (GET /v1/projects)."""
    state = shared.state
    state.check_jwt(wire.presented(request), shared.clock(), fault.tweak)
    token = wire.single(wire.parameters(request), "pageToken") or ""
    items, more, _ = lists.page(state.projects.some(after=token), lists.PAGE)
    total = sum(1 for _ in state.projects.some())
    return {
        "items": [_project(state.account, each) for each in items],
        "itemCount": len(items),
        "totalItemCount": total,
        "totalPageCount": -(-total // lists.PAGE),
        **({"nextPageToken": more} if more else {}),
    }


def workgroups(shared: Shared, request: Request, _: faults.Fault) -> dict[str, Any]:
    """List the account's workgroups (GET /v1/workgroups)."""
    return shared.state.workgroups(wire.presented(request), shared.clock())


def resource(shared: Shared, request: Request, fault: faults.Fault) -> dict[str, Any]:
    """Describe a folder, file or volume, with AWS keys where they are asked for."""
    _, _, kinds, given_id = request.path.split("/")
    kind, read_only = kinds[:-1], request.method == "GET"
    if request.body.strip():
        wire.json_body(request)
    included = ",".join(wire.parameters(request).get("include", [])).lower().split(",")
    # The GET of a volume has no keys to give.
    wanted = "objectstoreaccess" in included and not (read_only and kind == "volume")
    keys = state_data.exchange(
        shared.state,
        wire.presented(request),
        kind,
        given_id,
        shared.clock(),
        read_only=read_only,
        wanted=wanted,
        tweak=fault.tweak,
    )
    return objects.resource(kind, given_id, keys, shared.state.tree.get(given_id))


def protected(shared: Shared, request: Request, fault: faults.Fault) -> dict[str, Any]:
    """Describe the caller of a protected resource (GET /protected)."""
    return shared.state.identity(wire.presented(request), shared.clock(), fault.tweak)


def health(*_: object) -> dict[str, Any]:
    """Answer that all is well (GET /v1/health)."""
    return {"status": 2, "details": [{"name": "sandbox", "status": 2, "version": "v1"}]}


def _project(account: accounts.Account, one: lists.Project) -> dict[str, Any]:
    place = f"urn:ilmn:iap:{accounts.REGION}:{accounts.TENANT}"
    return {
        "id": one.id,
        "name": one.name,
        "urn": f"{place}:project:{one.id}#{one.name}",
        "owner": account.uid,
        "timeCreated": accounts.CREATED,
        "timeModified": accounts.CREATED,
    }
