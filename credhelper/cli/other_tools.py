"""Profiles that could be made of what other tools for the same tokens keep, and of their variables.

`v1_tools` and `v2_tools` read their files. What has another form than they write is told, and left
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from credhelper.cli.prompt import Kind
from credhelper.cli.shadowing import TOKEN_VARIABLES
from credhelper.client import claims
from credhelper.config.profile import READY
from credhelper.core.model import Secret
from credhelper.core.text import command

_SERVER = re.compile(
    r"(https?://)?(([A-Za-z0-9-]+)[A-Za-z0-9.-]*(?::[0-9]{1,5})?)(?:/ica/rest|/v1)?/?"
)
REGION = re.compile(r"[a-z]{2,4}[0-9]{1,2}")
V1 = "platform.illumina.com"
_PROJECT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
# The variables with the URL for a key or token, by the first word of its variable.
_BASE_URLS = {
    "ICA": ("ICA_BASE_URL", "ICA_SERVER_URL"),
    "IAP": ("IAP_BASE_URL",),
    "ICAV2": ("ICAV2_BASE_URL", "ICAV2_SERVER_URL"),
}
_V2 = "https://ica.illumina.com"
_LONGEST_NAME, _LONGEST_SERVER = 64, 300

# The settings in a file, by name; None for a value that is no text.
Settings = Mapping[str, str | None]


@dataclass(frozen=True)
class Kept:
    """A session file of another tool. Parameters: `place`, its path; `settings`, what is in it."""

    place: str
    settings: Settings = field(repr=False)


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


def from_environment(environ: Mapping[str, str], now: float) -> Iterator[Proposal]:
    """Yield what stands in the variables that those tools read.

    Parameters:
    - now: Unix seconds.
    """
    if environ.get("ICAV2_X_API_KEY"):
        named = next((name for name in _BASE_URLS["ICAV2"] if environ.get(name)), "")
        url = url_of(environ[named]) if named else _V2
        what = "an API key in the environment"
        if not url:
            note = f"{named} makes no sense, and says where the key may go: unset or correct it"
            yield Proposal("ICAV2_X_API_KEY", what, note=note)
        else:
            yield Proposal(
                "ICAV2_X_API_KEY",
                what,
                "icav2-env",
                {
                    "api": "ica",
                    "url": url,
                    "grant": {"env": "ICAV2_X_API_KEY"},
                    **project_in(environ.get("ICAV2_PROJECT_ID", "")),
                },
                note="the key stays in the variable, and is read from there",
            )
    for variable, _ in TOKEN_VARIABLES:
        if token := environ.get(variable):
            yield _token_in(variable, token, environ, now)


def _token_in(variable: str, token: str, environ: Mapping[str, str], now: float) -> Proposal:
    kind = variable.partition("_")[0]
    named = next((name for name in _BASE_URLS[kind] if environ.get(name)), "")
    said = url_of(environ[named]) if named else ""
    options = ["--api", "ica"] if kind == "ICAV2" else []
    options += ["--url", said or "URL"] if named else []
    then = f" && {command('unset', variable)}"
    alone = token_alone(variable, token, kind.lower(), *options, then=then)
    payload = claims.payload(token) or {}
    ends = payload.get("exp")
    lives = isinstance(ends, int | float) and ends > now and not claims.token_flaw(token)
    url = said if named else _V2 if kind == "ICAV2" else origin_of(payload)
    if not lives or not url or environ.get(f"{kind}_X_API_KEY"):
        return alone
    v2 = {"api": "ica"} | project_in(environ.get("ICAV2_PROJECT_ID", ""))
    values = {"url": url, "auth": READY, "grant": {"env": variable}}
    values |= v2 if kind == "ICAV2" else {}
    name = variable.lower().replace("_", "-")
    login = alone.note.partition(": ")[2]
    note = f"read from there, while another program renews it; with a key of your own: {login}"
    return replace(alone, name=name, values=values, note=note)


def distinct(proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Yield `proposals`, with a number behind each name that an earlier one has.

    Two names of other tools may become the same name of a profile. An API key that an earlier one
    has for the same server and project makes no other profile.
    """
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    keys: dict[tuple[str, ...], str] = {}
    for one in proposals:
        if one.kind is Kind.KEY and one.secret is not None:
            key = one.secret.reveal(), one.values["url"], one.values.get("project", "")
            if key in keys:
                yield Proposal(one.place, one.what, note=f"the same as that of {keys[key]}")
                continue
            keys[key] = one.place
        name, number = one.name, numbers.get(one.name, 1)
        while name and name in taken:
            number += 1
            name = f"{one.name[: _LONGEST_NAME - 4]}-{number}"
        taken.add(name)
        numbers[one.name] = number
        yield replace(one, name=name)


def token_alone(place: str, token: str, name: str, *options: str, then: str = "") -> Proposal:
    """Return what to say of a token without the key behind it.

    Parameters:
    - name: of the profile to log in to: the default one may be for something else.
    - options: for the login that would be better; `then`, what follows its command.
    """
    payload = claims.payload(token)
    what = "a token" if payload is not None else "something that is not a token"
    how = command("credhelper", "login", "--profile", name, *options) + then
    return Proposal(place, what, note=f"a token alone cannot be renewed: {how}")


def origin_of(payload: Mapping[str, Any]) -> str:
    """Return the API of v1 that a token is for, by its claims; "" if they do not tell."""
    audience = payload.get("aud")
    words = audience if isinstance(audience, list) else [audience]
    for word in words:
        service, _, region = word.partition("-") if isinstance(word, str) else ("", "", "")
        if service == "iap" and REGION.fullmatch(region):
            return f"https://{region}.{V1}"
    return ""


def project_in(text: str) -> dict[str, str]:
    """Return the key of a v2 profile for a project as tools name it; none where it is no id."""
    return {"project": text} if _PROJECT.fullmatch(text) else {}


def url_of(server: str) -> str:
    """Return the URL of a server as tools name it, "" where that makes no sense."""
    parts = server_in(server)
    return f"{parts[1] or 'https://'}{parts[2]}" if parts else ""


def server_in(text: str) -> re.Match[str] | None:
    """Return a server's scheme (1), host and port (2), and first label (3); None for nonsense."""
    return _SERVER.fullmatch(text) if len(text) <= _LONGEST_SERVER else None


def shortened(text: str) -> str:
    """Return a name of another tool as it can be shown."""
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def profile_name(text: str) -> str:
    """Return what a profile can be called after a name of another tool."""
    return _ODD.sub("-", text).strip("-._")[:_LONGEST_NAME] or "imported"
