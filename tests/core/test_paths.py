"""Where things live: held to platformdirs, and to the rules that are stricter."""

from __future__ import annotations

import itertools
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import platformdirs.macos
import platformdirs.unix
import pytest

from credhelper.core import paths
from credhelper.errors import ConfigError

HOMES = [None, "", "relative/home", "/", "/home/a", "/home/a/", "/home/with space", "//home/a"]
BASES = [None, "", "relative", "./x", "~/x", "/x", "/x/", "/x//", "//x", "/with space/é"]
OURS = ("CREDHELPER_CACHE_DIR", "CREDHELPER_STATE_DIR", "CREDHELPER_CONFIG")
XDG = ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


def surroundings(home: str | None, base: str | None) -> dict[str, str]:
    told = {name: base + name[-9:] for name in XDG} if base else dict.fromkeys(XDG, "")
    if base is None:
        told = {}
    return told if home is None else {"HOME": home, **told}


def known() -> bool:
    """Tell whether the password database knows this user: of a container's it may not."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


needs_an_entry = pytest.mark.skipif(not known(), reason="no password database knows this user")


@needs_an_entry
@pytest.mark.parametrize(("home", "base"), list(itertools.product(HOMES, BASES)))
@pytest.mark.parametrize(
    ("platform", "theirs"),
    [("linux", platformdirs.unix.Unix), ("darwin", platformdirs.macos.MacOS)],
)
def test_the_places_are_those_of_platformdirs(
    home: str | None,
    base: str | None,
    platform: str,
    theirs: type[platformdirs.unix.Unix | platformdirs.macos.MacOS],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = surroundings(home, base)
    for name in ("HOME", *XDG):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    expected = theirs("credhelper", appauthor=False)
    assert paths.cache_dir(environ, platform) == expected.user_cache_dir
    assert paths.state_dir(environ, platform) == expected.user_state_dir
    assert paths.config_file(environ, platform) == expected.user_config_dir + "/config.toml"


@pytest.mark.parametrize("platform", ["linux", "darwin", "freebsd14"])
def test_overrides_win_over_everything(platform: str) -> None:
    environ = dict.fromkeys(OURS, "/chosen/by me") | surroundings("/home/a", "/x")
    assert paths.cache_dir(environ, platform) == "/chosen/by me"
    assert paths.state_dir(environ, platform) == "/chosen/by me"
    assert paths.config_file(environ, platform) == "/chosen/by me"


@pytest.mark.parametrize("value", ["x", ".", "./x", "../x", "~/x", " /x", "C:\\x", "\\\\host\\x"])
@pytest.mark.parametrize(
    ("place", "variable"),
    list(zip((paths.cache_dir, paths.state_dir, paths.config_file), OURS, strict=True)),
)
def test_a_relative_override_is_refused_by_name(
    place: Callable[[dict[str, str], str], str | None], variable: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{variable} is not an absolute path$"):
        place({"HOME": "/home/a", variable: value}, "linux")


def test_an_empty_override_is_no_override() -> None:
    environ = {"HOME": "/home/a"} | dict.fromkeys(OURS, "")
    assert paths.cache_dir(environ, "linux") == "/home/a/.cache/credhelper"


@needs_an_entry
@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "relative"}, {"HOME": "~"}])
def test_without_a_usable_home_the_password_database_is_asked(home: dict[str, str]) -> None:
    expected = pwd.getpwuid(os.getuid()).pw_dir.rstrip("/")
    assert paths.home(home) == expected
    assert paths.cache_dir(home, "linux") == f"{expected}/.cache/credhelper"


@pytest.mark.parametrize("entry", ["", "relative"])
def test_without_any_home_there_is_no_place_and_never_the_current_directory(
    entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_dir=entry))
    assert paths.home({}) is None
    for place in (paths.cache_dir, paths.state_dir, paths.config_file):
        assert place({}, "linux") is None
        assert place({"HOME": "here"}, "darwin") is None
    with pytest.raises(ConfigError, match="no home folder is known"):
        paths.expand("~/x", {})


def test_a_user_without_a_database_entry_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert paths.cache_dir({}, "linux") is None
    assert paths.state_dir({"XDG_STATE_HOME": "/s"}, "linux") == "/s/credhelper"


def test_a_tilde_stands_for_the_home_only_at_the_front() -> None:
    assert paths.expand("~/k", {"HOME": "/home/a/"}) == "/home/a/k"
    assert paths.expand("~/k", {"HOME": "/"}) == "/k"
    assert paths.expand("/a/~/k", {"HOME": "/home/a"}) == "/a/~/k"


@pytest.mark.parametrize("text", ["", "~", "~root/k", "k", "./k", " ~/k", "a/~/k"])
def test_any_other_relative_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected an absolute path"):
        paths.expand(text, {"HOME": "/home/a"})


def test_a_config_is_read_through_a_symlink(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_bytes(b"\xff any bytes\n")
    (tmp_path / "config.toml").symlink_to(real)
    assert paths.read_config(str(tmp_path / "config.toml")) == b"\xff any bytes\n"


def test_a_missing_config_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for name in ("missing", "no/folder", "file/below", "dangling"):
        assert paths.read_config(str(tmp_path / name)) is None


def test_a_relative_path_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="must be absolute"):
        paths.read_config("config.toml")


def test_what_is_not_a_regular_file_is_refused_without_blocking(tmp_path: Path) -> None:
    import socket

    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path in (tmp_path, tmp_path / "fifo", tmp_path / "link", tmp_path / "socket"):
            with pytest.raises(ConfigError, match="not a regular file"):
                paths.read_config(str(path))
    with pytest.raises(ConfigError, match="not a regular file"):
        paths.read_config("/dev/zero")


def test_a_symlink_loop_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="cannot be read: Too many levels of symbolic links"):
        paths.read_config(str(tmp_path / "loop"))


def test_a_judge_is_given_the_open_config_before_a_byte_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"x")

    def judge(handle: int, name: str) -> None:
        assert os.path.samestat(os.fstat(handle), os.stat(name))
        assert os.lseek(handle, 0, os.SEEK_CUR) == 0
        raise ConfigError("not this one")

    with pytest.raises(ConfigError, match="not this one"):
        paths.read_config(str(path), judge)
    assert paths.read_config(str(path)) == b"x"


def test_a_config_over_one_mebibyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"#" * 1024 * 1024)
    assert paths.read_config(str(path)) == b"#" * 1024 * 1024
    with path.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        paths.read_config(str(path))


@pytest.mark.parametrize(("stale", "survives"), [(1, True), (2, True), (3, False)])
def test_a_stale_file_handle_is_tried_again_within_bounds(
    stale: int, survives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    path = tmp_path / "config.toml"
    path.write_bytes(b"x")
    left = [errno.ESTALE] * stale
    really = os.open

    def open_(name: str, flags: int) -> int:
        if left:
            raise OSError(left.pop(), "stale")
        return really(name, flags)

    monkeypatch.setattr("credhelper.core.paths.os.open", open_)
    if survives:
        assert paths.read_config(str(path)) == b"x"
    else:
        with pytest.raises(ConfigError, match="Stale file handle"):
            paths.read_config(str(path))


def test_an_unreadable_config_is_an_error_and_not_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(name: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("credhelper.core.paths.os.open", denied)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        paths.read_config(str(tmp_path / "config.toml"))


def test_the_module_loads_only_what_a_warm_answer_can_afford() -> None:
    import subprocess

    root = str(Path(paths.__file__).parent.parent.parent)
    probe = (
        f"import sys, os, stat, errno; sys.path.insert(0, {root!r}); before = set(sys.modules);"
        " import credhelper.core.paths; print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", probe], capture_output=True, check=True)
    loaded = [name for name in ran.stdout.decode().split() if not name.startswith("credhelper")]
    assert loaded in ([], ["__future__"])
