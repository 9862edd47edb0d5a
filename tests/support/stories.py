"""Stories: tests of one kind that take long, so that most runs tell some of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest


class Stories:
    """The stories of a module, by name: `story` adds one, `tell` tells it with its fixtures."""

    def __init__(self) -> None:
        self._known: dict[str, Callable[..., None]] = {}

    def story(self, told: Callable[..., None]) -> Callable[..., None]:
        """Add a story, which takes fixtures as a test does."""
        self._known[told.__name__] = told
        return told

    def names(self) -> list[str]:
        """Return the names of all stories so far."""
        return list(self._known)

    def tell(self, name: str, request: pytest.FixtureRequest) -> None:
        """Tell one story."""
        told = self._known[name]
        told(**{each: request.getfixturevalue(each) for each in inspect.signature(told).parameters})
