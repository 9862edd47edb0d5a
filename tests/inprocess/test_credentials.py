"""One profile's tokens as an object: for whom they are, and what becomes of a refused one."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import credhelper
from credhelper import Credentials
from credhelper.errors import (
    AmbiguousServiceError,
    CredhelperError,
    NotFoundError,
    RequestError,
    UnknownServiceError,
    UnreachableError,
)
from credhelper.inprocess import single_flight
from credhelper.inprocess import tokens as inprocess
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World


def test_the_token_is_that_of_get_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    environ = scratch_world.environ
    token = credhelper.get_token(environ=environ)
    for made in (
        Credentials(environ=environ),
        Credentials("main", environ=environ),
        Credentials(service=SERVICE, environ=environ),
        Credentials(profile="main", service=f"{SERVICE}/below", min_ttl=60, environ=environ),
    ):
        assert made.token() == token
        assert made.headers() == {"Authorization": f"Bearer {token}"}
        assert asyncio.run(made.atoken()) == token
        assert asyncio.run(made.aheaders()) == {"Authorization": f"Bearer {token}"}
    assert running_sandbox.stats()["created"] == 1


def test_nobody_is_asked_before_a_token_is_needed(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials("nobody", environ=scratch_world.environ)
    assert (running_sandbox.stats()["requests"], scratch_world.cache.exists()) == (0, False)
    with pytest.raises(NotFoundError):
        made.token()
    with pytest.raises(NotFoundError):
        made.token_for(SERVICE)


@pytest.mark.parametrize("service", ["http://ica.example", "https://a@ica.example", "", "a b"])
def test_a_service_that_is_none_is_told_where_it_is_written(service: str) -> None:
    with pytest.raises(RequestError):
        Credentials(service=service)


def test_a_service_that_no_profile_names_is_an_error(scratch_world: World) -> None:
    made = Credentials(service="https://other.example", environ=scratch_world.environ)
    with pytest.raises(UnknownServiceError):
        made.token_for("https://other.example/x")
    assert made.token_for(SERVICE) is None


COVERED = [
    "https://ica.example",
    "https://ica.example/",
    "https://ICA.example:443/a/b?token=1#part",
    "https://ica.example/a/../b",
    "https://ica.example/%2e%2e/b",
]
NOT_COVERED = [
    "http://ica.example/",
    "https://ica.example:8443/",
    "https://ica.example.evil.test/",
    "https://evil.test/https://ica.example",
    "https://ica.example@evil.test/",
    "https://user:pass@ica.example/",
    "https://ica.example\\@evil.test/",
    "https://evil.test\\.ica.example/",
    "https://sub.ica.example/",
    "https://ica.example./",
    "https://ica.ex\u0430mple/",
    "ftp://ica.example/",
    "//ica.example/",
    "ica.example",
    "/relative",
    "",
    "https://",
    "https://ica.example/\r\nHost: evil.test",
    "https://ica.example /",
]


@pytest.mark.parametrize("service", [None, SERVICE])
@pytest.mark.parametrize("url", COVERED)
def test_a_url_of_the_service_is_covered(
    scratch_world: World, url: str, service: str | None
) -> None:
    made = Credentials(service=service, environ=scratch_world.environ)
    token = made.token()
    assert made.covers(url)
    assert made.token_for(url) == token
    assert asyncio.run(made.atoken_for(url)) == token
    assert made.headers(url) == {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("service", [None, SERVICE])
@pytest.mark.parametrize("url", NOT_COVERED)
def test_any_other_url_gets_nothing(scratch_world: World, url: str, service: str | None) -> None:
    made = Credentials(service=service, environ=scratch_world.environ)
    made.token()
    assert not made.covers(url)
    assert made.token_for(url) is None
    assert made.another(url, "refused") is None
    assert (made.headers(url), asyncio.run(made.aheaders(url))) == ({}, {})


def test_nothing_is_fetched_for_a_stranger(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    assert made.token_for("https://evil.test/") is None
    assert asyncio.run(made.atoken_for("https://evil.test/")) is None
    assert running_sandbox.stats()["requests"] == 0


def test_without_a_service_the_api_that_the_token_comes_from_is_covered(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    environ = scratch_world.environ
    url = f"{running_sandbox.url}/v1/projects"
    assert Credentials(environ=environ).token_for(url) == Credentials(environ=environ).token()
    assert Credentials(service=SERVICE, environ=environ).token_for(url) is None
    assert not Credentials(environ=environ).covers(url.replace("127.0.0.1", "localhost"))


def test_a_path_covers_what_is_below_it_and_nothing_beside_it(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        outer={"services": ["https://ica.example"]},
        inner={"services": ["https://ica.example/team"], "client_id": "inner"},
    )
    environ = scratch_world.environ
    inner = Credentials("inner", environ=environ)
    below = Credentials(service="https://ica.example/team/a", environ=environ)
    for url, told in (
        ("https://ica.example/team", (True, False)),
        ("https://ica.example/team/a?q", (True, True)),
        ("https://ica.example/teams", (False, False)),
        ("https://ica.example/team/../other", (False, False)),
        ("https://ica.example/team/%2e%2e/other", (False, False)),
        ("https://ica.example", (False, False)),
    ):
        assert (inner.covers(url), below.covers(url)) == told, url
    # Another profile names that path more closely: it is not the outer one's.
    outer = Credentials("outer", environ=environ)
    assert outer.covers("https://ica.example/other")
    assert not outer.covers("https://ica.example/team/a")


def test_several_profiles_for_a_service_need_a_choice(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, one={}, two={"client_id": "second"}
    )
    scratch_world.config.write_text(
        scratch_world.config.read_text().replace('default_profile = "one"\n', "")
    )
    environ = dict(scratch_world.environ)
    with pytest.raises(AmbiguousServiceError):
        Credentials(service=SERVICE, environ=environ).token_for(SERVICE)
    with pytest.raises(CredhelperError):
        Credentials(environ=environ).token_for(SERVICE)
    token = Credentials("two", environ=environ).token_for(SERVICE)
    assert token == Credentials(profile="two", service=SERVICE, environ=environ).token_for(SERVICE)
    environ["CREDHELPER_PROFILE"] = "two"
    assert Credentials(environ=environ).token_for(SERVICE) == token
    environ["CREDHELPER_PROFILE"] = "one"
    assert Credentials(environ=environ).token_for(SERVICE) != token


def test_a_service_taken_from_the_profile_is_noticed_within_a_second(scratch_world: World) -> None:
    now = time.time()
    moment = [now]
    made = Credentials(environ=scratch_world.environ, clock=lambda: moment[0])
    assert made.covers(SERVICE)
    text = scratch_world.config.read_text()
    scratch_world.config.write_text(text.replace(SERVICE, "https://other.example"))
    moment[0] += 1
    assert not made.covers(SERVICE)
    assert made.covers("https://other.example")


def test_another_token_is_made_once_for_all_who_were_refused_the_old_one(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    first = made.token()
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(made.another(SERVICE, first)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (20, 1)
    assert found[0] == made.token() != first
    assert running_sandbox.stats()["created"] == 2


def test_there_is_no_third_token_at_once(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    second = made.another(SERVICE, made.token())
    assert made.another(SERVICE, second) is None
    assert made.token() == second
    assert running_sandbox.stats()["created"] == 2


def test_who_went_without_a_token_gets_one(scratch_world: World) -> None:
    made = Credentials(environ=scratch_world.environ)
    assert made.another(SERVICE, None) == made.token()


def test_only_the_refused_token_is_rejected(scratch_world: World) -> None:
    made = Credentials(environ=scratch_world.environ)
    token = made.token()
    assert not made.reject("somebody else's")
    assert made.token() == token
    assert made.reject(token)
    assert made.token() != token


def test_what_kept_a_new_token_away_is_raised(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    first = made.token()
    running_sandbox.fault({"status": 403, "path": "/v1/tokens", "times": "always"})
    with pytest.raises(credhelper.errors.RejectedError):
        made.another(SERVICE, first)


def test_a_renewal_does_not_block_the_event_loop(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    running_sandbox.fault({"delay": 0.5, "path": "/v1/tokens"})

    async def main() -> tuple[list[str], int]:
        turns = 0
        waiting = asyncio.gather(*(made.atoken() for _ in range(50)))
        while not waiting.done():
            await asyncio.sleep(0.005)
            turns += 1
        return await waiting, turns

    tokens, turns = asyncio.run(main())
    assert len(set(tokens)) == 1
    assert turns > 20
    assert running_sandbox.stats()["created"] == 1


def test_all_tasks_share_one_thread(scratch_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Credentials(environ=scratch_world.environ)
    started: list[str] = []
    start = threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", counted)

    async def main() -> None:
        await asyncio.gather(*(made.atoken() for _ in range(50)))
        await asyncio.gather(*(made.atoken() for _ in range(50)))

    asyncio.run(main())
    # The other one is the exchange's own. None is the loop's pool.
    assert started == ["credhelper", "credhelper-exchange"]
    assert single_flight._flights == {}


def test_tasks_do_not_wait_for_a_renewal_while_the_old_token_lives(
    scratch_world: World, running_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As threads do not: one renews, for as long as that takes, and the others are served."""
    moment = [time.time()]
    made = Credentials(environ=scratch_world.environ, clock=lambda: moment[0])
    first = made.token_for(SERVICE)
    moment[0] += 86400 - 30
    urls = [f"{SERVICE}/{number}" for number in range(20)]
    begun, enough = threading.Event(), threading.Event()
    get_token = inprocess.get_token

    def slowly(*arguments: Any, **how: Any) -> str:
        begun.set()
        enough.wait(600)
        return get_token(*arguments, **how)

    monkeypatch.setattr(inprocess, "get_token", slowly)

    async def main() -> tuple[list[str | None], str | None]:
        renewing = asyncio.create_task(made.atoken_for(SERVICE))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        found = [await made.atoken_for(url) for url in urls]
        enough.set()
        return found, await renewing

    found, renewed = asyncio.run(main())
    assert set(found) == {first}
    assert renewed != first
    assert running_sandbox.stats()["created"] == 2


