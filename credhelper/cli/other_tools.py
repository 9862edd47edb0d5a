"""Profiles that could be made from the files and variables of other tools for the same tokens.

Sources: the settings pages of the `ica` and `icav2` programs, and the scripts of UMCCR's
ica-ica-lazy. Their files are YAML and JSON; a file of another form proposes nothing, and
is no error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from credhelper.cli.prompt import Kind
from credhelper.cli.shadowing import TOKEN_VARIABLES
from credhelper.client import claims
from credhelper.core.model import Secret
from credhelper.core.text import command

_REGION = re.compile(r"[a-z]{2,4}[0-9]{1,2}")
_SERVER = re.compile(
    r"(https?://)?(([A-Za-z0-9-]+)[A-Za-z0-9.-]*(?::[0-9]{1,5})?)(?:/ica/rest|/v1)?/?"
)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_V1 = "platform.illumina.com"
# The variables with the URL for a key or token, by the first word of its variable.
_BASE_URLS = {
    "ICA": ("ICA_BASE_URL", "ICA_SERVER_URL"),
    "IAP": ("IAP_BASE_URL",),
    "ICAV2": ("ICAV2_BASE_URL", "ICAV2_SERVER_URL"),
}
_LONGEST_NAME, _LONGEST_SERVER = 64, 300


@dataclass(frozen=True)
class Proposal:
    """Something that was found, and the profile that could be made of it.

    Parameters:
    - place: where it was found.
    - what: what it is, in a few words.
    - name: of the profile, "" when none can be made.
    - values: the profile's keys, as the config spells them.
    - kind: what `secret` is, or None.
    - secret: for the login, or None where the values say where it is.
    - note: why no profile can be made, or what to know of it.
    """

    place: str
    what: str
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind | None = None
    secret: Secret | None = None
    note: str = ""


def from_ica(
    config: str, sessions: Mapping[str, str], places: Mapping[str, str]
) -> Iterator[Proposal]:
    """Yield what the `ica` program (v1) holds.

    Parameters:
    - config: the text of `config.yaml`.
    - sessions: the texts of `.session.REGION.yaml`, by region.
    - places: the paths to show, by region.
    """
    from credhelper.cli import yaml_settings

    settings = yaml_settings.settings(config)
    # A config that cannot be read may name any server.
    server = None if settings is None else settings.get("server-url", "")
    for region, text in sorted(sessions.items()):
        kept = yaml_settings.settings(text) or {}
        session, token = kept.get("session-token") or "", kept.get("access-token") or ""
        url = _url_of_session(region, token, server, alone=len(sessions) == 1)
        if session and not claims.token_flaw(session):
            what = "a session of the ica program"
            if not url:
                note = "its region is not told: credhelper login --session --url URL"
                yield Proposal(places[region], what, note=note)
                continue
            values: dict[str, Any] = {"url": url, "auth": "session"}
            if domain := (settings or {}).get("domain"):
                values["domain"] = domain
            if cid := _project_of(token):
                values["cid"] = cid
            name = "ica" if len(sessions) == 1 else f"ica-{region}"
            yield Proposal(
                places[region],
                what,
                _name(name),
                values,
                Kind.PSTOKEN,
                Secret(session),
                "the ica program goes on using it: log out in one of the two only",
            )
        elif token:
            yield _token_alone(places[region], token, "--url", url or "URL")


def from_icav2(
    config: str, sessions: Mapping[str, str], places: Mapping[str, str]
) -> Iterator[Proposal]:
    """Yield what the `icav2` program holds.

    Parameters: those of `from_ica`; `places` has the config's path under "".
    """
    from credhelper.cli import yaml_settings

    settings = yaml_settings.settings(config) or {}
    key = settings.get("x-api-key", "")
    server = settings.get("server-url", "")
    url = "" if server is None else _url(server or "ica.illumina.com")
    login = command("credhelper", "login", "--api", "ica", "--url", url or "URL")
    what = "an API key of the icav2 program"
    if key is None or (key and claims.token_flaw(key)):
        note = f"not plain text: that program encrypts its key; {login}"
        yield Proposal(places[""], what, note=note)
    elif key and not url:
        yield Proposal(places[""], what, note=f"its server-url makes no sense: {login}")
    elif key:
        values = {"api": "ica", "url": url}
        note = "the key also stays where it is"
        yield Proposal(places[""], what, "icav2", values, Kind.KEY, Secret(key), note)
    for region, text in sorted(sessions.items()):
        if token := (yaml_settings.settings(text) or {}).get("access-token"):
            yield _token_alone(places[region], token, "--api", "ica", "--url", url or "URL")


def from_lazy(text: str, place: str, grant: Mapping[str, Any] | None) -> Iterator[Proposal]:
    """Yield a profile for each project and scope in the `tokens.json` of ica-ica-lazy.

    Parameters:
    - text: of that file.
    - place: the path to show.
    - grant: where the API key is that makes such tokens, as the config spells it, or None.
    """
    text = text.removeprefix("\ufeff")
    try:
        document = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        yield Proposal(place, "the tokens of ica-ica-lazy", note="it is not JSON: left alone")
        return
    for project, tokens in document.items():
        for scope, token in tokens.items() if isinstance(tokens, dict) else ():
            payload = claims.payload(token) if isinstance(token, str) else None
            if payload is None:
                continue
            what = f"a token of ica-ica-lazy for project {project}, {scope}"
            values: dict[str, Any] = {"url": _origin_of(payload), "cid": _project_of(token)}
            limits = payload.get("scope")
            if isinstance(limits, str) and limits:
                values["scopes"] = [each for each in re.split("[, ]+", limits) if each]
            values = {key: value for key, value in values.items() if value}
            if grant is None:
                note = "say where the API key is: --grant-command, --grant-file or --grant-env"
                yield Proposal(place, what, note=note)
                continue
            name = project if len(tokens) == 1 else f"{project}-{scope}"
            yield Proposal(place, what, _name(name), {**values, "grant": dict(grant)})


def from_environment(environ: Mapping[str, str]) -> Iterator[Proposal]:
    """Yield what stands in the variables that those tools read."""
    if environ.get("ICAV2_X_API_KEY"):
        named = next((name for name in _BASE_URLS["ICAV2"] if environ.get(name)), "")
        url = _url(environ[named]) if named else "https://ica.illumina.com"
        what = "an API key in the environment"
        if not url:
            note = f"{named} makes no sense, and says where the key may go: unset or correct it"
            yield Proposal("ICAV2_X_API_KEY", what, note=note)
        else:
            yield Proposal(
                "ICAV2_X_API_KEY",
                what,
                "icav2-env",
                {"api": "ica", "url": url, "grant": {"env": "ICAV2_X_API_KEY"}},
                note="the key stays in the variable, and is read from there",
            )
    for variable, _ in TOKEN_VARIABLES:
        if token := environ.get(variable):
            kind = variable.partition("_")[0]
            named = next((name for name in _BASE_URLS[kind] if environ.get(name)), "")
            options = ["--api", "ica"] if kind == "ICAV2" else []
            if named:
                options += ["--url", _url(environ[named]) or "URL"]
            yield _token_alone(variable, token, *options, then=f" && {command('unset', variable)}")


def distinct(proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Yield `proposals`, with a number behind each name that an earlier one has.

    Two names of other tools may become the same name of a profile.
    """
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for one in proposals:
        name, number = one.name, numbers.get(one.name, 1)
        while name and name in taken:
            number += 1
            name = f"{one.name[: _LONGEST_NAME - 4]}-{number}"
        taken.add(name)
        numbers[one.name] = number
        yield replace(one, name=name)


