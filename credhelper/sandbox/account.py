"""The one account of the sandbox: who it is, what it may use, what its tokens claim."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

REGION = "aps2"
TENANT = "tenant-sandbox"
DEFAULT_DOMAIN = "sandbox"
DEFAULT_SCOPES = ("GDS.FILES.READ", "GDS.FILES.WRITE", "TES.RUNS.READ", "WES.RUNS.READ")
PROJECTS = {"project-alpha": "Alpha", "project-beta": "Beta"}
WORKGROUPS = {"workgroup-alpha": "Alpha team"}
# Of another account: they give the documented 403 without a scripted fault.
FOREIGN_PROJECT = "project-foreign"
FOREIGN_WORKGROUP = "workgroup-foreign"
CREATED = "2023-01-01T00:00:00Z"
AUDIENCE = "ica"
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


def claims(account: Account, asked: TokenRequest, issuer: str, sid: str | None) -> dict[str, Any]:
    """The claims of a JWT, without its times.

    Parameters: `issuer`, a URL; `sid`, the session it is minted from, if any.
    """
    session = {"id": sid, "data": asked.data}
    optional: dict[str, Any] = {
        "azp": asked.client_id,
        "cid": asked.cid,
        "cwid": asked.cwid,
        "session": {name: value for name, value in session.items() if value is not None} or None,
    }
    return {
        "iss": issuer,
        "sub": account.uid,
        "aud": [f"iap-{REGION}"],
        "jti": str(uuid.uuid4()),
        "tid": TENANT,
        "uid": account.uid,
        "name": account.name,
        "username": account.username,
        "domain": domain(asked)["name"],
        "mem": {acl: {"role": "owner"} for acl in acls(account, asked)},
        "acl": acls(account, asked),
        "scope": ",".join(asked.scopes or DEFAULT_SCOPES),
        **{name: value for name, value in optional.items() if value is not None},
    }


def v2_claims(
    account: Account, asked: TokenRequest, issuer: str, sid: str | None
) -> dict[str, Any]:
    """The claims of a JWT of v2, without its times; parameters as for `claims`.

    It names no project; its tenant is the requested domain.
    """
    return {
        "iss": issuer,
        "sub": v2_id(account.uid),
        "aud": [AUDIENCE],
        "jti": str(uuid.uuid4()),
        "tid": v2_id(TENANT),
        "tns": domain(asked)["name"],
        "name": account.name,
        "username": account.username,
        **({} if sid is None else {"session": {"id": sid}}),
    }


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
    """What a token gives access to: tenant, user and, where asked for, project and workgroup."""
    found = [] if asked.cid is None else [f"cid:{asked.cid}"]
    found += [f"tid:{TENANT}", f"uid:{account.uid}"]
    return found if asked.cwid is None else [*found, f"wid:{asked.cwid}"]


def domain(asked: TokenRequest) -> dict[str, str]:
    """The domain that was logged in to: any name is taken."""
    name = asked.domain or DEFAULT_DOMAIN
    return {"id": f"domain-{name}", "name": name}


def workgroup(given: str) -> dict[str, str]:
    """A Workgroup with this id, known or merely well-formed."""
    name = WORKGROUPS.get(given, given)
    return {"id": given, "name": name, "description": f"Workgroup {name} of the sandbox"}
