"""Whose a token is that another host made: it is used only if it fits the profile. Pure.

Its signature is not checked, as we have no key for that. Whoever has the fleet's key could share a
token of another account: that is what this finds.
"""

from __future__ import annotations

from collections.abc import Mapping

from credhelper.client import claims
from credhelper.config.profile import Profile
from credhelper.core.digest import sha256
from credhelper.core.model import JWT
from credhelper.renewal import ready_token

_TENANT = ("domain", "tns")  # v1 and v2 say so which tenant was logged in to


def whose(fields: Mapping[str, str]) -> str:
    """Return a digest of whose the token in a record is; "" where it does not tell."""
    told = claims.payload(fields.get("token", "")) or {}
    tenant, who = told.get("tid"), told.get("sub")
    if not isinstance(tenant, str) or not isinstance(who, str):
        return ""
    return sha256(f"{len(tenant)}:{tenant}{who}".encode("utf-8", "surrogatepass"))[:16]


def wrong(fields: Mapping[str, str], profile: Profile) -> str:
    """Return why the token in a record is none for `profile`; "" if it is one."""
    token = fields.get("token", "")
    if fields.get("kind") != JWT or claims.token_flaw(token):
        return "is no token that a tool could use"
    told = claims.payload(token)
    if told is None:
        return "is no JWT"
    if foreign := ready_token.foreign(told, profile):
        return foreign
    tenant = next((told[key] for key in _TENANT if isinstance(told.get(key), str)), None)
    if profile.domain and tenant is not None and tenant != profile.domain:
        return "is of another domain than the profile's"
    if profile.cid and not _is_for_project(told, profile.cid):
        return "is for another project than the profile's"
    names = [told[key] for key in ("username", "email") if isinstance(told.get(key), str)]
    if profile.user and names and profile.user not in names:
        return "is another user's than the profile's"
    return ""


def wrong_session(fields: Mapping[str, str], profile: Profile) -> str:
    """Return why the session in a record is none for `profile`; "" if nothing shows that it is not.

    A psToken does not tell whose it is: the tokens that are minted from it do.
    """
    if fields.get("kind") == JWT:
        return wrong(fields, profile)
    flaw = claims.token_flaw(fields.get("token"))
    return "is no token that the API could take" if flaw else ""


def _is_for_project(told: Mapping[str, object], cid: str) -> bool:
    members, lists = told.get("mem"), told.get("acl")
    named = [
        *(members if isinstance(members, dict) else ()),
        *(lists if isinstance(lists, list) else ()),
    ]
    projects = [one for one in named if isinstance(one, str) and one.startswith("cid:")]
    return not named or f"cid:{cid}" in projects
