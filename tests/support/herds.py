"""Many programs at once, and what becomes of them."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from tests.support.programs import command
from tests.support.worlds import World, tokens_in

TIMEOUT = 120.0  # seconds for a herd, ...
_EACH = 1.0  # ... and for each of it: a thousand take their turns on two processors

Told = list[tuple[int, bytes, bytes]]


class Herd:
    """Many processes at once, each answering into a file of its own.

    Parameters: `calls`, the words of each; `stdin`, what each is told. Attributes: `processes`;
    `told`, how they ended, once they have.
    """

    def __init__(
        self, world: World, folder: Path, calls: list[list[str]], stdin: bytes = b""
    ) -> None:
        self._folder = folder
        self.told: Told = []
        folder.mkdir()
        (folder / "stdin").write_bytes(stdin)
        self.processes = []
        for number, words in enumerate(calls):
            with (
                open(folder / "stdin", "rb") as given,
                open(folder / f"{number}.out", "wb") as stdout,
                open(folder / f"{number}.err", "wb") as stderr,
            ):
                self.processes.append(
                    subprocess.Popen(
                        [*command(), *words],
                        env=world.environ,
                        cwd="/",
                        stdin=given,
                        stdout=stdout,
                        stderr=stderr,
                    )
                )

    def running(self) -> int:
        """Return how many have not ended yet."""
        return sum(process.poll() is None for process in self.processes)

    def outcomes(self) -> Told:
        """Wait for all; return status, stdout and stderr of each."""
        deadline = time.monotonic() + TIMEOUT + _EACH * len(self.processes)
        for process in self.processes:
            process.wait(max(0.1, deadline - time.monotonic()))
        self.told = [
            (
                process.returncode,
                (self._folder / f"{number}.out").read_bytes(),
                (self._folder / f"{number}.err").read_bytes(),
            )
            for number, process in enumerate(self.processes)
        ]
        return self.told


def the_one_token(outcomes: Told) -> bytes:
    """Return the token that every process answered."""
    assert {status for status, _, _ in outcomes} == {0}, outcomes[:3]
    assert {stderr for _, _, stderr in outcomes} == {b""}
    answers = {stdout for _, stdout, _ in outcomes}
    assert len(answers) == 1
    (token,) = tokens_in(answers.pop())
    return token


def waiters(lock: int) -> int:
    """Return how many processes wait for a lock. Parameters: `lock`, an open handle of it."""
    waiter = f" -> .*:{os.fstat(lock).st_ino} "
    return len(re.findall(waiter, Path("/proc/locks").read_text()))


def wait_for_waiters(lock: int, number: int) -> None:
    """Wait until so many processes wait for a lock. Parameters: `lock`, as for `waiters`."""
    while waiters(lock) < number:
        time.sleep(0.02)
