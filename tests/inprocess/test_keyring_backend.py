"""The keyring package's backend: what callers get, and that they never get an exception."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credhelper.broker import answer
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World

keyring = pytest.importorskip("keyring", reason="the backend needs credhelper[keyring]")

from keyring.backends.chainer import ChainerBackend  # noqa: E402  # only where there is a keyring
from keyring.errors import PasswordDeleteError, PasswordSetError  # noqa: E402  # likewise

from credhelper.keyring_backend import Keyring  # noqa: E402  # likewise

INDEX = f"{SERVICE}/simple/"


@pytest.fixture
def backend() -> Keyring:
    made: Any = Keyring  # keyring's classes are half typed
    found: Keyring = made()
    return found


@pytest.fixture
def world(scratch_world: World, running_sandbox: RunningSandbox) -> World:
    told = {"main": {"username": "__token__"}}
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, **told)
    return scratch_world


def whole_token(world: World) -> str:
    outcome = world.run("get")
    assert (outcome.status, outcome.told) == (0, "")
    return outcome.stdout.decode().removesuffix("\n")


@pytest.mark.parametrize("name", [INDEX, SERVICE, f"{SERVICE}/simple", "ica.example"])
def test_a_user_and_a_token_are_given_by_every_name_of_a_service(
    backend: Keyring, world: World, name: str
) -> None:
    token = whole_token(world)
    for username in (None, "__token__"):
        found = backend.get_credential(name, username, environ=world.environ)
        assert found is not None
        assert (found.username, found.password) == ("__token__", token)
    assert backend.get_password(name, "__token__", environ=world.environ) == token


def test_a_token_is_fetched_where_none_is_held(
    backend: Keyring, world: World, running_sandbox: RunningSandbox
) -> None:
    token = backend.get_password(INDEX, "__token__", environ=world.environ)
    assert token == whole_token(world)
    assert running_sandbox.stats()["requests"] > 0


@pytest.mark.parametrize(
    ("name", "username"),
    [
        *(("python-poetry-check", "python-poetry"), ("system", "me"), ("", ""), ("\ud800", "\0")),
        *(("poetry-repository-ph", "__poetry_source_empty_username__"), (INDEX, "somebody")),
        *(("https://pypi.org/simple", "__token__"), ("ica.example.evil.test", "__token__")),
        *(("http://ica.example/simple", "__token__"), ("https://u:p@ica.example", "__token__")),
        *(("https://ica.example\\@evil.test", "__token__"), ("smtp.example:587", "me@x.example")),
        # Indexes of others: pdm leaves the user in the URL that it asks about.
        *(("https://me@pypi.evil.test/simple/", "me"), ("https://bücher.evil.test/simple/", "me")),
        *((None, "me"), (b"https://ica.example/simple", "__token__"), (INDEX, 1), (1, None)),
    ],
)
def test_what_is_not_ours_is_none_without_a_word(
    backend: Keyring,
    world: World,
    running_sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    name: Any,
    username: Any,
) -> None:
    assert backend.get_password(name, username, environ=world.environ) is None
    assert backend.get_credential(name, username, environ=world.environ) is None
    assert running_sandbox.stats()["requests"] == 0
    assert caplog.text == ""


def test_several_profiles_for_one_index_are_a_warning_that_names_them(
    backend: Keyring,
    world: World,
    running_sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.configure(running_sandbox.url, running_sandbox.api_key, one={}, two={})
    lines = world.config.read_text().split("\n")
    world.config.write_text("\n".join(lines[1:]))  # without the profile that would be chosen
    assert backend.get_credential(INDEX, None, environ=world.environ) is None
    assert f"several profiles cover {INDEX[:-1]}: one, two" in caplog.text
    assert backend.get_credential(INDEX, "two", environ=world.environ) is not None


def test_a_name_that_is_no_host_does_not_even_touch_the_config(
    backend: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "get", lambda *_: pytest.fail("the config was looked at"))
    for name in ("python-poetry-check", "system", "poetry-repository-x"):
        assert backend.get_credential(name, None, environ={}) is None


def test_credhelper_is_never_answered(backend: Keyring, world: World) -> None:
    environ = {**world.environ, "CREDHELPER_ASKING": "other"}
    assert backend.get_credential(INDEX, None, environ=environ) is None


def test_no_config_at_all_is_none(backend: Keyring, tmp_path: Path) -> None:
    assert backend.get_credential(INDEX, None, environ={"HOME": str(tmp_path)}) is None
    assert backend.get_credential(INDEX, None, environ={}) is None


def test_trouble_is_a_warning_and_none(
    backend: Keyring, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.config.write_text("= broken")
    with caplog.at_level(logging.WARNING, "credhelper"):
        assert backend.get_password(INDEX, "__token__", environ=world.environ) is None
    assert str(world.config) in caplog.text


def test_a_bug_is_a_warning_that_shows_no_secret(
    backend: Keyring, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(answer, "get", broken)
    assert backend.get_credential(INDEX, None, environ={}) is None
    assert "ZeroDivisionError" in caplog.text
    assert "canary" not in caplog.text


def test_nothing_is_stored_and_nothing_deleted(backend: Keyring) -> None:
    with pytest.raises(PasswordSetError):
        backend.set_password(INDEX, "__token__", "chosen")
    with pytest.raises(PasswordDeleteError):
        backend.delete_password(INDEX, "__token__")


def test_a_chain_stores_and_deletes_with_its_next_backend(
    backend: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: dict[tuple[str, str], str] = {}

    class Drawer:
        priority = 1

        def set_password(self, name: str, username: str, password: str) -> None:
            stored[name, username] = password

        def delete_password(self, name: str, username: str) -> None:
            del stored[name, username]

    monkeypatch.setattr("keyring.backend.get_all_keyring", lambda: [Drawer(), backend])
    chainer: Any = ChainerBackend
    chain = chainer()
    assert chain.backends[0] is backend
    chain.set_password("mail", "me", "chosen")
    assert stored == {("mail", "me"): "chosen"}
    chain.delete_password("mail", "me")
    assert stored == {}


def test_loading_the_backend_loads_nothing_of_ours_but_itself() -> None:
    told = (
        "import sys; import keyring.backend; before = set(sys.modules)\n"
        "import credhelper.keyring_backend\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        env={"PATH": os.defpath},
        check=True,
    )
    assert done.stdout.split() == [b"credhelper", b"credhelper.keyring_backend"]


def test_keyring_itself_finds_the_backend_by_its_name(world: World) -> None:
    token = whole_token(world)
    asked = [sys.executable, "-m", "keyring", "--mode=creds", "get", INDEX]
    backend = {"PYTHON_KEYRING_BACKEND": "credhelper.keyring_backend.Keyring"}
    done = subprocess.run(asked, capture_output=True, env=world.environment(backend), cwd="/")
    assert done.stdout.decode() == f"__token__\n{token}\n"
