"""Answering: from the cache, by a renewal, or by what still lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from credhelper.broker import source
from credhelper.broker.source import DEFINITE_NO, MOST_TROUBLE, TROUBLE
from credhelper.core.freshness import NOT_YET_WAIT
from credhelper.errors import (
    ConfigError,
    CredhelperError,
    LifetimeError,
    LoginRequiredError,
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)
from credhelper.storage import files
from tests.support.desks import HOST, Desk

NO = RejectedError("answered 401", "log in", status=401)
DOWN = UnreachableError("no answer")


def test_a_fresh_token_is_served_without_a_renewal(desk: Desk) -> None:
    desk.hold("old")
    assert desk.text() == "old"
    assert desk.renewals == []


def test_a_cold_cache_renews_and_keeps_what_came(desk: Desk, folder: Path) -> None:
    assert desk.text() == "new"
    assert desk.text() == "new"
    assert desk.renewals == [None]
    assert (folder / desk.slot.name).stat().st_mode & 0o777 == 0o600


def test_a_stale_token_is_renewed_and_the_renewal_sees_it(desk: Desk) -> None:
    desk.hold("old", age=3580)
    assert desk.text() == "new"
    assert [held and held.secret.reveal() for held in desk.renewals] == ["old"]


def test_a_stale_token_is_served_while_somebody_holds_the_lock(desk: Desk) -> None:
    desk.hold("old", age=3580)
    lock = desk.slot.lock(0)
    assert lock
    assert desk.text() == "old"
    assert (desk.renewals, desk.warnings) == ([], [])
    lock.release()


@pytest.mark.parametrize("error", [NO, DOWN, LoginRequiredError("nobody"), ConfigError("odd")])
def test_a_stale_token_is_served_when_nothing_new_can_be_had(
    desk: Desk, error: CredhelperError
) -> None:
    desk.hold("old", age=3580)
    desk.answers = [error]
    assert desk.text() == "old"
    assert desk.warnings == [
        f"could not renew profile main, its token still lives 20 s: {error.message}"
    ]


@pytest.mark.parametrize("error", [NO, DOWN, LoginRequiredError("nobody")])
def test_an_expired_token_is_never_served(desk: Desk, error: CredhelperError) -> None:
    desk.hold("old", age=3600)
    desk.answers = [error]
    with pytest.raises(type(error), match=error.message):
        desk.text()


def test_a_failure_takes_nothing_away(desk: Desk) -> None:
    desk.hold("old", age=3580)
    desk.answers = [NO]
    desk.text()
    found = desk.slot.find()
    assert found
    assert found["token"] == "old"


# --- least life -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "least"), [(7200, 0), (0, 7200), (7200, 100)])
def test_a_life_that_no_token_has_is_an_error_that_names_the_lifetime(
    desk: Desk, asked: int, least: int
) -> None:
    with pytest.raises(LifetimeError, match=r"another 7200 s .* only 3600 s"):
        desk.text(min_ttl=asked, least=least)


def test_nothing_is_minted_again_before_half_of_a_life_that_is_too_short(desk: Desk) -> None:
    for _ in range(5):
        with pytest.raises(LifetimeError):
            desk.text(min_ttl=7200)
        desk.now += 300
    assert len(desk.renewals) == 1
    desk.now += 300
    desk.answers = [desk.token("longer", life=9000)]
    assert desk.text(min_ttl=7200) == "longer"


def test_a_token_too_short_for_one_caller_serves_another(desk: Desk) -> None:
    with pytest.raises(LifetimeError):
        desk.text(min_ttl=7200)
    assert desk.text(min_ttl=600) == "new"
    assert len(desk.renewals) == 1


def test_a_caller_who_wants_more_than_is_left_gets_a_new_one(desk: Desk) -> None:
    desk.hold("old", age=1200)
    assert desk.text(min_ttl=3000) == "new"


def test_a_caller_who_wants_more_than_is_left_gets_no_old_one_back(desk: Desk) -> None:
    # Its session is due as well: the renewal must not take that for all there is to do.
    desk.hold("old", age=1200, due=1)
    assert desk.text(min_ttl=3000) == "new"
    assert desk.renewals == [None]


def test_a_hundred_calls_on_a_short_life_make_few_tokens(desk: Desk) -> None:
    # 60 s to live and a margin of five minutes: half of the life counts.
    for _ in range(100):
        desk.answers = [desk.token(life=60)]
        desk.get(margin=300)
        desk.now += 0.2
    assert len(desk.renewals) == 1


# --- failures are shared --------------------------------------------------------------------------


def test_a_definite_no_is_remembered_for_a_moment(desk: Desk) -> None:
    desk.answers = [NO]
    for _ in range(5):
        with pytest.raises(RejectedError, match="answered 401") as told:
            desk.text()
        assert told.value.hint == "log in"
    assert len(desk.renewals) == 1
    desk.now += DEFINITE_NO
    with pytest.raises(RejectedError):
        desk.text()
    assert len(desk.renewals) == 2


def test_trouble_is_shared_for_a_shorter_moment(desk: Desk) -> None:
    desk.answers = [DOWN]
    for _ in range(3):
        with pytest.raises(UnreachableError) as told:
            desk.text()
        assert told.value.retryable
    assert len(desk.renewals) == 1
    desk.now += TROUBLE
    desk.answers = [desk.token("new")]
    assert desk.text() == "new"


@pytest.mark.parametrize(("asked", "pause"), [(30, 30), (0, TROUBLE), (86400, MOST_TROUBLE)])
def test_a_retry_after_is_honoured_within_reason(desk: Desk, asked: int, pause: float) -> None:
    desk.answers = [RateLimitedError("busy", retry_after=asked)]
    with pytest.raises(RateLimitedError):
        desk.text()
    desk.answers = [desk.token("new")]
    desk.now += pause - 0.5
    with pytest.raises(RateLimitedError):
        desk.text()
    desk.now += 1
    assert desk.text() == "new"


@pytest.mark.parametrize(
    "words", ["clé refusée", "鍵が違います", "a\nb", "a\rb", "tab\there", "\x1b[2J", "x\u202ey", ""]
)
def test_a_refusal_is_remembered_in_any_language(desk: Desk, words: str) -> None:
    desk.answers = [RejectedError(words, words)]
    for _ in range(3):
        with pytest.raises(RejectedError):
            desk.text()
    assert len(desk.renewals) == 1


def test_whoever_waited_shares_the_failure_of_the_one_waited_for(desk: Desk, folder: Path) -> None:
    other = Desk(folder)
    other.answers = [NO]

    def wait_long() -> None:
        other.now = desk.now + 0.5
        with pytest.raises(RejectedError):
            other.text()
        desk.now += DEFINITE_NO + 20  # the memory is over, but not for those who waited

    desk.slot.before_lock = wait_long
    with pytest.raises(RejectedError, match="401"):
        desk.text()
    assert (len(other.renewals), desk.renewals) == (1, [])


def test_another_value_of_the_grant_voids_the_memory(folder: Path) -> None:
    wrong = Desk(folder, stamp="1:1:1")
    wrong.answers = [NO]
    with pytest.raises(RejectedError):
        wrong.text()
    mended = Desk(folder, stamp="1:2:2")
    mended.answers = [mended.token("new")]
    assert mended.text() == "new"


def test_a_token_of_another_grant_is_a_miss(folder: Path) -> None:
    Desk(folder, stamp="1:1:1").hold("theirs")
    mine = Desk(folder, stamp="1:2:2")
    mine.answers = [mine.token("mine")]
    assert mine.text() == "mine"


def test_a_memory_from_a_clock_far_ahead_counts_for_nothing(desk: Desk) -> None:
    desk.slot.remember(NO, "", desk.now + 10**6, DEFINITE_NO)
    assert desk.text() == "new"


@pytest.mark.parametrize("name", ["NoSuchError", "", "annotations", "__name__", "TYPE_CHECKING"])
def test_a_remembered_error_of_unknown_kind_is_still_an_error(desk: Desk, name: str) -> None:
    desk.slot.remember(NO, "", desk.now, DEFINITE_NO)
    path = Path(desk.slot.path + ".failed")
    fields = desk.slot.failure("", desk.now, desk.now)
    assert fields
    path.write_bytes(files.encode({**fields, "class": name}))
    with pytest.raises(CredhelperError, match="401"):
        desk.text()


# --- clocks ---------------------------------------------------------------------------------------


def test_a_token_that_starts_soon_is_waited_for(desk: Desk) -> None:
    desk.answers = [desk.token("new", starts=5)]
    assert desk.text() == "new"
    assert desk.slept == [5]
    assert desk.text() == "new"
    assert desk.slept == [5]


def test_a_token_that_starts_late_is_refused_without_a_loop(desk: Desk) -> None:
    desk.answers = [desk.token("new", starts=int(NOT_YET_WAIT) + 5)]
    for _ in range(3):
        with pytest.raises(MalformedAnswerError, match="not valid for another 15 s"):
            desk.text()
    assert (len(desk.renewals), desk.slept) == (1, [])
    assert desk.slot.find() is None


def test_a_token_that_starts_late_by_our_clock_is_made_again_to_measure_how_late_we_are(
    desk: Desk, folder: Path
) -> None:
    ahead = Desk(folder, host="ahead")
    ahead.now += 60
    ahead.answers = [ahead.token("theirs", starts=1)]
    ahead.now += 1
    ahead.text()
    desk.answers = [desk.token("ours", starts=1, skew=60)]
    assert desk.text() == "ours"
    assert desk.slept == [1]
    assert ahead.text() == "ours"


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_the_servers_clock_decides_on_the_host_that_measured_it(desk: Desk, skew: int) -> None:
    desk.answers = [desk.token("one", life=600, skew=skew), desk.token("two", skew=skew)]
    credential = desk.get()
    assert credential.expires_at == desk.now + 590
    desk.now += 500
    assert desk.text() == "one"
    desk.now += 100
    assert desk.text() == "two"


def test_what_is_told_as_expiry_is_a_little_early(desk: Desk) -> None:
    credential = desk.get()
    assert credential.expires_at == desk.now + 3590
    assert credential.fresh_until == desk.now + 3540


# --- locks ----------------------------------------------------------------------------------------


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise files.Unlockable("no locks available")

    monkeypatch.setattr(files, "acquire", refuse)


def test_a_file_system_without_locks_is_no_reason_not_to_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    assert desk.text() == "new"
    assert desk.text() == "new"
    assert len(desk.renewals) == 1
    assert desk.warnings == ["going on without a lock: no locks available"]


def test_a_stale_token_is_renewed_without_a_lock_where_none_can_be_had(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hold("old", age=3580)
    without_locks(monkeypatch)
    assert desk.text() == "new"


def test_a_stale_token_is_served_where_nothing_can_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hold("old", age=3580)
    without_locks(monkeypatch)
    monkeypatch.setattr(type(desk.slot), "writable", lambda self: False)
    assert desk.text() == "old"
    assert (desk.renewals, desk.warnings) == ([], [])


def test_a_waiter_whose_time_is_over_looks_again_and_then_makes_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOCK_WAIT", 0.01)
    lock = desk.slot.lock(0)
    assert lock
    assert desk.text() == "new"
    assert len(desk.renewals) == 1
    assert len(desk.warnings) == 1
    assert "going on without it" in desk.warnings[0]
    lock.release()


def test_a_waiter_whose_time_is_over_takes_what_is_there_by_then(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOCK_WAIT", 0.01)
    lock = desk.slot.lock(0)
    assert lock
    desk.slot.before_lock = lambda: Desk(folder).hold("theirs")
    assert desk.text() == "theirs"
    assert desk.renewals == []
    lock.release()


def test_whoever_comes_second_finds_the_work_done(desk: Desk, folder: Path) -> None:
    other = Desk(folder)
    other.answers = [other.token("theirs")]
    desk.slot.before_lock = other.ask
    assert desk.text() == "theirs"
    assert desk.renewals == []


@pytest.mark.parametrize("error", [None, NO, KeyboardInterrupt()])
def test_the_lock_is_let_go_however_it_ends(
    desk: Desk, error: CredhelperError | KeyboardInterrupt | None
) -> None:
    def end() -> None:
        if error:
            raise error

    desk.during = end
    try:
        desk.text()
    except (CredhelperError, KeyboardInterrupt) as raised:
        assert raised is error
    lock = desk.slot.lock(0)
    assert lock
    lock.release()


def test_without_a_folder_every_answer_is_made_anew(desk_at: type[Desk]) -> None:
    desk = desk_at(None, host=HOST)
    desk.answers = [desk.token("one"), desk.token("two")]
    assert (desk.text(), desk.text()) == ("one", "two")
    assert desk.warnings == []  # whoever chose to go without a folder has said why
