"""requests, with the script beside this one, against an API that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from integrations import proofs
from integrations.scripts import Bench

HERE = Path(__file__).parent
SCRIPT = HERE / "with_requests.py"
REFUSED = b"401 Client Error"


def test_a_script_reads_pages_with_one_token(bench: Callable[..., Bench]) -> None:
    proofs.pages_are_read_with_one_token(bench("requests"), SCRIPT)


def test_a_token_that_expires_meanwhile_is_renewed_before_the_api_has_to_refuse_it(
    bench: Callable[..., Bench],
) -> None:
    user = bench("requests", "--token-lifetime", "6")
    proofs.a_token_that_expires_is_renewed_before_it_is_refused(user, SCRIPT)


def test_a_token_that_is_revoked_meanwhile_is_refused_once_and_replaced(
    bench: Callable[..., Bench],
) -> None:
    proofs.a_token_that_is_revoked_is_refused_once_and_replaced(bench("requests"), SCRIPT)


def test_a_service_that_refuses_everybody_is_asked_twice_and_no_more(
    bench: Callable[..., Bench],
) -> None:
    proofs.who_refuses_everybody_is_asked_twice(bench("requests"), SCRIPT, REFUSED)


def test_a_host_that_the_profile_does_not_name_gets_no_token(bench: Callable[..., Bench]) -> None:
    proofs.a_redirect_to_another_host_takes_no_token_along(bench("requests"), SCRIPT, REFUSED)
