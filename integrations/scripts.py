"""Scripts as users run them: in Python with a library, or in sh."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from integrations.callers import Guarded
from integrations.servers.certificates import Certificate
from integrations.servers.pages import Pages
from integrations.wired import Wired
from tests.support.worlds import TIMEOUT, Outcome, tokens_in

API = "api.example.org"


class Bench:
    """A user with a Python that has the real library and credhelper, and the API that is meant.

    Attributes: `wired`; `pages`, what the API saw; `port`; `host`, as the user's files name it.
    """

    def __init__(
        self, wired: Wired, python: str, pages: Pages, port: int, certificate: Certificate
    ) -> None:
        self.wired = wired
        self.pages = pages
        self.port = port
        self.host = f"localhost:{port}"
        self._python = python
        wired.environ |= {
            # How a user makes the two libraries believe in an authority of their company.
            "REQUESTS_CA_BUNDLE": str(certificate.authority),
            "SSL_CERT_FILE": str(certificate.authority),
        }

    def run(self, script: Path, *words: str) -> tuple[Outcome, list[str]]:
        """Run the script in the home folder, its placeholders filled in; return what it printed."""
        self.wired.configure(script.parent / "credhelper.toml", {API: self.host})
        self.wired.place(script, script.name, {API: self.host})
        path = self.wired.world.home / script.name
        done = subprocess.run(
            [self._python, str(path), *words],
            capture_output=True,
            env=self.wired.environ,
            cwd=self.wired.world.home,
            timeout=TIMEOUT,
        )
        # A traceback is the script's own way to fail; a secret must not be in that either.
        for secret in (*tokens_in(done.stderr), *tokens_in(done.stdout)):
            raise AssertionError(f"a token was shown: {secret[:8]!r}...")
        for canary in self.wired.world.canaries:
            assert canary.encode() not in done.stdout + done.stderr
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        return outcome, outcome.stdout.decode().split("\n")[:-1]


class ShellScript:
    """A user with a script for sh, and the server that it reads from.

    Parameters: `server`; `name` of the script in the server's folder; `prints`, what it prints when
    all is well; `environ`, what else it is told.

    Attributes: `server`.
    """

    def __init__(
        self, server: Guarded, name: str, prints: bytes, environ: Mapping[str, str]
    ) -> None:
        self.server = server
        self._prints = prints
        self._path = str(server.place(name, name))
        self._empty = server.wired.world.root / "empty"
        self._empty.mkdir()
        server.wired.environ |= {**environ, "TMPDIR": str(self._empty)}

    def run(self) -> Outcome:
        """Run the script; no temporary file stays behind."""
        outcome = self.server.wired.run("/bin/sh", self._path)
        assert list(self._empty.iterdir()) == []
        return outcome

    def works(self) -> None:
        """Run the script, which must succeed in silence."""
        outcome = self.run()
        assert (outcome.status, outcome.stdout, outcome.told) == (0, self._prints, ""), outcome
