"""pip: asks a program called `keyring`, which is a link to us.

Source: pip's user guide, "Authentication"; `pip._internal.configuration`; pip's pull request 14150,
in 26.2. pip ignores a keyring among its own scripts, so the link lies in a folder of its own,
which has to come first on PATH.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from urllib.parse import unquote

from credhelper.core import service as services
from credhelper.core.service import Service
from credhelper.core.text import command, shell_word
from credhelper.errors import ConfigError, CredhelperError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, shadowed

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "keyring"
_KEY = "keyring-provider"
_VALUE = "subprocess"
_VARIABLE = "PIP_KEYRING_PROVIDER"
_INDEX_KEYS = ("index-url", "extra-index-url")
_INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_FIRST = (23, 1)  # that has our setting
_WITHOUT_USER = (26, 2)  # before, a `subprocess` was asked for the password of a user alone
_UPGRADE = "pip install --upgrade 'pip>=26.2'"
_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<host>[^@/?#]+)(?P<path>/[^?#]*|)",
    re.IGNORECASE,
)


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    _refuse_other_spelling(request)
    entry = Entry(("global",), ((_KEY, _VALUE),))
    return Plan(
        (FileChange(_file(request), "ini", (entry,)),), (request.link(LINK),), on_path(request)
    )


def _refuse_other_spelling(request: WiringRequest) -> None:
    """Refuse a file that sets our key in another spelling that pip accepts."""
    said = reading.sections(request, _file(request)).get("global", {})
    for name, value in said.items():
        if name != _KEY and _plain(name) == _KEY and value != _VALUE:
            raise ConfigError(
                f"{_file(request)}: global.{name} is set already, to something else",
                hint="remove it first, if you no longer want it",
            )


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what pip would receive, found through its file and PATH: see `setup`."""
    chosen = request.environ.get(_VARIABLE)
    if chosen and chosen != _VALUE:
        return shadowed(f"{_VARIABLE} is set to something else", command("unset", _VARIABLE))
    settings: dict[str, tuple[str, str]] = {}
    indexes = [(name, request.environ.get(name, "")) for name in _INDEX_VARIABLES]
    for path in _files(request):
        for section, said in reading.sections(request, path).items():
            for name, value in said.items():
                if _plain(name) == _KEY:
                    settings[section] = (path, value)
                if _plain(name) in _INDEX_KEYS:
                    indexes.append((path, value))
    if not chosen and "global" not in settings:
        return Finding(trouble=f"{_file(request)} does not say: {_KEY} = {_VALUE}")
    for section, (path, value) in settings.items():
        if not chosen and value != _VALUE:
            return shadowed(f"{path} has another {_KEY} in [{section}]", "remove it")
    return _check_version(request, ask, indexes)


def _check_version(request: WiringRequest, ask: Ask, indexes: Sequence[tuple[str, str]]) -> Finding:
    """Return what the pip on PATH makes of its settings: it asks in its version's own way."""
    users = []
    for place, text in indexes:
        for user, password in _logins(text, request.service):
            if password:
                return shadowed(
                    f"{place} has a password in the URL of {request.service}", "remove it"
                )
            users += [user] if user else []
    version = _version(ask)
    shown = ".".join(map(str, version))
    if version < _FIRST:
        return Finding(
            trouble=f"pip {shown} knows no {_KEY}" if version else "no pip is on PATH",
            hint=_UPGRADE,
        )
    if version >= _WITHOUT_USER:
        return check_keyring(request, ask, users[0] if users else None)
    if users:
        return check_keyring(request, ask, users[0], password_alone=True)
    service = request.service
    url = f"{service.scheme}://{request.owner}@{service.netloc}{service.path}/"
    return Finding(
        trouble=f"pip {shown} asks a keyring only where the index's URL holds a user name,"
        f" and no setting has one for {service}",
        hint=f"{_UPGRADE}, or give the index a user name: index-url = {url}",
    )


def _version(ask: Ask) -> tuple[int, ...]:
    """Return the version of the pip that PATH leads to; () when there is none."""
    for words in (["pip"], ["pip3"], ["python3", "-m", "pip"]):
        answer = ask([*words, "--version"], b"", {"PIP_CONFIG_FILE": "/dev/null"})
        found = re.match(rb"pip ([0-9]{1,9}(?:\.[0-9]{1,9})*)", answer.stdout)
        if answer.status == 0 and found:
            return tuple(int(part) for part in found[1].decode().split("."))
    return ()


def _logins(indexes: str, service: Service) -> Iterator[tuple[str, str]]:
    """Yield the user name and password of each URL in `indexes` that is for the service."""
    for word in indexes.split():
        found = _URL.fullmatch(word)
        if found:
            with suppress(CredhelperError):
                there = services.build(found["scheme"].lower(), found["host"], found["path"])
                if str(service) in there.prefixes():
                    yield unquote(found["user"] or ""), found["password"] or ""


def check_keyring(
    request: WiringRequest, ask: Ask, user: str | None = None, *, password_alone: bool = False
) -> Finding:
    """Return what the program `keyring` on PATH answers.

    Parameters: `user`, in the index's URL; `password_alone`, whether it is asked for nothing else.
    """
    mode = [] if password_alone else ["--mode=creds"]
    answer = ask([LINK, *mode, "get", f"{request.service}/", *([user] if user else [])])
    lines = answer.stdout.decode("utf-8", "replace").split("\n")
    if answer.status == 0 and len(lines) > len(mode):
        return Finding(lines[len(mode)])
    if answer.status == asking.NOT_FOUND:
        return Finding(trouble="no keyring is on PATH", hint=" ".join(on_path(request)) or None)
    why = asking.complaint(answer) or "it knows nothing of this service, or is not ours"
    return Finding(trouble=f"keyring on PATH: {why}", hint=" ".join(on_path(request)) or None)


def on_path(request: WiringRequest) -> tuple[str, ...]:
    """Return what a person has to do if the folder of the link is not on PATH."""
    if request.bin in request.environ.get("PATH", "").split(":"):
        return ()
    home = '"$HOME"/' if request.bin.startswith(f"{request.home}/") else ""
    folder = request.bin.removeprefix(f"{request.home}/" if home else "")
    how = "add the link's folder to PATH in ~/.profile: export PATH="
    return (f'{how}{home}{shell_word(folder)}:"$PATH"',)


def _file(request: WiringRequest) -> str:
    """Return the user's pip.conf; the old one if it alone exists."""
    chosen = request.variable("PIP_CONFIG_FILE")
    if chosen:
        return chosen
    path = request.below("XDG_CONFIG_HOME", "pip/pip.conf", ".config/pip/pip.conf")
    old = f"{request.home}/.pip/pip.conf"
    return old if request.read(path) is None and request.read(old) is not None else path


def _files(request: WiringRequest) -> list[str]:
    """Return the files that pip reads after those of the machine; later ones override."""
    chosen = request.variable("PIP_CONFIG_FILE")
    usual = request.below("XDG_CONFIG_HOME", "pip/pip.conf", ".config/pip/pip.conf")
    alone = chosen and request.read(chosen) is not None
    files = [] if alone else [f"{request.home}/.pip/pip.conf", usual]
    active = request.variable("VIRTUAL_ENV")
    return [*files, *([f"{active}/pip.conf"] if active else []), *([chosen] if chosen else [])]


def _plain(name: str) -> str:
    """Return the name of a setting as pip normalises it."""
    return name.replace("_", "-").removeprefix("--")
