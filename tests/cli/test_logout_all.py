"""`logout --all` leaves nothing: after logins of every kind, and commands killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Person
from tests.support.worlds import tokens_in

KILLED = """
import os, signal, sys
from credhelper.cli.main import people
def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
os.{call} = killed
people(sys.argv[1:])
"""


def killed(person: Person, call: str, *words: str, stdin: str = "") -> None:
    """Run a command that is killed at its first `call` of `os`."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(call=call), *words],
        env=person.world.environment(),
        input=stdin.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done


def secrets(person: Person, *but: Path) -> list[str]:
    """Return each file below the world that holds a secret: a key, a password, any token."""
    found = []
    for path in person.world.root.rglob("*"):
        if path.is_file() and path not in but:
            data = path.read_bytes()
            told = [person.api.api_key, person.api.password, "SecretAccessKey"]
            if tokens_in(data) or any(secret.encode() in data for secret in told):
                found.append(str(path.relative_to(person.world.root)))
    return found


def test_nothing_is_left_after_logins_of_every_kind_and_killed_commands(person: Person) -> None:
    world, api = person.world, person.api
    theirs = world.secret_file("theirs", api.api_key)
    person.logs_in("-p", "key")
    person.logs_in("-p", "kept", "--keep-session", "--cid", "project-alpha")
    person.logs_in("-p", "password", "--user", api.username, stdin=api.password)
    person.logs_in("-p", "file", "--grant-file", str(theirs), "--cwid", "w", stdin="")
    person.logs_in("-p", "two", "--api", "ica", "--user", api.username, stdin=api.password)
    environ = {"MY_KEY": api.api_key}
    words = ("login", "-p", "env", "--url", api.url, "--grant-env", "MY_KEY")
    assert person.types(*words, environ=environ).status == 0
    elsewhere = {"CREDHELPER_CONFIG": str(world.root / "other.toml")}
    words = ("login", "-p", "key", "--url", api.url, "--data", "x")
    assert person.types(*words, stdin=api.api_key, environ=elsewhere).status == 0
    assert person.types("profile", "add", "key", "--aws", "folder=fol.alpha").status == 0
    assert world.run("aws", "-p", "key").status == 0
    assert world.run("exec", "--refresh", "-p", "kept", "--", "true").status == 0
    target = world.home / "token"
    assert person.types("write", "--to", str(target), "-p", "key").status == 0
    assert person.types("profile", "add", "kept", "--client-id", "y").status == 0
    assert world.run("get", "-p", "kept").status == 0
    for call in ("replace", "fsync"):
        login = ("login", "-p", f"killed-{call}", "--url", api.url, "--data", call)
        killed(person, call, *login, stdin=api.api_key)
        killed(person, call, "write", "--to", str(target), "-p", "password")
    assert len(secrets(person)) > 12

    outcome = person.types("logout", "--all")

    assert outcome.status == 5  # v2 revokes nothing
    assert secrets(person, theirs, target) == []
    assert str(target) in outcome.stdout.decode()
    assert target.exists()
    for token in tokens_in(target.read_bytes()):
        told = person.types("token", "details", "--url", api.url, stdin=token.decode())
        assert told.status == 5


def test_a_folder_of_a_running_command_is_named_and_left(person: Person) -> None:
    person.logs_in()
    process = person.world.start("exec", "--refresh", "--", "sh", "-c", "echo begun; exec sleep 99")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    (folder,) = (person.world.root / "run" / "credhelper").glob("run-*")
    outcome = person.types("logout")
    assert str(folder) in outcome.stdout.decode()
    assert folder.is_dir()
    os.kill(process.pid, signal.SIGTERM)
    person.world.finish(process)
