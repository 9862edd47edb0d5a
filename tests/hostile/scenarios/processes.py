"""What surrounds a process: environment, folder, arguments, children, and who reads its output."""

from __future__ import annotations

import json
import os
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.programs import INSTALLED
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, snapshot, tokens_in

_ASK = b"protocol=https\nhost=ica.example\n\n"
_NEEDS_PROGRAM = "only the installed program file starts Python isolated"

# What makes Python talkative, or another Python.
TALK = {
    "PYTHONWARNINGS": "always",
    "PYTHONVERBOSE": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUNBUFFERED": "1",
    "PYTHONPROFILEIMPORTTIME": "1",
    "PYTHONINSPECT": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONTRACEMALLOC": "5",
    "PYTHONMALLOCSTATS": "1",
    "LC_ALL": "C",
}


def talkative_python(start: str, scratch_world: World) -> None:
    """Whatever Python is told to tell: stdout carries the protocol's bytes alone."""
    if not INSTALLED:
        pytest.skip(_NEEDS_PROGRAM)
    if start == "fresh":
        scratch_world.prepare()
    outcome = scratch_world.run("git", "get", stdin=_ASK, environ=TALK)
    (held,) = scratch_world.held()
    lines = [
        "username=oauth2",
        f"password={held['token']}",
        f"password_expiry_utc={int(held['expires']) - 10}",
    ]
    assert outcome.stdout.decode().splitlines() == lines
    assert (outcome.status, outcome.stderr) == (0, b"")


def trace(scratch_world: World) -> None:
    """A trace tells decisions, on stderr or in a private file, and never a secret."""
    path = scratch_world.root / "trace.log"
    for where in ("1", str(path)):
        for words in (["get"], ["git", "get"], ["docker", "get"], ["json"]):
            stdin = {
                "git": _ASK,
                "docker": b"ica.example",
                "json": b'{"action":"get","profile":"main"}',
            }.get(words[0], b"")
            scratch_world.age(90000)
            outcome = scratch_world.run(*words, stdin=stdin, environ={"CREDHELPER_TRACE": where})
            assert outcome.status == 0
            assert outcome.token
            assert ("credhelper: trace: " in outcome.told) is (where == "1")
    told = path.read_bytes()
    assert told.count(b"credhelper: trace: ") > 8
    assert not tokens_in(told)
    assert not any(canary.encode() in told for canary in scratch_world.canaries)
    assert path.stat().st_mode & 0o777 == 0o600


# --- row 91 ---------------------------------------------------------------------------------------

_MODULES = (
    *("json", "os", "sys", "time", "errno", "stat", "fcntl", "site", "sitecustomize"),
    *("usercustomize", "requests", "click", "urllib3", "credhelper", "posix", "encodings"),
    *(
        "_sha2",
        "_sha256",
        "hashlib",
        "tomllib",
        "ssl",
        "socket",
        "_signal",
        "platformdirs",
        "filelock",
    ),
)


