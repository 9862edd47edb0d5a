"""Grants from variables and files: what is read, what is refused, and what is never shown."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.errors import ConfigError, LoginRequiredError
from tests.config.conftest import CANARY, refused, resolve


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.key"
    path.write_bytes(CANARY.encode() + b"\n")
    path.chmod(0o600)
    return path


def test_a_variable_is_read_and_prints_as_stars() -> None:
    secret = resolve("env", "KEY", environ={"KEY": CANARY})
    assert secret.reveal() == CANARY
    assert CANARY not in f"{secret} {secret!r}"


@pytest.mark.parametrize(("environ", "told"), [({}, "is not set"), ({"KEY": ""}, "is empty")])
def test_a_missing_variable_asks_for_a_person_and_names_itself(
    environ: dict[str, str], told: str
) -> None:
    with pytest.raises(LoginRequiredError, match=f"variable KEY, .* profile dev, {told}"):
        resolve("env", "KEY", environ=environ)


@pytest.mark.parametrize(
    "value",
    [
        f"{CANARY}\r",
        f"{CANARY}\r\n",
        f"{CANARY}\n{CANARY}",
        f"\n{CANARY}",
        f"{CANARY}\n\n",
        f"{CANARY}\x0b",
        f"{CANARY}\x85",
        f"{CANARY}\u2028x",
        f"{CANARY}\x1b[2J",
        f"{CANARY}\x7f",
        f"\ufeff{CANARY}",
        f"{CANARY}\u202e",
        f"{CANARY}\t",
        f"{CANARY} ",
        f" {CANARY}",
        f"{CANARY} x",
        f"{CANARY}é",
        f"{CANARY}\udcff",
    ],
)
def test_a_value_that_is_not_one_plain_word_is_refused_unshown(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("env", "KEY", environ={"KEY": value})
    refused(caught)


@pytest.mark.parametrize("value", ["correct horse", "pässwörd", "密码", "a:b", "'\"\\$`", "😀"])
def test_a_password_may_hold_blanks_and_any_printable_character(value: str) -> None:
    assert resolve("env", "KEY", environ={"KEY": value}, password=True).reveal() == value


@pytest.mark.parametrize(
    "value", [f"{CANARY}\x00x", f"{CANARY}\x9b", f" {CANARY}", f"{CANARY}\udc80", f"{CANARY}\ufeff"]
)
def test_a_password_may_not_hold_what_cannot_be_seen(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("env", "KEY", environ={"KEY": value}, password=True)
    refused(caught)


def test_a_file_is_read_without_its_final_line_feed(secret_file: Path) -> None:
    assert resolve("file", str(secret_file)).reveal() == CANARY
    secret_file.write_bytes(CANARY.encode())
    assert resolve("file", str(secret_file)).reveal() == CANARY


@pytest.mark.parametrize("name", ["open", "fstat", "read"])
def test_a_file_that_is_replaced_under_us_on_nfs_is_read_again(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real: Callable[..., object] = getattr(os, name)
    left = [errno.ESTALE] * 2

    def stale(*arguments: object) -> object:
        if left:
            raise OSError(left.pop(), "stale")
        return real(*arguments)

    monkeypatch.setattr(os, name, stale)
    assert resolve("file", str(secret_file)).reveal() == CANARY


def test_a_file_may_be_reached_through_a_symlink(secret_file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(secret_file)
    assert resolve("file", str(tmp_path / "link")).reveal() == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o606, 0o622, 0o777])
def test_a_file_open_to_others_is_refused_with_the_cure(mode: int, secret_file: Path) -> None:
    secret_file.chmod(mode)
    with pytest.raises(ConfigError, match=r"by (others|anybody|its group)") as caught:
        resolve("file", str(secret_file))
    assert refused(caught).endswith(
        (f"| chmod 600 {secret_file}", f"| chmod o-w {secret_file}", f"| chmod go-w {secret_file}")
    )


def test_the_target_of_a_symlink_is_judged_and_not_the_link(
    secret_file: Path, tmp_path: Path
) -> None:
    secret_file.chmod(0o644)
    (tmp_path / "link").symlink_to(secret_file)
    with pytest.raises(ConfigError, match="can be read by others"):
        resolve("file", str(tmp_path / "link"))


def test_a_readable_file_is_read_if_the_user_says_so_but_never_a_writable_one(
    secret_file: Path,
) -> None:
    secret_file.chmod(0o644)
    assert resolve("file", str(secret_file), allow_readable=True).reveal() == CANARY
    secret_file.chmod(0o666)
    with pytest.raises(ConfigError, match="may be written by anybody"):
        resolve("file", str(secret_file), allow_readable=True)


def test_a_readable_file_on_a_read_only_mount_is_read(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file.chmod(0o644)
    really = os.fstatvfs

    class Mount:
        def __init__(self, handle: int) -> None:
            self.f_flag = really(handle).f_flag | os.ST_RDONLY

    monkeypatch.setattr(os, "fstatvfs", Mount)
    assert resolve("file", str(secret_file)).reveal() == CANARY


@pytest.mark.parametrize(("owner", "fine"), [(0, True), (os.getuid() + 4242, False)])
def test_a_file_must_be_ours_or_the_administrators(
    owner: int, fine: bool, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.fstat

    def fstat(handle: int) -> os.stat_result:
        found = list(really(handle))
        found[4] = owner
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", fstat)
    if fine:
        assert resolve("file", str(secret_file)).reveal() == CANARY
    else:
        with pytest.raises(ConfigError, match=rf"another user \(uid {owner}\)") as caught:
            resolve("file", str(secret_file))
        hint = refused(caught)
        assert "| run as that user: " in hint or f"cp {secret_file} " in hint


def test_what_is_not_a_regular_file_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "link", Path("/dev/null")):
        with pytest.raises(ConfigError, match="is not a regular file"):
            resolve("file", str(path))


def test_a_missing_file_asks_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("missing", "file/below"):
        with pytest.raises(LoginRequiredError, match="does not exist") as caught:
            resolve("file", str(tmp_path / name))
        assert "profile dev" in refused(caught)


@pytest.mark.parametrize("path", ["dev.key", "./dev.key", "~/dev.key", ""])
def test_a_relative_path_is_never_opened(
    path: str, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secret_file.parent)
    with pytest.raises(ConfigError, match="is not an absolute path"):
        resolve("file", path)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%s\r\n", "ends in a carriage return"),
        (b"%s\n%s\n", "has more than one line"),
        (b"%s\n\n", "has more than one line"),
        (b"%s\r%s", "holds a control character"),
        (b"%s\x00", "holds a control character"),
        (b"\xef\xbb\xbf%s", "is not ASCII"),
        (b"\xff\xfe%s", "is not ASCII"),
        (b"%s" + b"x" * 65536, "is larger than 64 KiB"),
    ],
)
def test_a_file_that_does_not_hold_one_plain_line_is_refused_unshown(
    data: bytes, told: str, secret_file: Path
) -> None:
    secret_file.write_bytes(data.replace(b"%s", CANARY.encode()))
    with pytest.raises(ConfigError, match=told) as caught:
        resolve("file", str(secret_file))
    assert str(secret_file) in refused(caught)


@pytest.mark.parametrize("data", [b"", b"\n"])
def test_an_empty_file_asks_for_a_person(data: bytes, secret_file: Path) -> None:
    secret_file.write_bytes(data)
    with pytest.raises(LoginRequiredError, match="is empty"):
        resolve("file", str(secret_file))


def test_an_endless_file_is_not_read_to_its_end(secret_file: Path) -> None:
    with secret_file.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ConfigError, match="larger than 64 KiB"):
        resolve("file", str(secret_file))


@pytest.mark.parametrize("call", ["open", "read"])
def test_a_file_that_the_disk_does_not_give_is_an_error_with_the_reason(
    call: str, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, broken)
    with pytest.raises(ConfigError, match="cannot be read: Input/output error"):
        resolve("file", str(secret_file))
