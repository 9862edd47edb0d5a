"""Refusals that nothing but a test of their own meets."""

from __future__ import annotations

import os
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from credhelper.config import grant as grants
from credhelper.config import parse, rewrite, splice, write
from credhelper.config.profile import Grant
from credhelper.core.model import Secret
from credhelper.errors import CacheError, ConfigError, CredhelperError, LoginRequiredError
from tests.config.conftest import CANARY, KEY, message, profile, refused
from tests.config.test_write import Place


def resolve_lines(path: Path, content: bytes, member: str | None = None) -> Secret:
    path.touch(0o600)
    path.write_bytes(content)
    return grants.resolve_lines(
        Grant("file", (str(path),), member=member), what="the key of the fleet", environ={}
    )


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_lines_without_a_text_are_no_secret(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(LoginRequiredError, match=r"^the key of the fleet: .* is empty$"):
        resolve_lines(tmp_path / "key", content)


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b'{"a":"\xff"}', ConfigError, "is not text in UTF-8"),
        (f'{{"a":"{CANARY}"'.encode(), ConfigError, "is not one JSON object"),
        (f'["{CANARY}"]'.encode(), ConfigError, "is not a JSON object"),
        (f'{{"b":"{CANARY}"}}'.encode(), LoginRequiredError, "member a of .* is missing"),
        (b'{"a":null}', LoginRequiredError, "member a of .* is missing"),
        (f'{{"a":["{CANARY}"]}}'.encode(), ConfigError, "member a of .* is not a text"),
    ],
)
def test_a_file_without_the_member_is_told_of_and_not_shown(
    content: bytes, kind: type[CredhelperError], told: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=told) as error:
        resolve_lines(tmp_path / "key", content, "a")

    assert refused(error).startswith("the key of the fleet: ")


def test_a_member_is_a_secret_without_blanks_around_its_lines(tmp_path: Path) -> None:
    found = resolve_lines(tmp_path / "key", b'{"a":" one \\n\\n two"}', "a")

    assert found.reveal() == "one\ntwo"


def test_a_socket_is_no_grant_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket(AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's own path must be short
        server.bind("s")
    os.chmod("s", 0o600)

    with pytest.raises(ConfigError, match="is not a regular file") as error:
        grants.resolve(Grant("file", (str(tmp_path / "s"),)), profile_name="p", environ={})
    assert refused(error).endswith(f"mv {tmp_path}/s {tmp_path}/s.old")


def test_a_file_that_was_replaced_since_its_stamp_was_taken_is_read_by_nobody(
    tmp_path: Path,
) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(CANARY)

    with pytest.raises(grants.Changed):
        grants.resolve(Grant("file", (str(path),)), profile_name="p", environ={}, stamp="1:2:3")


def test_a_variable_that_no_profile_can_hold_contradicts_every_profile() -> None:
    environ = {"CREDHELPER_URL": "ftp://a.example"}

    assert parse.contradicting(environ, None) == {"url": "ftp://a.example"}
    assert parse.contradicting(environ, profile(KEY)) == {"url": "ftp://a.example"}


def test_a_ready_token_is_made_for_nothing() -> None:
    said = message('auth = "token"', KEY, "keep_session = true")

    assert "means nothing to auth = 'token'" in said


@pytest.mark.parametrize("place", [("a", "c"), ("c",)])
def test_what_is_not_there_is_not_replaced(place: tuple[str, ...]) -> None:
    with pytest.raises(LookupError):
        splice.replaced("[a]\nb = 1\n", place, 2)


def test_a_config_is_not_written_where_others_may_replace_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    os.chmod(folder, 0o777)
    target = folder / "config.toml"

    with pytest.raises(CacheError, match=r"config\.toml"):
        rewrite._replace(str(target), b"x = 1\n")

    assert not target.exists()


def test_a_profile_that_was_removed_meanwhile_is_not_added_by_a_change(tmp_path: Path) -> None:
    place = Place(tmp_path)
    values = {"grant": {"env": "KEY"}}
    place.add("other", values)
    before = place.text

    with pytest.raises(ConfigError, match="profile new was removed meanwhile") as error:
        place.call(write.add_profile, "new", values, make_default=None, old=values)

    assert refused(error)
    assert place.text == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_the_mode_of_another_users_file_is_no_reason_to_become_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch()
    os.chown(path, 65534, 65534)

    with pytest.raises(CacheError, match="belongs to another user") as error:
        rewrite._mode(str(path))
    assert refused(error)
