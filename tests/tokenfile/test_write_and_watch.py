"""`write` and `watch`, as processes, against a living sandbox."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.jwts import jwt
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in
from tests.tokenfile.jobs import expiry_of, until


@pytest.mark.parametrize("prefix", [(), ("sh", "-c", 'exec "$@" 2>&-', "sh")])
def test_what_does_not_change_is_warned_of_once(
    short_lived: World, prefix: tuple[str, ...]
) -> None:
    """Nothing can be kept, and a terminal that is gone is no reason to end."""
    (short_lived.root / "occupied").touch(0o600)
    path = short_lived.root / "token"
    environ = {"CREDHELPER_CACHE_DIR": str(short_lived.root / "occupied")}
    process = short_lived.start("watch", "--to", str(path), environ=environ)
    seen: set[str] = set()

    def three_tokens() -> bool:
        if path.exists():
            seen.add(path.read_text())
        return len(seen) >= 3

    until(three_tokens, "the file was not replaced")
    process.terminate()
    outcome = short_lived.finish(process)
    assert outcome.status == -signal.SIGTERM
    assert outcome.told.count("continuing without a cache") == 1, outcome


def test_write_puts_a_token_into_a_private_file(scratch_world: World) -> None:
    token = scratch_world.prepare()
    path = scratch_world.root / "token"
    outcome = scratch_world.run("write", "--to", str(path))
    assert (outcome.status, outcome.stdout, outcome.told) == (0, b"", "")
    assert path.read_text() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_relative_path_is_taken_from_where_the_person_stands(scratch_world: World) -> None:
    outcome = scratch_world.run("write", "--to", "token", cwd=scratch_world.root)
    assert outcome.status == 0
    assert (scratch_world.root / "token").exists()


def test_a_login_that_stands_before_ours_is_warned_of(scratch_world: World, tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine ica.example login ann password x\n")
    words = ["write", "--to", str(path), "--format", "netrc", "--service", "https://ica.example"]
    outcome = scratch_world.run(*words)
    assert outcome.status == 0
    assert "has another login for ica.example above this one" in outcome.told


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", ""])
def test_a_stream_is_no_file_to_replace(scratch_world: World, tmp_path: Path, path: str) -> None:
    """With stdout in a log, as `>> job.log` does it: the log stays."""
    log = tmp_path / "log"
    log.write_text("before\n")
    prefix = ("sh", "-c", f'exec "$@" >> {log}', "sh")
    outcome = scratch_world.run("write", "--to", path, prefix=prefix)
    assert (outcome.status, log.read_text()) == (2, "before\n")
    assert "credhelper get" in outcome.told


def test_a_folder_that_is_gone_is_told_of(scratch_world: World, tmp_path: Path) -> None:
    prefix = ("sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(tmp_path / "gone"))
    (tmp_path / "gone").mkdir()
    outcome = scratch_world.run("write", "--to", "token", prefix=prefix)
    assert outcome.status == 7
    assert "the current folder is gone" in outcome.told


def test_a_netrc_that_write_made_is_read_by_curl_alike(scratch_world: World) -> None:
    path = scratch_world.root / "netrc"
    path.write_text("machine other.example login a password b\n")
    words = ["--to", str(path), "--format", "netrc", "--service", "https://ica.example/x"]
    assert scratch_world.run("write", *words).status == 0
    lines = path.read_text().split("\n")
    assert lines[0] == "machine other.example login a password b"
    assert lines[1:3] == ["machine ica.example", "login oauth2"]


def test_what_others_write_while_a_token_is_fetched_is_kept(
    scratch_world: World, start_sandbox: Callable[..., RunningSandbox]
) -> None:
    path = scratch_world.root / "netrc"
    path.write_text("machine other.example login a password b\n")
    # Asked for a token, the grant's command writes into the file: there is no better moment.
    line, key = "machine mine.example login c password d", scratch_world.root / "api-key"
    add = f"echo {line} >> {path}; cat {key}"
    api = start_sandbox()
    scratch_world.configure(api.url, api.api_key, main={"grant": {"command": ["sh", "-c", add]}})
    words = ["--to", str(path), "--format", "netrc", "--service", "https://ica.example"]
    outcome = scratch_world.run("write", *words)
    assert (outcome.status, outcome.told) == (0, "")
    machines = [line.split()[1] for line in path.read_text().split("\n") if "machine" in line]
    assert machines == ["other.example", "mine.example", "ica.example"]


@pytest.mark.parametrize(
    ("form", "before"),
    [("ica-config", "notes of somebody\n"), ("netrc", "machine o login # password b\n")],
)
def test_a_file_that_was_left_alone_is_not_named_by_logout(
    scratch_world: World, form: str, before: str
) -> None:
    path = scratch_world.root / "file"
    path.write_text(before)
    words = ["write", "--to", str(path), "--format", form, "--service", "https://ica.example"]
    outcome = scratch_world.run(*words)
    assert (outcome.status, path.read_text()) == (2, before), outcome
    assert f"error: {path}: " in outcome.told
    assert str(path) not in scratch_world.run("logout").stdout.decode()


def test_no_token_is_made_for_a_netrc_that_is_for_nobody(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    path = scratch_world.root / "netrc"
    outcome = scratch_world.run("write", "--to", str(path), "--format", "netrc")
    assert (outcome.status, path.exists()) == (2, False)
    assert "hint: add --service URL" in outcome.told
    assert running_sandbox.stats()["created"] == 0


def test_no_file_is_made_for_a_service_that_no_profile_names(scratch_world: World) -> None:
    path = scratch_world.root / "token"
    outcome = scratch_world.run("write", "--to", str(path), "--service", "https://evil.test")
    assert outcome.status == 3
    assert not path.exists()


def test_a_foreign_file_is_left_alone_and_no_token_is_made(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    fifo = scratch_world.root / "fifo"
    os.mkfifo(fifo)
    assert scratch_world.run("write", "--to", str(fifo)).status == 7
    assert scratch_world.run("watch", "--to", str(fifo)).status == 7
    assert running_sandbox.stats()["created"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_watch_keeps_a_file_fresh_until_it_is_told_to_end(short_lived: World, number: int) -> None:
    path = short_lived.root / ".session.ica.yaml"
    path.write_text("project-id: p-1\n")
    words = ["watch", "--to", str(path), "--format", "ica-config"]
    process = short_lived.start(*words)
    seen: set[str] = set()

    def three_tokens() -> bool:
        for token in tokens_in(path.read_bytes()):
            seen.add(token.decode())
            assert expiry_of(token.decode()) > time.time()
        return len(seen) >= 3

    until(three_tokens, "the file was not replaced")
    process.send_signal(number)
    outcome = short_lived.finish(process)
    assert (outcome.status, outcome.stdout, outcome.told) == (-number, b"", "")
    assert path.read_text().startswith("project-id: p-1\naccess-token: ")


def test_watch_keeps_an_env_file_whole(short_lived: World) -> None:
    path = short_lived.root / ".env"
    process = short_lived.start("watch", "--to", str(path), "--format", "dotenv")
    seen: set[str] = set()

    def two_tokens() -> bool:
        if path.exists():
            names = [line.partition("=")[0] for line in path.read_text().splitlines()]
            assert names == ["ICA_ACCESS_TOKEN", "ICA_SERVER_URL", "ICA_BASE_URL"]
            seen.update(token.decode() for token in tokens_in(path.read_bytes()))
        return len(seen) >= 2

    until(two_tokens, "the file was not replaced")
    process.terminate()
    assert short_lived.finish(process).told == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_who_watch_one_profile_make_no_more_tokens_than_one(short_lived: World) -> None:
    api: RunningSandbox = short_lived.api  # type: ignore[attr-defined]  # see the fixture
    paths = [short_lived.root / name for name in ("one", "two")]
    watchers = [short_lived.start("watch", "--to", str(path)) for path in paths]
    until(lambda: all(path.exists() for path in paths), "no file was made")
    first = {path.read_text() for path in paths}
    until(
        lambda: (
            {path.read_text() for path in paths}.isdisjoint(first)
            and len({path.read_text() for path in paths}) == 1
        ),
        "they do not agree",
    )
    made = api.stats()["created"]
    for process in watchers:
        process.terminate()
        short_lived.finish(process)
    assert made <= 3


def _holds(path: Path, token: str) -> bool:
    return path.exists() and path.read_text() == token


def test_watch_takes_over_a_ready_token_that_was_replaced_early(scratch_world: World) -> None:
    """Whoever rotates it may have revoked the former one, which lives for hours by its exp."""
    given, path = scratch_world.root / "given", scratch_world.root / "kept"
    tokens = [jwt(exp=int(time.time()) + hours * 3600) for hours in (5, 6, 7)]

    def rotate(token: str) -> None:
        (scratch_world.root / "new").touch(0o600)
        (scratch_world.root / "new").write_text(token)
        (scratch_world.root / "new").replace(given)

    rotate(tokens[0])
    main = {"auth": "token", "grant": {"file": str(given)}}
    scratch_world.configure("https://api.example", "unused-key", main=main)
    process = scratch_world.start("watch", "--to", str(path))
    for token in tokens:
        rotate(token)
        process.send_signal(signal.SIGCONT)  # wakes it: it looks every ten seconds
        until(partial(_holds, path, token), "it was not replaced")
    given.unlink()
    process.send_signal(signal.SIGCONT)
    process.terminate()
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.told) == (-signal.SIGTERM, "")
    assert path.read_text() == tokens[-1]
