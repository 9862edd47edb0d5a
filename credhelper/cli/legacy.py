"""What other tools for the same tokens keep, read as proposals of profiles.

Sources: the settings pages of the `ica` and `icav2` programs, and the scripts of UMCCR's
ica-ica-lazy. Their files are flat YAML (`key: value`) and JSON; what is not of that form is passed
over, since nothing here is worth stopping for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from credhelper.cli.asking import KEY, PSTOKEN
from credhelper.client import claims
from credhelper.model import Secret

# What a tool reads from the environment: (variable, which tool).
TOKEN_VARIABLES = (
    ("ICA_ACCESS_TOKEN", "the ica CLI and the v1 SDK"),
    ("IAP_AUTH_TOKEN", "libiap"),
    ("IAP_TOKEN", "libiap"),
    ("IAP_ACCESS_TOKEN", "libiap"),
    ("ICAV2_ACCESS_TOKEN", "v2 tools"),
)

_LINE = re.compile(r"([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*?)[ \t]*\r?")
_REGION = re.compile(r"iap-([a-z]{2,4}[0-9]{1,2})")
_SERVER = re.compile(r"(https?://)?(([A-Za-z0-9-]+)[A-Za-z0-9.-]*(?::[0-9]{1,5})?)/?")
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_V1 = "platform.illumina.com"
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Proposal:
    """Something found, and the profile that could be made of it.

    Parameters: `place`, where it was found; `what`, in a few words; `name`, of the profile, "" when
    none can be made; `values`, its keys as the config spells them; `kind`, what `secret` is, or "";
    `secret`, to hand over at login, or None where the values say where it is; `note`, why no
    profile can be made, or what to know.
    """

    place: str
    what: str
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    secret: Secret | None = None
    note: str = ""


def flat(text: str) -> dict[str, str]:
    """Return the pairs of a flat YAML file; the last of a name counts, quotes are taken off."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        told = _LINE.fullmatch(line)
        if told is None:
            continue
        value = told[2]
        if value[:1] in ("'", '"'):
            value, closed, _ = value[1:].partition(value[0])
            value = value if closed else ""
        else:
            value = value.partition(" #")[0].rstrip()
        found[told[1]] = "" if value in ("null", "~") else value
    return found


def from_ica(
    config: str, sessions: Mapping[str, str], places: Mapping[str, str]
) -> Iterator[Proposal]:
    """Yield what the `ica` program (v1) holds.

    Parameters: `config`, the text of `config.yaml`; `sessions`, the texts of
    `.session.REGION.yaml`, by region; `places`, by region, the path to show.
    """
    settings = flat(config)
    server = _SERVER.fullmatch(settings.get("server-url", ""))
    for region, text in sorted(sessions.items()):
        told = flat(text)
        url = f"https://{region}.{_V1}"
        # A server of one's own has no region; a session of another region is not for this one.
        own = len(sessions) == 1 and server and not server[2].endswith(f".{_V1}")
        if server and (own or server[3] == region):
            url = f"{server[1] or 'https://'}{server[2]}"
        values: dict[str, Any] = {"url": url, "auth": "session"}
        if domain := settings.get("domain"):
            values["domain"] = domain
        if cid := _project_of(told.get("access-token", "")):
            values["cid"] = cid
        session = told.get("session-token", "")
        if session and not claims.token_flaw(session):
            name = "ica" if len(sessions) == 1 else f"ica-{region}"
            yield Proposal(
                places[region],
                "a session of the ica program",
                _name(name),
                values,
                PSTOKEN,
                Secret(session),
                "the ica program goes on using it: log out in one of the two only",
            )
        elif told.get("access-token"):
            yield _token_alone(places[region], told["access-token"], f"--url {url}")


def from_icav2(
    config: str, sessions: Mapping[str, str], places: Mapping[str, str]
) -> Iterator[Proposal]:
    """Yield what the `icav2` program holds.

    Parameters: as for `from_ica`; `places` has the config's path under "".
    """
    settings = flat(config)
    server = _SERVER.fullmatch(settings.get("server-url") or "ica.illumina.com")
    key = settings.get("x-api-key", "")
    if key and server and not claims.token_flaw(key):
        yield Proposal(
            places[""],
            "an API key of the icav2 program",
            "icav2",
            {"api": "ica", "url": f"{server[1] or 'https://'}{server[2]}"},
            KEY,
            Secret(key),
            "the key also stays where it is",
        )
    for region, text in sorted(sessions.items()):
        if token := flat(text).get("access-token"):
            yield _token_alone(places[region], token, "--api ica")


def from_lazy(text: str, place: str, grant: Mapping[str, Any] | None) -> Iterator[Proposal]:
    """Yield a profile for each project and scope in the `tokens.json` of ica-ica-lazy.

    Parameters: `grant`, where the API key is that such tokens are made with, as the config spells
    it, or None when that is not known.
    """
    try:
        document = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        document = {}
    for project, tokens in document.items() if isinstance(document, dict) else ():
        for scope, token in tokens.items() if isinstance(tokens, dict) else ():
            told = claims.payload(token) if isinstance(token, str) else None
            if told is None:
                continue
            what = f"a token of ica-ica-lazy for project {project}, {scope}"
            values: dict[str, Any] = {"url": _origin_of(told), "cid": _project_of(token)}
            limits = told.get("scope")
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
        yield Proposal(
            "ICAV2_X_API_KEY",
            "an API key in the environment",
            "icav2-env",
            {"api": "ica", "grant": {"env": "ICAV2_X_API_KEY"}},
            note="the key stays in the variable, and is read from there",
        )
    for variable, _ in TOKEN_VARIABLES:
        if token := environ.get(variable):
            yield _token_alone(variable, token, "", f"; unset {variable} when you have")


def _token_alone(place: str, token: str, options: str, more: str = "") -> Proposal:
    told = claims.payload(token)
    what = "a token" if told is not None else "something that is not a token"
    how = f"credhelper login {options}".rstrip()
    return Proposal(place, what, note=f"a token alone cannot be renewed: {how}{more}")


def _project_of(token: str) -> str:
    members = (claims.payload(token) or {}).get("mem")
    names = [name for name in members if name.startswith("cid:")] if members else []
    return names[0].removeprefix("cid:") if len(names) == 1 else ""


def _origin_of(told: Mapping[str, Any]) -> str:
    audience = told.get("aud")
    words = audience if isinstance(audience, list) else [audience]
    for word in words:
        if isinstance(word, str) and (region := _REGION.fullmatch(word)):
            return f"https://{region[1]}.{_V1}"
    return ""


def _name(text: str) -> str:
    return _ODD.sub("-", text).strip("-._")[:_LONGEST_NAME] or "imported"