def _token_alone(place: str, token: str, *options: str, then: str = "") -> Proposal:
    payload = claims.payload(token)
    what = "a token" if payload is not None else "something that is not a token"
    how = command("credhelper", "login", *options) + then
    return Proposal(place, what, note=f"a token alone cannot be renewed: {how}")


def _project_of(token: str) -> str:
    members = (claims.payload(token) or {}).get("mem")
    if not isinstance(members, dict):
        return ""
    names = [name for name in members if name.startswith("cid:")]
    return names[0].removeprefix("cid:") if len(names) == 1 else ""


def _origin_of(payload: Mapping[str, Any]) -> str:
    audience = payload.get("aud")
    words = audience if isinstance(audience, list) else [audience]
    for word in words:
        service, _, region = word.partition("-") if isinstance(word, str) else ("", "", "")
        if service == "iap" and _REGION.fullmatch(region):
            return f"https://{region}.{_V1}"
    return ""


def _url(server: str) -> str:
    """Return the URL of a server as tools name it, "" where that makes no sense."""
    parts = _server(server)
    return f"{parts[1] or 'https://'}{parts[2]}" if parts else ""


def _server(text: str) -> re.Match[str] | None:
    return _SERVER.fullmatch(text) if len(text) <= _LONGEST_SERVER else None


def _url_of_session(region: str, token: str, server: str | None, *, alone: bool) -> str:
    """Return the API that a session of the ica program is for, "" if nothing tells.

    Parameters:
    - region: as its file is called.
    - token: a JWT from the same file, or "".
    - server: as the config calls it, "" if it names none, None if unknown.
    - alone: there is no other session.
    """
    parts = None if server is None else _server(server)
    if parts is None and server != "":
        return ""  # another server than the one that was meant would receive the session
    # A server of one's own has no region; a session of another region is not for this one.
    if parts and ((alone and not parts[2].endswith(f".{_V1}")) or parts[3] == region):
        return _url(server or "")
    if _REGION.fullmatch(region):
        return f"https://{region}.{_V1}"
    # The file is not called as a region: people name sessions after their workgroups, too.
    return _origin_of(claims.payload(token) or {}) or _url(server or "")


def _name(text: str) -> str:
    return _ODD.sub("-", text).strip("-._")[:_LONGEST_NAME] or "imported"
