"""uv: asks a program called `keyring`, which is a link to us.

Source: uv's documentation, "Authentication" and "Configuration files". uv asks about an index that
has `authenticate = "always"`, or a user name in its URL.
"""

from __future__ import annotations

from credhelper.core.text import command
from credhelper.setup import reading
from credhelper.setup.formats.documents import dict_at
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, shadowed
from credhelper.setup.tools import pip

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

_VARIABLE = "UV_KEYRING_PROVIDER"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    entry = Entry((), (("keyring-provider", "subprocess"),))
    notes = ('uv asks about an index that says: authenticate = "always"', *pip.on_path(request))
    return Plan((FileChange(_file(request), "toml", (entry,)),), (request.link(pip.LINK),), notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what uv would receive, found through its file and PATH: see `setup`."""
    settings = reading.document(request, _file(request), "toml")
    chosen = request.environ.get(_VARIABLE)
    if chosen not in (None, "", "subprocess"):
        return shadowed(f"{_VARIABLE} is set to something else", command("unset", _VARIABLE))
    if settings.get("keyring-provider") != "subprocess" and not chosen:
        return Finding(trouble=f'{_file(request)} does not say: keyring-provider = "subprocess"')
    other = dict_at(settings, "pip").get("keyring-provider")
    if other not in (None, "subprocess") and not chosen:
        return shadowed(f"{_file(request)} has another keyring-provider in [pip]", "remove it")
    return pip.check_keyring(request, ask)


def _file(request: WiringRequest) -> str:
    default = request.below("XDG_CONFIG_HOME", "uv/uv.toml", ".config/uv/uv.toml")
    return request.variable("UV_CONFIG_FILE") or default
