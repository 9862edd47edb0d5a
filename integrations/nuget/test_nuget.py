"""NuGet's plugin protocol, with the file beside this one, and a caller of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.nuget.caller import Restore, discovered

HERE = Path(__file__).parent
PLACEHOLDER = "packages.example.org"
FILES = {"/v3/index.json": b"{}"}
SECONDS = 6  # of a short-lived token: long enough for one restore on a busy machine
PLUGIN = "nuget-plugin-credhelper"


@pytest.fixture
def open_source(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    def start(*options: str) -> Guarded:
        source = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES, bearer=False)
        source.on_path(PLUGIN)
        return source

    return start


def restore(source: Guarded) -> Restore:
    return Restore(source, source.place("nuget.config", ".nuget/NuGet/NuGet.Config"))


def test_two_restores_take_one_token(open_source: Callable[..., Guarded]) -> None:
    source = open_source()
    assert [restore(source).run() for _ in range(2)] == [200, 200]
    assert source.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.username) for visit in source.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not source.gate.refused


def test_setup_makes_the_link_and_takes_it_away(open_source: Callable[..., Guarded]) -> None:
    source = open_source()
    folder = source.wired.world.home / ".local/bin"
    (folder / PLUGIN).unlink()
    assert restore(source).run() == 401

    words = ("nuget", "--service", f"https://{source.host}", "--bin", str(folder))
    with source.wired.set_up(*words):
        assert restore(source).run() == 200
    assert source.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_restore(
    open_source: Callable[..., Guarded],
) -> None:
    source = open_source("--token-lifetime", str(SECONDS))
    assert restore(source).run() == 200
    source.outlive()
    assert restore(source).run() == 200
    assert source.renewed_once()


def test_a_token_that_was_revoked_is_given_up_when_nuget_asks_once_more(
    open_source: Callable[..., Guarded],
) -> None:
    source = open_source()
    assert restore(source).run() == 200
    source.wired.sandbox.revoke_all()
    # The first refusal of so young a token may only mean "not yet": it is kept.
    first = restore(source)
    assert first.run() == 401
    assert first.answers[0]["Password"] == first.answers[1]["Password"]
    second = restore(source)
    assert second.run() == 200
    assert second.answers[0]["Password"] != second.answers[1]["Password"]
    assert source.wired.counted() == (2, 0)


def test_a_source_that_no_profile_names_is_left_to_other_plugins(
    open_source: Callable[..., Guarded],
) -> None:
    source = open_source()
    source.host = source.host.replace("localhost", "127.0.0.1")
    one = restore(source)
    assert one.run() == 401
    assert one.answers == [{"ResponseCode": "NotFound"}]
    assert one.logged == []
    assert source.wired.counted() == (0, 0)


def test_when_nobody_can_renew_nuget_is_told_our_reason(
    open_source: Callable[..., Guarded],
) -> None:
    source = open_source()
    source.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    one = restore(source)
    assert one.run() == 401
    (answer,) = one.answers
    assert answer["ResponseCode"] == "Error"
    assert "answered 401" in answer["Message"]
    # NuGet drops that message: its log is what people see.
    assert one.logged == [f"credhelper: {answer['Message']}"]
    assert [visit.scheme for visit in source.gate.visits] == [""]


def test_no_plugin_is_there_unless_it_was_linked(guarded: Callable[..., Guarded]) -> None:
    source = guarded(folder=HERE, placeholder=PLACEHOLDER, files=FILES)
    assert PLUGIN not in [Path(path).name for path in discovered(source.wired.environ["PATH"])]
