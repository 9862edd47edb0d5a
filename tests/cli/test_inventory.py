"""The table of what lies on disk, in docs/architecture.md, compared with a home full of it.

`logout --all` leaves nothing of it, after logins of every kind and commands killed in the middle.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from credhelper.storage import names
from tests.cli.conftest import Person
from tests.support.worlds import tokens_in

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
RECORD = "[0-9a-f]{32}[0-9a-f-]*"
# Where each row's files are, by the words of its second cell; `X` is eight random digits.
PLACES = {
    "cache `<record>`": f"cache/{RECORD}",
    "cache `<record>.X.old`": rf"cache/{RECORD}\.[0-9a-f]{{8}}\.old",
    "state `sessions/<record>`": f"state/sessions/{RECORD}",
    "state `sessions/<record>.X.old`": rf"state/sessions/{RECORD}\.[0-9a-f]{{8}}\.old",
    "state `grants/NAME.key`": r"state/grants/\w+\.key",
    "`.FILE.PID.X.tmp` beside each file of ours": r".*/\..+\.\d+\.\w+\.tmp",
    "runtime folder `run-HOST-X/`": r"run/credhelper/run-.*",
    "where `--to` or a tool's `output_file` says; noted in state `given/`": r"home/token",
    "cache `<record>.failed`": rf"cache/{RECORD}\.failed",
    "`<record>.gone` in cache and `sessions/`": rf"(cache|state/sessions)/{RECORD}\.gone",
    "state `setup.json`": r"state/setup\.json",
    "state `backups/`": r"state/backups/.*",
}
KILLED = """
import os, signal, sys
from credhelper.cli.main import people
calls, real = [], os.{call}
def killed(*words, **more):
    calls.append(words)
    if len(calls) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*words, **more)
os.{call} = killed
people(sys.argv[1:])
"""


def rows() -> list[list[str]]:
    """Return the cells of the page's rows: what, where, who writes it, who takes it away."""
    table = PAGE.read_text().partition("| what | where | who writes it |")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.split("\n")[2:]]


def places(*, secret: bool) -> dict[str, str]:
    """Return the pattern of each row's files, by what they are; with secrets in them or without."""
    return {what: PLACES[where] for what, where, *_ in rows() if ("secret" not in what) == secret}


def kinds(paths: list[str], patterns: dict[str, str]) -> set[str]:
    """Return what these files are; each must be of one kind exactly."""
    found = [[what for what in patterns if re.fullmatch(patterns[what], name)] for name in paths]
    assert [name for name, whats in zip(paths, found, strict=True) if len(whats) != 1] == []
    return {what for whats in found for what in whats}


def killed(person: Person, call: str, at: int, *words: str, stdin: str = "") -> None:
    """Run a command that is killed at one `call` of `os`, the first or a later one."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(call=call, at=at), *words],
        env=person.world.environment(),
        input=stdin.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done


def files(person: Person) -> list[str]:
    """Return each file below the world, relative to it."""
    root = person.world.root
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def secrets(person: Person) -> list[str]:
    """Return each file below the world that holds a secret: a key, a password, any token."""
    told = [person.api.api_key, person.api.password, "SecretAccessKey"]
    found = []
    for name in files(person):
        data = (person.world.root / name).read_bytes()
        if tokens_in(data) or any(secret.encode() in data for secret in told):
            found.append(name)
    return found


def strangers(*folders: Path) -> list[Path]:
    """Return what lies in folders of ours and would be taken for somebody else's."""
    found = [path for folder in folders for path in folder.rglob("*")]
    return [path for path in found if not names.is_ours(str(path), path.lstat())]


def test_every_row_names_its_place_and_who_takes_it_away() -> None:
    assert {row[1] for row in rows()} == set(PLACES)
    assert all(len(row) == 4 and all(row) for row in rows())


def test_every_secret_is_in_the_table_and_logout_leaves_none(person: Person) -> None:
    world, api = person.world, person.api
    theirs = world.secret_file("theirs", api.api_key)
    person.logs_in("-p", "key")
    person.logs_in("-p", "kept", "--keep-session", "--cid", "project-alpha")
    for _ in range(2):
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
    target = world.home / "token"
    assert person.types("write", "--to", str(target), "-p", "key").status == 0
    assert person.types("profile", "add", "kept", "--client-id", "y").status == 0
    assert world.run("get", "-p", "kept").status == 0
    begun = world.start("exec", "--refresh", "-p", "key", "--", "sh", "-c", "echo begun; read line")
    assert begun.stdout is not None
    assert begun.stdout.readline() == b"begun\n"
    for call, at in (("fsync", 1), ("fsync", 2), ("replace", 1), ("replace", 2)):
        killed(person, call, at, "write", "--to", str(target), "-p", "password")
        login = ("login", "-p", f"killed-{call}-{at}", "--url", api.url, "--data", call)
        killed(person, call, at, *login, stdin=api.api_key)
    expected = places(secret=True)
    assert kinds([name for name in secrets(person) if name != theirs.name], expected) == {*expected}
    assert strangers(world.cache, world.state) == []
    assert world.finish(begun, b"\n").status == 0

    outcome = person.types("logout", "--all")

    assert outcome.status == 5  # v2 revokes nothing
    assert {*secrets(person)} == {theirs.name, "home/token"}
    assert str(target) in outcome.stdout.decode()
    for token in tokens_in(target.read_bytes()):
        told = person.types("token", "details", "--url", api.url, stdin=token.decode())
        assert told.status == 5


def test_what_else_is_in_the_table_holds_no_secret(person: Person) -> None:
    person.logs_in()
    assert person.types("logout").status == 0
    (person.world.home / ".gitconfig").write_text("[user]\n\tname = Ann\n")
    service = ("--service", "https://git.example")
    person.logs_in(*service)
    assert person.types("setup", "git", *service).status == 0
    for record in person.world.records():
        record.unlink()
    person.api.fault({"status": 401, "path": "/v1/tokens", "times": "always"})
    assert person.types("get").status != 0
    found, expected = files(person), places(secret=False)

    seen = [name for name in found if any(re.fullmatch(one, name) for one in expected.values())]
    assert kinds(seen, expected) == {*expected}
    assert {*seen}.isdisjoint(secrets(person))
    assert strangers(person.world.cache, person.world.state) == []
    assert person.types("setup", "git", "--undo").status == 0
    assert person.types("logout").status == 0
    gone = {what for what, *_, taken in rows() if "`logout`;" in taken or "--undo" in taken}
    left = {
        what
        for what in gone & {*expected}
        if any(re.fullmatch(expected[what], name) for name in files(person))
    }
    assert left == set()


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
