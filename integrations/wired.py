"""A scratch world, wired up with the very files that our READMEs show."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import TIMEOUT, Outcome, World

_OWN = r"\.cache/|\.local/state/"
UPSTREAM = "https://aps2.platform.illumina.com"


class Wired:
    """A world and its sandbox.

    Attributes: `world`; `sandbox`; `environ`, what clients get: nothing of this machine's own.
    """

    def __init__(self, world: World, sandbox: RunningSandbox) -> None:
        self.world = world
        self.sandbox = sandbox
        world.canaries += [sandbox.api_key, sandbox.password]
        # The places that a user has: all of them below HOME.
        self.environ = {
            name: value
            for name, value in world.environ.items()
            if not name.startswith("CREDHELPER_")
        }

    def place(self, snippet: Path, target: str, places: Mapping[str, str], *more: str) -> None:
        """Put `snippet` into the home folder as `target`, its placeholders filled in.

        Parameters: `places`, what stands for what (`git.example.org` for `localhost:1234`), each of
        which must occur; `more`, lines for its end.
        """
        text = snippet.read_text()
        for placeholder, value in places.items():
            assert placeholder in text, f"{snippet} does not show {placeholder}"
            text = text.replace(placeholder, value)
        path = self.world.home / target
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.write_text("\n".join([text, *more]))

    def configure(
        self, snippet: Path, places: Mapping[str, str], *more: str, upstream: str = UPSTREAM
    ) -> None:
        """Put credhelper's own config and the API key where the snippet says they are."""
        here = {upstream: self.sandbox.url, **places}
        self.place(snippet, ".config/credhelper/config.toml", here, *more)
        key = self.world.home / ".config/credhelper/api-key"
        key.touch(0o600)
        key.write_text(self.sandbox.api_key)

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Outcome:
        """Run a client to its end; no secret of ours may be in what it prints."""
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            env={**self.environ, **(environ or {})},
            cwd=cwd or self.world.home,
            timeout=TIMEOUT,
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        self.world.hold_to_silence(outcome)
        return outcome

    def unwire(self, file: str, line: str) -> None:
        """Take the lines that hold `line` out of a file below the home folder."""
        path = self.world.home / file
        lines = path.read_text().splitlines(keepends=True)
        assert any(line in one for one in lines), f"{file} does not hold {line}"
        path.write_text("".join(one for one in lines if line not in one))

    @contextmanager
    def set_up(self, *words: str) -> Iterator[None]:
        """Let a tool be wired up by `credhelper setup` for a while; it must leave no trace."""
        before = self._home()
        for more in ((), ("--check",)):
            outcome = self.run(*command(), "setup", *words, *more)
            assert outcome.status == 0, outcome
        assert self._home() != before
        yield
        after = set(self._home()) - set(before)
        outcome = self.run(*command(), "setup", *words, "--undo")
        assert outcome.status == 0, outcome
        # What the client itself made in between is its own.
        kept = {name: what for name, what in self._home().items() if name not in after}
        assert kept == before

    def _home(self) -> dict[str, bytes | str]:
        """Return what lies in the home folder, but for what is credhelper's own."""
        return {
            str(path.relative_to(self.world.home)): (
                str(path.readlink()) if path.is_symlink() else path.read_bytes()
            )
            for path in self.world.home.rglob("*")
            if (path.is_symlink() or path.is_file())
            and not re.match(_OWN, str(path.relative_to(self.world.home)))
        }

    def counted(self) -> tuple[int, int]:
        """Return how many tokens were created from the key, and minted from a session."""
        stats = self.sandbox.stats()
        return stats["created"], stats["minted"]

    def wait_until(self, moment: int) -> None:
        """Wait until this clock shows more than `moment`, in Unix seconds."""
        while time.time() <= moment:
            time.sleep(0.1)
