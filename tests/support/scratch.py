"""Scratch folders in memory, where the machine has room for them.

We sync every file that we write, and a disk takes milliseconds for each: thousands of tests would
wait for that. What a sync is for is tested in tests/faults and tests/storage, without a disk.
"""

from __future__ import annotations

import os

_MEMORY = "/dev/shm"
_ROOM = 4 << 30  # bytes: real clients unpack hundreds of megabytes; a container may have 64
_VARIABLE = "PYTEST_DEBUG_TEMPROOT"  # pytest's own; `--basetemp` counts before it


def in_memory() -> None:
    """Have pytest make its folders in memory, if programs can run there and nobody said where."""
    try:
        there = os.statvfs(_MEMORY)
    except OSError:
        return
    runs = not there.f_flag & os.ST_NOEXEC
    if runs and there.f_bavail * there.f_frsize > _ROOM and os.access(_MEMORY, os.W_OK):
        os.environ.setdefault(_VARIABLE, _MEMORY)
