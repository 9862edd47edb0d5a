"""The native front and the Python program beside other helpers: `python native.py [RUNS]`.

All answer the same question about a warm cache, or a store that holds it. The front is compiled for
this. What is not installed is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import measure
import world

sys.path.append(str(Path(__file__).parent.parent / "native"))
import backend  # found by the line above

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
OPENS = "open,openat,openat2"
STATS = "stat,lstat,fstat,newfstatat,statx,readlink,readlinkat,access,faccessat,faccessat2"


@dataclass
class Helper:
    """One command that is measured. Parameters: as for `measure.wall`."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    stdin: bytes = b""


def main() -> None:
    """Print one line for each helper."""
    with world.running() as here, tempfile.TemporaryDirectory() as scratch:
        bin_ = _installed(Path(scratch))
        host = here.url.partition("://")[2]
        asked = f"protocol=http\nhost={host}\n\n".encode()
        helpers = [
            Helper("bare python3", measure.BARE, here.environ),
            Helper("sh", ["sh", "-c", ":"], here.environ),
        ]
        for name, folder in (("Python", measure.BIN), ("native", bin_)):
            for what, words, stdin in (
                ("get", ["credhelper", "get"], b""),
                ("git get", ["git-credential-credhelper", "get"], asked),
                ("docker get", ["docker-credential-credhelper", "get"], host.encode()),
            ):
                command = [str(folder / words[0]), *words[1:]]
                helpers.append(Helper(f"{name}: {what}", command, here.environ, stdin))
        with _others(Path(scratch), asked) as others:
            helpers += others
            for helper in helpers:  # fills the cache
                measure.wall(helper.command, helper.environ, helper.stdin)
            _compare(helpers)
        print(f"created {here.stats()['created']} (1: the cache gave all the rest)")


def _installed(scratch: Path) -> Path:
    """Return the `bin` of an installation with the front."""
    folder = scratch / "native"
    (folder / "bin").mkdir(parents=True)
    front = scratch / "front"
    backend.compile_front(front, backend.compiler(os.environ))
    for name in backend.PROGRAMS:
        shutil.copy(front, folder / "bin" / name)
    (folder / "lib").symlink_to(measure.BIN.parent / "lib")
    (folder / "bin/python3").symlink_to(Path(sys.executable).resolve())
    shutil.copy(measure.BIN.parent / "pyvenv.cfg", folder)
    return folder / "bin"


@contextmanager
def _others(scratch: Path, asked: bytes) -> Iterator[list[Helper]]:
    """Yield helpers of others that are installed, and have the same answer ready."""
    found: list[Helper] = []
    path = subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip()
    stored = asked[:-1] + f"username=user\npassword={'x' * 1000}\n\n".encode()
    environ = measure.clean(HOME=str(scratch), XDG_CACHE_HOME=str(scratch / "git"))
    (scratch / "git").mkdir()
    cache = Path(path, "git-credential-cache")
    for name in ("store", "cache"):
        program = Path(path, f"git-credential-{name}")
        if program.exists():
            subprocess.run([program, "store"], env=environ, input=stored, check=True)
            found.append(Helper(f"git-credential-{name}", [str(program), "get"], environ, asked))
    ecr = shutil.which("docker-credential-ecr-login")
    if ecr:
        found.append(Helper("ecr-login version", [ecr, "version"], environ))
    yield found
    if cache.exists():
        subprocess.run([cache, "exit"], env=environ, stderr=subprocess.DEVNULL)


def _compare(helpers: Sequence[Helper]) -> None:
    walls: list[list[float]] = [[] for _ in helpers]
    cpus: list[list[float]] = [[] for _ in helpers]
    for _ in range(RUNS):
        for at, each in enumerate(helpers):

            def run(each: Helper = each, at: int = at) -> None:
                walls[at].append(measure.wall(each.command, each.environ, each.stdin))

            cpus[at].append(measure.cpu_of(run))
    wall = [statistics.median(each) for each in walls]
    cpu = [statistics.fmean(each) for each in cpus]
    counts = [measure.instructions(each.command, each.environ, each.stdin) for each in helpers]
    titles = ("ms", "wall", "CPU", "instr.", "MiB", "opens", "stats")
    print(f"{'':24}" + "".join(f"{title:>8}" for title in titles))
    for at, each in enumerate(helpers):
        count, bare = counts[at], counts[0]
        size = _resident(each)
        columns = (
            f"{wall[at] * 1000:.2f}",
            f"{wall[at] / wall[0]:.3f}",
            f"{cpu[at] / cpu[0]:.3f}",
            f"{count / bare:.4f}" if count and bare else "-",
            f"{size:.2f}" if size else "-",
            _calls(each, OPENS),
            _calls(each, STATS),
        )
        print(f"{each.name:24}" + "".join(f"{column:>8}" for column in columns))


def _calls(helper: Helper, names: str) -> str:
    """Return how many of these system calls it makes, by strace; "-" where that is missing."""
    if not shutil.which("strace"):
        return "-"
    words = [
        "strace",
        "-f",
        "-qq",
        "-e",
        f"trace={names}",
        "-e",
        "signal=none",
        "-o",
        "/dev/stderr",
    ]
    done = subprocess.run(
        [*words, *helper.command],
        env=helper.environ,
        input=helper.stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    return str(sum(1 for line in done.stderr.split(b"\n") if re.match(rb"(\d+ +)?\w+\(", line)))


def _resident(helper: Helper) -> float | None:
    """Return the MiB that it has held at most when it writes; None for one that writes nothing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = subprocess.Popen(
        helper.command, env=helper.environ, stdin=subprocess.PIPE, stdout=writer
    )
    os.close(writer)
    assert process.stdin is not None
    process.stdin.write(helper.stdin)
    process.stdin.close()
    time.sleep(0.2)  # by then all that write are asleep in it
    size = None
    if process.poll() is None:
        told = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", told)
        size = int(found[1]) / 1024 if found else None
    while os.read(reader, 65536):
        pass
    os.close(reader)
    process.wait()
    return size


main()
