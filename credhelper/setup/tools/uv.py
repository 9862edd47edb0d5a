"""uv: asks a program called `keyring`, which is a link to us.

Source: uv's documentation, "Authentication" and "Configuration files". uv asks about an index that
has `authenticate = "always"`, or a user name in its URL.
"""

from __future__ import annotations

import tomllib

from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish
from credhelper.setup.tools import pip

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    entry = Entry((), (("keyring-provider", "subprocess"),))
    notes = ('uv asks about an index that says: authenticate = "always"', *pip.on_path(wish))
    return Plan((FileChange(_file(wish), "toml", (entry,)),), (wish.link(pip.LINK),), notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what uv would be told, found through its file and PATH: see `setup`."""
    try:
        provider = tomllib.loads(wish.read(_file(wish)) or "").get("keyring-provider")
    except ValueError:
        return Finding(trouble=f"{_file(wish)} cannot be read")
    if provider != "subprocess":
        return Finding(trouble=f'{_file(wish)} does not say: keyring-provider = "subprocess"')
    return pip.check_keyring(wish, ask)


def _file(wish: Wish) -> str:
    told = wish.environ.get("UV_CONFIG_FILE", "")
    default = wish.below("XDG_CONFIG_HOME", "uv/uv.toml", ".config/uv/uv.toml")
    return told if told.startswith("/") else default
