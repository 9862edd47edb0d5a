"""Whose file is it: one rule, held on real files of real users where the suite is root."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.core import paths
from credhelper.errors import ConfigError
from credhelper.storage import ours
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

_SOMEBODY, _ANOTHER = 4321, 4322

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def _config(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir(0o700)
    path = folder / "config.toml"
    path.touch()
    path.chmod(0o644)
    return path


def _read(path: Path, **environ: str) -> bytes | None:
    return paths.read_config(str(path), ours.judge_config(environ))


def _share(path: Path, mode: int) -> None:
    os.chown(path, 0, 50)
    path.chmod(mode)


_ODD: dict[str, tuple[str, Callable[[Path], None]]] = {
    "anybody writes": ("written by anybody", lambda path: path.chmod(0o666)),
    "open folder": ("written by anybody", lambda path: path.parent.chmod(0o777)),
    "open folder above": ("written by anybody", lambda path: path.parent.parent.chmod(0o777)),
}
_ODD_FOR_ROOT: dict[str, tuple[str, Callable[[Path], None]]] = {
    "owner": ("another user", lambda path: os.chown(path, _SOMEBODY, _SOMEBODY)),
    "folder": ("another user", lambda path: os.chown(path.parent, _SOMEBODY, _SOMEBODY)),
    "above": ("another user", lambda path: os.chown(path.parent.parent, _SOMEBODY, _SOMEBODY)),
    "group": ("written by its group", lambda path: _share(path, 0o664)),
    "group of the folder": ("written by its group", lambda path: _share(path.parent, 0o775)),
}


@pytest.mark.parametrize("odd", _ODD)
def test_a_config_that_others_could_write_is_refused_and_the_hint_mends_it(
    odd: str, tmp_path: Path
) -> None:
    path = _config(tmp_path)
    told, spoil = _ODD[odd]
    spoil(path)
    with pytest.raises(ConfigError, match=told) as caught:
        _read(path)
    assert (caught.value.hint or "").startswith("chmod o-w /")
    assert os.system(str(caught.value.hint)) == 0  # a hint is a command that works
    assert _read(path) == b""


@root_only
@pytest.mark.parametrize("odd", _ODD_FOR_ROOT)
@pytest.mark.parametrize("named", [False, True])
def test_root_takes_only_what_is_roots(odd: str, named: bool, tmp_path: Path) -> None:
    path = _config(tmp_path)
    told, spoil = _ODD_FOR_ROOT[odd]
    spoil(path)
    with pytest.raises(ConfigError, match=told) as caught:
        _read(path, **({"CREDHELPER_CONFIG": str(path)} if named else {}))
    hint = caught.value.hint or ""
    assert hint.startswith("run as that user: " if told == "another user" else "chmod g-w /")


def test_a_group_of_the_owner_alone_may_write(tmp_path: Path) -> None:
    path = _config(tmp_path)
    found = path.stat()
    path.chmod(0o664)
    if found.st_gid == found.st_uid:
        assert _read(path) == b""
    else:
        with pytest.raises(ConfigError, match="written by its group"):
            _read(path)


def test_a_sticky_folder_may_be_open(tmp_path: Path) -> None:
    path = _config(tmp_path)
    path.parent.chmod(0o1777)
    assert _read(path) == b""


@root_only
def test_a_link_is_followed_only_if_it_is_ours_or_roots(tmp_path: Path) -> None:
    path = _config(tmp_path)
    link = tmp_path / "link"
    link.symlink_to("folder/../folder/./config.toml")
    assert _read(link) == b""
    os.lchown(link, _SOMEBODY, _SOMEBODY)
    for way in (link, tmp_path / "folder" / ".." / "link"):
        with pytest.raises(ConfigError, match=f"link {link}, which belongs to another user"):
            _read(way)
    assert _read(path) == b""


def test_a_read_only_mount_is_exempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _config(tmp_path)
    path.chmod(0o666)
    path.parent.chmod(0o777)

    class Mount:
        f_flag = os.ST_RDONLY

    monkeypatch.setattr(os, "fstatvfs", lambda handle: Mount)
    monkeypatch.setattr(os, "statvfs", lambda place: Mount)
    assert _read(path) == b""


@root_only
def test_the_config_of_another_user_runs_none_of_its_commands(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    ran = scratch_world.root / "ran"
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={"grant": {"command": ["touch", str(ran)]}},
    )
    os.chown(scratch_world.config, _SOMEBODY, _SOMEBODY)
    for words in (["get"], ["status"], ["json"], ["profile", "list"], ["profile", "use", "main"]):
        outcome = scratch_world.run(*words, stdin=b'{"version":1,"action":"get"}\n')
        if words != ["json"]:
            assert outcome.status == 6, outcome
            assert f"setpriv --reuid {_SOMEBODY}" in outcome.told
        assert not ran.exists()


@root_only
def test_a_config_is_judged_each_time_that_it_is_parsed_and_never_for_a_warm_answer(
    scratch_world: World,
) -> None:
    token = scratch_world.prepare()
    os.chown(scratch_world.config, _SOMEBODY, _SOMEBODY)
    assert scratch_world.get() == token
    assert scratch_world.run("status").status == 6
    scratch_world.age(90000)
    assert scratch_world.run("get").status == 6


@root_only
def test_a_file_that_the_user_names_may_be_another_users_but_not_in_its_place(
    running_sandbox: RunningSandbox,
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # others may not enter pytest's folders
        os.chmod(folder, 0o755)
        world = World(Path(folder))
        world.configure(running_sandbox.url, running_sandbox.api_key)
        os.chown(world.config, _SOMEBODY, _SOMEBODY)
        world.belongs_to(_ANOTHER)
        assert world.run("profile", "list").status == 0
        place = world.home / ".config" / "credhelper"
        place.mkdir(parents=True)
        world.config.rename(place / "config.toml")
        outcome = world.run("profile", "list", environ={"CREDHELPER_CONFIG": None})
        assert outcome.status == 6
        assert "belongs to another user" in outcome.told
