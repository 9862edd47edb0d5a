"""Which path of ours a tool is told: one that survives an upgrade."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.errors import CredhelperError
from credhelper.setup.program import Program, find

NAMES = ("git-credential-credhelper",)


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Give this test an installation in an environment with a version in its path."""
    for name in ("credhelper", *NAMES):
        executable(tmp_path / "venvs/credhelper-0.1.0/bin" / name)
    return tmp_path / "venvs/credhelper-0.1.0/bin"


def says(**versions: str) -> Callable[[str], str | None]:
    """Return what each program says, by the name of its folder; `credhelper 0.1.0` otherwise."""
    return lambda path: versions.get(Path(path).parent.name, "credhelper 0.1.0") or None


def found(path: str, own: Path, environ: dict[str, str] | None = None, **versions: str) -> Program:
    return find({"PATH": path, **(environ or {})}, [str(own)], NAMES, says(**versions))


def test_a_link_on_path_is_named_and_not_where_it_leads(tmp_path: Path, venv: Path) -> None:
    local = tmp_path / ".local/bin"
    local.mkdir(parents=True)
    for name in ("credhelper", *NAMES):
        (local / name).symlink_to(venv / name)
    program = found(f"/usr/bin:{local}", venv / "credhelper")
    assert program.path == str(local / "credhelper")
    assert program.called(NAMES[0]) == NAMES[0]


def test_a_shim_of_the_same_version_is_named(tmp_path: Path, venv: Path) -> None:
    shim = executable(tmp_path / "shims/credhelper")
    program = found(str(shim.parent), venv / "credhelper")
    assert program.path == str(shim)
    assert not program.beside & set(NAMES)


def test_another_release_on_path_is_not_us(tmp_path: Path, venv: Path) -> None:
    other = executable(tmp_path / "other/credhelper")
    program = found(str(other.parent), venv / "credhelper", other="credhelper 0.0.9")
    assert program.path == str(venv / "credhelper")
    assert program.called(NAMES[0]) == str(venv / NAMES[0])


def test_what_an_activated_environment_put_on_path_is_named_in_full(venv: Path) -> None:
    active = {"VIRTUAL_ENV": str(venv.parent)}
    program = found(str(venv), venv / "credhelper", active)
    assert not program.lasting
    assert program.called(NAMES[0]) == str(venv / NAMES[0])


def test_the_current_folder_is_not_a_place_to_find_us(
    tmp_path: Path, venv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "credhelper")
    monkeypatch.chdir(tmp_path)
    for path in (".", "", os.pathsep):
        assert found(path, venv / "credhelper").path == str(venv / "credhelper")


def test_a_program_that_does_not_run_is_an_error(venv: Path) -> None:
    with pytest.raises(CredhelperError, match="runs"):
        find({"PATH": "/nowhere"}, [str(venv / "credhelper")], NAMES, lambda path: None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
@pytest.mark.parametrize("what", ["file", "folder", "target", "mode"])
def test_root_links_no_program_that_another_user_can_replace(
    tmp_path: Path, venv: Path, what: str
) -> None:
    theirs = executable(tmp_path / "theirs/credhelper")
    if what == "target":
        other = executable(tmp_path / "home/credhelper")
        theirs.unlink()
        theirs.symlink_to(other)
        os.chown(other.parent, 12345, 12345)
    elif what == "mode":
        theirs.parent.chmod(0o777)
    else:
        os.chown(theirs if what == "file" else theirs.parent, 12345, 12345)
    asked: list[str] = []

    def version_of(path: str) -> str:
        asked.append(path)
        return "credhelper 0.1.0"

    environ = {"PATH": str(theirs.parent)}
    program = find(environ, [str(venv / "credhelper")], NAMES, version_of)
    assert program.path == str(venv / "credhelper")
    assert str(theirs) not in asked
    with pytest.raises(CredhelperError) as error:
        find({"PATH": ""}, [str(theirs)], NAMES, version_of)
    assert error.value.hint
