"""Sessions: written down before they are used, refreshed in time, and never lost to trouble."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credhelper.core.model import SESSION, Secret, Token
from credhelper.errors import (
    CacheError,
    LoginRequiredError,
    RejectedError,
    UnreachableError,
)
from credhelper.storage import files
from credhelper.storage.slot import Slot
from tests.support.renewers import IDLE, START, Renewer

NO = RejectedError("answered 401", status=401)
DOWN = UnreachableError("answered 500", status=500)
HALF = IDLE // 2


def test_a_profile_without_a_session_creates_from_its_grant(desk: Renewer) -> None:
    assert desk.renew(keep_session=False) == ("jwt-1", 0)
    assert desk.upstream.calls == ["create"]
    assert desk.sessions.find() is None


def test_a_session_is_made_kept_and_minted_from(desk: Renewer) -> None:
    assert desk.renew() == ("jwt-1", HALF)
    assert desk.upstream.calls == ["session", "mint ps-1"]
    assert desk.kept() == {"token": "ps-1"}


def test_a_session_that_is_there_is_minted_from(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF - 1
    assert desk.renew() == ("jwt-2", HALF)
    assert desk.upstream.calls[2:] == ["mint ps-1"]


def test_a_session_is_refreshed_at_half_of_its_idle_life(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    assert desk.renew() == ("jwt-2", HALF + HALF)
    assert desk.upstream.calls[2:] == ["refresh ps-1", "mint ps-1"]


def test_a_token_with_most_of_its_life_left_is_kept_when_only_its_session_was_due(
    desk: Renewer,
) -> None:
    desk.renew()
    desk.now += HALF
    held = desk.held("jwt-1", age=HALF, due=HALF)
    assert desk.renew(held) == ("jwt-1", IDLE)
    assert desk.upstream.calls[2:] == ["refresh ps-1"]


@pytest.mark.parametrize(("age", "due"), [(43201, HALF), (HALF, HALF + 1)])
def test_a_token_that_is_old_or_was_not_due_is_minted_again(
    desk: Renewer, age: int, due: int
) -> None:
    desk.renew()
    desk.now += HALF
    assert desk.renew(desk.held("old", age=age, due=due))[0] == "jwt-2"


def test_a_tool_that_wants_the_session_itself_gets_it(desk: Renewer) -> None:
    assert desk.renew(token=SESSION, keep_session=False) == ("ps-1", HALF)
    assert desk.upstream.calls == ["session"]


# --- rotation -------------------------------------------------------------------------------------


def test_a_new_pstoken_is_on_disk_before_it_is_used_and_the_old_one_beside_it(
    desk: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.rotate = True
    seen: list[dict[str, str]] = []
    meet = desk.upstream._meet

    def look(call: str) -> None:
        if call.startswith("mint"):
            seen.append(desk.kept())
        meet(call)

    monkeypatch.setattr(desk.upstream, "_meet", look)
    desk.renew()
    assert seen == [{"token": "ps-2", "previous": "ps-1"}]
    assert desk.kept() == {"token": "ps-2"}


def test_the_old_pstoken_stays_until_the_new_one_has_worked(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.rotate = True
    desk.upstream.refuse = {"mint ps-2": DOWN}
    with pytest.raises(UnreachableError):
        desk.renew()
    assert desk.kept() == {"token": "ps-2", "previous": "ps-1"}
    desk.upstream.refuse = {}
    assert desk.renew()[0] == "jwt-2"
    assert desk.kept() == {"token": "ps-2"}


def test_a_refused_new_pstoken_falls_back_to_the_old_one(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.rotate = True
    desk.upstream.refuse = {"mint ps-2": NO}
    assert desk.renew()[0] == "jwt-2"
    assert desk.upstream.calls[2:] == ["refresh ps-1", "mint ps-2", "mint ps-1"]
    assert desk.kept() == {"token": "ps-1"}


def test_both_refused_and_a_key_make_a_new_session_silently(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.rotate = True
    desk.upstream.refuse = {"mint ps-2": NO, "mint ps-1": NO}
    assert desk.renew()[0] == "jwt-2"
    assert desk.kept() == {"token": "ps-3"}


def test_both_refused_and_no_key_need_a_person(desk: Renewer) -> None:
    desk.renew()
    desk.key = None
    desk.now += HALF
    desk.upstream.rotate = True
    desk.upstream.refuse = {"mint ps-2": NO, "mint ps-1": NO}
    with pytest.raises(LoginRequiredError, match="has ended: answered 401") as told:
        desk.renew()
    assert told.value.hint == "credhelper login --profile main"


def test_a_successor_that_another_process_wrote_is_used(desk: Renewer) -> None:
    desk.renew()
    fields = desk.sessions.find()
    assert fields
    meet = desk.upstream._meet

    def rotated_meanwhile(call: str) -> None:
        if call == "mint ps-1":
            desk.sessions.save({**fields, "token": "ps-9"})
            raise NO
        meet(call)

    desk.upstream._meet = rotated_meanwhile  # type: ignore[method-assign]  # a seam in time
    assert desk.renew()[0] == "jwt-2"
    assert desk.kept() == {"token": "ps-9"}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_no_to_what_is_asked_is_no_reason_to_drop_the_session(desk: Renewer, status: int) -> None:
    desk.renew()
    desk.upstream.refuse = {"mint ps-1": RejectedError("no such project", status=status)}
    with pytest.raises(RejectedError, match="no such project"):
        desk.renew()
    assert desk.kept() == {"token": "ps-1"}
    assert desk.upstream.sessions == 1


def test_a_writer_killed_between_the_answer_and_the_save_costs_a_session_not_the_profile(
    desk: Renewer,
) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.rotate = True

    def die(self: Slot, fields: object) -> None:
        os._exit(9)

    child = os.fork()
    if child == 0:
        Slot.save = die  # type: ignore[method-assign]  # the moment of the kill
        desk.renew()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    assert desk.kept() == {"token": "ps-1"}
    # Upstream took the old one back when it gave the new one, which nobody has.
    desk.upstream.refuse = {"refresh ps-1": NO, "mint ps-1": NO}
    assert desk.renew()[0] == "jwt-2"


# --- trouble --------------------------------------------------------------------------------------


def test_trouble_at_a_refresh_keeps_minting_from_the_old_one(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.refuse = {"refresh ps-1": DOWN}
    token, due = desk.renew()
    assert token == "jwt-2"
    assert due > HALF
    assert desk.kept() == {"token": "ps-1"}
    assert desk.upstream.sessions == 1


def test_a_refused_refresh_with_a_key_makes_a_new_session(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    desk.upstream.refuse = {"refresh ps-1": NO}
    assert desk.renew() == ("jwt-2", HALF + HALF)
    assert desk.kept() == {"token": "ps-2"}


def test_a_refused_refresh_without_a_key_needs_a_person(desk: Renewer) -> None:
    desk.renew()
    desk.key = None
    desk.now += HALF
    desk.upstream.refuse = {"refresh ps-1": NO, "mint ps-1": NO}
    with pytest.raises(LoginRequiredError, match="has ended: answered 401"):
        desk.renew()


def test_a_session_that_cannot_be_refreshed_but_still_mints_troubles_nobody(desk: Renewer) -> None:
    desk.renew()
    desk.key = None
    desk.now += HALF
    desk.upstream.refuse = {"refresh ps-1": NO}
    assert desk.renew() == ("jwt-2", HALF + 60)


def test_an_idle_session_with_a_key_is_made_again_without_asking_the_dead_one(
    desk: Renewer,
) -> None:
    desk.renew()
    desk.now += IDLE
    assert desk.renew()[0] == "jwt-2"
    assert desk.upstream.calls[2:] == ["session", "mint ps-2"]


def test_an_idle_session_without_a_key_needs_a_person_and_says_so(desk: Renewer) -> None:
    desk.renew()
    desk.key = None
    desk.now += IDLE
    desk.upstream.refuse = {"refresh ps-1": NO, "mint ps-1": NO}
    with pytest.raises(LoginRequiredError, match="session of profile main has ended while idle"):
        desk.renew()
    assert desk.upstream.calls[2:] == ["refresh ps-1", "mint ps-1"]


def test_a_guessed_idle_life_is_no_verdict_when_nobody_could_log_in_again(desk: Renewer) -> None:
    desk.renew()
    desk.key = None
    desk.now += IDLE
    assert desk.renew()[0] == "jwt-2"
    assert desk.upstream.calls[2] == "refresh ps-1"


def test_nobody_logged_in_needs_a_person(desk: Renewer) -> None:
    desk.key = None
    with pytest.raises(LoginRequiredError, match="nobody is logged in to profile main"):
        desk.renew()


def test_a_session_of_another_grant_is_not_ours(desk: Renewer) -> None:
    desk.renew()
    desk.stamp = "2:2:2"
    assert desk.renew()[0] == "jwt-2"
    assert desk.upstream.calls[2:] == ["session", "mint ps-2"]


def test_a_skew_of_another_host_does_not_end_our_session(desk: Renewer, folder: Path) -> None:
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
    desk.key = None
    desk.now += ahead
    assert desk.renew()[0] == "jwt-1"


# --- a psToken that was given ---------------------------------------------------------------------


def test_a_given_pstoken_is_the_session(desk: Renewer) -> None:
    desk.given = Secret("ps-given")
    assert desk.renew(auth="session") == ("jwt-1", HALF)
    assert desk.upstream.calls == ["mint ps-given"]
    assert desk.kept() == {"token": "ps-given"}


def test_a_given_pstoken_is_refreshed_like_any_other(desk: Renewer) -> None:
    desk.given = Secret("ps-given")
    desk.upstream.rotate = True
    desk.renew(auth="session")
    desk.now += HALF
    desk.renew(auth="session")
    assert desk.upstream.calls[1:] == ["refresh ps-given", "mint ps-1"]
    assert desk.kept() == {"token": "ps-1"}


def test_a_given_pstoken_that_is_dead_needs_a_person(desk: Renewer) -> None:
    desk.given = Secret("ps-given")
    desk.upstream.refuse = {"mint ps-given": NO}
    with pytest.raises(LoginRequiredError, match="has ended: answered 401"):
        desk.renew(auth="session")
    assert desk.upstream.calls == ["mint ps-given"]


# --- locks and disks ------------------------------------------------------------------------------


def unlockable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise files.Unlockable("no locks available")

    monkeypatch.setattr(files, "acquire", refuse)


def test_no_session_is_refreshed_without_its_lock(
    desk: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.renew()
    desk.now += HALF
    unlockable(monkeypatch)
    assert desk.renew()[0] == "jwt-2"
    assert desk.upstream.calls[2:] == ["mint ps-1"]


def test_no_predecessor_is_dropped_without_the_lock(
    desk: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.renew()
    fields = desk.sessions.find()
    assert fields
    desk.sessions.save({**fields, "token": "ps-2", "previous": "ps-1"})
    unlockable(monkeypatch)
    desk.renew()
    assert desk.kept() == {"token": "ps-2", "previous": "ps-1"}


def test_two_tokens_of_two_projects_share_one_session(desk: Renewer) -> None:
    assert desk.renew(cid="alpha")[0] == "jwt-1"
    assert desk.renew(cid="beta")[0] == "jwt-2"
    assert desk.upstream.calls == ["session", "mint ps-1", "mint ps-1"]


def blocked(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.parent.chmod(0o700)
    folder.rmdir() if folder.is_dir() else None
    folder.touch()


def test_a_state_folder_that_cannot_be_written_costs_a_key_only_more_sessions(
    desk: Renewer, folder: Path
) -> None:
    blocked(folder)
    assert desk.renew()[0] == "jwt-1"
    assert desk.renew()[0] == "jwt-2"
    assert desk.upstream.sessions == 2


def test_a_session_that_nothing_could_make_again_is_not_adopted_without_a_place(
    desk: Renewer, folder: Path
) -> None:
    blocked(folder)
    desk.key = None
    token = Token(Secret("ps"), kind=SESSION, issued_at=START, expires_at=START + IDLE)
    with pytest.raises(CacheError):
        desk.renewal().adopt(token)


def test_an_adopted_session_is_minted_from(desk: Renewer) -> None:
    desk.key = None
    token = Token(Secret("ps"), kind=SESSION, issued_at=START, expires_at=START + IDLE)
    assert desk.renewal().adopt(token) == START + HALF
    assert desk.renew() == ("jwt-1", HALF)


def test_the_sessions_lock_is_let_go_however_it_ends(desk: Renewer) -> None:
    desk.renew()
    desk.now += HALF
    for refused in ({}, {"refresh ps-1": NO}, {"mint ps-2": NO}, {"session": DOWN}):
        desk.upstream.refuse = dict(refused)
        try:
            desk.renew()
        except (RejectedError, UnreachableError, LoginRequiredError):
            pass
        lock = desk.sessions.lock(0)
        assert lock
        lock.release()
        desk.now += HALF
