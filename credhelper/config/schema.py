"""Reads a profile: what may stand in its table; every mistake names its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields

from credhelper.config import data_path, grant_table
from credhelper.config.origin import canonical, origin
from credhelper.config.profile import (
    API_KEY,
    APIS,
    AUTHS,
    KEY_FORMS,
    LOGIN,
    PASSWORD,
    READY,
    RESOURCE_KEYS,
    Grant,
    Profile,
    Resource,
    api_at,
)
from credhelper.config.table import Mistake, Table, one_of
from credhelper.core.model import JWT, SESSION
from credhelper.core.service import Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.toml_lines import Place

_YEAR = 366 * 86400
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# What says how a token is made: nothing is made for a profile whose grant is a token.
_MAKING = (
    *("user", "domain", "cid", "cwid", "scopes", "client_id", "data"),
    *("keep_session", "token", "session_lifetime", "share_session"),
)
# What says of a project what another API's key says.
_INSTEAD = {"project": "cid", "cid": "project"}
KEYS = tuple(each.name for each in fields(Profile) if each.name != "name")


def read(name: str, values: object, expand: Callable[[str], str]) -> Profile:
    """Return the profile `name` that the table `values` describes.

    Parameters: `expand`, makes a path absolute or raises ValueError. Raises Mistake.
    """
    place: Place = ("profiles", name)
    if not NAME.fullmatch(name):
        message = "a profile's name is 1 to 64 letters, digits, '.', '_' or '-', and begins with"
        raise Mistake(place, f"{message} a letter or digit")
    table = Table(values, place)
    if "tenant" in table:
        raise table.wrong("tenant", "unknown key; a v2 tenant is the profile's 'domain'")
    table.only(KEYS)
    api = table.choice("api", APIS)
    auth = table.choice("auth", AUTHS)
    user = table.text("user")
    form = table.choice("api_key_as", KEY_FORMS)
    if "api_key_as" in table and auth != API_KEY:
        raise table.wrong("api_key_as", f"goes with auth = '{API_KEY}' only")
    if auth == PASSWORD or form == "basic-password":
        _check_login_name(table, user)
    url = table.checked("url", origin) or APIS[api].url
    other = api_at(url) or api
    if other != api:
        raise table.wrong("url", f"is the one of api = '{other}'", f"set api = '{other}'")
    token = table.choice("token", (JWT, SESSION))
    found = Profile(
        name=name,
        api=api,
        url=url,
        auth=auth,
        grant=_grant(table, auth, user or name, expand),
        user=user,
        domain=table.text("domain"),
        cid=table.text("cid"),
        cwid=table.text("cwid"),
        scopes=_scopes(table),
        client_id=table.text("client_id"),
        data=table.text("data"),
        project=table.checked("project", _id),
        keep_session=table.flag("keep_session"),
        token=token,
        services=_services(table),
        username=table.checked("username", _without_colon) or "oauth2",
        min_ttl=table.seconds("min_ttl", 0, least=0, most=_YEAR),
        refresh_before=table.seconds("refresh_before", 0, least=0, most=_YEAR),
        session_lifetime=table.seconds("session_lifetime", 3600, least=1, most=_YEAR),
        ca_file=table.checked("ca_file", expand),
        api_key_as=form,
        aws=_resource(table, api),
        share=_share(table, token),
        share_session=_share_session(table, api, auth),
    )
    unset = {each.name for each in fields(Profile) if getattr(found, each.name) == each.default}
    for key in APIS[api].lacks:
        if key not in unset:
            instead = _INSTEAD.get(key)
            hint = f"its key for a project is '{instead}'" if instead else "leave it out"
            raise table.wrong(key, f"means nothing to api = '{api}'", hint)
    for key in _MAKING if auth == READY else ():
        if key not in unset:
            why = f"means nothing to auth = '{READY}': its grant is a token that is made elsewhere"
            raise table.wrong(key, why, "leave it out")
    return found


def _check_login_name(table: Table, user: str | None) -> None:
    if user is None:
        raise table.wrong("user", "missing: this way of logging in needs the login name")
    table.checked("user", _without_colon)


def _without_colon(text: str) -> str:
    if ":" in text:
        raise ValueError("must not hold a colon, which ends a user name in Basic (RFC 7617)")
    return text


def _scopes(table: Table) -> tuple[str, ...]:
    scopes = table.texts("scopes")
    for scope, place in scopes:
        if "," in scope or " " in scope:
            raise Mistake(place, "expected one scope, without a comma or blank")
    return tuple(dict.fromkeys(scope for scope, _ in scopes))


def _services(table: Table) -> tuple[Service, ...]:
    found: dict[Service, None] = {}
    for text, place in table.texts("services"):
        try:
            found[canonical(text)] = None
        except ValueError as error:
            raise Mistake(place, str(error), 'expected "https://HOST/PATH" or "HOST"') from error
    return tuple(found)


def _grant(table: Table, auth: str, login: str, expand: Callable[[str], str]) -> Grant | None:
    if "grant" in table:
        return grant_table.read(table, "grant", login, expand)
    # Hosts of a fleet that make no token need no grant: `parse` sees that they make none.
    if auth == LOGIN or "share" in table:
        return None
    raise table.wrong("grant", f"missing: auth = '{auth}' needs {grant_table.FORMS}")


def _share(table: Table, token: str) -> str | None:
    share = table.checked("share", _id)
    if share is not None and token == SESSION:
        raise table.wrong("share", f"shares JWTs: it goes with token = '{JWT}' only")
    return share


def _share_session(table: Table, api: str, auth: str) -> bool:
    shares = table.flag("share_session")
    if shares and "share" not in table:
        raise table.wrong("share_session", "goes with share = 'NAME' only")
    kept = auth == LOGIN or table.flag("keep_session") or (api == "ica" and auth == PASSWORD)
    if shares and not kept and auth != READY:
        hint = f"add keep_session = true, or auth = '{LOGIN}'"
        raise table.wrong("share_session", "means nothing: this profile keeps no session", hint)
    return shares


def _resource(table: Table, api: str) -> Resource | None:
    if "aws" not in table:
        return None
    if table.values.get("token") == SESSION:
        raise table.wrong("aws", f"needs a JWT: it goes with token = '{JWT}' only")
    known = APIS[api].resources
    if not known:
        raise table.wrong("aws", f"means nothing to api = '{api}'", "leave it out")
    aws = Table(table.values["aws"], (*table.place, "aws"))
    keys = dict.fromkeys(key for keys in known.values() for key in keys)
    lifetime = APIS[api].aws_lifetime
    if lifetime is None and "lifetime" in aws:
        raise aws.wrong("lifetime", "the API itself tells how long they live", "leave it out")
    shown = _shown(known)
    for other in RESOURCE_KEYS.values():
        for key in other:
            if key in aws and key not in keys:
                raise aws.wrong(key, f"means nothing to api = '{api}'", f"expected {shown}")
    aws.only((*keys, "read_only", *(("lifetime",) if lifetime else ())))
    given = [how for how, keys in known.items() if keys[-1] in aws]
    begun = [keys[-1] for keys in known.values() if any(key in aws for key in keys)]
    if begun and not given:
        raise table.wrong("aws", f"expected {one_of(begun)} as well: {shown}")
    if len(given) != 1:
        raise table.wrong("aws", f"expected exactly {shown}, and read_only = true if wished")
    how = given[0]
    checks = {"path": data_path.CHECKS[api]}
    # The profile's project is the one of its AWS credentials, too, unless they name their own.
    words = [
        (table if key == "project" and key not in aws else aws).checked(key, checks.get(key, _id))
        for key in known[how]
    ]
    for key, word in zip(known[how], words, strict=True):
        if word is None:
            raise table.wrong("aws", f"expected {key} as well: {_shown({how: known[how]})}")
    read_only = aws.flag("read_only")
    if read_only and how in APIS[api].never_read_only:
        raise aws.wrong(
            "read_only",
            f"the API has no credentials for a {how} that can only read",
            "name a folder or a file, or leave read_only out",
        )
    if lifetime is not None:
        lifetime = aws.seconds("lifetime", lifetime, least=1, most=_YEAR)
    return Resource(how, tuple(word for word in words if word), read_only, lifetime)


def _shown(forms: Mapping[str, tuple[str, ...]]) -> str:
    said = {"path": "PATH"}
    each = [
        ", ".join(f'{key} = "{said.get(key, "ID")}"' for key in keys) for keys in forms.values()
    ]
    return ("one of " if len(each) > 1 else "") + ", ".join(f"{{ {form} }}" for form in each)


def _id(text: str) -> str:
    # It becomes a part of a URL's path.
    if not _ID.fullmatch(text):
        raise ValueError("expected an id: up to 128 letters, digits, '.', '_' or '-'")
    return text
