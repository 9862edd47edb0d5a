"""A world in which one scenario is played again and again, each time from the same beginning."""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.injector import role_of
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

if TYPE_CHECKING:
    from tests.support.stores import Single

URL = "https://ica.example"
OTHER_CID = "project-alpha"

# Where secrets may lie: everywhere else they are left over.
_HOMES = re.compile(
    r"api-key|fleet\.key|cache/RECORD|state/sessions/RECORD|out/\w+"
    r"|state/grants/(?P<profile>\w+)\.key"
)


class Stage:
    """The world, the API beside it, and what the world looked like in the beginning.

    Parameters: `root`, an empty folder; `sandbox`. Attributes: these, and `world`; `token`, the one
    of profile `main` in the beginning; `secrets`, those of profile `typed` in the beginning;
    `texts`, of files of others, before and after a change; `heard`, what the command said to
    others while it ran; `store`, of a fleet; `later`, what is to be ended with the stage.
    """

    def __init__(self, root: Path, sandbox: RunningSandbox) -> None:
        self.root = root
        self.sandbox = sandbox
        self.world = World(root)
        self.token = ""
        self.secrets: list[bytes] = []
        self.texts: list[bytes] = []
        self.heard: list[dict[str, Any]] = []
        self.store: Single | None = None
        self.later = ExitStack()
        self._kept: dict[Path, tuple[int, bytes | None]] = {}

    def keep(self) -> None:
        """Take the world as it is for the beginning."""
        self._kept = dict(self._all())

    def restore(self) -> None:
        """Make the world again what it was in the beginning; files that did not change stay."""
        now = dict(self._all())
        for path in sorted(now.keys() - self._kept.keys(), reverse=True):
            path.rmdir() if stat.S_ISDIR(now[path][0]) else path.unlink()
        for path, (mode, data) in sorted(self._kept.items()):
            if now.get(path) == (mode, data):
                continue
            if data is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(data)
            path.chmod(stat.S_IMODE(mode))

    def _all(self) -> Iterator[tuple[Path, tuple[int, bytes | None]]]:
        for path in self.root.rglob("*"):
            mode = path.lstat().st_mode
            yield path, (mode, path.read_bytes() if stat.S_ISREG(mode) else None)

    def stop(self) -> None:
        """End what was started for it."""
        self.later.close()

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
            if not (tokens_in(data) or any(secret in data for secret in self.typed_secrets())):
                continue
            home = _HOMES.fullmatch(role_of(path))
            if not home or (home["profile"] and home["profile"] not in profiles):
                found.append(role_of(path))
        return found

    def typed_secrets(self) -> list[bytes]:
        """Return what people type: the API key and the password."""
        return [self.sandbox.api_key.encode(), self.sandbox.password.encode()]

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
