"""Records: what is read is what was written, whole and ours, or nothing."""

from __future__ import annotations

import errno
import os
import posix
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core import record
from credhelper.errors import CacheError
from credhelper.storage import files

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))
keys = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1)
fields = st.dictionaries(keys, printable)
FIELDS = {"kind": "jwt", "expires": "1800000000", "token": "eyJ.a=b.c", "empty": ""}


@given(fields)
def test_what_is_encoded_decodes_to_the_same(told: dict[str, str]) -> None:
    assert record.decode(files.encode(told)) == told


@given(fields, st.data())
def test_a_record_with_one_changed_byte_is_a_miss(
    told: dict[str, str], data: st.DataObject
) -> None:
    whole = bytearray(files.encode(told))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    assert record.decode(bytes(whole)) is None


@given(st.data())
def test_a_record_with_bytes_lost_doubled_or_added_is_a_miss(data: st.DataObject) -> None:
    whole = files.encode(FIELDS)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    more = data.draw(st.binary(max_size=5))
    changed = whole[:start] + more + whole[end:]
    assert (record.decode(changed) is None) == (changed != whole)


@pytest.mark.parametrize("length", range(len(files.encode(FIELDS))))
def test_a_truncated_record_is_a_miss(length: int) -> None:
    assert record.decode(files.encode(FIELDS)[:length]) is None


@given(st.binary())
def test_noise_is_a_miss(noise: bytes) -> None:
    assert record.decode(noise) is None


def test_another_format_version_is_a_miss() -> None:
    body = b"credhelper-record 2\ntoken=x\n"
    assert record.decode(body + record.end(body)) is None


def test_a_line_without_an_equals_sign_is_a_miss() -> None:
    body = b"credhelper-record 1\ntoken\n"
    assert record.decode(body + record.end(body)) is None


def test_unknown_fields_are_kept_for_who_knows_them() -> None:
    assert record.decode(files.encode({**FIELDS, "later": "1"})) == {**FIELDS, "later": "1"}


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\rb", "\n", "a\0", "\x7f", "\x1b[2J", "\t", "\x85", "\u2028", "é", "\ud800", "\x0b"],
)
def test_a_value_that_could_break_the_lines_is_refused_by_the_writer(value: str) -> None:
    with pytest.raises(CacheError, match="field token") as told:
        files.encode({"token": value})
    assert value not in told.value.message


# --- files that we may believe --------------------------------------------------------------------


def written(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "record"
    path.write_bytes(files.encode(FIELDS))
    path.chmod(mode)
    return path


def test_a_private_file_of_ours_is_believed(folder: Path) -> None:
    assert record.read_private(str(written(folder))) == files.encode(FIELDS)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o601, 0o610, 0o644, 0o666, 0o777])
def test_a_file_that_others_may_touch_is_a_miss(folder: Path, mode: int) -> None:
    assert record.read_private(str(written(folder, mode))) is None


def test_a_symlink_is_a_miss_wherever_it_leads(folder: Path) -> None:
    written(folder)
    (folder / "link").symlink_to("record")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    for name in ("link", "dangling", "loop"):
        assert record.read_private(str(folder / name)) is None


def test_a_fifo_a_folder_and_a_device_are_misses_and_hold_nobody_up(folder: Path) -> None:
    os.mkfifo(folder / "fifo", 0o600)
    (folder / "folder").mkdir(0o700)
    for path in (folder / "fifo", folder / "folder", Path("/dev/null"), folder / "missing"):
        assert record.read_private(str(path)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_a_miss(folder: Path) -> None:
    path = written(folder)
    os.chown(path, 12345, -1)
    assert record.read_private(str(path)) is None


def test_an_oversized_file_is_a_miss_and_is_not_read(folder: Path) -> None:
    path = written(folder)
    os.truncate(path, record.MOST_BYTES + 1)
    assert record.read_private(str(path)) is None


@pytest.mark.parametrize("times", [1, 2, 3, 99])
@pytest.mark.parametrize("call", ["open", "read", "fstat"])
def test_a_stale_handle_is_looked_up_again_but_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, times: int
) -> None:
    path = written(folder)
    real = getattr(posix, call)
    calls = 0

    def stale(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise OSError(errno.ESTALE, "stale")
        return real(*arguments)

    monkeypatch.setattr(posix, call, stale)
    found = record.read_private(str(path))
    monkeypatch.undo()
    assert (found is not None) == (times < 3)
    assert calls <= 3 + 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.EINTR])
@pytest.mark.parametrize("call", ["open", "read", "fstat"])
def test_a_disk_that_says_no_is_a_miss(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = written(folder)

    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(posix, call, refuse)
    found = record.read_private(str(path))
    monkeypatch.undo()
    assert found is None


def test_a_private_folder_is_ours_and_closed(folder: Path, tmp_path: Path) -> None:
    assert record.private_folder(str(folder))
    for mode in (0o701, 0o710, 0o750, 0o755, 0o777, 0o770, 0o1777):
        folder.chmod(mode)
        assert not record.private_folder(str(folder))
    folder.chmod(0o700)
    (tmp_path / "link").symlink_to(folder)
    assert not record.private_folder(str(tmp_path / "link"))
    assert not record.private_folder(str(written(folder)))
    assert not record.private_folder(str(tmp_path / "missing"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_of_somebody_else_is_not_private(folder: Path) -> None:
    os.chown(folder, 12345, -1)
    assert not record.private_folder(str(folder))
