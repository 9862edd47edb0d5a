"""Tokens for Python programs: remembered, and never longer than they hold."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import credhelper
from credhelper.broker import answer
from credhelper.core import record as records
from credhelper.errors import NotFoundError, RequestError, UnknownServiceError
from credhelper.inprocess import memo
from credhelper.inprocess import tokens as inprocess
from credhelper.storage import files
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Count how often the whole way is gone."""
    found: list[None] = []
    look = inprocess._look

    def counted(*arguments: object) -> str:
        found.append(None)
        return look(*arguments)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(inprocess, "_look", counted)
    return found


def test_the_public_name_is_this_function() -> None:
    assert credhelper.get_token is inprocess.get_token


def test_within_a_millisecond_the_disk_is_left_alone(
    scratch_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    environ = scratch_world.environ
    first = inprocess.get_token(environ=environ, clock=lambda: now)
    stats: list[str] = []

    def counted(path: str) -> os.stat_result:
        stats.append(path)
        return os.stat(path)

    monkeypatch.setattr(memo, "_stat", counted)
    for tenth in range(100):
        # Ten milliseconds, in steps of a tenth of one.
        assert inprocess.get_token(environ=environ, clock=lambda: now + tenth / 10_000) == first  # noqa: B023  # called at once
    assert 9 <= len(stats) <= 10
    assert set(stats) == {str(*scratch_world.records())}


def test_what_the_program_itself_rejects_is_noticed_at_once(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    now = time.time()
    environ = scratch_world.environ
    first = inprocess.get_token(environ=environ, clock=lambda: now)
    assert inprocess.reject(first, environ=environ, clock=lambda: now)
    second = inprocess.get_token(environ=environ, clock=lambda: now)
    assert second != first
    assert running_sandbox.stats()["created"] == 2
    # Not another one at once: a service that refuses everybody must not empty the API's patience.
    assert not inprocess.reject(second, environ=environ, clock=lambda: now)
    assert inprocess.get_token(environ=environ, clock=lambda: now) == second


def test_what_somebody_else_renewed_is_not_rejected(scratch_world: World) -> None:
    environ = scratch_world.environ
    token = inprocess.get_token(environ=environ)
    assert not inprocess.reject("an-old-one", environ=environ)
    assert inprocess.get_token(environ=environ) == token


def test_a_record_that_is_replaced_while_it_is_read_is_not_taken_for_the_old_one(
    scratch_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    environ = scratch_world.environ
    get = answer.get_with_record

    def then_replaced(*arguments: Any) -> Any:
        found = get(*arguments)
        (record,) = scratch_world.records()
        fields = records.decode(record.read_bytes())
        assert fields
        files.replace(str(record), records.encode({**fields, "token": "renewed"}))
        return found

    monkeypatch.setattr(answer, "get_with_record", then_replaced)
    assert inprocess.get_token(environ=environ, clock=lambda: now) != "renewed"
    monkeypatch.undo()
    assert inprocess.get_token(environ=environ, clock=lambda: now) == "renewed"


def test_the_choice_in_the_real_environment_is_noticed_at_once(
    scratch_world: World, running_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, one={}, two={"client_id": "second"}
    )
    for name, value in scratch_world.environ.items():
        monkeypatch.setenv(name, value)
    first = inprocess.get_token(clock=lambda: now)
    monkeypatch.setenv("CREDHELPER_PROFILE", "two")
    second = inprocess.get_token(clock=lambda: now)
    assert second != first
    monkeypatch.delenv("CREDHELPER_PROFILE")
    assert inprocess.get_token(clock=lambda: now) == first


def test_a_stale_token_is_looked_for_once_a_second_while_the_api_is_down(
    scratch_world: World,
    running_sandbox: RunningSandbox,
    looks: list[None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    environ = scratch_world.environ
    token = inprocess.get_token(environ=environ)
    scratch_world.age(86400 - 30)
    running_sandbox.fault({"status": 500, "times": "always"})
    now = time.time() + 0.001
    looks.clear()
    assert {inprocess.get_token(environ=environ, clock=lambda: now) for _ in range(100)} == {token}
    assert len(looks) == 1
    assert len(caplog.records) == 1


def test_what_is_renewed_elsewhere_ends_the_wait_with_a_stale_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    environ = scratch_world.environ
    token = inprocess.get_token(environ=environ)
    scratch_world.age(86400 - 30)
    running_sandbox.fault({"status": 500, "times": "always"})
    assert inprocess.get_token(environ=environ, clock=lambda: time.time() + 0.001) == token
    running_sandbox.reset()
    for path in scratch_world.failures():
        path.unlink()
    renewed = scratch_world.get()
    assert renewed != token
    assert inprocess.get_token(environ=environ) == renewed


def test_many_calls_make_one_token_and_few_looks(
    scratch_world: World, running_sandbox: RunningSandbox, looks: list[None]
) -> None:
    now = time.time()
    environ = scratch_world.environ
    tokens = {inprocess.get_token(environ=environ, clock=lambda: now) for _ in range(1000)}
    assert len(tokens) == 1
    assert running_sandbox.stats()["created"] == 1
    assert len(looks) == 1


def test_a_program_and_a_library_share_one_token(scratch_world: World) -> None:
    assert scratch_world.get() == inprocess.get_token(environ=scratch_world.environ)
    assert scratch_world.get("--service", SERVICE) == inprocess.get_token(
        service=SERVICE, environ=scratch_world.environ
    )


def test_what_somebody_rejected_is_noticed_within_a_millisecond(scratch_world: World) -> None:
    now = time.time()
    first = inprocess.get_token(environ=scratch_world.environ, clock=lambda: now)
    (record,) = scratch_world.records()
    files.replace(str(record), records.encode({"token": ""}))
    assert inprocess.get_token(environ=scratch_world.environ, clock=lambda: now + 0.001) != first


def test_what_somebody_removed_is_noticed_within_a_millisecond(scratch_world: World) -> None:
    now = time.time()
    first = inprocess.get_token(environ=scratch_world.environ, clock=lambda: now)
    (record,) = scratch_world.records()
    record.unlink()
    assert inprocess.get_token(environ=scratch_world.environ, clock=lambda: now + 0.001) != first


def test_what_somebody_renewed_is_noticed_within_a_millisecond(scratch_world: World) -> None:
    now = time.time()
    inprocess.get_token(environ=scratch_world.environ, clock=lambda: now)
    (record,) = scratch_world.records()
    fields = records.decode(record.read_bytes())
    assert fields
    files.replace(str(record), records.encode({**fields, "token": "renewed"}))
    assert (
        inprocess.get_token(environ=scratch_world.environ, clock=lambda: now + 0.001) == "renewed"
    )


def test_a_changed_config_is_noticed_within_a_second(scratch_world: World) -> None:
    now = time.time()
    environ = scratch_world.environ
    inprocess.get_token(service=SERVICE, environ=environ, clock=lambda: now)
    text = scratch_world.config.read_text()
    scratch_world.config.write_text(text.replace(SERVICE, "https://other.example"))
    with pytest.raises(UnknownServiceError):
        inprocess.get_token(service=SERVICE, environ=environ, clock=lambda: now + 1)


def test_a_new_key_in_the_file_is_noticed_within_a_second(scratch_world: World) -> None:
    now = time.time()
    first = inprocess.get_token(environ=scratch_world.environ, clock=lambda: now)
    key = scratch_world.root / "api-key"
    files.replace(str(key), key.read_bytes())
    assert inprocess.get_token(environ=scratch_world.environ, clock=lambda: now + 1) != first


def test_a_changed_environment_is_noticed_within_a_second(
    scratch_world: World, tmp_path: Path
) -> None:
    now = time.time()
    environ = dict(scratch_world.environ)
    first = inprocess.get_token(environ=environ, clock=lambda: now)
    environ["CREDHELPER_CACHE_DIR"] = str(tmp_path / "another-cache")
    assert inprocess.get_token(environ=environ, clock=lambda: now + 1) != first


def test_another_environment_never_gets_this_ones_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    now = time.time()
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"grant": {"env": "KEY"}}
    )
    one = {**scratch_world.environ, "KEY": running_sandbox.api_key}
    other = {**scratch_world.environ, "KEY": "wrong"}
    inprocess.get_token(environ=one, clock=lambda: now)
    with pytest.raises(credhelper.errors.RejectedError):
        inprocess.get_token(environ=other, clock=lambda: now)


def test_the_terminals_choice_is_noticed_at_once(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    now = time.time()
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        one={},
        two={"client_id": "second"},
    )
    environ = dict(scratch_world.environ)
    first = inprocess.get_token(environ=environ, clock=lambda: now)
    environ["CREDHELPER_PROFILE"] = "two"
    assert inprocess.get_token(environ=environ, clock=lambda: now) != first
    del environ["CREDHELPER_PROFILE"]
    assert inprocess.get_token(environ=environ, clock=lambda: now) == first


def test_a_least_life_that_one_caller_asks_for_binds_no_other(scratch_world: World) -> None:
    environ = scratch_world.environ
    token = inprocess.get_token(environ=environ)
    assert inprocess.get_token(min_ttl=3600, environ=environ) == token
    with pytest.raises(credhelper.errors.LifetimeError):
        inprocess.get_token(min_ttl=10**7, environ=environ)
    assert inprocess.get_token(environ=environ) == token


def test_a_token_is_renewed_before_it_expires(scratch_world: World) -> None:
    first = inprocess.get_token(environ=scratch_world.environ)
    scratch_world.age(86400 - 30)
    # A millisecond later: a file that changes in less is not looked at.
    later = lambda: time.time() + 0.001  # noqa: E731  # a line that says it
    assert inprocess.get_token(environ=scratch_world.environ, clock=later) != first


def test_a_clock_set_back_trusts_nothing(scratch_world: World, looks: list[None]) -> None:
    now = time.time()
    inprocess.get_token(environ=scratch_world.environ, clock=lambda: now)
    inprocess.get_token(environ=scratch_world.environ, clock=lambda: now - 2)
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("service", "profile", "error"),
    [
        ("https://evil.test", None, UnknownServiceError),
        ("http://ica.example", None, RequestError),
        ("https://a@ica.example", None, RequestError),
        (None, "nobody", NotFoundError),
    ],
)
def test_what_no_profile_names_is_refused_and_not_remembered(
    scratch_world: World, service: str | None, profile: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        inprocess.get_token(profile, service, environ=scratch_world.environ)
    assert memo._memo == {}


def test_a_program_that_asks_for_each_url_anew_does_not_grow_for_ever(
    scratch_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo, "_MOST_KNOWN", 10)
    found = {
        inprocess.get_token(service=f"{SERVICE}/{number}", environ=scratch_world.environ)
        for number in range(50)
    }
    assert len(found) == 1
    assert len(memo._memo) <= 10


def test_threads_share_one_token_on_a_cold_cache(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    found: list[str] = []

    def ask() -> None:
        found.append(inprocess.get_token(environ=scratch_world.environ))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (12, 1)
    assert running_sandbox.stats()["created"] == 1


def test_a_fork_keeps_what_was_known_and_can_ask_anew(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    environ = scratch_world.environ
    token = inprocess.get_token(environ=environ)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            known = inprocess.get_token(environ=environ)
            memo._memo.clear()
            os.write(writer, b"same" if known == inprocess.get_token(environ=environ) else b"other")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"same"
    os.close(reader)
    os.close(writer)
    assert inprocess.get_token(environ=environ) == token
    assert running_sandbox.stats()["created"] == 1


def test_no_signal_handler_is_touched(
    scratch_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a library leaves signals alone")

    monkeypatch.setattr(signal, "setitimer", forbidden)
    monkeypatch.setattr("_signal.setitimer", forbidden)
    monkeypatch.setattr("_signal.signal", forbidden)
    inprocess.get_token(environ=scratch_world.environ)


def test_trouble_is_logged_and_the_living_token_given(
    scratch_world: World, running_sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    token = inprocess.get_token(environ=scratch_world.environ)
    scratch_world.age(86400 - 30)
    running_sandbox.fault({"status": 500, "times": "always"})
    time.sleep(0.002)
    with caplog.at_level(logging.WARNING, "credhelper"):
        assert inprocess.get_token(environ=scratch_world.environ) == token
    assert "could not renew profile main" in caplog.text
    assert token not in caplog.text
    assert memo._memo == {} or inprocess.get_token(environ=scratch_world.environ) == token


def test_a_silent_api_is_not_waited_for_as_long_while_a_token_lives(
    scratch_world: World,
    start_sandbox: Callable[..., RunningSandbox],
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = start_sandbox()
    scratch_world.configure(api.url, api.api_key)
    now = time.time()
    token = inprocess.get_token(environ=scratch_world.environ, clock=lambda: now)
    api.fault({"hang": True, "times": "always"})
    almost = now + 86400 - 30
    found = inprocess.get_token(environ=scratch_world.environ, clock=lambda: almost)
    assert found == token
    assert f"no answer from {api.url} within 5 s" in caplog.text
