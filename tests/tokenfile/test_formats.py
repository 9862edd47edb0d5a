"""A token in a file: its shape, what else stays in there, and how it gets there."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from credhelper.core import service
from credhelper.core.model import Credential, Request, Secret
from credhelper.errors import CacheError, CredhelperError, RequestError
from credhelper.tokenfile import formats, netrc

TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
HOST = Request("get", service=service.parse("https://files.example:8443/x"))
ENTRY = f"machine files.example\nlogin oauth2\npassword {TOKEN}"


def credential(token: str = TOKEN) -> Credential:
    return Credential(Secret(token), 1800000000, username="oauth2", profile="work")


def text(form: str, before: str = "", request: Request = HOST, token: str = TOKEN) -> str:
    return formats.text(form, request, credential(token), before)


def test_a_bare_token_has_no_line_feed() -> None:
    assert text("token") == TOKEN


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("header", f"Authorization: Bearer {TOKEN}\n"),
        ("curl", f'header = "Authorization: Bearer {TOKEN}"\n'),
        ("env", f"export ICA_ACCESS_TOKEN={TOKEN}\n"),
        ("dotenv", f"ICA_ACCESS_TOKEN={TOKEN}\n"),
    ],
)
def test_shapes_are_those_of_get(form: str, told: str) -> None:
    assert text(form) == told


# JSON escapes what would break a line.
@pytest.mark.parametrize("form", [form for form in formats.FORMATS if form != "json"])
@pytest.mark.parametrize("flaw", ["a\nb", "a\rb", "a\0b", "", "a\x1b[2J"])
def test_no_token_that_breaks_a_line_is_written(form: str, flaw: str) -> None:
    with pytest.raises(CredhelperError):
        text(form, token=flaw)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{ENTRY}\n"),
        (
            "machine other.example login a password b\n",
            f"machine other.example login a password b\n{ENTRY}\n",
        ),
        (
            "# mine\nmachine o login a",
            f"# mine\nmachine o login a\n{ENTRY}\n",
        ),
        # Ours is replaced where it stands, however it is laid out.
        (
            "machine files.example login oauth2 password OLD\nmachine o login a password b\n",
            f"{ENTRY}\nmachine o login a password b\n",
        ),
        (
            "machine files.example\n\tlogin oauth2\n\tpassword OLD\n\n# end\n",
            f"{ENTRY}\n\n# end\n",
        ),
        (f"{ENTRY}\n", f"{ENTRY}\n"),
        # What else stands on the line stays.
        (
            "machine files.example login oauth2 password OLD \t\nmachine o login a password b\n",
            f"{ENTRY}\nmachine o login a password b\n",
        ),
        (
            "machine files.example login oauth2 password OLD # c\nmachine o login a password b\n",
            f"{ENTRY}\n# c\nmachine o login a password b\n",
        ),
        (
            "machine files.example login oauth2 password OLD machine o login a password b\n",
            f"{ENTRY}\nmachine o login a password b\n",
        ),
        # Some readers take the last of several.
        (
            "machine files.example login oauth2 password OLD\nmachine o login a password b\n"
            "machine files.example login oauth2 password OLDER",
            f"{ENTRY}\nmachine o login a password b\n{ENTRY}\n",
        ),
        # Another login on the same host is somebody else.
        (
            "machine files.example login me password p\n",
            f"machine files.example login me password p\n{ENTRY}\n",
        ),
        # A comment and a macro are nobody's entry.
        (
            "# machine files.example login oauth2 password x\n",
            f"# machine files.example login oauth2 password x\n{ENTRY}\n",
        ),
        (
            "macdef init\nmachine files.example login oauth2 password x\n\nmachine o login a"
            " password b\n",
            "macdef init\nmachine files.example login oauth2 password x\n\nmachine o login a"
            f" password b\n{ENTRY}\n",
        ),
        # An empty line ends a macro.
        ("macdef init\ncd /\n", f"macdef init\ncd /\n\n{ENTRY}\n"),
        ("macdef init\ncd /", f"macdef init\ncd /\n\n{ENTRY}\n"),
        ("macdef init\ncd /\n\n", f"macdef init\ncd /\n\n{ENTRY}\n"),
        # `default` ends a netrc.
        ("default login a password b\n", f"{ENTRY}\ndefault login a password b\n"),
        # A password may be any word, even one that looks like ours.
        (
            'machine o login a password "machine files.example"\n',
            f'machine o login a password "machine files.example"\n{ENTRY}\n',
        ),
    ],
)
def test_a_netrc_keeps_what_is_not_ours(before: str, after: str) -> None:
    assert text("netrc", before) == after
    assert text("netrc", after) == after


@pytest.mark.parametrize(
    ("before", "shadowed"),
    [
        ("", False),
        ("machine files.example login me password p\n", True),
        ("machine files.example password p\n", True),
        ("machine o.example login me password p\n", False),
        (f"{ENTRY}\nmachine files.example login me password p\n", False),
    ],
)
def test_a_login_that_readers_would_take_instead_is_seen(before: str, shadowed: bool) -> None:
    assert netrc.shadowed(text("netrc", before), "files.example", "oauth2") is shadowed


def test_a_netrc_needs_a_service() -> None:
    with pytest.raises(RequestError):
        formats.request_for("netrc", "work", None, 0, 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"access-token: {TOKEN}\n"),
        (
            "access-token: OLD\nproject-id: p-1\n",
            f"access-token: {TOKEN}\nproject-id: p-1\n",
        ),
        ("project-id: p-1\naccess-token: OLD", f"project-id: p-1\naccess-token: {TOKEN}"),
        ("project-id: p-1", f"project-id: p-1\naccess-token: {TOKEN}\n"),
        ("# c\r\naccess-token: OLD\r\nx: y\r\n", f"# c\r\naccess-token: {TOKEN}\r\nx: y\r\n"),
        ("my-access-token: a\n", f"my-access-token: a\naccess-token: {TOKEN}\n"),
        ("---\n# c\nx: y\n", f"---\n# c\nx: y\naccess-token: {TOKEN}\n"),
        ('"x": y\nz:\n- a\n- b\n', f'"x": y\nz:\n- a\n- b\naccess-token: {TOKEN}\n'),
        ("access-token :  \nsession-token: s\n", f"access-token: {TOKEN}\nsession-token: s\n"),
    ],
)
def test_a_session_file_keeps_what_is_not_ours(before: str, after: str) -> None:
    assert text("ica-config", before) == after


def test_a_session_file_that_names_two_tokens_is_left_alone() -> None:
    with pytest.raises(RequestError):
        text("ica-config", "access-token: a\naccess-token: b\n")


@pytest.mark.parametrize(
    "before",
    [
        "access-token: |\n  OLD\n  OLD\nx: y\n",
        "access-token: >-\r\n\r\n  OLD\r\n",
        'access-token: "OLD\n  OLD"\n',
        "access-token:\n  OLD\n",
        '"access-token": OLD\n',
        "x: y\n'access-token': OLD\n",
        "{}\n",
        "---\n{access-token: OLD}\n",
        "[]\n",
        "access-token: &mine OLD\nx: *mine\n",
        "? access-token\n: OLD\n",
        "  x: y\n",
        "- x\n",
        "x: y\n---\nz: y\n",
        "x: y\n...\n",
        "null\n",
        "\ufeffaccess-token: OLD\n",
        'x: "a\nb"\n',
        "notes of somebody\n",
    ],
)
def test_a_session_file_in_yamls_longer_ways_is_left_alone(before: str) -> None:
    with pytest.raises(RequestError, match="left alone"):
        text("ica-config", before)


@pytest.mark.parametrize("after", ["# c\n", "\nx: y\n", "  # c\nx: y\n", "x:\n  - y\n"])
def test_what_comes_after_the_token_in_a_session_file_is_no_part_of_it(after: str) -> None:
    assert text("ica-config", f"access-token: OLD\n{after}") == f"access-token: {TOKEN}\n{after}"


@pytest.mark.parametrize("flaw", ["a: b", "a #b", "{a}", "'a'", "- a"])
def test_a_token_that_yaml_would_read_otherwise_is_refused(flaw: str) -> None:
    with pytest.raises(RequestError):
        text("ica-config", token=flaw)


def test_many_who_keep_entries_of_their_own_in_one_file_undo_nobodys(tmp_path: Path) -> None:
    path, folder = str(tmp_path / "netrc"), str(tmp_path / "cache")
    hosts = [f"h{number}.example" for number in range(8)]

    def keep(host: str) -> None:
        request = Request("get", service=service.parse(f"https://{host}"))
        for number in range(5):
            formats.update(path, "netrc", request, credential(f"{TOKEN}{number}"), folder)

    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(keep, hosts))
    words = Path(path).read_text().split()
    assert sorted(words[1::6]) == hosts
    assert set(words[5::6]) == {f"{TOKEN}4"}


@pytest.mark.parametrize("form", ["token", "netrc"])
def test_a_file_that_needs_nothing_is_left_untouched(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    told = formats.update(str(path), form, HOST, credential(), None)
    before = path.stat()
    assert path.read_text() == told
    assert formats.update(str(path), form, HOST, credential(), str(tmp_path / "cache")) == told
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    path.chmod(0o644)
    formats.update(str(path), form, HOST, credential(), None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_there_is_no_lock_the_file_is_written_all_the_same(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.touch()
    path = tmp_path / "netrc"
    formats.update(str(path), "netrc", HOST, credential(), str(occupied))
    assert path.read_text() == f"{ENTRY}\n"


def test_a_file_is_private_from_its_first_byte_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("before")
    path.chmod(0o644)
    umask = os.umask(0)
    try:
        formats.put(str(path), b"after")
    finally:
        os.umask(umask)
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


def test_a_symlink_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "netrc"
    target.parent.mkdir()
    target.write_text("before")
    link = tmp_path / ".netrc"
    link.symlink_to(target)
    formats.put(str(link), b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_a_missing_folder_is_told_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(CacheError) as told:
        formats.put(str(tmp_path / "no" / "token"), b"x")
    assert told.value.hint == f"mkdir -p -m 700 {tmp_path / 'no'}"


def test_a_folder_that_anybody_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(CacheError, match="anybody may write"):
        formats.put(str(tmp_path / "token"), b"x")
    tmp_path.chmod(0o1777)
    formats.put(str(tmp_path / "token"), b"x")


def test_what_is_not_a_file_is_left_alone(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path):
        for act in (lambda at: formats.put(at, b"x"), formats.read):
            with pytest.raises(CacheError):
                act(str(path))
    assert stat.S_ISFIFO(fifo.lstat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("theirs")
    os.chown(path, 12345, 12345)
    with pytest.raises(CacheError, match="uid 12345"):
        formats.put(str(path), b"x")
    assert path.read_text() == "theirs"


def test_what_is_no_text_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CacheError, match="UTF-8"):
        formats.read(str(path))
    path.write_bytes(b"a" * 1_100_000)
    with pytest.raises(CacheError, match="1 MiB"):
        formats.read(str(path))
    assert formats.read(str(tmp_path / "missing")) == ""
