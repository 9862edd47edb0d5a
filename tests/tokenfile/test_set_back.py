"""A clock that is set back while a token file is kept: the token still ends when it ends."""

from __future__ import annotations

import os
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core.model import Request
from credhelper.tokenfile import keeper, keeping, renewer, signals
from credhelper.tokenfile.keeping import Keeping, stamp
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World
from tests.tokenfile.jobs import expiry_of

LIFE = 86400  # seconds that a token of the sandbox lives
LEFT = 300  # seconds that the token in the file has left in truth: less than its margin


class Clocks:
    """Two clocks that only a keeper's sleep moves: one may be set, the other one cannot."""

    def __init__(self, sets: dict[float, float]) -> None:
        self.passed = 0.0
        self.sets = sets
        self.set = 0.0
        self.renewed: list[tuple[float, float]] = []  # when in truth, and how far `behind` was
        self.ended = False

    def monotonic(self) -> float:
        return 5000.0 + self.passed

    def clock(self) -> float:
        return 1_000_000.0 + self.passed + self.set

    def next_signal(self, seconds: float) -> tuple[int, bool]:
        if self.ended:
            return signal.SIGCHLD, True
        if self.renewed and self.passed > self.renewed[0][0]:
            return signal.SIGTERM, False
        assert 0 <= seconds <= 10
        self.passed += max(seconds, 0.001)
        for when in [when for when in self.sets if when <= self.passed]:
            self.set += self.sets.pop(when)
        return 0, False


@given(
    st.dictionaries(
        st.floats(0, 3600), st.floats(-400_000, 0) | st.sampled_from([-7200.0, -1e8]), max_size=3
    )
)
def test_a_keeper_renews_when_the_time_is_over_however_the_clock_is_set_back(
    sets: dict[float, float],
) -> None:
    clocks = Clocks(dict(sets))

    def start(kept: Keeping, behind: float = 0.0, *, warn: bool) -> tuple[int, int]:
        clocks.renewed.append((clocks.passed, behind))
        clocks.ended = True
        reader, writer = os.pipe()
        os.write(writer, keeping.pack(clocks.clock() + 3600, "/nowhere", "", ""))
        os.close(writer)
        return 7, reader

    def ended() -> list[tuple[int, int]]:
        clocks.ended = False
        return [(7, 0)]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keeper, "_start_renewer", start)
        patched.setattr(signals, "next_signal", clocks.next_signal)
        patched.setattr(signals, "ended_children", ended)
        patched.setattr(keeper, "_changed", lambda *_: False)
        kept = Keeping("/nowhere/token", "token", "main", "", 0, clocks.clock() + 3600, "", "")
        assert keeper.keep(kept, clocks.clock, clocks.monotonic) == (0, signal.SIGTERM)
    ((when, behind),) = clocks.renewed
    assert 3599 < when < 3611
    back = sum(by for at, by in sets.items() if at <= when)
    assert behind == pytest.approx(-back, abs=1)


def kept_for(world: World, back: float) -> Keeping:
    """Return how a file is kept whose token ends soon, after the clock was set back by `back`.

    The server's clock goes on: it is ahead by as much.
    """
    world.prepare()
    (record,) = world.records()
    world.age_record(record, LIFE - LEFT - int(back))  # as the clock tells that was set back
    path = world.root / "token"
    path.write_text("the token that ends soon")
    return Keeping(str(path), "token", "main", "", 0, 0.0, str(record), stamp(str(record)))


@pytest.mark.parametrize("back", [60, 7200, LIFE // 2, LIFE - 600, LIFE - 400, LIFE, 3 * LIFE])
def test_a_token_that_only_the_clock_finds_good_is_renewed_once_and_ends_in_time(
    scratch_world: World, running_sandbox: RunningSandbox, back: int
) -> None:
    kept = kept_for(scratch_world, back)
    running_sandbox.fault({"date": back, "times": "always"})
    said: list[bytes] = []
    environ = scratch_world.environment()
    told = renewer.renew(kept, environ, said.append, behind=back)
    assert told is not None, said
    due, record, _, _ = keeping.unpack(told)
    token = (scratch_world.root / "token").read_text()
    # By our clock as it is now: so it is kept for its life and no longer.
    ends = expiry_of(token) - back
    assert ends == pytest.approx(time.time() + LIFE, abs=30)
    assert due == pytest.approx(ends - keeping.MARGIN, abs=30)
    held = answer.get(Context(environ, warn=lambda *_: None), Request("get"))
    assert held.token.reveal() == token
    assert held.expires_at == pytest.approx(ends, abs=30)
    # The next one, with nothing set back since, finds nothing to do.
    kept.record, kept.seen = record, stamp(record)
    assert renewer.renew(kept, environ, said.append) is not None
    assert running_sandbox.stats()["created"] == 2
    assert said == []


def test_a_token_that_still_lives_is_kept_until_it_can_be_renewed(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """And is not taken for a new one, which would stay in the file until its end by our clock."""
    kept = kept_for(scratch_world, 7200)
    (old,) = scratch_world.held()
    running_sandbox.fault({"status": 503, "date": 7200, "times": "always"})
    said: list[bytes] = []
    environ = scratch_world.environment()
    for _ in range(2):
        assert renewer.renew(kept, environ, said.append, behind=7200) is None
    assert b"its token still lives" in b"".join(said)
    assert scratch_world.held() == [old]
    assert (scratch_world.root / "token").read_text() == old["token"]
    running_sandbox.reset()
    for failure in scratch_world.failures():
        failure.unlink()  # its seconds are over
    assert renewer.renew(kept, environ, said.append, behind=7200) is not None
    assert scratch_world.held() != [old]
    assert (scratch_world.root / "token").read_text() == scratch_world.held()[0]["token"]
