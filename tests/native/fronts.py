"""The front as tests compile it: a program that answers many questions."""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from native import backend
from tests.native.cases import Case, Places

DRIVER = Path(__file__).parent / "driver.c"
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@dataclass
class Answer:
    """What the front says: `reply`, None if it leaves the question to Python; `left` in stdin."""

    reply: bytes | None
    left: int


class Front:
    """A process that asks the front's code.

    Parameters: `program`, made by `build`; `folder`, where it runs.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program], cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe)

    def ask(self, case: Case, places: Places) -> Answer:
        """Return the answer to `case`, which lies at `places`."""
        variables = [f"{name}={value}" for name, value in places.variables]
        fields = [
            case.program.encode(),
            case.how.encode(),
            case.stdin,
            repr(case.now).encode(),
            str(len(case.words)).encode(),
            *map(os.fsencode, (*case.words, *variables)),
        ]
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(struct.pack("<I", len(fields)))
            for each in fields:
                self.process.stdin.write(struct.pack("<I", len(each)) + each)
            self.process.stdin.flush()
        except BrokenPipeError:
            self._died()
        head = self.process.stdout.read(9)
        if len(head) != 9:
            self._died()
        good, left, size = struct.unpack("<?II", head)
        reply = self.process.stdout.read(size)
        return Answer(reply if good else None, left)

    def _died(self) -> None:
        assert self.process.stderr
        raise AssertionError(f"the front died: {self.process.stderr.read().decode()}")

    def stop(self) -> None:
        """End the process; its last words are an assertion's."""
        _, told = self.process.communicate(struct.pack("<I", 0), 30)
        assert self.process.returncode == 0, told.decode()


def build(folder: Path, flags: Sequence[str] = ("-O0",), front: Path = backend.FRONT) -> Path:
    """Compile the driver with the code in `front`, and return its path. Raises SystemExit."""
    return compiled(folder, DRIVER, front, flags)


def compiled(
    folder: Path, code: Path, front: Path, flags: Sequence[str], cc: Sequence[str] = ()
) -> Path:
    """Compile `code`, which includes FRONT, and return the program's path. Raises SystemExit.

    Parameters: `cc`, the words that start the compiler, if not the one of the build.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = folder / "constants.h"
    if not header.exists():
        header.write_text(backend.header())
    program = folder / code.stem
    words = [
        *(cc or backend.compiler(os.environ)),
        *("-std=c11", "-w", *flags, f"-I{folder}", f"-I{backend.HERE}"),
        *(f'-DFRONT="{front}"', str(code), "-o", str(program)),
    ]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(words)}\n{done.stderr}")
    return program
