"""Profiles from the files of tools for v1: the `ica` program, and UMCCR's ica-ica-lazy.

Sources: the settings page of the `ica` program, and the code of ica-ica-lazy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from credhelper.cli.other_tools import (
    REGION,
    V1,
    Kept,
    Proposal,
    Settings,
    origin_of,
    profile_name,
    server_in,
    shortened,
    token_alone,
    url_of,
)
from credhelper.cli.prompt import Kind
from credhelper.client import claims
from credhelper.core import strict_json
from credhelper.core.model import Secret
from credhelper.core.text import command


def from_ica(config: Settings | None, sessions: Mapping[str, Kept]) -> Iterator[Proposal]:
    """Yield what the `ica` program (v1) holds.

    Parameters:
    - config: the settings in `config.yaml`; None if it cannot be read.
    - sessions: what `.session.REGION.yaml` holds, by region.
    """
    # A config that cannot be read may name any server.
    server = None if config is None else config.get("server-url", "")
    for region, kept in sorted(sessions.items()):
        session, token = (kept.settings.get(key, "") for key in ("session-token", "access-token"))
        what = "a session of the ica program"
        name = profile_name("ica" if len(sessions) == 1 else f"ica-{region}")
        if session is None or (session and claims.token_flaw(session)):
            flaw = claims.token_flaw(session)
            yield Proposal(kept.place, what, note=f"left alone: its session-token {flaw}")
        elif session:
            url = _url_of_session(region, token or "", server, alone=len(sessions) == 1)
            if not url:
                how = command("credhelper", "login", "--profile", name, "--session", "--url", "URL")
                note = f"its region is not told: {how}"
                yield Proposal(kept.place, what, note=note)
                continue
            values: dict[str, Any] = {"url": url, "auth": "session"}
            if domain := (config or {}).get("domain"):
                values["domain"] = domain
            if cid := _project_of(token or ""):
                values["cid"] = cid
            yield Proposal(
                kept.place,
                what,
                name,
                values,
                Kind.PSTOKEN,
                Secret(session),
                "the ica program keeps using it: log out in one of the two only",
            )
        elif token:
            url = _url_of_session(region, token, server, alone=len(sessions) == 1)
            yield token_alone(kept.place, token, name, "--url", url or "URL")


def from_lazy(text: str, place: str, grant: Mapping[str, Any] | None) -> Iterator[Proposal]:
    """Yield a profile for each project and scope in the `tokens.json` of ica-ica-lazy.

    Parameters:
    - text: of that file.
    - place: the path to show.
    - grant: where the API key is that makes such tokens, as the config spells it, or None.
    """
    text = text.removeprefix("\ufeff")
    try:
        document = strict_json.value(text) if text.strip() else {}
    except ValueError:
        document = None
    if not isinstance(document, dict):
        note = "it is not JSON, or names something twice: left alone"
        yield Proposal(place, "the tokens of ica-ica-lazy", note=note)
        return
    for project, tokens in document.items():
        if not isinstance(tokens, dict):
            what = f"something of ica-ica-lazy for project {shortened(project)}"
            yield Proposal(place, what, note="no scopes with their tokens: left alone")
            continue
        for scope, token in tokens.items():
            of = f"of ica-ica-lazy for project {shortened(project)}, {shortened(scope)}"
            payload = claims.payload(token) if isinstance(token, str) else None
            if payload is None:
                yield Proposal(place, f"something {of}", note="not a token: left alone")
                continue
            what = f"a token {of}"
            values: dict[str, Any] = {"url": origin_of(payload), "cid": _project_of(token)}
            limits = payload.get("scope")
            if isinstance(limits, str) and limits:
                values["scopes"] = [each for each in re.split("[, ]+", limits) if each]
            values = {key: value for key, value in values.items() if value}
            if grant is None:
                note = "say where the API key is: --grant-command, --grant-file or --grant-env"
                yield Proposal(place, what, note=note)
                continue
            name = project if len(tokens) == 1 else f"{project}-{scope}"
            yield Proposal(place, what, profile_name(name), {**values, "grant": dict(grant)})


def lazy_grant(entry: str, store: str) -> dict[str, Any] | None:
    """Return the grant that ica-ica-lazy takes its API key from, None where that is not there.

    Parameters:
    - entry: what it is called in `pass`; a slash at its beginning means nothing.
    - store: the folder of `pass`.
    """
    name = entry.strip("/")
    # As `pass` has it; what begins with a hyphen would be an option.
    odd = not name or not name.isprintable() or name[0] == "-" or ".." in name.split("/")
    if odd or not os.path.isfile(os.path.join(store, f"{name}.gpg")):
        return None
    return {"command": ["pass", "show", name]}


def _project_of(token: str) -> str:
    members = (claims.payload(token) or {}).get("mem")
    if not isinstance(members, dict):
        return ""
    names = [name for name in members if name.startswith("cid:")]
    return names[0].removeprefix("cid:") if len(names) == 1 else ""


def _url_of_session(region: str, token: str, server: str | None, *, alone: bool) -> str:
    """Return the API that a session of the ica program is for, "" if nothing tells.

    Parameters:
    - region: as its file is called.
    - token: a JWT from the same file, or "".
    - server: as the config calls it, "" if it names none, None if unknown.
    - alone: there is no other session.
    """
    parts = None if server is None else server_in(server)
    if parts is None and server != "":
        return ""  # another server than the one that was meant would receive the session
    # A server of one's own has no region; a session of another region is not for this one.
    if parts and ((alone and not parts[2].endswith(f".{V1}")) or parts[3] == region):
        return url_of(server or "")
    if REGION.fullmatch(region):
        return f"https://{region}.{V1}"
    # The file is not called as a region: people name sessions after their workgroups, too.
    return origin_of(claims.payload(token) or {}) or url_of(server or "")
