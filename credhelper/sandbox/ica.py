"""The endpoints of v2 (Platform Core, ICA v2), on the same account and the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox import objects, state_data, state_v2, wire
from credhelper.sandbox import projects as lists
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
    """The account's projects by pages (getProjects); `search` looks into their names.

    By cursor (`pageToken`), or where `pageOffset` is given by offset.
    """
    state = shared.state
    state_v2.check(state, wire.caller_v2(request), shared.clock(), fault.tweak)
    given = wire.parameters(request)
    search, token = (wire.single(given, name) or "" for name in ("search", "pageToken"))
    by_offset = "pageOffset" in given
    if by_offset and "pageToken" in given:
        raise RefusedError(400, "pageOffset and pageToken exclude each other")
    hidden = _flag(given, "includeHiddenProjects")
    offset, size = (_number(request, name) for name in ("pageOffset", "pageSize"))
    found = state.projects.some(search=search, hidden=hidden, after=token, skipped=offset)
    items, more, left = lists.page(found, min(size or lists.PAGE, lists.PAGE))
    told = {"items": [_project(state.account, each) for each in items]}
    if not by_offset:
        return told | {"nextPageToken": more, "remainingRecords": left}
    total = sum(1 for _ in state.projects.some(search=search, hidden=hidden))
    return told | {"nextPageToken": "", "totalItemCount": total}


def project(shared: Shared, request: Request, fault: Fault) -> dict[str, Any]:
    """One project of the account, hidden or not (getProject)."""
    state_v2.check(shared.state, wire.caller_v2(request), shared.clock(), fault.tweak)
    found = shared.state.projects.of_v2(id_of_project(request.path))
    if found is None:
        raise RefusedError(404, "there is no project of this id")
    return _project(shared.state.account, found)


def id_of_project(path: str) -> str:
    """The id in a path of `project`; "" for another path."""
    before, _, given_id = path.rpartition("/")
    return given_id if before == f"{wire.V2}api/projects" else ""


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


def _flag(given: dict[str, list[str]], name: str) -> bool:
    text = (wire.single(given, name) or "false").lower()
    if text not in ("true", "false"):
        raise RefusedError(400, f"{name} must be true or false")
    return text == "true"


def _project(account: Account, one: lists.Project) -> dict[str, Any]:
    country = {"code": "US", "name": "United States", "region": "Americas"}
    region = {
        "code": "US",
        "country": _owned(account, "country") | country,
        "cityName": "Ashburn",
    }
    return _owned(account, one.id) | {
        "name": one.name,
        "urn": f"urn:ilmn:ica:project:{v2_id(one.id)}#{one.name}",
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
        "tenantId": accounts.TENANT_ID,
        "tenantName": accounts.DEFAULT_DOMAIN,
    }
