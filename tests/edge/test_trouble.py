"""The server down, slow, redirecting, talking nonsense or saying no: right answers all the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from credhelper.broker import wiring
from credhelper.broker.context import Context
from credhelper.config import parse
from credhelper.config.profile import Profile
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World

NEARLY_OVER = 86400 - 30  # of a token's day: stale, and living

# What the sandbox does, and what a caller without a token is told.
TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "500": ({"status": 500}, "answered 500"),
    "503": ({"status": 503}, "answered 503"),
    "429": ({"status": 429, "headers": {"Retry-After": "3600"}}, "answered 429"),
    "dropped": ({"drop": True}, "connection"),
    "truncated": ({"truncated": True}, "truncated"),
    "redirect": ({"redirect": "https://evil.test/"}, "redirect, which is never followed"),
    "redirect 307": ({"redirect": "http://127.0.0.1:1/", "status": 307}, "never followed"),
    "html": ({"status": 200, "body": "<html>Log in to the Wi-Fi</html>"}, "HTML"),
    "empty": ({"status": 200, "body": ""}, "nothing"),
    "null": ({"status": 201, "json": None}, "null"),
    "list": ({"status": 201, "json": []}, "a list"),
    "no token": ({"status": 201, "json": {}}, "missing"),
    "null token": ({"status": 201, "json": {"access_token": None}}, "missing or not a string"),
    "word for nothing": ({"access_token": "null"}, "a word for nothing"),
    "token with a line break": ({"access_token": "eyJ\nhost=evil.test"}, "control"),
    "token with CR": ({"access_token": "eyJ\rhost=evil.test"}, "control"),
    "token with NUL": ({"access_token": "eyJ\0"}, "control"),
    "huge": ({"huge": 2_000_000}, "more than"),
    "expired on arrival": ({"lifetime": -5}, "already expired"),
    "not valid for long": ({"nbf": 3600}, "not valid for another"),
    "401": ({"status": 401}, "answered 401"),
    "400": ({"status": 400}, "answered 400"),
    "403": ({"status": 403}, "answered 403"),
}
FINAL = {"401", "400", "403"}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_living_token_is_served_through_any_trouble(
    scratch_world: World, running_sandbox: RunningSandbox, name: str
) -> None:
    token = scratch_world.prepare()
    scratch_world.age(NEARLY_OVER)
    before = [path.read_bytes() for path in scratch_world.records()]
    fault, told = TROUBLES[name]
    running_sandbox.fault({**fault, "times": "always"})
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.token) == (0, token)
    assert outcome.told.startswith(
        "credhelper: warning: could not renew profile main, its token still lives"
    )
    assert told in outcome.told
    assert [path.read_bytes() for path in scratch_world.records()] == before


@pytest.mark.parametrize(
    ("words", "stdin", "left", "timeout"),
    [
        (("bazel", "get"), b'{"uri":"https://ica.example"}', 1000, 8),
        (("token", SERVICE), b"", 59, 4),
    ],
)
def test_a_caller_that_gives_up_soon_gets_what_lives_before_it_does(
    scratch_world: World,
    running_sandbox: RunningSandbox,
    words: tuple[str, ...],
    stdin: bytes,
    left: int,
    timeout: int,
) -> None:
    token = scratch_world.prepare()
    scratch_world.age(86400 - left)
    running_sandbox.fault({"hang": 30, "times": "always"})
    outcome = scratch_world.run(*words, stdin=stdin)
    assert (outcome.status, outcome.token) == (0, token)
    assert "its token still lives" in outcome.told
    assert f"no answer from {running_sandbox.url} within {timeout} s" in outcome.told


def test_a_grants_command_that_hangs_does_not_keep_what_lives_from_bazel(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    script = scratch_world.root / "ask"
    script.write_text(f"#!/bin/sh\ncat {scratch_world.root}/api-key\n")
    script.chmod(0o755)
    grant = {"command": [str(script)], "timeout": 60}
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main={"grant": grant})
    token = scratch_world.get()
    scratch_world.age(86400 - 1000)
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    outcome = scratch_world.run("bazel", "get", stdin=b'{"uri":"https://ica.example"}')
    assert (outcome.status, outcome.token) == (0, token)
    assert "of profile main did not end within 8 s" in outcome.told


@pytest.mark.parametrize(("member", "expected"), [("", 4), ("keep_session = true", 20)])
def test_a_sessions_answer_is_waited_for_whoever_asks(
    monkeypatch: pytest.MonkeyPatch, member: str, expected: float
) -> None:
    def client_for(context: Context, profile: Profile, timeout: float = 0, *_: object) -> Any:
        return SimpleNamespace(refreshes="session")

    monkeypatch.setattr(wiring, "client_for", client_for)
    text = f'[profiles.main]\ngrant = {{ env = "KEY" }}\n{member}\n'
    profile = parse.parse(text.encode(), "config.toml", {}).profiles["main"]
    environ = {"CREDHELPER_STATE_DIR": "/proc/nowhere", "CREDHELPER_CACHE_DIR": "/proc/nowhere"}
    context = Context(environ, warn=lambda message, hint: None)
    wiring.renewal_for(context, profile, 4)
    assert context.http.left == expected


@pytest.mark.parametrize("name", TROUBLES)
def test_without_a_token_any_trouble_is_told_and_shared_for_a_moment(
    scratch_world: World, running_sandbox: RunningSandbox, name: str
) -> None:
    fault, told = TROUBLES[name]
    running_sandbox.fault({**fault, "times": "always"})
    outcome = scratch_world.run("get")
    asked = running_sandbox.stats()["requests"]
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert told in outcome.told
    assert outcome.told.startswith("credhelper: error: ")
    assert asked == 1 if name in FINAL else 1 <= asked <= 3
    again = scratch_world.run("get")
    assert (again.status, again.stdout, again.told) == (5, b"", outcome.told)
    assert running_sandbox.stats()["requests"] == asked
    assert scratch_world.records() == []


@pytest.mark.parametrize("name", ["401", "500"])
def test_git_and_docker_are_told_in_their_own_way(
    scratch_world: World, running_sandbox: RunningSandbox, name: str
) -> None:
    running_sandbox.fault({**TROUBLES[name][0], "times": "always"})
    git = scratch_world.run("git", "get", stdin=b"protocol=https\nhost=ica.example\n\n")
    assert b"password" not in git.stdout
    assert TROUBLES[name][1] in git.told
    docker = scratch_world.run("docker", "get", stdin=SERVICE.encode())
    assert docker.status == 1
    assert b"Secret" not in docker.stdout
    assert TROUBLES[name][1] in docker.told + docker.stdout.decode()


def test_git_and_docker_get_the_living_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.prepare().encode()
    scratch_world.age(NEARLY_OVER)
    running_sandbox.fault({"status": 500, "times": "always"})
    git = scratch_world.run("git", "get", stdin=b"protocol=https\nhost=ica.example\n\n")
    assert b"password=" + token + b"\n" in git.stdout
    docker = scratch_world.run("docker", "get", stdin=SERVICE.encode())
    assert (docker.status, token in docker.stdout) == (0, True)


def test_one_profiles_refusal_is_no_others(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, good={}, bad={"cid": "malformed id!"}
    )
    good = scratch_world.get("--profile", "good")
    assert scratch_world.run("get", "--profile", "bad").status == 5
    assert scratch_world.get("--profile", "good") == good


def test_a_transient_failure_is_tried_again_at_once(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 503})
    scratch_world.get()
    assert running_sandbox.stats()["requests"] == 2


def test_a_slow_server_is_waited_for(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    running_sandbox.fault({"delay": 1.5})
    scratch_world.get()
    assert running_sandbox.stats()["created"] == 1


def test_a_token_that_starts_soon_is_waited_for(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"nbf": 2})
    scratch_world.get()
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.parametrize("offset", [-7200, 7200])
def test_a_clock_that_differs_by_hours_is_allowed_for(
    scratch_world: World, running_sandbox: RunningSandbox, offset: int
) -> None:
    running_sandbox.fault({"date": offset, "times": "always"})
    token = scratch_world.get()
    assert scratch_world.get() == token
    assert running_sandbox.stats()["created"] == 1


@pytest.fixture
def listen() -> Iterator[Callable[[], int]]:
    """Give a way to listen and never say a word."""
    sockets: list[socket.socket] = []

    def start() -> int:
        sockets.append(socket.create_server(("127.0.0.1", 0)))
        return int(sockets[-1].getsockname()[1])

    yield start
    for each in sockets:
        each.close()


def unreachable(world: World, url: str) -> None:
    text = world.config.read_text()
    at = text.index("url = ")
    line = text[at : text.index("\n", at)]
    world.config.write_text(text.replace(line, f'url = "{url}"'))


def test_a_server_that_is_down_is_told(scratch_world: World, listen: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    unreachable(scratch_world, f"http://127.0.0.1:{port}")
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "connection refused" in outcome.told


def test_a_server_that_hangs_up_at_once_is_told(scratch_world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            for _ in range(9):
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        unreachable(scratch_world, f"http://127.0.0.1:{server.getsockname()[1]}")
        outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (5, b"")


def test_a_proxy_is_never_asked_for_loopback(scratch_world: World) -> None:
    dead = "http://user:secret-of-proxy@127.0.0.1:9"
    token = scratch_world.get(environ={"HTTP_PROXY": dead, "http_proxy": dead, "ALL_PROXY": dead})
    assert token
