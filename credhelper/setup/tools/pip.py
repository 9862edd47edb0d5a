"""pip: asks a program called `keyring`, which is a link to us.

Source: pip's user guide, "Authentication"; `pip._internal.configuration`. pip ignores a keyring
among its own scripts, so the link lies in a folder of its own, which has to come first on PATH.
"""

from __future__ import annotations

import configparser

from credhelper.core.text import command, shell_word
from credhelper.errors import ConfigError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, shadowed

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "keyring"
_KEY = "keyring-provider"
_VALUE = "subprocess"
_VARIABLE = "PIP_KEYRING_PROVIDER"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    _refuse_other_spelling(request)
    entry = Entry(("global",), ((_KEY, _VALUE),))
    return Plan(
        (FileChange(_file(request), "ini", (entry,)),), (request.link(LINK),), on_path(request)
    )


def _refuse_other_spelling(request: WiringRequest) -> None:
    """Refuse a file that sets our key in another spelling that pip accepts."""
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    try:
        parser.read_string(request.read(_file(request)) or "")
    except configparser.Error:
        return  # the edit will report it
    for name, value in parser.items("global") if parser.has_section("global") else ():
        if name != _KEY and _plain(name) == _KEY and value != _VALUE:
            raise ConfigError(
                f"{_file(request)}: global.{name} is set already, to something else",
                hint="take it out first, if it is no longer wanted",
            )


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what pip would receive, found through its file and PATH: see `setup`."""
    chosen = request.environ.get(_VARIABLE)
    if chosen:
        if chosen != _VALUE:
            return shadowed(f"{_VARIABLE} is set to something else", command("unset", _VARIABLE))
        return check_keyring(request, ask)
    settings: dict[str, tuple[str, str]] = {}
    for path in _files(request):
        parser = configparser.RawConfigParser(default_section="\0")
        try:
            parser.read_string(request.read(path) or "")
        except configparser.Error:
            return Finding(trouble=f"{path} cannot be read")
        for section in parser.sections():
            for name, value in parser.items(section):
                if _plain(name) == _KEY:
                    settings[section] = (path, value)
    if "global" not in settings:
        return Finding(trouble=f"{_file(request)} does not say: {_KEY} = {_VALUE}")
    for section, (path, value) in settings.items():
        if value != _VALUE:
            return shadowed(f"{path} has another {_KEY} in [{section}]", "take it out")
    return check_keyring(request, ask)


def check_keyring(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the program `keyring` on PATH answers."""
    answer = ask([LINK, "--mode=creds", "get", f"{request.service}/"])
    lines = answer.stdout.decode("utf-8", "replace").split("\n")
    if answer.status == 0 and len(lines) > 1:
        return Finding(lines[1])
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
    how = "let your shell find the link, in ~/.profile: export PATH="
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
