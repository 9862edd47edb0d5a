"""The stage of the demo: a scratch home, our programs run in it, and checks of what they do."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from credhelper.cli.output import say
from credhelper.core.model import Secret

TIMEOUT = 60  # seconds

_KEPT = ("LANG", "LC_ALL", "TERM", "TMPDIR", "SYSTEMROOT")


class Broken(Exception):
    """A step did not show what it promised. Its argument says what happened, without a secret."""


@dataclass
class Stage:
    """A scratch home, and the sandbox beside it.

    Parameters:
    - home: a scratch folder.
    - environ: of all programs that run here.
    - api: the sandbox's URL.
    - key: the API key that the sandbox accepts.
    - steps: how many steps have begun.
    """

    home: Path
    environ: dict[str, str]
    api: str = ""
    key: Secret = field(default_factory=lambda: Secret(""))
    steps: int = 0

    def step(self, title: str) -> None:
        """Announce the next step."""
        self.steps += 1
        say()
        say(f"{self.steps}. {title}")

    def run(
        self, words: Sequence[str], stdin: Secret | None = None, shown: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Show a command line as a person would type it, run it, and return how it ended."""
        say(f"   $ {shown or shlex.join(words)}")
        return subprocess.run(
            real(words),
            input=stdin.reveal() if stdin else "",
            env=self.environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def token(self, *words: str) -> Secret:
        """Return the token that `credhelper get` prints, and show its fingerprint."""
        return self.printed(self.run(["credhelper", "get", *words]))

    def printed(self, done: subprocess.CompletedProcess[str]) -> Secret:
        """Return the token on the stdout of a program that ended well."""
        expect(done.returncode == 0, f"it ended with status {done.returncode}: {done.stderr}")
        found = Secret(done.stdout.removesuffix("\n"))
        expect(bool(found) and "\n" not in found.reveal(), "there is not one token on stdout")
        return found

    def call(self, method: str, path: str, token: Secret | None = None, **body: Any) -> Any:
        """Call the sandbox without credhelper; with a token return the status, else the JSON."""
        import requests

        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
            answer = session.request(method, self.api + path, headers=headers, timeout=10, **body)
            return answer.status_code if token else answer.json() if answer.content else None

    def created(self) -> int:
        """Return how many tokens the sandbox has made."""
        stats = self.call("GET", "/_sandbox/stats")
        return int(stats["created"]) + int(stats["minted"])


def real(words: Sequence[str]) -> list[str]:
    """Return the command line that runs our own program files, wherever they are installed."""
    beside = os.path.dirname(sys.executable)
    if words[0] == "docker-credential-credhelper":
        found = os.path.join(beside, words[0])
        if os.access(found, os.X_OK):
            return [found, *words[1:]]
        return [*real(["credhelper"]), "docker", *words[1:]]
    if words[0] != "credhelper":
        return list(words)
    found = os.path.join(beside, "credhelper")
    program = [found] if os.access(found, os.X_OK) else [sys.executable, "-m", "credhelper"]
    return [*program, *words[1:]]


def scratch(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which nothing of the user's own is read or written."""
    kept = {name: environ[name] for name in _KEPT if name in environ}
    beside = os.path.dirname(sys.executable)
    return kept | {
        "PATH": os.pathsep.join(filter(None, (beside, environ.get("PATH")))),
        "HOME": str(home),
        "CREDHELPER_CONFIG": str(home / "config.toml"),
        "CREDHELPER_CACHE_DIR": str(home / "cache"),
        "CREDHELPER_STATE_DIR": str(home / "state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_TERMINAL_PROMPT": "0",
        # For a checkout that is not installed, and harmless beside program files.
        "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    }


def expect(held: bool, otherwise: str) -> None:
    """Raise Broken with what was seen, unless the promise held."""
    if not held:
        raise Broken(otherwise)
