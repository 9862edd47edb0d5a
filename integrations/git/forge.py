"""A git server behind a check of the live token, and a user whose git is wired up for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.git_backend import behind
from integrations.servers.web import Answer, Request, serving
from integrations.wired import Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "git.example.org"

Door = Callable[[Request], Answer]


class Forge:
    """A server with one repository, and a user whose git is wired up for it.

    Parameters: `beside`, from what answers git and its gate to what answers all.

    Attributes: `wired`; `git`, the client's path; `gate`, what the server saw; `port`; `host`, as
    the user's files name the server; `url`, of the repository; `seed`, what was put into it.
    """

    def __init__(
        self,
        wired: Wired,
        git: str,
        certificate: Certificate,
        stack: ExitStack,
        *,
        bearer: bool,
        beside: Callable[[Door, Gate], Door] = lambda door, gate: door,
    ) -> None:
        self.wired = wired
        self.git = git
        self.certificate = certificate
        root = wired.world.root / "served"
        self.seed = self._seeded(root)
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=bearer)
        door = beside(behind(self.gate, git, root), self.gate)
        self.port = stack.enter_context(serving(door, certificate))
        self.host = f"localhost:{self.port}"
        self.url = f"https://{self.host}/team/project.git"
        wired.environ |= {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSL_CAINFO": str(certificate.authority),
        }

    def wire(self, snippet: str = "gitconfig", *more: str, **places: str) -> None:
        """Put the files in place, as the README tells; `more` are lines of credhelper's config."""
        self.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: self.host}, *more)
        self.wired.place(HERE / snippet, ".gitconfig", {PLACEHOLDER: self.host, **places})

    def run(self, *words: str, stdin: bytes = b"", cwd: Path | None = None) -> Outcome:
        """Run git."""
        return self.wired.run(self.git, *words, stdin=stdin, cwd=cwd)

    def works(self, *words: str, cwd: Path | None = None) -> bytes:
        """Run git, which must succeed; returns what it prints."""
        outcome = self.run(*words, cwd=cwd)
        assert outcome.status == 0, outcome
        return outcome.stdout

    def list_remote(self) -> bytes:
        """Return what the server's repository holds: the shortest command that needs a login."""
        return self.works("ls-remote", self.url)

    def clone(self, name: str) -> Path:
        """Clone into a new folder of the home folder, and return it."""
        self.works("clone", "--quiet", self.url, name)
        return self.wired.world.home / name

    def commit(self, folder: Path, text: str) -> str:
        """Commit a file to the clone in `folder`; returns the commit's id."""
        (folder / "file.txt").write_text(text)
        self.works("add", "file.txt", cwd=folder)
        who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
        self.works(*who, "commit", "--quiet", "-m", "change", cwd=folder)
        return self.works("rev-parse", "HEAD", cwd=folder).decode().strip()

    def _seeded(self, root: Path) -> str:
        bare = root / "team/project.git"
        self.works("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        folder = self.wired.world.root / "seed"
        self.works("init", "--quiet", "--initial-branch=main", str(folder))
        seed = self.commit(folder, "the first text\n")
        self.works("push", "--quiet", str(bare), "main", cwd=folder)
        return seed
