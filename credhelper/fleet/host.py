"""What a host remembers of its fleet, in its cache: who it is, and when the store is left alone.

Whoever has the kernel's lock of a record in this cache goes on where a killed neighbour stopped: so
all of its processes are one owner of leases. None of these files holds a secret.
"""

from __future__ import annotations

import os

from credhelper.core import paths
from credhelper.core.digest import sha256
from credhelper.errors import CacheError
from credhelper.storage import files

_OWNER = "fleet.owner"
_DIGITS = 32
_REST = 15.0  # seconds that a store in trouble is left alone, give or take a fifth
RESTS = f"was in trouble a moment ago; credhelper asks it again after {_REST * 1.2:.0f} s at most"
_HEX = frozenset("0123456789abcdef")


def chance() -> float:
    """Return any number from 0 to 1: hosts that began together must not go on together."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def owner(folder: str | None, host: str) -> str:
    """Return who asks for leases: the same for all processes with this cache.

    Parameters:
    - folder: of the cache; None without one: then each process is an owner.
    - host: this host's name, for caches that were copied with a machine.
    """
    told = (folder and _kept(folder)) or os.urandom(_DIGITS // 2).hex()
    return sha256(f"{told} {host}".encode("utf-8", "surrogateescape"))[:_DIGITS]


def _kept(folder: str) -> str:
    path = os.path.join(folder, _OWNER)
    for _ in range(2):
        if paths.private_folder(folder):
            told = (paths.read_private(path) or b"").decode("ascii", "replace")
            if len(told) == _DIGITS and _HEX.issuperset(told):
                return told
        try:
            files.make_folder(folder)
            files.replace(path, os.urandom(_DIGITS // 2).hex().encode())
        except (OSError, CacheError):
            return ""
    return ""


def rests(folder: str | None, store: str, now: float) -> bool:
    """Tell whether the store is to be left alone: it was in trouble a moment ago.

    Parameters:
    - folder: of the cache, or None.
    - store: what names the store.
    - now: Unix seconds.
    """
    if folder is None or not paths.private_folder(folder):
        return False
    told = (paths.read_private(_rest(folder, store)) or b"").decode("ascii", "replace")
    # A time far in the future is of another clock, so it says nothing.
    return told.isdigit() and len(told) < 16 and 0 < int(told) / 1000 - now <= 2 * _REST


def let_rest(folder: str | None, store: str, now: float) -> None:
    """Leave the store alone for a while: all processes with this cache. Never raises.

    Parameters: as for `rests`.
    """
    if folder is None:
        return
    until = now + _REST * (0.8 + 0.4 * chance())
    try:
        files.make_folder(folder)
        files.replace(_rest(folder, store), str(int(until * 1000)).encode())
    except (OSError, CacheError):
        return  # then the next process asks it, and finds out itself


def _rest(folder: str, store: str) -> str:
    return os.path.join(folder, f"fleet-{sha256(store.encode())[:16]}.rest")
