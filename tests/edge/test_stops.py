"""A signal that falls into a place where Python makes something else of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from credhelper.cli import main as cli
from credhelper.edge import stops


class _Falls:
    def __set_name__(self, owner: type, name: str) -> None:
        raise stops.Stopped(15)


def _make_a_class() -> None:
    type("Made", (), {"falls": _Falls()})


def _wrap_it() -> None:
    try:
        raise stops.Stopped(15)
    except stops.Stopped as stopped:
        raise RuntimeError from stopped


@pytest.mark.parametrize("fall", [_make_a_class, _wrap_it])
def test_a_stop_is_found_behind_what_python_made_of_it(fall: Callable[[], None]) -> None:
    with pytest.raises((RuntimeError, stops.Stopped)) as raised:
        fall()
    stopped = stops.stop_behind(raised.value)
    assert stopped is not None
    assert stopped.number == 15


def test_no_stop_is_found_where_there_was_none() -> None:
    assert stops.stop_behind(RuntimeError()) is None


def test_the_peoples_door_hands_a_stop_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.commands, "main", lambda *_, **__: _wrap_it())
    with pytest.raises(RuntimeError) as raised:
        cli.people(["status"])
    assert stops.stop_behind(raised.value)
