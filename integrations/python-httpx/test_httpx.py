"""httpx, with the script beside this one, against an API that checks the live token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from integrations import proofs
from integrations.scripts import Bench

HERE = Path(__file__).parent
SCRIPT = HERE / "with_httpx.py"
AT_ONCE = HERE / "with_httpx_async.py"
REFUSED = b"Client error '401"


def test_a_script_reads_pages_with_one_token(bench: Callable[..., Bench]) -> None:
    proofs.pages_are_read_with_one_token(bench("httpx"), SCRIPT)


def test_a_token_that_expires_meanwhile_is_renewed_before_the_api_has_to_refuse_it(
    bench: Callable[..., Bench],
) -> None:
    user = bench("httpx", "--token-lifetime", "6")
    proofs.a_token_that_expires_is_renewed_before_it_is_refused(user, SCRIPT)


def test_a_token_that_is_revoked_meanwhile_is_refused_once_and_replaced(
    bench: Callable[..., Bench],
) -> None:
    proofs.a_token_that_is_revoked_is_refused_once_and_replaced(bench("httpx"), SCRIPT)


def test_a_service_that_refuses_everybody_is_asked_twice_and_no_more(
    bench: Callable[..., Bench],
) -> None:
    proofs.who_refuses_everybody_is_asked_twice(bench("httpx"), SCRIPT, REFUSED)


def test_a_host_that_the_profile_does_not_name_gets_no_token(bench: Callable[..., Bench]) -> None:
    proofs.a_redirect_to_another_host_takes_no_token_along(bench("httpx"), SCRIPT, REFUSED)


def test_many_tasks_wait_for_one_token(bench: Callable[..., Bench]) -> None:
    user = bench("httpx")

    outcome, printed = user.run(AT_ONCE, "2", "0")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert printed == [f"/pages/{number}" for number in range(40)]
    assert {(token, status) for _, _, token, status in user.pages.seen} == {(1, 200)}
    assert user.wired.counted() == (1, 0)


def test_many_tasks_that_are_refused_at_once_make_one_new_token(
    bench: Callable[..., Bench],
) -> None:
    user = bench("httpx")
    revoked = threading.Lock()

    def revoke(path: str) -> None:
        # The second batch, whichever of it comes first.
        if int(path.removeprefix("/pages/")) >= 20 and revoked.acquire(blocking=False):
            user.wired.sandbox.revoke_all()

    user.pages.before = revoke
    outcome, printed = user.run(AT_ONCE, "3", "0")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert printed == [f"/pages/{number}" for number in range(60)]
    assert user.wired.counted() == (2, 0)
    refused = [path for _, path, token, status in user.pages.seen if (token, status) == (1, 401)]
    assert 1 <= len(refused) == len(set(refused)) <= 20
    assert len(user.pages.seen) == 60 + len(refused)


def test_many_tasks_outlive_their_token(bench: Callable[..., Bench]) -> None:
    user = bench("httpx", "--token-lifetime", "8")

    outcome, printed = user.run(AT_ONCE, "6", "1.5")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert len(printed) == 120
    assert {status for *_, status in user.pages.seen} == {200}
    used = {token for _, _, token, _ in user.pages.seen}
    assert len(used) >= 2
    assert user.wired.counted() == (len(used), 0)


def test_trio_will_do_as_well(bench: Callable[..., Bench]) -> None:
    user = bench("httpx")

    def revoke(path: str) -> None:
        if path == "/pages/1":
            user.pages.before = lambda path: None
            user.wired.sandbox.revoke_all()

    user.pages.before = revoke
    outcome, printed = user.run(HERE / "promises_trio.py")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert printed == ["/pages/0", "/pages/1"]
    assert [(token, status) for _, _, token, status in user.pages.seen] == [
        (1, 200),
        (1, 401),
        (2, 200),
    ]
    assert user.wired.counted() == (2, 0)
