"""Plain `get_token()` in threads, with the script beside this one, and an API that checks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from integrations.scripts import Bench

SCRIPT = Path(__file__).parent / "with_threads.py"


def test_twenty_threads_share_one_token(bench: Callable[..., Bench]) -> None:
    user = bench("credhelper")

    outcome, printed = user.run(SCRIPT, "60", "0")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert printed == [str(number) for number in range(60)]
    assert {(token, status) for _, _, token, status in user.pages.seen} == {(1, 200)}
    assert user.wired.counted() == (1, 0)


def test_twenty_threads_outlive_their_token_and_make_one_new_one_each_time(
    bench: Callable[..., Bench],
) -> None:
    user = bench("credhelper", "--token-lifetime", "8")

    outcome, printed = user.run(SCRIPT, "140", "1.2")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert len(printed) == 140
    assert {status for *_, status in user.pages.seen} == {200}
    used = {token for _, _, token, _ in user.pages.seen}
    assert len(used) >= 2
    assert user.wired.counted() == (len(used), 0)
