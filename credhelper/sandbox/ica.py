"""The endpoints of v2 (Platform Core, ICA v2), on the same account and the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox import objects, state_data, state_v2, wire
from credhelper.sandbox.account import Account, TokenRequest, v2_id
from credhelper.sandbox.call import RefusedError

if TYPE_CHECKING:
    from credhelper.sandbox.faults import Fault
    from credhelper.sandbox.shared import Shared
    from credhelper.sandbox.wire import Request


def create(shared: Shared, request: Request, fault: Fault) -> dict[str, str]:
    """Make a JWT (createJwtToken)."""
    tenant = wire.single(wire.parameters(request), "tenant")
    asked = TokenRequest(domain=tenant)
    made = state_v2.create(
        shared.state, wire.caller_v2(request), asked, shared.clock(), fault.tweak
    )
    return wire.token_body(request.path, made, fault.access_token)


def refresh(shared: Shared, request: Request, fault: Fault) -> dict[str, str]:
    """Exchange a JWT for one that lives longer (refreshJwtToken)."""
    made = state_v2.refresh(shared.state, wire.presented(request), shared.clock(), fault.tweak)
    return wire.token_body(request.path, made, fault.access_token)


def projects(shared: Shared, request: Request, fault: Fault) -> dict[str, Any]:
    """The account's projects by pages (getProjects); `search` looks into their names."""
    state_v2.check(shared.state, wire.caller_v2(request), shared.clock(), fault.tweak)
    wanted = wire.single(wire.parameters(request), "search") or ""
    items = [
        _project(shared.state.account, project, name)
        for project, name in accounts.PROJECTS.items()
        if wanted.lower() in name.lower()
    ]
    count = len(items)
    offset, size = (_number(request, name) for name in ("pageOffset", "pageSize"))
    items = items[offset:][: size or count]
    return {"items": items, "nextPageToken": "", "remainingRecords": 0, "totalItemCount": count}


def aws_credentials(shared: Shared, request: Request, fault: Fault) -> dict[str, Any]:
    """Give keys to a file or folder in the bucket (createTemporaryCredentialsForData)."""
    project, given_id = parts_of_data(request.path) or ("", "")
    body = wire.json_body(request) if request.body.strip() else {}
    if not isinstance(body, dict):
        raise RefusedError(400, "the body is not an object")
    form, read_only = body.get("credentialsFormat"), body.get("readOnlyCredentials", False)
    if form not in (None, "RCLONE") or not isinstance(read_only, bool | None):
        raise RefusedError(400, "credentialsFormat or readOnlyCredentials makes no sense")
    keys = state_data.exchange_v2(
        shared.state,
        wire.caller_v2(request),
        project,
        given_id,
        shared.clock(),
        read_only=bool(read_only),
        tweak=fault.tweak,
    )
    if keys is None:
        return {}
    return objects.for_rclone(keys) if form else objects.for_aws(keys)


def parts_of_data(path: str) -> tuple[str, str] | None:
    """The ids of project and data in a path of `aws_credentials`; None for another path."""
    before, verb, after = path.partition(":createTemporaryCredentials")
    words = before.removeprefix(f"{wire.V2}api/projects/").split("/")
    if not verb or after or len(words) != 3 or words[1] != "data" or not path.startswith(wire.V2):
        return None
    return words[0], words[2]


def _number(request: Request, name: str) -> int:
    text = wire.single(wire.parameters(request), name) or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusedError(400, f"{name} is not a number")
    return int(text)


def _project(account: Account, project: str, name: str) -> dict[str, Any]:
    country = {"code": "US", "name": "United States", "region": "Americas"}
    region = {
        "code": "US",
        "country": _owned(account, "country") | country,
        "cityName": "Ashburn",
    }
    return _owned(account, project) | {
        "name": name,
        "urn": f"urn:ilmn:ica:project:{v2_id(project)}#{name}",
        "active": True,
        "billingMode": "PROJECT",
        "dataSharingEnabled": True,
        "tags": {"technicalTags": [], "userTags": []},
        "region": _owned(account, "region") | region,
    }


def _owned(account: Account, name: str) -> dict[str, Any]:
    return {
        "id": v2_id(name),
        "timeCreated": accounts.CREATED,
        "timeModified": accounts.CREATED,
        "ownerId": v2_id(account.uid),
        "tenantId": v2_id(accounts.TENANT),
        "tenantName": accounts.DEFAULT_DOMAIN,
    }