def test_a_task_that_finds_no_thread_leaves_nobody_waiting(
    scratch_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Credentials(environ=scratch_world.environ)

    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> str:
        with monkeypatch.context() as patched, pytest.raises(UnreachableError):
            patched.setattr(threading.Thread, "start", full)
            await made.atoken()
        return await asyncio.wait_for(made.atoken(), 60)

    assert asyncio.run(main()) == made.token()


def test_a_task_that_gives_up_leaves_the_others_their_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    running_sandbox.fault({"delay": 0.3, "path": "/v1/tokens"})

    async def main() -> str:
        first = asyncio.create_task(made.atoken())
        second = asyncio.create_task(made.atoken())
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(main()) == made.token()
    assert running_sandbox.stats()["created"] == 1


def test_trouble_is_raised_in_every_task_and_nothing_is_left_unlooked_at(
    scratch_world: World, running_sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    made = Credentials(environ=scratch_world.environ)
    running_sandbox.fault({"status": 401, "path": "/v1/tokens", "times": "always"})

    async def main() -> list[Any]:
        lost = asyncio.create_task(made.atoken())
        await asyncio.sleep(0)
        lost.cancel()
        return await asyncio.gather(*(made.atoken() for _ in range(5)), return_exceptions=True)

    assert {type(each) for each in asyncio.run(main())} == {credhelper.errors.RejectedError}
    assert caplog.records == []


def test_a_loop_that_is_closed_meanwhile_harms_nobody(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=scratch_world.environ)
    running_sandbox.fault({"delay": 0.3, "path": "/v1/tokens"})

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.atoken(), 0.05)

    asyncio.run(impatient())
    assert asyncio.run(made.atoken()) == made.token()
    for thread in threading.enumerate():
        if thread.name == "credhelper":
            thread.join(10)
    assert single_flight._flights == {}
    assert running_sandbox.stats()["created"] == 1


def test_nothing_secret_is_shown(scratch_world: World) -> None:
    made = Credentials("main", SERVICE, environ=scratch_world.environ)
    token = made.token()
    for shown in (repr(made), str(made), repr(made.auth), repr([made])):
        assert token not in shown
        assert "main" in shown


def test_credentials_are_pickled_and_copied_without_a_token(
    scratch_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in scratch_world.environ.items():
        monkeypatch.setenv(name, value)
    made = Credentials("main", SERVICE, 60)
    token = made.token()
    data = pickle.dumps([made, made.auth])
    assert token.encode() not in data
    again, auth = pickle.loads(data)
    assert (again.profile, again.service, again.min_ttl) == ("main", SERVICE, 60)
    assert again.token() == token
    assert type(auth) is type(made.auth)
    assert copy.deepcopy(made) is made
    assert copy.copy(made).token() == token


WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda made: credhelper.get_token(profile=1), "profile is a string, not int"),  # type: ignore[arg-type]  # that is what is tried
    (lambda made: credhelper.get_token(profile=["a"]), "profile is a string, not list"),  # type: ignore[arg-type]  # as above
    (lambda made: credhelper.get_token(service=b"x"), "service is a string, not bytes"),  # type: ignore[arg-type]  # as above
    (lambda made: credhelper.get_token(min_ttl="60"), "min_ttl is a number of seconds, not str"),  # type: ignore[arg-type]  # as above
    (lambda made: Credentials(Path("main")), "profile is a string, not PosixPath"),  # type: ignore[arg-type]  # as above
    (lambda made: Credentials(min_ttl=None), "min_ttl is a number of seconds, not NoneType"),  # type: ignore[arg-type]  # as above
    (lambda made: made.headers(b"https://ica.example"), "url is a string, not bytes"),
    (lambda made: asyncio.run(made.atoken_for(5)), "url is a string, not int"),
    (lambda made: made.reject(None), "refused is a string, not NoneType"),
    (lambda made: credhelper.aws.place(profile=1), "profile is a string, not int"),  # type: ignore[arg-type]  # as above
]


@pytest.mark.parametrize(("call", "told"), WRONG, ids=[each[1] for each in WRONG])
def test_an_argument_of_another_type_is_called_by_its_name(
    scratch_world: World, call: Callable[[Any], object], told: str
) -> None:
    made = Credentials(environ=scratch_world.environ)
    made.token()
    with pytest.raises(TypeError, match=told):
        call(made)


def test_an_environment_is_never_pickled(scratch_world: World) -> None:
    made = Credentials(environ={**scratch_world.environ, "KEY": "secret"})
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(made)
