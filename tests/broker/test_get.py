"""Answering: from the cache, by a renewal, or by what still lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from credhelper.broker import source
from credhelper.broker.failure import DEFINITE_NO, MOST_TROUBLE, TROUBLE
from credhelper.core import record
from credhelper.core.record import NOT_YET_WAIT
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
from credhelper.storage import locks
from tests.support.token_sources import HOST, ScriptedSource

NO = RejectedError("answered 401", "log in", status=401)
DOWN = UnreachableError("no answer")


def test_a_fresh_token_is_served_without_a_renewal(token_source: ScriptedSource) -> None:
    token_source.hold("old")
    assert token_source.text() == "old"
    assert token_source.renewals == []


def test_a_cold_cache_renews_and_keeps_what_came(
    token_source: ScriptedSource, folder: Path
) -> None:
    assert token_source.text() == "new"
    assert token_source.text() == "new"
    assert token_source.renewals == [None]
    assert (folder / token_source.slot.name).stat().st_mode & 0o777 == 0o600


def test_a_stale_token_is_renewed_and_the_renewal_sees_it(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=3580)
    assert token_source.text() == "new"
    assert [held and held.secret.reveal() for held in token_source.renewals] == ["old"]


def test_a_stale_token_is_served_while_somebody_holds_the_lock(
    token_source: ScriptedSource,
) -> None:
    token_source.hold("old", age=3580)
    lock = token_source.slot.lock(0)
    assert lock
    assert token_source.text() == "old"
    assert (token_source.renewals, token_source.warnings) == ([], [])
    lock.release()


@pytest.mark.parametrize("error", [NO, DOWN, LoginRequiredError("nobody"), ConfigError("odd")])
def test_a_stale_token_is_served_when_nothing_new_can_be_had(
    token_source: ScriptedSource, error: CredhelperError
) -> None:
    token_source.hold("old", age=3580)
    token_source.answers = [error]
    assert token_source.text() == "old"
    assert token_source.warnings == [
        f"could not renew profile main, its token still lives 20 s: {error.message}"
    ]


@pytest.mark.parametrize("error", [NO, DOWN, LoginRequiredError("nobody")])
def test_an_expired_token_is_never_served(
    token_source: ScriptedSource, error: CredhelperError
) -> None:
    token_source.hold("old", age=3600)
    token_source.answers = [error]
    with pytest.raises(type(error), match=error.message):
        token_source.text()


def test_a_failure_takes_nothing_away(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=3580)
    token_source.answers = [NO]
    token_source.text()
    found = token_source.slot.find()
    assert found
    assert found["token"] == "old"


@pytest.mark.parametrize(("asked", "least"), [(7200, 0), (0, 7200), (7200, 100)])
def test_a_life_that_no_token_has_is_an_error_that_names_the_lifetime(
    token_source: ScriptedSource, asked: int, least: int
) -> None:
    with pytest.raises(LifetimeError, match=r"another 7200 s .* only 3600 s"):
        token_source.text(min_ttl=asked, least=least)


def test_nothing_is_minted_again_before_half_of_a_life_that_is_too_short(
    token_source: ScriptedSource,
) -> None:
    for _ in range(5):
        with pytest.raises(LifetimeError):
            token_source.text(min_ttl=7200)
        token_source.now += 300
    assert len(token_source.renewals) == 1
    token_source.now += 300
    token_source.answers = [token_source.token("longer", life=9000)]
    assert token_source.text(min_ttl=7200) == "longer"


def test_a_token_too_short_for_one_caller_serves_another(token_source: ScriptedSource) -> None:
    with pytest.raises(LifetimeError):
        token_source.text(min_ttl=7200)
    assert token_source.text(min_ttl=600) == "new"
    assert len(token_source.renewals) == 1


def test_a_caller_who_wants_more_than_is_left_gets_a_new_one(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=1200)
    assert token_source.text(min_ttl=3000) == "new"


def test_a_caller_who_wants_more_than_is_left_gets_no_old_one_back(
    token_source: ScriptedSource,
) -> None:
    # Its session is due as well: the renewal must not take that for all there is to do.
    token_source.hold("old", age=1200, due=1)
    assert token_source.text(min_ttl=3000) == "new"
    assert token_source.renewals == [None]


def test_a_hundred_calls_on_a_short_life_make_few_tokens(token_source: ScriptedSource) -> None:
    # 60 s to live and a margin of five minutes: half of the life counts.
    for _ in range(100):
        token_source.answers = [token_source.token(life=60)]
        token_source.get(margin=300)
        token_source.now += 0.2
    assert len(token_source.renewals) == 1


def test_a_definite_no_is_remembered_for_a_moment(token_source: ScriptedSource) -> None:
    token_source.answers = [NO]
    for _ in range(5):
        with pytest.raises(RejectedError, match="answered 401") as told:
            token_source.text()
        assert told.value.hint == "log in"
    assert len(token_source.renewals) == 1
    token_source.now += DEFINITE_NO
    with pytest.raises(RejectedError):
        token_source.text()
    assert len(token_source.renewals) == 2


def test_trouble_is_shared_for_a_shorter_moment(token_source: ScriptedSource) -> None:
    token_source.answers = [DOWN]
    for _ in range(3):
        with pytest.raises(UnreachableError) as told:
            token_source.text()
        assert told.value.retryable
    assert len(token_source.renewals) == 1
    token_source.now += TROUBLE
    token_source.answers = [token_source.token("new")]
    assert token_source.text() == "new"


@pytest.mark.parametrize(("asked", "pause"), [(30, 30), (0, TROUBLE), (86400, MOST_TROUBLE)])
def test_a_retry_after_is_honoured_within_reason(
    token_source: ScriptedSource, asked: int, pause: float
) -> None:
    token_source.answers = [RateLimitedError("busy", retry_after=asked)]
    with pytest.raises(RateLimitedError):
        token_source.text()
    token_source.answers = [token_source.token("new")]
    token_source.now += pause - 0.5
    with pytest.raises(RateLimitedError):
        token_source.text()
    token_source.now += 1
    assert token_source.text() == "new"


@pytest.mark.parametrize(
    "words", ["clé refusée", "鍵が違います", "a\nb", "a\rb", "tab\there", "\x1b[2J", "x\u202ey", ""]
)
def test_a_refusal_is_remembered_in_any_language(token_source: ScriptedSource, words: str) -> None:
    token_source.answers = [RejectedError(words, words)]
    for _ in range(3):
        with pytest.raises(RejectedError):
            token_source.text()
    assert len(token_source.renewals) == 1


def test_whoever_waited_shares_the_failure_of_the_one_waited_for(
    token_source: ScriptedSource, folder: Path
) -> None:
    other = ScriptedSource(folder)
    other.answers = [NO]

    def wait_long() -> None:
        other.now = token_source.now + 0.5
        with pytest.raises(RejectedError):
            other.text()
        token_source.now += DEFINITE_NO + 20  # the memory is over, but not for those who waited

    token_source.slot.before_lock = wait_long
    with pytest.raises(RejectedError, match="401"):
        token_source.text()
    assert (len(other.renewals), token_source.renewals) == (1, [])


def test_another_value_of_the_grant_voids_the_memory(folder: Path) -> None:
    wrong = ScriptedSource(folder, stamp="1:1:1")
    wrong.answers = [NO]
    with pytest.raises(RejectedError):
        wrong.text()
    mended = ScriptedSource(folder, stamp="1:2:2")
    mended.answers = [mended.token("new")]
    assert mended.text() == "new"


def test_a_token_of_another_grant_is_a_miss(folder: Path) -> None:
    ScriptedSource(folder, stamp="1:1:1").hold("theirs")
    mine = ScriptedSource(folder, stamp="1:2:2")
    mine.answers = [mine.token("mine")]
    assert mine.text() == "mine"


def test_a_memory_from_a_clock_far_ahead_counts_for_nothing(token_source: ScriptedSource) -> None:
    token_source.slot.remember(NO, "", token_source.now + 10**6, DEFINITE_NO)
    assert token_source.text() == "new"


@pytest.mark.parametrize("name", ["NoSuchError", "", "annotations", "__name__", "TYPE_CHECKING"])
def test_a_remembered_error_of_unknown_kind_is_still_an_error(
    token_source: ScriptedSource, name: str
) -> None:
    token_source.slot.remember(NO, "", token_source.now, DEFINITE_NO)
    path = Path(token_source.slot.path + ".failed")
    fields = record.decode(path.read_bytes())
    assert fields
    path.write_bytes(record.encode({**fields, "class": name}))
    with pytest.raises(CredhelperError, match="401"):
        token_source.text()


def test_a_token_that_starts_soon_is_waited_for(token_source: ScriptedSource) -> None:
    token_source.answers = [token_source.token("new", starts=5)]
    assert token_source.text() == "new"
    assert token_source.slept == [5]
    assert token_source.text() == "new"
    assert token_source.slept == [5]


def test_a_token_that_starts_late_is_refused_without_a_loop(token_source: ScriptedSource) -> None:
    token_source.answers = [token_source.token("new", starts=int(NOT_YET_WAIT) + 5)]
    for _ in range(3):
        with pytest.raises(MalformedAnswerError, match="not valid for another 15 s"):
            token_source.text()
    assert (len(token_source.renewals), token_source.slept) == (1, [])
    assert token_source.slot.find() is None


def test_a_token_that_starts_late_by_our_clock_is_made_again_to_measure_how_late_we_are(
    token_source: ScriptedSource, folder: Path
) -> None:
    ahead = ScriptedSource(folder, host="ahead")
    ahead.now += 60
    ahead.answers = [ahead.token("theirs", starts=1)]
    ahead.now += 1
    ahead.text()
    token_source.answers = [token_source.token("ours", starts=1, skew=60)]
    assert token_source.text() == "ours"
    assert token_source.slept == [1]
    assert ahead.text() == "ours"


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_the_servers_clock_decides_on_the_host_that_measured_it(
    token_source: ScriptedSource, skew: int
) -> None:
    token_source.answers = [
        token_source.token("one", life=600, skew=skew),
        token_source.token("two", skew=skew),
    ]
    credential = token_source.get()
    assert credential.expires_at == token_source.now + 590
    token_source.now += 500
    assert token_source.text() == "one"
    token_source.now += 100
    assert token_source.text() == "two"


def test_what_is_told_as_expiry_is_a_little_early(token_source: ScriptedSource) -> None:
    credential = token_source.get()
    assert credential.expires_at == token_source.now + 3590
    assert credential.fresh_until == token_source.now + 3540


@pytest.mark.parametrize("late", [(60, 45), (-7200, -3600), (60, -7200), (600, 0)])
def test_hosts_whose_clocks_differ_share_one_cache_and_make_no_token_each_call(
    folder: Path, late: tuple[int, int]
) -> None:
    hosts = [ScriptedSource(folder, host=f"host{number}") for number in (1, 2)]
    for host, seconds in zip(hosts, late, strict=True):
        host.now -= seconds
    for call in range(20):
        for host, seconds in zip(hosts, late, strict=True):
            host.answers = [host.token(f"{host.broker.host}-{call}", skew=seconds, starts=1)]
            host.text()
            host.now += 1
    assert sum(len(host.renewals) for host in hosts) <= 2


def test_a_skew_of_another_host_is_believed_as_long_as_a_token_lives(
    token_source: ScriptedSource, folder: Path
) -> None:
    other = ScriptedSource(folder, host="other")
    other.answers = [other.token("theirs", life=600, skew=60)]
    other.text()
    for number in range(3):
        token_source.now += 600
        token_source.answers = [token_source.token(f"ours-{number}", life=600)]
        token_source.text()
        fields = token_source.slot.find()
        assert fields
        assert ("skews" in fields) == (number == 0), number


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise locks.Unlockable("no locks available")

    monkeypatch.setattr(locks, "acquire", refuse)


def test_a_file_system_without_locks_is_no_reason_not_to_answer(
    token_source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    assert token_source.text() == "new"
    assert token_source.text() == "new"
    assert len(token_source.renewals) == 1
    assert token_source.warnings == ["continuing without a lock: no locks available"]


def test_a_stale_token_is_renewed_without_a_lock_where_none_can_be_had(
    token_source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_source.hold("old", age=3580)
    without_locks(monkeypatch)
    assert token_source.text() == "new"


def test_a_stale_token_is_served_where_nothing_can_be_written(
    token_source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_source.hold("old", age=3580)
    without_locks(monkeypatch)
    monkeypatch.setattr(type(token_source.slot), "writable", lambda self: False)
    assert token_source.text() == "old"
    assert (token_source.renewals, token_source.warnings) == ([], [])


@pytest.mark.waits
def test_a_waiter_whose_time_is_over_looks_again_and_then_makes_one(
    token_source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOCK_WAIT", 0.01)
    lock = token_source.slot.lock(0)
    assert lock
    assert token_source.text() == "new"
    assert len(token_source.renewals) == 1
    assert len(token_source.warnings) == 1
    assert "continuing without it" in token_source.warnings[0]
    lock.release()


@pytest.mark.waits
def test_a_waiter_whose_time_is_over_takes_what_is_there_by_then(
    token_source: ScriptedSource, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOCK_WAIT", 0.01)
    lock = token_source.slot.lock(0)
    assert lock
    token_source.slot.before_lock = lambda: ScriptedSource(folder).hold("theirs")
    assert token_source.text() == "theirs"
    assert token_source.renewals == []
    lock.release()


def test_whoever_comes_second_finds_the_work_done(
    token_source: ScriptedSource, folder: Path
) -> None:
    other = ScriptedSource(folder)
    other.answers = [other.token("theirs")]
    token_source.slot.before_lock = other.ask
    assert token_source.text() == "theirs"
    assert token_source.renewals == []


def test_a_leader_that_was_stopped_takes_what_others_made_meanwhile(
    token_source: ScriptedSource, folder: Path
) -> None:
    token_source.answers = [DOWN]
    token_source.during = lambda: ScriptedSource(folder).hold("theirs")
    assert token_source.text() == "theirs"
    assert token_source.slot.failure("", token_source.now, token_source.now) is None


@pytest.mark.parametrize("error", [None, NO, KeyboardInterrupt()])
def test_the_lock_is_let_go_however_it_ends(
    token_source: ScriptedSource, error: CredhelperError | KeyboardInterrupt | None
) -> None:
    def end() -> None:
        if error:
            raise error

    token_source.during = end
    try:
        token_source.text()
    except (CredhelperError, KeyboardInterrupt) as raised:
        assert raised is error
    lock = token_source.slot.lock(0)
    assert lock
    lock.release()


def test_without_a_folder_every_answer_is_made_anew(token_source_at: type[ScriptedSource]) -> None:
    token_source = token_source_at(None, host=HOST)
    token_source.answers = [token_source.token("one"), token_source.token("two")]
    assert (token_source.text(), token_source.text()) == ("one", "two")
    assert token_source.warnings == []  # whoever chose to go without a folder has said why
