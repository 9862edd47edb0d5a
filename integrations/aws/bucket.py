"""A user's home that is wired up to a bucket, which takes live session tokens alone."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from integrations.wired import UPSTREAM, Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
SERVER = HERE.parent / "servers/s3.py"
FOLDER = "fol.0123456789abcdef"  # as the snippets name it
PREFIX = f"s3://sandbox-bucket/volume/{FOLDER}/"


class Bucket:
    """A bucket, and somebody who is wired up to it.

    Parameters: `wired`; `moto`, the Python that has it; `program`, our own; `stack`, which ends the
    server; `delay`, seconds that each request about an object takes.

    Attributes: `wired`; `endpoint`, a URL.
    """

    def __init__(
        self, wired: Wired, moto: str, program: str, stack: ExitStack, *, delay: float = 0
    ) -> None:
        self.wired = wired
        server = stack.enter_context(
            subprocess.Popen(
                [moto, "-I", str(SERVER), wired.sandbox.url, str(delay)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        assert server.stdin is not None
        assert server.stdout is not None
        stack.callback(server.stdin.close)
        self.endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"
        self._wire(Path(program).parent)

    def _wire(self, programs: Path) -> None:
        home = self.wired.world.home
        self.wired.configure(HERE / "credhelper.toml", {UPSTREAM: self.wired.sandbox.url})
        self.wired.place(HERE / "config", ".aws/config", {})
        self.wired.place(
            HERE / "rclone.conf",
            ".config/rclone/rclone.conf",
            {"provider = AWS": "provider = Other"},
        )
        self.wired.environ |= {
            "PATH": f"{programs}:{self.wired.environ['PATH']}",
            # What stands for the place of the real S3, in the words of all these clients.
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "RCLONE_S3_ENDPOINT": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",  # or some look for a cloud around them
        }
        (home / "up").mkdir()
        (home / "up/reads.fq").write_bytes(bytes(range(256)) * 400)

    def change(self, file: str, old: str, new: str) -> None:
        """Change one of the files in the home folder, as a user would."""
        path = self.wired.world.home / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run(self, *words: str, environ: dict[str, str] | None = None) -> Outcome:
        """Run a client to its end; the keys may be in nothing that it prints."""
        outcome = self.wired.run(*words, environ=environ)
        for keys in self.wired.sandbox.aws():
            for name in ("secretAccessKey", "sessionToken"):
                assert keys[name].encode() not in outcome.stdout + outcome.stderr, "keys were shown"
        return outcome

    def done(self, *words: str, environ: dict[str, str] | None = None) -> Outcome:
        """Run a client to its end, which must be a good one."""
        outcome = self.run(*words, environ=environ)
        assert outcome.status == 0, outcome
        return outcome

    def came_back(self, name: str = "down") -> bool:
        """Tell whether the file that was copied up came down again, byte for byte."""
        home = self.wired.world.home
        return (home / name).read_bytes() == (home / "up/reads.fq").read_bytes()

    def counted(self) -> tuple[int, int]:
        """Return how many tokens were created, and how many keys were bought."""
        stats = self.wired.sandbox.stats()
        return stats["created"], stats["exchanged"]

    def visits(self) -> list[dict[str, Any]]:
        """Return who came to the bucket: `method`, `path`, `key`, and `code` of a refusal."""
        with urllib.request.urlopen(f"{self.endpoint}/_gate/visits", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def refusals(self) -> set[str]:
        """Return with which codes requests were refused."""
        return {visit["code"] for visit in self.visits()} - {""}

    def ends(self) -> int:
        """Return when the last of the keys that are good ends, in Unix seconds."""
        return int(max(keys["expires"] for keys in self.wired.sandbox.aws()))
