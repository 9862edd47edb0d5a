"""`login --keep-key keyring`: a typed key goes into the keyring of the system, or nowhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Person

LOGIN = ("login", "--keep-key", "keyring")

_BACKEND = """
import json, os
from keyring.backend import KeyringBackend
PATH = os.environ["KEPT"]
class Kept(KeyringBackend):
    priority = 1
    def get_password(self, service, user):
        return json.load(open(PATH)).get(f"{service} {user}") if os.path.exists(PATH) else None
    def set_password(self, service, user, password):
        json.dump({f"{service} {user}": password}, open(PATH, "w"))
    def delete_password(self, service, user):
        if os.environ.get("STUCK"):
            raise RuntimeError(service)
        os.unlink(PATH)
class Locked(Kept):
    def set_password(self, service, user, password):
        raise RuntimeError("locked: " + password)
class Broken(Kept):
    def __init__(self):
        raise OSError(PATH)
class Forgetful(Kept):
    def get_password(self, service, user):
        return None
"""


def logs_in(person: Person, backend: str, *words: str) -> tuple[int, str, Path]:
    """Log in with the real program, which has a keyring of this test; return how it ended."""
    home = person.world.home
    kept = home / "kept.json"
    places = home / ".config" / "python_keyring"
    places.mkdir(parents=True, exist_ok=True)
    (home / "kept_backend.py").write_text(_BACKEND)
    (places / "keyringrc.cfg").write_text(
        f"[backend]\ndefault-keyring={backend}\nkeyring-path={home}\n"
    )
    environ = keyring_of(person)
    outcome = person.world.run(
        *LOGIN, "--url", person.api.url, *words, stdin=person.api.api_key.encode(), environ=environ
    )
    return outcome.status, outcome.stdout.decode() + outcome.told, kept


def keyring_of(person: Person) -> dict[str, str]:
    """Return the variables that lead to the keyring of `logs_in`."""
    home = person.world.home
    return {"KEPT": str(home / "kept.json"), "XDG_CONFIG_HOME": str(home / ".config")}


def files_with(folder: Path, text: str) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_a_typed_key_goes_into_the_keyring_and_no_file(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    assert "credhelper default in the keyring" in told
    assert 'keyring = ["credhelper", "default"]' in person.config()
    assert files_with(person.world.home, person.api.api_key) == [kept.name]
    assert files_with(person.world.state, person.api.api_key) == []
    environ = keyring_of(person)
    shutil.rmtree(person.world.cache)
    before = person.api.stats()["created"]
    outcome = person.world.run("get", environ=environ)
    assert outcome.status == 0, outcome.told
    assert person.api.stats()["created"] == before + 1  # made from the key in the keyring


@pytest.mark.parametrize(
    "words",
    [
        ("logout",),
        ("logout", "--all"),
        ("profile", "remove", "default", "--yes"),
        ("profile", "add", "default", "--grant-env", "OTHER_KEY"),
        ("profile", "set", "default", "--grant-env", "OTHER_KEY"),
    ],
)
def test_the_key_leaves_the_keyring_with_what_it_was_for(
    person: Person, words: tuple[str, ...]
) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    outcome = person.world.run(*words, environ=keyring_of(person))
    assert outcome.status == 0, outcome.told
    assert b"removed credhelper default in the keyring" in outcome.stdout
    assert not kept.exists()


def test_a_login_that_keeps_the_key_in_a_file_takes_it_out_of_the_keyring(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    words = ("login", "--keep-key", "file", "--url", person.api.url)
    key = person.api.api_key.encode()
    outcome = person.world.run(*words, stdin=key, environ=keyring_of(person))
    assert outcome.status == 0, outcome.told
    assert not kept.exists()
    outcome = person.world.run("get", environ=keyring_of(person))
    assert outcome.status == 0, outcome.told


def test_a_key_that_stays_in_the_keyring_is_told_of_with_what_removes_it(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    outcome = person.world.run("logout", environ={**keyring_of(person), "STUCK": "1"})
    assert outcome.status == 7
    assert b"NOT removed: credhelper default in the keyring" in outcome.stdout
    assert b"keyring del credhelper default" in outcome.stdout
    assert kept.exists()


def test_a_keyring_that_cannot_be_loaded_stops_no_logout(person: Person) -> None:
    status, told, _ = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    before = person.api.stats()["revoked"]
    environ = {**keyring_of(person), "PYTHON_KEYRING_BACKEND": "nosuch.Keyring"}
    outcome = person.world.run("logout", environ=environ)
    assert outcome.status == 7
    assert b"NOT removed: credhelper default in the keyring" in outcome.stdout
    assert person.api.stats()["revoked"] == before + 1
    assert "bug" not in outcome.told


def test_a_key_in_the_keyring_stays_while_another_profile_uses_it(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    person.types("profile", "add", "beta", "--like", "default", "--min-ttl", "60")
    outcome = person.world.run("logout", "--profile", "default", environ=keyring_of(person))
    assert outcome.status == 0, outcome.told
    assert b"stays in the keyring: profile beta uses it as well" in outcome.stdout
    assert kept.exists()
    outcome = person.world.run("logout", "--all", environ=keyring_of(person))
    assert outcome.status == 0, outcome.told
    assert not kept.exists()


def test_the_key_of_another_config_is_not_replaced(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    person.world.config.unlink()
    kept.write_text(kept.read_text().replace(person.api.api_key, "another"))
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 2
    assert "holds another key as credhelper default" in told
    assert "keyring del credhelper default" in told
    assert "another" in kept.read_text()
    assert person.api.api_key not in kept.read_text()


def test_a_key_that_somebody_put_into_the_keyring_stays(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    config = person.world.config
    config.write_text(
        config.read_text().replace('["credhelper", "default"]', '["mine", "default"]')
    )
    kept.write_text(kept.read_text().replace("credhelper default", "mine default"))
    outcome = person.world.run("logout", environ=keyring_of(person))
    assert outcome.status == 0, outcome.told
    assert kept.exists()


@pytest.mark.parametrize(
    ("backend", "status", "why"),
    [
        ("credhelper.keyring_backend.Keyring", 2, "no keyring on this machine can store a key"),
        ("keyring.backends.fail.Keyring", 2, "no keyring on this machine can store a key"),
        ("keyring.backends.null.Keyring", 2, "no keyring on this machine can store a key"),
        ("kept_backend.Broken", 2, "the keyring that is set up cannot be used: OSError"),
        ("kept_backend.Locked", 7, "did not take the key: RuntimeError"),
        ("kept_backend.Forgetful", 7, "another one answers for it"),
    ],
)
def test_without_a_keyring_that_stores_the_reason_is_told(
    person: Person, backend: str, status: int, why: str
) -> None:
    ended, told, _ = logs_in(person, backend)
    assert ended == status, told
    assert why in told
    assert person.api.api_key not in told
    assert person.config() == ""


def test_without_the_package_the_reason_is_told(person: Person) -> None:
    script = (
        "import sys; sys.modules['keyring'] = None\n"
        "from credhelper.cli.main import people\n"
        f"sys.exit(people({[*LOGIN, '--url', person.api.url]!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=person.world.environ,
        input=person.api.api_key.encode(),
        capture_output=True,
        check=False,
    )
    told = done.stderr.decode()
    assert done.returncode == 2, told
    assert "the keyring package is not installed" in told
    assert "pip install keyring" in told
    assert person.config() == ""


def test_it_is_for_a_typed_key_only(person: Person) -> None:
    for words in (["--reuse"], ["--session"], ["--user", "me"], ["--grant-env", "KEY"]):
        outcome = person.types(*LOGIN, *words, stdin="x")
        assert outcome.status == 2
        assert "--keep-key is for an API key that is typed" in outcome.told
