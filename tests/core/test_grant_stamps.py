"""What the warm path can see of a grant: a new key in a file is a miss."""

from __future__ import annotations

import os
from pathlib import Path

from credhelper.core import lookup
from credhelper.core.routes import Route, compiled

NONE = compiled("", "00" * 16, [])


def stamp(path: Path) -> tuple[str, str]:
    route = Route("a", "r" * 32, "jwt", "oauth2", "", "https://ica", 0, f"file:{path}", [])
    return lookup.record_of(NONE, route, {})


def test_a_new_key_in_the_file_is_another_stamp(tmp_path: Path) -> None:
    path = tmp_path / "key"
    seen = {stamp(path)}
    path.write_text("one")
    seen.add(stamp(path))
    path.write_text("other")
    seen.add(stamp(path))
    other = tmp_path / "new"
    other.write_text("third")
    os.utime(other, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    seen.add(stamp(path))
    assert len(seen) == 4
    assert {name for name, _ in seen} == {"r" * 32}
    assert stamp(path) == stamp(path)


def test_a_symlink_to_another_key_is_another_stamp(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "key"
    link.symlink_to("one")
    before = stamp(link)
    link.unlink()
    link.symlink_to("two")
    assert stamp(link) != before


def test_a_command_or_keyring_shows_nothing() -> None:
    route = Route("a", "r" * 32, "jwt", "oauth2", "", "https://ica", 0, "", [])
    assert lookup.record_of(NONE, route, {}) == ("r" * 32, "")
