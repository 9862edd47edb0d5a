"""A world in which one scenario is played again and again, each time from the same beginning."""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.faults.injector import role_of
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

URL = "https://ica.example"
OTHER_CID = "project-alpha"

# Where secrets may lie: everywhere else they are left over.
_HOMES = re.compile(
    r"api-key|cache/RECORD|state/sessions/RECORD|state/grants/(?P<profile>\w+)\.key"
)


class Stage:
    """The world, the API beside it, and what the world looked like in the beginning.

    Parameters: `root`, an empty folder; `sandbox`. Attributes: these, and `world`; `token`, the one
    of profile `main` in the beginning; `secrets`, those of profile `typed` in the beginning.
    """

    def __init__(self, root: Path, sandbox: RunningSandbox) -> None:
        self.root = root
        self.sandbox = sandbox
        self.world = World(root)
        self.token = ""
        self.secrets: list[bytes] = []
        self._kept: dict[Path, tuple[int, bytes | None]] = {}

    def keep(self) -> None:
        """Take the world as it is for the beginning."""
        self._kept = dict(self._all())

    def restore(self) -> None:
        """Make the world again what it was in the beginning; files that did not change stay."""
        now = dict(self._all())
        for path in sorted(now.keys() - self._kept.keys(), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        for path, (mode, data) in sorted(self._kept.items()):
            if now.get(path) == (mode, data):
                continue
            if data is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(data)
            path.chmod(mode)

    def _all(self) -> Iterator[tuple[Path, tuple[int, bytes | None]]]:
        for path in self.root.rglob("*"):
            folder = path.is_dir()
            yield path, (stat.S_IMODE(path.stat().st_mode), None if folder else path.read_bytes())

    def files(self) -> Mapping[str, bytes]:
        """Return what is in each file, by its path below the root."""
        return {
            str(path.relative_to(self.root)): data
            for path, (_, data) in self._all()
            if data is not None
        }

    def left_over(self) -> list[str]:
        """Return the roles of files that hold a secret and have no business to."""
        profiles = set(re.findall(r'(?m)^\[profiles\."?(\w+)', self.world.config.read_text()))
        found = []
        for path, data in self.files().items():
            if not (tokens_in(data) or self.sandbox.api_key.encode() in data):
                continue
            home = _HOMES.fullmatch(role_of(path))
            if not home or (home["profile"] and home["profile"] not in profiles):
                found.append(role_of(path))
        return found

    def session_file(self) -> Path:
        """Return the one session's record."""
        (path,) = (
            path for path in (self.world.state / "sessions").iterdir() if "." not in path.name
        )
        return path

    def session_lives(self) -> bool:
        """Tell whether the session on disk is one that the API knows."""
        try:
            data = self.session_file().read_bytes()
        except (OSError, ValueError):
            return False
        return any(self.sandbox.lives(found.decode()) for found in tokens_in(data))


def cid_of(token: str) -> str | None:
    """Return the project that a JWT is for, if any; ValueError when it is no JWT."""
    _, payload, _ = token.split(".")
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims.get("cid")
