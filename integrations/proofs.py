"""What is shown of several clients in the same way: their folders say of which, and how it runs.

How a client fails, and what it tells then, is its own and stands in its folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from integrations.scripts import Bench, ShellScript
from integrations.servers.gate import Gate
from integrations.wired import Wired
from tests.support.worlds import Outcome


class Served(Protocol):
    """A user who is wired up for a server, and what the server saw at its gate."""

    @property
    def wired(self) -> Wired: ...
    @property
    def gate(self) -> Gate: ...


# --- a client that runs again ---------------------------------------------------------------------


def two_runs_take_one_token(
    served: Served, works: Callable[[], object], scheme: str | None = None
) -> None:
    """Run a client twice.

    Parameters: `works` runs it, and fails where it does not do what it should; `scheme`, how each
    request shows the token, where none is tried without.
    """
    works()
    works()

    assert served.wired.counted() == (1, 0)
    assert served.gate.admitted
    assert not served.gate.refused
    if scheme is not None:
        assert {visit.scheme for visit in served.gate.visits} == {scheme}


def the_next_run_renews(served: Served, works: Callable[[], object]) -> None:
    """Run a client, and again once its token has expired."""
    works()
    served.wired.wait_until(served.gate.admitted[-1].expires)
    works()

    assert served.wired.counted() == (2, 0)
    assert served.gate.admitted[-1].expires > served.gate.admitted[0].expires
    assert not served.gate.refused


# --- a script for sh ------------------------------------------------------------------------------


def another_host_gets_nothing(script: ShellScript, config: Path) -> Outcome:
    """Run a script that is as it was, while the `config` names another host; it fails."""
    script.server.wired.configure(config, {})

    outcome = script.run()

    assert outcome.status != 0
    assert outcome.stdout == b""
    assert f"no profile covers https://{script.server.host}" in outcome.told, outcome
    assert script.server.gate.admitted == []
    assert script.server.wired.counted() == (0, 0)
    return outcome


def trouble_is_told_with_its_next_step(script: ShellScript) -> None:
    """Run a script while the key is refused; it fails."""
    script.server.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = script.run()

    assert outcome.status != 0
    assert outcome.stdout == b""
    assert "answered 401" in outcome.told, outcome
    assert "credhelper: hint:" in outcome.told
    assert script.server.gate.admitted == []


# --- a Python script that reads one page after the other: with_LIBRARY.py PAGES SECONDS -----------


def pages_are_read_with_one_token(user: Bench, script: Path) -> None:
    """Read five pages."""
    outcome, printed = user.run(script, "5", "0")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert printed == [f"/pages/{number}" for number in range(5)]
    assert user.pages.seen == [("GET", f"/pages/{number}", 1, 200) for number in range(5)]
    assert user.wired.counted() == (1, 0)


def a_token_that_expires_is_renewed_before_it_is_refused(user: Bench, script: Path) -> None:
    """Read pages for longer than a token lives, which is 6 s."""
    outcome, printed = user.run(script, "10", "0.8")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert len(printed) == 10
    assert {status for *_, status in user.pages.seen} == {200}
    tokens = [token for _, _, token, _ in user.pages.seen]
    assert tokens == sorted(tokens)
    assert user.wired.counted() == (tokens[-1], 0)
    assert tokens[-1] >= 2


def a_token_that_is_revoked_is_refused_once_and_replaced(user: Bench, script: Path) -> None:
    """Read pages, and have the token revoked before the third."""

    def revoke(path: str) -> None:
        if path == "/pages/2":
            user.pages.before = lambda path: None
            user.wired.sandbox.revoke_all()

    user.pages.before = revoke
    outcome, printed = user.run(script, "5", "0")

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert printed == [f"/pages/{number}" for number in range(5)]
    assert user.pages.seen == [
        ("GET", "/pages/0", 1, 200),
        ("GET", "/pages/1", 1, 200),
        ("GET", "/pages/2", 1, 401),
        ("GET", "/pages/2", 2, 200),
        ("GET", "/pages/3", 2, 200),
        ("GET", "/pages/4", 2, 200),
    ]
    assert user.wired.counted() == (2, 0)


def who_refuses_everybody_is_asked_twice(user: Bench, script: Path, told: bytes) -> None:
    """Read from an API that lets nobody in. Parameters: `told`, what the library makes of it."""
    user.pages.before = lambda path: user.wired.sandbox.revoke_all()

    outcome, printed = user.run(script, "5", "0")

    assert outcome.status == 1
    assert printed == []
    assert told in outcome.stderr
    assert user.pages.seen == [("GET", "/pages/0", 1, 401), ("GET", "/pages/0", 2, 401)]
    assert user.wired.counted() == (2, 0)


def a_redirect_to_another_host_takes_no_token_along(user: Bench, script: Path, told: bytes) -> None:
    """Read a page that has gone elsewhere. Parameters: `told`, what the library makes of it."""
    user.pages.redirects["/pages/0"] = f"https://127.0.0.1:{user.port}/pages/elsewhere"

    outcome, _ = user.run(script, "1", "0")

    assert outcome.status == 1
    assert told in outcome.stderr
    assert user.pages.seen == [("GET", "/pages/0", 1, 307), ("GET", "/pages/elsewhere", 0, 401)]
    assert user.wired.counted() == (1, 0)
