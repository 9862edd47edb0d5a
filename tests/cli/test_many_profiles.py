"""Many profiles: what a command reads grows with them, and not with their square."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from credhelper.broker import inventory, routing
from credhelper.cli.other_tools import Proposal, distinct
from credhelper.config import parse
from credhelper.core import record, routes
from tests.cli.conftest import Person
from tests.cli.test_import import jwt

# What costs: reading a record, making a route of a profile, parsing or decoding the whole config.
COUNTED = (
    (record, "decode"),
    (routing, "route_to"),
    (parse, "parse"),
    (routes, "decode"),
    (inventory, "everything"),
    (tomllib, "loads"),
)


def noted(calls: dict[str, int], key: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def called(*given: Any, **named: Any) -> Any:
        calls[key] += 1
        return real(*given, **named)

    return called


def counted(monkeypatch: pytest.MonkeyPatch, person: Person, *words: str) -> dict[str, int]:
    """Return how often each of COUNTED was called for one command."""
    calls: dict[str, int] = {}
    with monkeypatch.context() as patch:
        for module, name in COUNTED:
            key, real = f"{module.__name__}.{name}", getattr(module, name)
            calls[key] = 0
            patch.setattr(module, name, noted(calls, key, real))
        outcome = person.types(*words)
    assert outcome.status == 0, outcome
    return calls


def filled(person: Person, many: int) -> None:
    """Log in to so many profiles: each has a typed key with its note, a session and a token."""
    for number in range(many):
        person.logs_in("-p", f"p{number}", "--data", str(number), "--keep-session")


@pytest.mark.parametrize("words", [("status",), ("profile", "list"), ("logout", "--all")])
def test_what_a_command_reads_grows_with_the_profiles(
    person: Person, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    found = []
    for many in (3, 12):
        filled(person, many)
        found.append(counted(monkeypatch, person, *words))
        person.types("logout", "--all")
    few, more = found
    for what, number in more.items():
        each = what.endswith(("record.decode", "route_to"))
        assert number <= few[what] * (4 if each else 1), (what, few, more)


def test_one_logout_among_many_typed_keys_parses_the_config_a_few_times(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for many in (3, 12):
        filled(person, many)
        calls = counted(monkeypatch, person, "logout", "-p", "p1")
        found.append(calls["credhelper.config.parse.parse"])
        person.types("logout", "--all")
    assert found[0] == found[1]


def test_profiles_that_are_there_already_cost_import_no_parse_each(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = person.world.home / ".ica-ica-lazy" / "tokens" / "tokens.json"
    place.parent.mkdir(parents=True)
    found = []
    for many in (3, 12):
        names = [f"p{number}" for number in range(many)]
        place.write_text(json.dumps({name: {"read-only": jwt(exp=2**32)} for name in names}))
        grant = 'grant = { env = "KEY" }'
        person.world.config.write_text("".join(f"[profiles.{name}]\n{grant}\n" for name in names))
        calls = counted(monkeypatch, person, "import", "--grant-command", "pass show some/key")
        found.append(calls["tomllib.loads"])
    assert found[0] == found[1] == 1


def test_many_equal_names_are_numbered_in_one_pass() -> None:
    made = [one.name for one in distinct(Proposal("x", "y", "same") for _ in range(5000))]
    assert made == ["same", *(f"same-{number}" for number in range(2, 5001))]
