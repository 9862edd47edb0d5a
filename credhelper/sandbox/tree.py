"""The folders and files that have a path: in v2's projects and in v1's volume.

What has an id alone (`fol.1`) is not in here: any well-formed id exists. A test changes the tree as
other people would change a project: it adds, moves and deletes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox.call import RefusedError

VOLUME = "volume"
_SEEDS = ("/runs/", "/runs/42/", "/runs/42/reads.fastq.gz")
_LONGEST = 1024


@dataclass(frozen=True)
class Data:
    """A folder or file. Parameters: `place`, the id of its project or its volume's name; `path`."""

    id: str
    place: str
    path: str

    @property
    def kind(self) -> str:
        """What it is: `folder` or `file`."""
        return "folder" if self.path.endswith("/") else "file"

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rstrip("/").rpartition("/")[2]


class Tree:
    """All data that has a path, and the upload sessions that were opened."""

    def __init__(self) -> None:
        places = (VOLUME, *map(accounts.v2_id, accounts.PROJECTS))
        seeds = [_seed(place, path) for place in places for path in _SEEDS]
        self._known = {one.id: one for one in seeds}
        self.sessions: list[dict[str, Any]] = []

    def put(self, changes: object) -> None:
        """Add, move or delete data: a list of `{id, place, path}`, where no path deletes.

        Raises `RefusedError` 400; nothing is changed then.
        """
        if not isinstance(changes, list):
            raise RefusedError(400, "expected a list of objects with id, place and path")
        known = dict(self._known)
        for change in changes:
            if not isinstance(change, dict) or set(change) != {"id", "place", "path"}:
                raise RefusedError(400, "expected objects with id, place and path")
            given_id, place, path = change["id"], change["place"], change["path"]
            known.pop(given_id if isinstance(given_id, str) else "", None)
            if path is None:
                continue
            texts = (given_id, place, path)
            if not all(isinstance(text, str) and 0 < len(text) <= _LONGEST for text in texts):
                raise RefusedError(400, "id, place and path are texts of up to 1024 characters")
            if not path.startswith("/"):
                raise RefusedError(400, "a path begins with /")
            known[given_id] = Data(given_id, place, path)
        self._known = known

    def all(self) -> list[dict[str, str]]:
        """Return all that there is, as `put` takes it."""
        return [{"id": one.id, "place": one.place, "path": one.path} for one in self._sorted()]

    def get(self, given_id: str) -> Data | None:
        """Return the data of this id, if it has a path."""
        return self._known.get(given_id)

    def below(self, place: str, kind: str | None) -> list[Data]:
        """Return what is in a project or volume, by path. Parameters: `kind`, None for both."""
        return [one for one in self._sorted() if one.place == place and kind in (None, one.kind)]

    def _sorted(self) -> list[Data]:
        return sorted(self._known.values(), key=lambda one: (one.place, one.path, one.id))


def _seed(place: str, path: str) -> Data:
    # The same id in each sandbox, so that a test can name it.
    digits = hashlib.sha256(f"{place} {path}".encode()).hexdigest()[:32]
    return Data(f"{'fol' if path.endswith('/') else 'fil'}.{digits}", place, path)
