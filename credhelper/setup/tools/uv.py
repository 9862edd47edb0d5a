"""uv: asks a program called `keyring`, which is a link to us.

Source: uv's documentation, "Authentication" and "Configuration files". uv asks about an index that
has `authenticate = "always"`, or a user name in its URL.
"""

from __future__ import annotations

import tomllib

from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish, shadowed
from credhelper.setup.tools import pip

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

_VARIABLE = "UV_KEYRING_PROVIDER"


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    entry = Entry((), (("keyring-provider", "subprocess"),))
    notes = ('uv asks about an index that says: authenticate = "always"', *pip.on_path(wish))
    return Plan((FileChange(_file(wish), "toml", (entry,)),), (wish.link(pip.LINK),), notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what uv would be told, found through its file and PATH: see `setup`."""
    try:
        told = tomllib.loads(wish.read(_file(wish)) or "")
    except ValueError:
        return Finding(trouble=f"{_file(wish)} cannot be read")
    chosen = wish.environ.get(_VARIABLE)
    if chosen not in (None, "", "subprocess"):
        return shadowed(f"{_VARIABLE} is set to something else", f"unset {_VARIABLE}")
    if told.get("keyring-provider") != "subprocess" and not chosen:
        return Finding(trouble=f'{_file(wish)} does not say: keyring-provider = "subprocess"')
    section = told.get("pip")
    other = section.get("keyring-provider") if isinstance(section, dict) else None
    if other not in (None, "subprocess") and not chosen:
        return shadowed(f"{_file(wish)} has another keyring-provider in [pip]", "take it out")
    return pip.check_keyring(wish, ask)


def _file(wish: Wish) -> str:
    default = wish.below("XDG_CONFIG_HOME", "uv/uv.toml", ".config/uv/uv.toml")
    return wish.told("UV_CONFIG_FILE") or default
