"""A Kubernetes API on loopback, and a user whose clients are wired up for it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from integrations.servers import kubernetes
from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "k8s.example.org:6443"
AUTHORITY = "/home/me/.kube/ca.crt"


class Cluster:
    """A server that lists pods, and a user who may see them.

    Attributes: `wired`; `program`, the client's path; `gate`, what the server saw; `port`; `host`,
    as the user's files name the server.
    """

    def __init__(
        self, wired: Wired, program: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        self.port = stack.enter_context(serving(kubernetes.behind(self.gate), certificate))
        self.host = f"localhost:{self.port}"
        self.program = program
        self._authority = str(certificate.authority)

    def wire(self, kubeconfig: Path, *more: str, host: str = "", **places: str) -> None:
        """Put the files in place, as the README tells.

        Parameters: `more`, lines of credhelper's config; `host`, what the kubeconfig names instead
        of the host that the profile names; `places`, more placeholders of the kubeconfig.
        """
        self.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: self.host}, *more)
        here = {PLACEHOLDER: host or self.host, AUTHORITY: self._authority, **places}
        self.wired.place(kubeconfig, ".kube/config", here)

    def run(self, *words: str) -> Outcome:
        """Run the client."""
        return self.wired.run(self.program, *words)

    def lists(self, *words: str) -> list[str]:
        """Run the client, which must succeed; returns the first word of each line."""
        outcome = self.run(*words)
        assert outcome.status == 0, outcome
        return [line.split()[0] for line in outcome.stdout.decode().splitlines() if line.strip()]

    def shows(self, expected: Iterable[str], *words: str) -> None:
        """Run the client, which must list what is expected and nothing else."""
        assert self.lists(*words) == list(expected)

    def change(self, old: str, new: str) -> None:
        """Change the kubeconfig, as somebody would who got it wrong."""
        path = self.wired.world.home / ".kube/config"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
