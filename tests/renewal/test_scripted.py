"""Sessions: written down before they are used, refreshed in time, and never lost to trouble."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credhelper.core.model import SESSION, Secret, Token
from credhelper.errors import (
    CacheError,
    CredhelperError,
    LoginRequiredError,
    RejectedError,
    UnreachableError,
)
from credhelper.storage import locks
from credhelper.storage.slot import Slot
from tests.support.renewers import IDLE, START, Renewer

NO = RejectedError("answered 401", status=401)
DOWN = UnreachableError("answered 500", status=500)
HALF = IDLE // 2


def test_a_profile_without_a_session_creates_from_its_grant(token_source: Renewer) -> None:
    assert token_source.renew(keep_session=False) == ("jwt-1", 0)
    assert token_source.upstream.calls == ["create"]
    assert token_source.sessions.find() is None


def test_a_session_is_made_kept_and_minted_from(token_source: Renewer) -> None:
    assert token_source.renew() == ("jwt-1", HALF)
    assert token_source.upstream.calls == ["session", "mint ps-1"]
    assert token_source.kept() == {"token": "ps-1"}


def test_a_session_that_is_there_is_minted_from(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF - 1
    assert token_source.renew() == ("jwt-2", HALF)
    assert token_source.upstream.calls[2:] == ["mint ps-1"]


def test_a_session_is_refreshed_at_half_of_its_idle_life(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    assert token_source.renew() == ("jwt-2", HALF + HALF)
    assert token_source.upstream.calls[2:] == ["refresh ps-1", "mint ps-1"]


def test_a_session_that_a_clock_ahead_has_dated_to_the_future_is_refreshed(
    token_source: Renewer,
) -> None:
    token_source.now = START + 10800.0
    token_source.renew()
    token_source.now = float(START)
    token_source.upstream.calls.clear()
    token_source.renew()
    assert token_source.upstream.calls[0] == "refresh ps-1"


def test_a_token_with_most_of_its_life_left_is_kept_when_only_its_session_was_due(
    token_source: Renewer,
) -> None:
    token_source.renew()
    token_source.now += HALF
    held = token_source.held("jwt-1", age=HALF, due=HALF)
    assert token_source.renew(held) == ("jwt-1", IDLE)
    assert token_source.upstream.calls[2:] == ["refresh ps-1"]


@pytest.mark.parametrize(("age", "due"), [(43201, HALF), (HALF, HALF + 1)])
def test_a_token_that_is_old_or_was_not_due_is_minted_again(
    token_source: Renewer, age: int, due: int
) -> None:
    token_source.renew()
    token_source.now += HALF
    assert token_source.renew(token_source.held("old", age=age, due=due))[0] == "jwt-2"


def test_a_tool_that_wants_the_session_itself_gets_it(token_source: Renewer) -> None:
    assert token_source.renew(token=SESSION, keep_session=False) == ("ps-1", HALF)
    assert token_source.upstream.calls == ["session"]


def test_a_new_pstoken_is_on_disk_before_it_is_used_and_the_old_one_beside_it(
    token_source: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.rotate = True
    seen: list[dict[str, str]] = []
    meet = token_source.upstream._meet

    def look(call: str) -> None:
        if call.startswith("mint"):
            seen.append(token_source.kept())
        meet(call)

    monkeypatch.setattr(token_source.upstream, "_meet", look)
    token_source.renew()
    assert seen == [{"token": "ps-2", "previous": "ps-1"}]
    assert token_source.kept() == {"token": "ps-2"}


def test_the_old_pstoken_stays_until_the_new_one_has_worked(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.rotate = True
    token_source.upstream.refuse = {"mint ps-2": DOWN}
    with pytest.raises(UnreachableError):
        token_source.renew()
    assert token_source.kept() == {"token": "ps-2", "previous": "ps-1"}
    token_source.upstream.refuse = {}
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.kept() == {"token": "ps-2"}


def test_a_refused_new_pstoken_falls_back_to_the_old_one(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.rotate = True
    token_source.upstream.refuse = {"mint ps-2": NO}
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.upstream.calls[2:] == ["refresh ps-1", "mint ps-2", "mint ps-1"]
    assert token_source.kept() == {"token": "ps-1"}


def test_both_refused_and_a_key_make_a_new_session_silently(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.rotate = True
    token_source.upstream.refuse = {"mint ps-2": NO, "mint ps-1": NO}
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.kept() == {"token": "ps-3"}


def test_both_refused_and_no_key_need_a_person(token_source: Renewer) -> None:
    token_source.renew()
    token_source.key = None
    token_source.now += HALF
    token_source.upstream.rotate = True
    token_source.upstream.refuse = {"mint ps-2": NO, "mint ps-1": NO}
    with pytest.raises(LoginRequiredError, match="has ended: answered 401") as told:
        token_source.renew()
    assert told.value.hint == "credhelper login --profile main"


def test_a_successor_that_another_process_wrote_is_used(token_source: Renewer) -> None:
    token_source.renew()
    fields = token_source.sessions.find()
    assert fields
    meet = token_source.upstream._meet

    def rotated_meanwhile(call: str) -> None:
        if call == "mint ps-1":
            token_source.sessions.save({**fields, "token": "ps-9"})
            raise NO
        meet(call)

    token_source.upstream._meet = rotated_meanwhile  # type: ignore[method-assign]  # a seam in time
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.kept() == {"token": "ps-9"}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_no_to_what_is_asked_is_no_reason_to_drop_the_session(
    token_source: Renewer, status: int
) -> None:
    token_source.renew()
    token_source.upstream.refuse = {"mint ps-1": RejectedError("no such project", status=status)}
    with pytest.raises(RejectedError, match="no such project"):
        token_source.renew()
    assert token_source.kept() == {"token": "ps-1"}
    assert token_source.upstream.sessions == 1


def test_a_writer_killed_between_the_answer_and_the_save_costs_a_session_not_the_profile(
    token_source: Renewer,
) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.rotate = True

    def die(self: Slot, *arguments: object) -> bool:
        os._exit(9)

    child = os.fork()
    if child == 0:
        Slot.keep = die  # type: ignore[method-assign,assignment]  # the moment of the kill
        token_source.renew()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    assert token_source.kept() == {"token": "ps-1"}
    # Upstream took the old one back when it gave the new one, which nobody has.
    token_source.upstream.refuse = {"refresh ps-1": NO, "mint ps-1": NO}
    assert token_source.renew()[0] == "jwt-2"


def test_trouble_at_a_refresh_keeps_minting_from_the_old_one(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.refuse = {"refresh ps-1": DOWN}
    token, due = token_source.renew()
    assert token == "jwt-2"
    assert due > HALF
    assert token_source.kept() == {"token": "ps-1"}
    assert token_source.upstream.sessions == 1


def test_a_refused_refresh_with_a_key_makes_a_new_session(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    token_source.upstream.refuse = {"refresh ps-1": NO}
    assert token_source.renew() == ("jwt-2", HALF + HALF)
    assert token_source.kept() == {"token": "ps-2"}


def test_a_refused_refresh_without_a_key_needs_a_person(token_source: Renewer) -> None:
    token_source.renew()
    token_source.key = None
    token_source.now += HALF
    token_source.upstream.refuse = {"refresh ps-1": NO, "mint ps-1": NO}
    with pytest.raises(LoginRequiredError, match="has ended: answered 401"):
        token_source.renew()


def test_a_session_that_cannot_be_refreshed_but_still_mints_troubles_nobody(
    token_source: Renewer,
) -> None:
    token_source.renew()
    token_source.key = None
    token_source.now += HALF
    token_source.upstream.refuse = {"refresh ps-1": NO}
    assert token_source.renew() == ("jwt-2", HALF + 60)


def test_an_idle_session_with_a_key_is_made_again_without_asking_the_dead_one(
    token_source: Renewer,
) -> None:
    token_source.renew()
    token_source.now += IDLE
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.upstream.calls[2:] == ["session", "mint ps-2"]


def test_an_idle_session_without_a_key_needs_a_person_and_says_so(token_source: Renewer) -> None:
    token_source.renew()
    token_source.key = None
    token_source.now += IDLE
    token_source.upstream.refuse = {"refresh ps-1": NO, "mint ps-1": NO}
    with pytest.raises(LoginRequiredError, match="session of profile main has ended while idle"):
        token_source.renew()
    assert token_source.upstream.calls[2:] == ["refresh ps-1", "mint ps-1"]


def test_a_guessed_idle_life_is_no_verdict_when_nobody_could_log_in_again(
    token_source: Renewer,
) -> None:
    token_source.renew()
    token_source.key = None
    token_source.now += IDLE
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.upstream.calls[2] == "refresh ps-1"


def test_nobody_logged_in_needs_a_person(token_source: Renewer) -> None:
    token_source.key = None
    with pytest.raises(LoginRequiredError, match="not logged in to profile main"):
        token_source.renew()


def test_a_session_of_another_grant_is_not_ours(token_source: Renewer) -> None:
    token_source.renew()
    token_source.stamp = "2:2:2"
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.upstream.calls[2:] == ["session", "mint ps-2"]


def test_a_skew_of_another_host_does_not_end_our_session(
    token_source: Renewer, folder: Path
) -> None:
    ahead = 7200
    token = Token(
        Secret("ps-theirs"),
        kind=SESSION,
        issued_at=START + ahead,
        expires_at=START + ahead + IDLE,
        skew=ahead + 7200,
    )
    there = Renewer(folder)
    there.host = "there"
    there.now = START - 7200.0
    there.renewal().adopt(token)
    token_source.key = None
    token_source.now += ahead
    assert token_source.renew()[0] == "jwt-1"


def test_a_given_pstoken_is_the_session(token_source: Renewer) -> None:
    token_source.given = Secret("ps-given")
    assert token_source.renew(auth="session") == ("jwt-1", HALF)
    assert token_source.upstream.calls == ["mint ps-given"]
    assert token_source.kept() == {"token": "ps-given"}


def test_a_given_pstoken_is_refreshed_like_any_other(token_source: Renewer) -> None:
    token_source.given = Secret("ps-given")
    token_source.upstream.rotate = True
    token_source.renew(auth="session")
    token_source.now += HALF
    token_source.renew(auth="session")
    assert token_source.upstream.calls[1:] == ["refresh ps-given", "mint ps-1"]
    assert token_source.kept() == {"token": "ps-1"}


def test_a_given_pstoken_that_is_dead_needs_a_person(token_source: Renewer) -> None:
    token_source.given = Secret("ps-given")
    token_source.upstream.refuse = {"mint ps-given": NO}
    with pytest.raises(LoginRequiredError, match="has ended: answered 401"):
        token_source.renew(auth="session")
    assert token_source.upstream.calls == ["mint ps-given"]


def unlockable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise locks.Unlockable("no locks available")

    monkeypatch.setattr(locks, "acquire", refuse)


def test_no_session_is_refreshed_without_its_lock(
    token_source: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_source.renew()
    token_source.now += HALF
    unlockable(monkeypatch)
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.upstream.calls[2:] == ["mint ps-1"]


def test_no_predecessor_is_dropped_without_the_lock(
    token_source: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_source.renew()
    fields = token_source.sessions.find()
    assert fields
    token_source.sessions.save({**fields, "token": "ps-2", "previous": "ps-1"})
    unlockable(monkeypatch)
    token_source.renew()
    assert token_source.kept() == {"token": "ps-2", "previous": "ps-1"}


def test_two_tokens_of_two_projects_share_one_session(token_source: Renewer) -> None:
    assert token_source.renew(cid="alpha")[0] == "jwt-1"
    assert token_source.renew(cid="beta")[0] == "jwt-2"
    assert token_source.upstream.calls == ["session", "mint ps-1", "mint ps-1"]


def blocked(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.parent.chmod(0o700)
    folder.rmdir() if folder.is_dir() else None
    folder.touch()


def test_a_state_folder_that_cannot_be_written_costs_a_key_only_more_sessions(
    token_source: Renewer, folder: Path
) -> None:
    blocked(folder)
    assert token_source.renew()[0] == "jwt-1"
    assert token_source.renew()[0] == "jwt-2"
    assert token_source.upstream.sessions == 2


def test_a_session_that_nothing_could_make_again_is_not_adopted_without_a_place(
    token_source: Renewer, folder: Path
) -> None:
    blocked(folder)
    token_source.key = None
    token = Token(Secret("ps"), kind=SESSION, issued_at=START, expires_at=START + IDLE)
    with pytest.raises(CacheError):
        token_source.renewal().adopt(token)


def test_an_adopted_session_is_minted_from(token_source: Renewer) -> None:
    token_source.key = None
    token = Token(Secret("ps"), kind=SESSION, issued_at=START, expires_at=START + IDLE)
    assert token_source.renewal().adopt(token) == START + HALF
    assert token_source.renew() == ("jwt-1", HALF)


def test_the_sessions_lock_is_let_go_however_it_ends(token_source: Renewer) -> None:
    token_source.renew()
    token_source.now += HALF
    for refused in ({}, {"refresh ps-1": NO}, {"mint ps-2": NO}, {"session": DOWN}):
        token_source.upstream.refuse = dict(refused)
        try:
            token_source.renew()
        except (RejectedError, UnreachableError, LoginRequiredError):
            pass
        lock = token_source.sessions.lock(0)
        assert lock
        lock.release()
        token_source.now += HALF


@pytest.mark.parametrize("refuse", [{}, {"revoke ps-1": DOWN}])
def test_a_session_that_is_made_during_a_logout_is_dropped_and_its_end_is_asked_for(
    token_source: Renewer, refuse: dict[str, CredhelperError], monkeypatch: pytest.MonkeyPatch
) -> None:
    token_source.upstream.refuse = refuse
    meet = token_source.upstream._meet

    def log_out(call: str) -> None:
        if call == "session":
            token_source.sessions.mark_gone(token_source.now)
        meet(call)

    monkeypatch.setattr(token_source.upstream, "_meet", log_out)
    with pytest.raises(LoginRequiredError, match="logged out"):
        token_source.renew()
    assert token_source.upstream.calls == ["session", "revoke ps-1"]
    assert token_source.sessions.find() is None
