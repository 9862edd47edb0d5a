"""Folders: made for us alone, and refused where somebody else could reach in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from credhelper.errors import CacheError
from credhelper.storage import files


def test_missing_parents_are_made_for_us_alone(folder: Path) -> None:
    files.make_folder(str(folder / "a" / "b" / "c"))
    for part in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((folder / part).stat().st_mode) == 0o700


def test_a_parent_that_another_process_makes_first_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both see nothing, and the other one is faster: the rest is still ours to make.
    real = os.mkdir

    def slower(path: str, mode: int) -> None:
        if path.endswith("/a"):
            real(path, mode)
        real(path, mode)

    monkeypatch.setattr(os, "mkdir", slower)
    files.make_folder(str(folder / "a" / "b" / "c"))
    assert (folder / "a" / "b" / "c").is_dir()


def test_a_folder_that_is_there_and_ours_is_fine(folder: Path) -> None:
    files.make_folder(str(folder))
    assert files.complaint_about(str(folder)) is None
    assert files.complaint_about(str(folder / "missing")) is None


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o750, 0o755, 0o777])
def test_an_open_folder_is_refused_with_the_cure(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(CacheError, match="open to other users") as told:
        files.make_folder(str(folder))
    assert told.value.hint == f"chmod 700 {folder}"


def test_a_symlink_is_refused_and_its_target_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(CacheError, match="symlink") as told:
        files.make_folder(str(tmp_path / "link"))
    assert str(folder) in (told.value.hint or "")


def test_a_file_in_the_way_is_refused(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(CacheError, match="not a folder"):
        files.make_folder(str(folder / "file"))
    with pytest.raises(CacheError, match="cannot make folder"):
        files.make_folder(str(folder / "file" / "below"))


def test_nothing_hangs_from_a_folder_that_anybody_may_write_to(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    with pytest.raises(CacheError, match="may be written by anybody"):
        files.make_folder(str(folder / "open" / "ours"))
    assert not (folder / "open" / "ours").exists()
    (folder / "open").chmod(0o1777)
    files.make_folder(str(folder / "open" / "ours"))


def test_an_ancestor_may_be_a_symlink(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").symlink_to(folder)
    files.make_folder(str(tmp_path / "home" / "cache"))
    assert (folder / "cache").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_or_ancestor_of_somebody_else_is_refused(folder: Path) -> None:
    os.chown(folder, 12345, -1)
    with pytest.raises(CacheError, match="uid 12345"):
        files.make_folder(str(folder))
    with pytest.raises(CacheError, match="belongs to another user"):
        files.make_folder(str(folder / "ours"))
    assert not (folder / "ours").exists()
