"""What `status` says of a key that no get can use, and of a session that the server ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.cli.test_states import entries, helps, state
from tests.support.jwts import jwt
from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox


def pasted(person: Person, fix: str | None, stdin: str) -> None:
    """Run a fix in a shell as it stands, with `stdin` typed for it."""
    assert fix
    path = Path(command()[0]).parent
    environ = {**person.world.environ, "PATH": f"{path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", "-ec", fix], input=stdin.encode(), env=environ, capture_output=True, check=False
    )
    assert done.returncode == 0, (fix, done)


def keyed(person: Person, auth: str, member: str | None = None) -> tuple[Path, str]:
    """Give the person a profile whose secret is in a file of their own; return that, and it."""
    secrets = {
        "api-key": person.api.api_key,
        "password": person.api.password,
        "session": person.api.session(),
        "token": jwt(exp=int(time.time()) + 3600),
    }
    text = secrets[auth] if member is None else json.dumps({member: secrets[auth]})
    key = person.world.root / "api-key"
    user = {"user": person.api.username} if auth == "password" else {}
    grant = {"file": str(key), **({"member": member} if member else {})}
    default = {"url": person.api.url, "auth": auth, "grant": grant, **user}
    person.world.configure(person.api.url, text, default=default)
    return key, text


@pytest.mark.parametrize(
    ("auth", "member"),
    [("api-key", None), ("api-key", "k"), ("password", None), ("session", None), ("token", None)],
)
def test_the_file_of_a_key_that_is_gone_is_named_with_what_puts_the_key_there(
    person: Person, auth: str, member: str | None
) -> None:
    key, text = keyed(person, auth, member)
    assert state(person) == ("none", "credhelper get --profile default")
    key.unlink()
    told, fix = state(person)
    assert (told, fix) == ("key-missing", f"install -D -m 600 /dev/stdin {key}")
    got = person.world.run("get")
    assert got.status == 4
    assert f": {fix}\n" in got.told
    assert "makes" not in person.types("status").stdout.decode()
    pasted(person, fix, text)
    assert state(person)[0] == "none"
    if auth != "token":  # which is itself what no other output may hold
        assert person.world.run("get").status == 0


def _directory(key: Path) -> None:
    key.unlink()
    key.mkdir()


def _fifo(key: Path) -> None:
    key.unlink()
    os.mkfifo(key, 0o600)


_SPOILT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "others read it": (lambda key: key.chmod(0o644), "chmod 600 ", "read by others"),
    "others write it": (lambda key: key.chmod(0o622), "chmod ", "written by anybody"),
    "a folder": (_directory, "rmdir ", "is not a regular file"),
    "a pipe": (_fifo, "mv ", "is not a regular file"),
    "a line feed": (lambda key: key.write_text("\n"), "install ", "is empty"),
    "two lines": (lambda key: key.write_text("a\nb\n"), "install ", "more than one line"),
    "a blank": (lambda key: key.write_text("a b"), "install ", "has blanks"),
    "not ASCII": (lambda key: key.write_text("\xe9"), "install ", "is not ASCII"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("how", _SPOILT)
def test_a_key_that_no_get_can_use_is_missing_for_the_reason_that_get_has(
    person: Person, how: str
) -> None:
    spoil, begins, why = _SPOILT[how]
    key, text = keyed(person, "api-key")
    spoil(key)
    one = entries(person, {})["default"]
    assert one["state"] == "key-missing"
    assert one["fix"].startswith(begins)
    assert why in one["why"]
    got = person.world.run("get")
    assert got.status in (4, 6)
    assert one["why"].partition("; ")[0] in got.told
    assert one["fix"] in got.told
    for _ in range(2):  # a folder is taken away first, and then the key is put there
        told, fix = state(person)
        if told == "key-missing":
            pasted(person, fix, text)
    assert person.world.run("get").status == 0


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"k": 1}'])
def test_a_file_without_the_member_that_holds_the_key_has_no_key(person: Person, text: str) -> None:
    key, _ = keyed(person, "api-key", "k")
    key.write_text(text)
    told, fix = state(person)
    assert (told, fix) == ("key-missing", f"install -D -m 600 /dev/stdin {key}")
    assert person.world.run("get").status in (4, 6)


def test_a_ready_token_that_is_over_is_missing(person: Person) -> None:
    key, _ = keyed(person, "token")
    key.write_text(jwt(exp=int(time.time()) - 60))
    one = entries(person, {})["default"]
    assert one["state"] == "key-missing"
    assert "ended at" in one["why"]
    assert person.world.run("get").status == 4


def test_a_key_that_was_typed_for_another_server_is_missing(
    person: Person, start_sandbox: Callable[..., RunningSandbox]
) -> None:
    person.logs_in()
    text = person.config().replace(person.api.url, start_sandbox().url)
    person.world.config.write_text(text)
    told, fix = state(person)
    assert (told, fix) == ("key-missing", "credhelper login --profile default")
    assert person.world.run("get").status == 4


def test_a_min_ttl_over_the_life_of_tokens_is_told_with_what_helps(person: Person) -> None:
    person.logs_in()
    person.types("profile", "set", "default", "--min-ttl", "25h")
    told, fix = state(person)
    assert (told, fix) == ("expired", "credhelper profile set default --unset min_ttl")
    assert "makes" not in person.types("status").stdout.decode()
    assert person.world.run("get").status == 5
    helps(person, fix)


@pytest.mark.parametrize("held", [True, False])
def test_a_session_that_the_server_ended_needs_a_login_once_a_get_has_met_that(
    person: Person, held: bool
) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    if held:
        person.world.age(25 * 3600)
    else:
        for path in person.world.records():
            path.unlink()
    person.api.revoke_all()
    assert state(person)[0] == ("expired" if held else "none")
    assert person.world.run("get").status == 4
    told, fix = state(person)
    assert (told, fix) == ("login-needed", "credhelper login --profile default")
    assert person.types("status", "--exit-status").status == 4
    shown = person.types("status").stdout.decode()
    assert "the server ended its session" in shown
    assert "ended: the server refused it" in shown
    assert "makes" not in shown
    helps(person, fix, stdin=person.api.password)
    person.world.age(25 * 3600)
    assert state(person)[0] == "expired"


def test_a_session_that_works_after_all_is_not_held_to_a_former_no(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    person.world.age(25 * 3600)
    person.api.fault({"path": "/v1/tokens", "status": 401, "times": 1})
    assert person.world.run("get").status == 4
    assert state(person)[0] == "login-needed"
    for failure in person.world.cache.glob("*.failed"):
        failure.unlink()
    assert person.world.run("get").status == 0
    person.world.age(25 * 3600)
    assert state(person)[0] == "expired"


def test_a_ps_token_that_the_server_refused_is_to_be_replaced_where_it_lies(
    person: Person,
) -> None:
    first, second = person.api.session(), person.api.session()
    path = person.world.secret_file("it", first)
    words = ("--url", person.api.url, "--auth", "session", "--grant-file", str(path))
    assert person.types("profile", "add", "default", *words).status == 0
    assert person.world.run("get").status == 0
    person.api.revoke_all()
    second = person.api.session()
    person.world.age(25 * 3600)
    assert person.world.run("get").status == 4
    told, fix = state(person)
    assert (told, fix) == ("login-needed", f"install -D -m 600 /dev/stdin {path}")
    pasted(person, fix, second)
    assert person.world.run("get").status == 0
    assert state(person)[0] == "fresh"


def test_many_typed_keys_are_looked_at_in_one_listing_of_their_folder(person: Person) -> None:
    for name in ("a", "b", "c"):
        person.logs_in("-p", name)
    person.world.age(25 * 3600)
    folder = str(person.world.state / "grants")
    script = (
        "import os, sys\nlisted, before = [], os.listdir\n"
        "def listdir(path='.'):\n    listed.append(path)\n    return before(path)\n"
        "os.listdir = listdir\n"
        "from credhelper.cli import main\n"
        "assert main.people(['status', '-p', 'a']) == 0\none = listed.count(sys.argv[1])\n"
        "assert main.people(['status']) == 0\n"
        "assert listed.count(sys.argv[1]) == 2 * one > 0, listed\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, folder],
        env=person.world.environ,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done