def _poison(folder: Path, evil_url: str) -> Path:
    """Fill a folder with all that careless programs read there; return what shows that they did."""
    folder.mkdir()
    bitten = folder.parent / "bitten"
    bite = f"open({str(bitten)!r}, 'a').write(__name__ + chr(10))\n"
    for name in _MODULES:
        (folder / f"{name}.py").write_text(bite)
    (folder / "startup").write_text(bite)
    (folder / "pyvenv.cfg").write_text("home = /nonexistent\n")
    config = f'[profiles.main]\nurl = "{evil_url}"\nservices = ["https://ica.example"]\n'
    config += 'grant = { command = ["/bin/false"] }\n'
    for name in ("credhelper.toml", "config.toml", ".credhelper.toml", "pyproject.toml"):
        (folder / name).write_text(config)
    (folder / ".env").write_text(f"CREDHELPER_URL={evil_url}\nCREDHELPER_API_KEY=evil\n")
    (folder / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (folder / "setup.cfg").write_text(f"[credhelper]\nurl = {evil_url}\n")
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\necho python3 >>{bitten}\n")
    program.chmod(0o755)
    return bitten


def poisoned_folder(start: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """Nothing in the current folder is imported or read, though variables point at it."""
    if not INSTALLED:
        pytest.skip(_NEEDS_PROGRAM)
    if start == "fresh":
        scratch_world.prepare()
    folder = scratch_world.root / "checkout"
    bitten = _poison(folder, "http://127.0.0.1:1")
    before = snapshot(folder)
    environ = {
        "PYTHONPATH": ".",
        "PYTHONHOME": str(folder),
        "PYTHONSTARTUP": str(folder / "startup"),
        "PYTHONUSERBASE": str(folder),
        "PYTHONSAFEPATH": "",
        "PYTHONPLATLIBDIR": ".",
        "BASH_ENV": str(folder / "startup"),
        "ENV": str(folder / "startup"),
    }
    for words, stdin in (
        (["get"], b""),
        (["git", "get"], _ASK),
        (["docker", "get"], b"ica.example"),
        (["json"], b'{"action":"get","service":"https://ica.example"}'),
    ):
        outcome = scratch_world.run(*words, stdin=stdin, environ=environ, cwd=folder)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        assert outcome.token == scratch_world.held()[0]["token"]
    assert not bitten.exists(), bitten.read_text()
    assert snapshot(folder) == before
    assert running_sandbox.stats()["created"] == 1


def people_in_a_poisoned_folder(scratch_world: World) -> None:
    """The people's door imports much more: from where it was installed, and nowhere else."""
    if not INSTALLED:
        pytest.skip(_NEEDS_PROGRAM)
    folder = scratch_world.root / "checkout"
    bitten = _poison(folder, "http://127.0.0.1:1")
    environ = {"PYTHONPATH": ".", "PYTHONSTARTUP": str(folder / "startup")}
    for words in (["status"], ["token", "create"], ["exec", "--", "true"], ["profile", "list"]):
        outcome = scratch_world.run(*words, environ=environ, cwd=folder)
        assert outcome.status == 0, outcome
    assert not bitten.exists(), bitten.read_text()


def folder_gone(scratch_world: World) -> None:
    """The current folder was removed under our feet: that is no matter of ours."""
    gone = scratch_world.root / "gone"
    gone.mkdir()
    prefix = ("sh", "-c", f'rmdir {gone}; exec "$@"', "sh")
    for _ in range(2):
        outcome = scratch_world.run("get", prefix=prefix, cwd=gone)
        assert outcome.status == 0
        assert outcome.token == scratch_world.held()[0]["token"]
        assert "credhelper" not in outcome.told  # the shell that starts us may have a word to say
        gone.mkdir()


# --- row 93 ---------------------------------------------------------------------------------------


def arguments_of_all_processes(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """During every verb, no process that it starts has a secret among its arguments."""
    running_sandbox.fault({"delay": 0.2, "times": "always"})
    key = running_sandbox.api_key
    session = (running_sandbox.password + "\n").encode()
    own = ["--url", running_sandbox.url, "--user", running_sandbox.username]
    found: set[bytes] = set()
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            for process in processes.below(scratch_world.root):
                try:
                    told = Path(f"/proc/{process}/cmdline").read_bytes()
                except OSError:
                    continue
                seen.add(told)
                found.update(tokens_in(told))
                found.update(word.encode() for word in secrets if word.encode() in told)

    secrets = [key, running_sandbox.password]
    looking = threading.Thread(target=look)
    looking.start()
    try:
        for words, stdin in (
            (["get"], b""),
            (["git", "get"], _ASK),
            (["docker", "get"], b"ica.example"),
            (["json"], b'{"action":"get","service":"https://ica.example"}'),
            (["exec", "--", "sleep", "0.2"], b""),
            (["env"], b""),
            (["status", "--check"], b""),
            (["token", "create"], b""),
            (["login", "--profile", "typed", *own[:2]], f"{key}\n".encode()),
            (["login", "--profile", "me", *own], session),
            (["logout"], b""),
        ):
            scratch_world.age(90000)
            outcome = scratch_world.run(*words, stdin=stdin)
            assert outcome.status == 0, (words, outcome)
    finally:
        over.set()
        looking.join()
    assert any(b"credhelper" in told for told in seen)
    assert not found


# --- row 94 ---------------------------------------------------------------------------------------


def _child(world: World, *words: str, **environ: str) -> dict[str, str]:
    outcome = world.run("exec", *words, "--", "env", "-0", environ=environ)
    assert outcome.status == 0, outcome
    pairs = outcome.stdout.decode().split("\0")[:-1]
    return dict(pair.split("=", 1) for pair in pairs)


def exec_with_a_key_in_the_environment(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """The key that made the token is not the child's business; the token has one place."""
    scratch_world.config.unlink()
    own = {
        "CREDHELPER_API_KEY": running_sandbox.api_key,
        "CREDHELPER_URL": running_sandbox.url,
        "CREDHELPER_SERVICES": "https://ica.example",
        "MY_OTHER_PASSWORD": "mine",
        "ICA_ACCESS_TOKEN": "one-that-expired-long-ago",
    }
    child = _child(scratch_world, **own)
    (held,) = scratch_world.held()
    assert [name for name, value in child.items() if held["token"] in value] == ["ICA_ACCESS_TOKEN"]
    assert not [name for name, value in child.items() if running_sandbox.api_key in value]
    assert child["MY_OTHER_PASSWORD"] == "mine"
    assert "CREDHELPER_API_KEY" not in child
    # The child's own calls are answered from the cache, though the key has gone.
    again = scratch_world.run("get", environ=child)
    assert (again.status, again.token) == (0, held["token"])
    assert running_sandbox.stats()["created"] == 1


def exec_with_a_key_of_a_profile(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """The variable that a profile names goes; everything else of the parent stays as it is."""
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"grant": {"env": "TEAM_KEY"}}
    )
    own = {"TEAM_KEY": running_sandbox.api_key, "OTHER_KEY": "mine", "EMPTY": "", "ODD": "a\nb=c"}
    child = _child(scratch_world, "--var", "MY_TOKEN", **own)
    (held,) = scratch_world.held()
    holders = {name for name, value in child.items() if held["token"] in value}
    assert holders == {"ICA_ACCESS_TOKEN", "MY_TOKEN"}
    assert "TEAM_KEY" not in child
    expected = scratch_world.environment(own)
    del expected["TEAM_KEY"]
    assert {name: child.get(name) for name in expected} == expected
    added = child.keys() - expected.keys() - {"PWD"}  # the shell that starts us adds that
    assert added == {
        *("ICA_ACCESS_TOKEN", "ICA_SERVER_URL", "ICA_BASE_URL", "MY_TOKEN"),
        *("CREDHELPER_PROFILE", "CREDHELPER_RECORD"),
    }


# --- row 96 ---------------------------------------------------------------------------------------


def shown_to_people(arguments: list[str], fingerprint: bool, scratch_world: World) -> None:
    """What people are shown, and paste into tickets: a fingerprint at the most."""
    token = scratch_world.prepare()
    outcome = scratch_world.run(*arguments)
    assert outcome.status == 0, outcome
    assert not tokens_in(outcome.stdout)
    middle = token[40:60]
    assert middle.encode() not in outcome.stdout
    mark = sha256(token.encode()).hexdigest()[:8].encode()
    assert (mark in outcome.stdout) is fingerprint
    assert sha256(token.encode()).hexdigest()[:16].encode() not in outcome.stdout


# --- row 99 ---------------------------------------------------------------------------------------


def usage(arguments: list[str], scratch_world: World) -> None:
    """Called without saying what for: usage on stderr, nothing on stdout, a status above 0."""
    scratch_world.prepare()
    before = snapshot(scratch_world.root)
    outcome = scratch_world.run(*arguments)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert b"usage" in outcome.stderr.lower()
    assert snapshot(scratch_world.root) == before


# --- rows 102 and 104 -----------------------------------------------------------------------------


def two_thousand_lines(scratch_world: World) -> None:
    """Two thousand requests in one write: as many answers, in their order."""
    token = scratch_world.prepare()
    asked, expected = [], []
    for number in range(2000):
        if number % 3:
            asked.append({"action": "get", "service": "https://ica.example"})
            expected.append(token)
        else:
            asked.append({"action": "get", "service": f"https://evil-{number}.test"})
            expected.append(f"no profile covers https://evil-{number}.test")
    lines = "".join(json.dumps(each) + "\n" for each in asked).encode()
    outcome = scratch_world.run("json", stdin=lines)
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert len(outcome.stdout) > 65536, "more than a pipe holds"
    answers = [json.loads(line) for line in outcome.stdout.splitlines()]
    told = [
        answer["error"]["message"] if "error" in answer else answer["token"] for answer in answers
    ]
    assert told == expected


def caller_gone_after_the_first_answer(scratch_world: World) -> None:
    """A dialogue whose caller stops listening ends quietly."""
    token = scratch_world.prepare()
    reader, writer = os.pipe()
    process = scratch_world.start("json", stdout=writer)
    os.close(writer)
    assert process.stdin is not None
    line = b'{"action":"get","service":"https://ica.example"}\n'
    process.stdin.write(line)
    assert tokens_in(os.read(reader, 65536)) == [token.encode()]
    os.close(reader)
    process.stdin.write(line)
    process.wait(30)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stderr) == (1, b"")
    assert scratch_world.get() == token
