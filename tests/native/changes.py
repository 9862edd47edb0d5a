"""All near misses: one change each to a case that both fronts answer (`near.py` says how)."""

from __future__ import annotations

from tests.native import near_edges, near_files, near_stdin, near_words, near_worlds
from tests.native.near import CHANGES, Change

__all__ = ["CHANGES", "Change", "resummed"]

PARTS = (near_words, near_stdin, near_worlds, near_files, near_edges)
resummed = near_files.resummed
