"""The one account of the sandbox: who it is, what it may use, what its tokens claim."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from typing import Any

REGION = "aps2"
TENANT_ID = "0d5b7a4e-7c0f-5f4b-9a3e-5b1f2c6d8e90"
# As decoded tokens have it: where the tenant is, a number, and its id.
TENANT = base64.b64encode(f"aws-us-platform:10000001:{TENANT_ID}".encode()).decode().rstrip("=")
DEFAULT_DOMAIN = "sandbox"
DEFAULT_SCOPES = ("GDS.FILES.READ", "GDS.FILES.WRITE", "TES.RUNS.READ", "WES.RUNS.READ")
PROJECTS = {"project-alpha": "Alpha", "project-beta": "Beta"}
WORKGROUPS = {"workgroup-alpha": "Alpha team"}
# Of another account: they give the documented 403 without a scripted fault.
FOREIGN_PROJECT = "project-foreign"
FOREIGN_WORKGROUP = "workgroup-foreign"
CREATED = "2023-01-01T00:00:00Z"
ISSUER = "https://platform.login.illumina.com"
AUDIENCE_V1 = f"iap-{REGION}"
AUDIENCE_V2 = "ica"
BY_KEY = "api_key"  # the only `gty` that is known
_ROLES = "0,1,2,3,4,5,6,7"
_V2_IDS = uuid.UUID("6f0a4d3c-93d9-4a57-8b2b-2f0f5b0c1a77")


@dataclass(frozen=True)
class Account:
    """The one person the sandbox knows. `password` and `api_key` never print."""

    username: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)
    uid: str = "user-sandbox"
    name: str = "Sandbox User"


@dataclass(frozen=True)
class TokenRequest:
    """What a caller asks create_token for, in the query of POST /v1/tokens."""

    client_id: str | None = None
    domain: str | None = None
    data: str | None = None
    scopes: tuple[str, ...] = ()
    cwid: str | None = None
    cid: str | None = None
    session: bool = False


def claims(
    account: Account, asked: TokenRequest, sid: str | None, *, by_key: bool
) -> dict[str, Any]:
    """The claims of a JWT, without its times.

    Parameters: `sid`, the session it is minted from, if any; `by_key`, whether an API key made it.
    """
    return _common(account, asked, sid, by_key=by_key) | {
        "sub": account.uid,
        "aud": AUDIENCE_V1,
        "azp": asked.client_id or AUDIENCE_V1,
        "acl": acls(account, asked),
        "mem": _members(asked, account.uid),
        "domain": domain(asked)["name"],
    }


def v2_claims(
    account: Account, asked: TokenRequest, sid: str | None, *, by_key: bool
) -> dict[str, Any]:
    """The claims of a JWT of v2, without its times; parameters as for `claims`.

    It names no project; its tenant is the requested domain.
    """
    return _common(account, asked, sid, by_key=by_key) | {
        "sub": v2_id(account.uid),
        "aud": AUDIENCE_V2,
        "azp": AUDIENCE_V2,
        "mem": _members(asked, v2_id(account.uid)),
        "tns": domain(asked)["name"],
    }


def _common(
    account: Account, asked: TokenRequest, sid: str | None, *, by_key: bool
) -> dict[str, Any]:
    session = {"id": sid, "data": asked.data}
    session = {name: value for name, value in session.items() if value is not None}
    return {
        "iss": ISSUER,
        "jti": str(uuid.uuid4()),
        "tid": TENANT,
        "name": account.name,
        "username": account.username,
        "scope": ",".join(asked.scopes or DEFAULT_SCOPES),
        **({"gty": BY_KEY} if by_key else {}),
        **({"session": session} if session else {}),
    }


def _members(asked: TokenRequest, uid: str) -> dict[str, str]:
    """What a token is a member of: a project, or workgroups and the user, each with its roles."""
    if asked.cid is not None:
        return {f"cid:{asked.cid}": "*"}
    workgroups = WORKGROUPS if asked.cwid is None else (asked.cwid,)
    return {f"wid:{each}": _ROLES for each in workgroups} | {f"uid:{uid}": "*"}


def v2_id(name: str) -> str:
    """The UUID in v2 of what v1 calls `name`: v2's SDK accepts only UUIDs."""
    return str(uuid.uuid5(_V2_IDS, name))


def details(account: Account, asked: TokenRequest) -> dict[str, Any]:
    """A TokenDetailResponse, without `currentWorkgroup` where no cwid was asked for."""
    return {
        "uid": account.uid,
        "name": account.name,
        "username": account.username,
        **({} if asked.cwid is None else {"currentWorkgroup": workgroup(asked.cwid)}),
        "tid": TENANT,
        "acls": acls(account, asked),
        "domain": domain(asked),
    }


def acls(account: Account, asked: TokenRequest) -> list[str]:
    """What a token gives access to: a project and its tenant, or the tenant's user; a workgroup."""
    tenant = f"tid:{TENANT}"
    found = [tenant, f"uid:{account.uid}"] if asked.cid is None else [f"cid:{asked.cid}", tenant]
    return found if asked.cwid is None else [*found, f"wid:{asked.cwid}"]


def domain(asked: TokenRequest) -> dict[str, str]:
    """The domain that was logged in to: any name is taken."""
    name = asked.domain or DEFAULT_DOMAIN
    return {"id": f"domain-{name}", "name": name}


def workgroup(given: str) -> dict[str, str]:
    """A Workgroup with this id, known or merely well-formed."""
    name = WORKGROUPS.get(given, given)
    return {"id": given, "name": name, "description": f"Workgroup {name} of the sandbox"}
