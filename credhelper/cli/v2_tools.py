"""Profiles from the files of tools for v2: the `icav2` program, and UMCCR's icav2-cli-plugins.

Sources: the settings page of the `icav2` program, and the code of icav2-cli-plugins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from credhelper.cli.other_tools import (
    Kept,
    Proposal,
    Settings,
    profile_name,
    project_in,
    server_in,
    token_alone,
    url_of,
)
from credhelper.cli.plugins_settings import DEFAULT
from credhelper.cli.prompt import Kind
from credhelper.client import claims
from credhelper.core.model import Secret
from credhelper.core.text import command

_V2 = "ica.illumina.com"
_ENCRYPTED = "ENCRYPTED:"  # what icav2-cli-plugins begin such a value with


def from_icav2(config: Settings | None, place: str, sessions: Iterable[Kept]) -> Iterator[Proposal]:
    """Yield what the `icav2` program holds.

    Parameters:
    - config: the settings in `config.yaml`, and `place` its path; None if it cannot be read.
    - sessions: what each `.session.SERVER.yaml` holds.
    """
    settings, sessions = config or {}, list(sessions)
    key, server = settings.get("x-api-key", ""), settings.get("server-url", "")
    project = _project_in(sessions, server)
    yield from _v2_key(place, "an API key of the icav2 program", "icav2", key, server, project)
    if (token := settings.get("access-token", "")) and key == "":
        yield token_alone(
            place, token, "icav2", "--api", "ica", "--url", _url_of_v2(server) or "URL"
        )
    for kept in sessions:
        token = kept.settings.get("access-token", "")
        if token and key != "":
            note = "the icav2 program renews it itself, with the API key in its config"
            yield Proposal(kept.place, "a token", note=note)
        elif token:
            url = _url_of_v2_session(kept.place, None if config is None else server)
            of = f"icav2-{_called(kept.place)}"
            name = "icav2" if len(sessions) == 1 else profile_name(of)
            yield token_alone(kept.place, token, name, "--api", "ica", "--url", url or "URL")


def from_plugins(
    name: str, place: str, settings: Settings, sessions: Iterable[Kept] = ()
) -> Iterator[Proposal]:
    """Yield what icav2-cli-plugins hold for one profile or tenant.

    Parameters:
    - name: of that profile or tenant.
    - place: the path of the file, to show.
    - settings: with the names that the newer of their two formats has.
    - sessions: what the session files beside it hold, in the older one.
    """
    key, server = settings.get("x_api_key", ""), settings.get("server_url", "")
    what = f"an API key of icav2-cli-plugins, for {name}"
    ours = "icav2-plugins" if name == DEFAULT else profile_name(name)
    project = settings.get("project_id") or _project_in(sessions, server)
    yield from _v2_key(place, what, ours, key, server, project)
    token = settings.get("access_token", "")
    if token and key == "":
        yield token_alone(place, token, ours, "--api", "ica", "--url", _url_of_v2(server) or "URL")


def _v2_key(
    place: str,
    what: str,
    name: str,
    key: str | None,
    server: str | None,
    project: str,
) -> Iterator[Proposal]:
    """Yield what can be made of an API key in the config of a v2 tool; nothing without one.

    Parameters:
    - key, server: as the config has them, None for what is no text.
    - project: the id of the project that the tool works in, "" if unknown.
    """
    url, work = _url_of_v2(server), project_in(project)
    # The default profile may be for something else.
    options = ("--profile", name, "--api", "ica", "--url", url or "URL")
    login = command("credhelper", "login", *options, *(["--project", project] if work else []))
    if key is None or key.startswith(_ENCRYPTED) or (key and claims.token_flaw(key)):
        note = f"not plain text: that program encrypts its key; {login}"
        yield Proposal(place, what, note=note)
    elif key and not url:
        yield Proposal(place, what, note=f"its server-url makes no sense: {login}")
    elif key:
        values = {"api": "ica", "url": url, **work}
        note = "the key also stays where it is"
        yield Proposal(place, what, name, values, Kind.KEY, Secret(key), note)


def _project_in(sessions: Iterable[Kept], server: str | None) -> str:
    """Return the project of the session for a server, as a config calls that; "" for none."""
    for kept in sessions:
        if project := kept.settings.get("project-id"):
            url = _url_of_v2_session(kept.place, server)
            if url and url == _url_of_v2(server):
                return project
    return ""


def _url_of_v2(server: str | None) -> str:
    return "" if server is None else url_of(server or _V2)


def _url_of_v2_session(path: str, server: str | None) -> str:
    """Return the URL of the server that a session file of the icav2 program is for, "" if unknown.

    Parameters:
    - path: of that file, which is called as the first part of the server's name.
    - server: as the config calls it, "" if it names none, None if unknown.
    """
    called = _called(path)
    for known in (server or "", _V2):
        parts = server_in(known)
        if parts and parts[3] == called:
            return url_of(known)
    return ""


def _called(path: str) -> str:
    return os.path.basename(path).removeprefix(".session.").removesuffix(".yaml")
