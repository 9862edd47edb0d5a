"""What is played under faults: commands, the world they begin in, and what must hold after them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.faults import changes, promises, running, sharing
from tests.faults.injector import Ended
from tests.faults.promises import next_run
from tests.faults.scenario import DAY, Scenario, after_get, configured, served
from tests.faults.stage import URL, Stage
from tests.support.worlds import tokens_in

_TYPED = ("--profile", "typed", "--keep-session", "--service", "https://typed.example")


def _held(stage: Stage, **main: object) -> None:
    configured(stage, **main)
    stage.token = stage.world.get()
    # Another identity's token lies beside it, to be mistaken for it.
    stage.world.get("--profile", "other")


def _expired(stage: Stage) -> None:
    _held(stage)
    stage.world.age(DAY + 60)


def _used_for_minutes(stage: Stage) -> None:
    served(stage)
    stage.world.age(300)


def _with_session(stage: Stage) -> None:
    _held(stage, keep_session=True)


def _logged_in(stage: Stage) -> None:
    api = stage.sandbox
    who = ("--user", api.username, "--url", api.url, "--service", URL)
    done = next_run(stage, "login", "--profile", "main", *who, stdin=f"{api.password}\n".encode())
    assert done.status == 0, done
    stage.token = stage.world.get()


def _typed(stage: Stage) -> None:
    served(stage)
    before = _secrets(stage)
    done = next_run(stage, *_login(stage), stdin=_key(stage))
    assert done.status == 0, done
    stage.secrets = sorted(_secrets(stage) - before)


def _secrets(stage: Stage) -> set[bytes]:
    return {token for data in stage.files().values() for token in tokens_in(data)}


def _nearly_over(stage: Stage) -> None:
    (expires,) = {
        int(held["expires"]) for held in stage.world.held() if held["token"] == stage.token
    }
    stage.world.age(expires - int(time.time()) - 240)


def _session_due(stage: Stage) -> None:
    """Let more than half of the token's life and of the session's idle life be over."""
    stage.sandbox.reset()
    stage.sandbox.fault({"path": "/v1/tokens:refresh", "rotate": True, "times": "always"})
    stage.world.rewrite(stage.session_file(), token=stage.sandbox.session())
    stage.world.age_record(stage.session_file(), 1900)
    stage.world.age(DAY // 2 + 3600)


def _login(stage: Stage) -> list[str]:
    return ["login", *_TYPED, "--url", stage.sandbox.url]


def _key(stage: Stage) -> bytes:
    return f"{stage.sandbox.api_key}\n".encode()


def _add(stage: Stage) -> list[str]:
    key = str(stage.root / "api-key")
    return ["profile", "add", "third", "--url", stage.sandbox.url, "--grant-file", key]


def _refused(stage: Stage) -> bytes:
    host = URL.removeprefix("https://")
    who = f"username=oauth2\npassword={stage.token}"
    return f"protocol=https\nhost={host}\n{who}\n\n".encode()


def _after_session_get(stage: Stage, ended: Ended) -> Iterator[str]:
    yield from after_get(stage, ended)
    if not stage.session_lives() and not promises.lost_in_flight(ended):
        yield "lost: the session on disk is dead"


def _after_erase(stage: Stage, ended: Ended) -> Iterator[str]:
    told = next_run(stage, "get")
    if ended.status == 0 and told.status == 0 and told.token == stage.token:
        yield "dead: the next get serves the token that was refused"
    yield from after_get(stage, ended)


def _after_login(stage: Stage, ended: Ended) -> Iterator[str]:
    yield from promises.of_the_next_get(stage)
    yield from promises.of_what_is_left(stage)
    if ended.status != 0:
        done = next_run(stage, *_login(stage), stdin=_key(stage))
        if done.status != 0:
            yield f"next: login: {done}"
    for broken in promises.of_the_next_get(stage, "typed"):
        yield broken.replace("next", "effect" if ended.status == 0 else "next", 1)


def _after_logout(stage: Stage, ended: Ended) -> Iterator[str]:
    if ended.status != 0:
        done = next_run(stage, "logout", "--profile", "typed")
        if done.status != 0:
            yield f"next: logout: {done}"
    yield from promises.of_a_goodbye(stage)
    for secret in stage.secrets:
        token = secret.decode()
        if stage.sandbox.lives(token) or stage.sandbox.admits(token):
            yield "effect: a token lives on"
    yield from after_get(stage, ended)


def _after_remove(stage: Stage, ended: Ended) -> Iterator[str]:
    if ended.status != 0:
        done = next_run(stage, "profile", "remove", "typed", "--yes")
        if done.status not in (0, 3):
            yield f"next: profile remove: {done}"
    if b"typed" in stage.world.config.read_bytes():
        yield "effect: the profile is still there"
    for path in stage.world.records():
        if f"NOT forgotten: cannot remove {path}" in ended.stdout.decode():
            path.unlink()  # it has named the file, and the status says so as well
    yield from promises.of_a_goodbye(stage)
    yield from after_get(stage, ended)


def _after_add(stage: Stage, ended: Ended) -> Iterator[str]:
    if ended.status != 0:
        done = next_run(stage, *_add(stage))
        if done.status != 0:
            yield f"next: profile add: {done}"
    if b"third" not in stage.world.config.read_bytes():
        yield "effect: the profile is not there"
    yield from after_get(stage, ended)


SHORT = {
    one.name: one
    for one in (
        Scenario(
            "get-cold",
            lambda stage: ["get"],
            configured,
            after_get,
            ("folder", "routes", "new file"),
            answers=True,
        ),
        Scenario(
            "get-stale",
            lambda stage: ["keyring", "get", URL, "oauth2"],
            _held,
            after_get,
            ("network", "key file"),
            begin=_nearly_over,
            answers=True,
            lives=True,
        ),
        Scenario(
            "get-expired",
            lambda stage: ["get"],
            _expired,
            after_get,
            ("record", "failure"),
            answers=True,
        ),
        Scenario(
            "get-keep-session",
            lambda stage: ["get"],
            _with_session,
            after_get,
            (),
            begin=_session_due,
            answers=True,
            lives=True,
        ),
        Scenario(
            "get-login",
            lambda stage: ["get"],
            _logged_in,
            _after_session_get,
            ("session",),
            begin=_session_due,
            answers=True,
            lives=True,
        ),
        Scenario(
            "git-erase",
            lambda stage: ["git", "erase"],
            _used_for_minutes,
            _after_erase,
            ("lock", "config"),
            stdin=_refused,
        ),
        Scenario("login", _login, served, _after_login, ("typed key",), stdin=_key),
        Scenario(
            "logout",
            lambda stage: ["logout", "--profile", "typed"],
            _typed,
            _after_logout,
            ("removal",),
        ),
        Scenario("profile-add", _add, served, _after_add, ("changed config",)),
        Scenario(
            "profile-remove",
            lambda stage: ["profile", "remove", "typed", "--yes"],
            _typed,
            _after_remove,
            (),
        ),
    )
}

# Each case of these takes longer, or is much like one of the others: `make test` plays few of them.
LONG = {one.name: one for one in (*changes.SCENARIOS, *running.SCENARIOS, *sharing.SCENARIOS)}

SCENARIOS = SHORT | LONG
