"""A package index, and a user whose Python tools are wired up for it."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from pathlib import Path

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.index import Index, wheel
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.programs import command

PLACEHOLDER = "pypi.example.org"
SECONDS = 6  # of a short-lived token: long enough for one run of a tool on a busy machine
USERNAME = "__token__"


class Indexed:
    """An index behind a gate, and a wired world.

    Attributes: `wired`; `gate`, what the server saw; `index`, its files; `port`; `host`, as the
    user's files name the server; `url`, of the simple API.
    """

    def __init__(self, wired: Wired, certificate: Certificate, stack: ExitStack) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER)
        self.index = Index(self.gate)
        self.port = stack.enter_context(serving(self.index.answer, certificate))
        self.host = f"localhost:{self.port}"
        self.url = f"https://{self.host}/simple/"
        self._versions = count(3)
        # Each tool has its own name for the one thing that a test must tell it: whom to trust.
        for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            wired.environ[name] = str(certificate.authority)

    def configure(self, snippet: Path) -> None:
        """Put credhelper's own config, as `snippet` has it, in place."""
        self.wired.configure(snippet, {PLACEHOLDER: self.host})

    def build(self) -> str:
        """Put a wheel of a new version into the home folder; returns its name."""
        name, content = wheel(f"1.{next(self._versions)}")
        (self.wired.world.home / name).write_bytes(content)
        return name

    def received(self, name: str) -> bool:
        """Tell whether the index has that wheel, whole."""
        return self.index.files.get(name) == (self.wired.world.home / name).read_bytes()

    def link(self, script: Path) -> None:
        """Run the `script` that links our program as `keyring`, and put its folder on PATH."""
        done = self.wired.run("sh", "-eu", str(script))
        assert done.status == 0, done
        assert not done.stdout + done.stderr
        folder = self.wired.world.home / ".local/share/credhelper/bin"
        assert (folder / "keyring").samefile(command("credhelper")[0])
        self.wired.environ["PATH"] = f"{folder}:{self.wired.environ['PATH']}"
