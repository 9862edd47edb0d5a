"""What `tests/transcripts/` tells of each protocol: its dialogues, and how a tool is answered.

Beside the dialogues a file has

- `[[warm]]`: questions about https://ica.example that a tool really asks, for tests of all
  protocols at once. `arguments`, `stdin` and `environ` as in a dialogue; `name`, where there are
  several; `loads`, which of our modules the answer takes (below `credhelper.`, say
  `protocols.receivers`) beyond the few that each answer takes. The first is asked by name of the
  service, and not of a profile alone;
- `[nothing]`: what the first question is answered when it is about https://evil.test, which no
  profile names: `stdout`, `stderr` and `status`, each empty or 0 unless told.

`wants = "aws"` at its top says that not the token is handed over, but AWS credentials. Those are
asked for by profile alone, so there is no service to ask about, and no stranger.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credhelper import protocols

if TYPE_CHECKING:
    from credhelper.core.model import Wants

FOLDER = Path(__file__).parent.parent / "transcripts"
FILES: dict[str, dict[str, Any]] = {
    file.stem: tomllib.loads(file.read_text()) for file in sorted(FOLDER.glob("*.toml"))
}
OURS = "ica.example"
STRANGER = "evil.test"


@dataclass(frozen=True)
class Question:
    """How a tool asks: `words` begin with the protocol's name."""

    protocol: str
    words: list[str]
    stdin: bytes
    environ: dict[str, str]
    loads: set[str]
    name: str = ""
    wants: Wants = "token"

    @property
    def reads(self) -> str:
        """What is read of stdin: see `credhelper.protocols`."""
        return protocols.load(self.protocol).reads(self.words[1:])

    def about(self, host: str) -> Question:
        """Return the same question about another host, or another spelling of it."""
        return Question(
            self.protocol,
            [word.replace(OURS, host) for word in self.words],
            self.stdin.replace(OURS.encode(), host.encode()),
            {name: value.replace(OURS, host) for name, value in self.environ.items()},
            self.loads,
            wants=self.wants,
        )


@dataclass(frozen=True)
class Nothing:
    """What is said where no profile covers the service."""

    stdout: str = ""
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True)
class Told:
    """What one file tells for tests of all protocols."""

    warm: list[Question] = field(default_factory=list)
    nothing: Nothing | None = None


def told(protocol: str) -> Told:
    """Return what the file of `protocol` tells; nothing for one without a file."""
    file = FILES.get(protocol, {})
    questions = [
        Question(
            protocol,
            [protocol, *each["arguments"]],
            each.get("stdin", "").encode(),
            each.get("environ", {}),
            {f"credhelper.{module}" for module in each.get("loads", ())},
            each.get("name", ""),
            file.get("wants", "token"),
        )
        for each in file.get("warm", ())
    ]
    return Told(questions, Nothing(**file["nothing"]) if "nothing" in file else None)


TOLD = {protocol: told(protocol) for protocol in protocols.PROTOCOLS}
QUESTIONS = [question for each in TOLD.values() for question in each.warm]
