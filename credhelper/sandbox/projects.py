"""The projects of the account, and lists of them page by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from credhelper.sandbox.account import PROJECTS, v2_id
from credhelper.sandbox.call import RefusedError

HIDDEN = {"project-archive": "Archive"}
PAGE = 1000  # projects at most, and where a request does not say how many
_MOST_ADDED = 100_000
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Project:
    """A project. Parameters: `id`, v1's; `name`; `hidden`, whether v2 lists it only when asked."""

    id: str
    name: str
    hidden: bool = False


class Projects:
    """The projects there are, in the order in which they were made."""

    def __init__(self) -> None:
        self._all: list[Project] = []
        self.clear()

    def clear(self) -> None:
        """Forget those that were added."""
        own = [Project(each, name) for each, name in PROJECTS.items()]
        self._all = own + [Project(each, name, True) for each, name in HIDDEN.items()]
        self._places: dict[str, int] = {}
        self._index()

    def add(self, sent: object) -> None:
        """Add projects: a JSON list of `{"name", "hidden", "times"}`. Raises `RefusedError` 400."""
        if not isinstance(sent, list):
            raise RefusedError(400, "a JSON list of projects is expected")
        names = [each for item in sent for each in _described(item)]
        if len(self._all) + len(names) > _MOST_ADDED:
            raise RefusedError(400, f"there may be {_MOST_ADDED} projects")
        first = len(self._all)
        self._all += [
            Project(f"project-{first + number}", name, hidden)
            for number, (name, hidden) in enumerate(names)
        ]
        self._index()

    def of_v2(self, given_id: str) -> Project | None:
        """The project that has this id in v2, if there is one."""
        place = self._places.get(given_id)
        return None if place is None else self._all[place]

    def some(
        self, *, search: str = "", hidden: bool = False, after: str = "", skipped: int = 0
    ) -> Iterator[Project]:
        """The projects in whose name `search` stands.

        Parameters: `hidden`, whether hidden ones are among them; `after`, the token of a page, to
        begin behind it; `skipped`, how many to leave out. Raises `RefusedError` 400 for a token
        that is none.
        """
        start = self._place_of(after) + 1 if after else 0
        found = (
            each
            for each in islice(self._all, start, None)
            if (hidden or not each.hidden) and search.lower() in each.name.lower()
        )
        return islice(found, skipped, None)

    def _place_of(self, token: str) -> int:
        try:
            return self._places[base64.urlsafe_b64decode(token.encode()).decode()]
        except (KeyError, ValueError, binascii.Error):
            raise RefusedError(400, "pageToken is not one that was given here") from None

    def _index(self) -> None:
        for place in range(len(self._places), len(self._all)):
            self._places[v2_id(self._all[place].id)] = place


def page(found: Iterable[Project], size: int) -> tuple[list[Project], str, int]:
    """The first `size` of these projects, the token of the next page, and how many are left.

    The token is "" when none are left.
    """
    found = iter(found)
    items = list(islice(found, size))
    left = sum(1 for _ in found)
    token = base64.urlsafe_b64encode(v2_id(items[-1].id).encode()).decode() if left else ""
    return items, token, left


def _described(item: object) -> list[tuple[str, bool]]:
    members = {"name", "hidden", "times"}
    if not isinstance(item, dict) or not item.keys() <= members:
        raise RefusedError(400, f"a project has {', '.join(sorted(members))}, and nothing else")
    name, hidden, times = item.get("name"), item.get("hidden", False), item.get("times", 1)
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME - 7:
        raise RefusedError(400, "name must be a text of 1 to 248 characters")
    if not isinstance(hidden, bool):
        raise RefusedError(400, "hidden must be true or false")
    if type(times) is not int or not 1 <= times <= _MOST_ADDED:
        raise RefusedError(400, f"times must be a number from 1 to {_MOST_ADDED}")
    if "times" not in item:
        return [(name, hidden)]
    return [(f"{name} {number}", hidden) for number in range(1, times + 1)]
