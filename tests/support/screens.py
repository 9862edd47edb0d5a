"""What a person sees on a terminal of 80 columns, as text in docs/first-hour.md and docs/doctor.md.

`python -m tests.support.screens` writes it (`make docs`): it runs the commands at a terminal, and
puts fixed values in the place of what differs from run to run. A test holds the pages to it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.programs import clean_environment, command
from tests.support.sandboxes import RunningSandbox

DOCS = Path(__file__).parent.parent.parent / "docs"
FIRST_HOUR, DOCTOR = DOCS / "first-hour.md", DOCS / "doctor.md"
SERVICE = "https://git.example"

_HOME = "/home/sandbox"
_ROWS, _COLUMNS = 24, 80
_ECHO_OFF = 30.0  # seconds in which a hidden prompt turns the echo off
# Makes the terminal the one that controls the program, as a shell does.
_AS_A_SHELL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    " os.execv(sys.argv[1], sys.argv[1:])"
)
_SETTLED = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:48080"),
    (r"\d+ s of at most", "1 s of at most"),
    (
        r"\d{4}-\d\d-\d\d(\s+)\d\d:\d\d:\d\d(\s+)\+00:00",
        r"2026-01-02\g<1>03:04:05\g<2>+00:00",
    ),
    (r"fingerprint [0-9a-f]{8}", "fingerprint 5ca1ab1e"),
    (r"\b[0-9a-f]{32}\b", "0123456789abcdef0123456789abcdef"),
    (r"(?m)^credhelper \d.*", "credhelper 0.1.0, Python 3.12.1, linux"),
    (r"path: .*", "path: ~/.local/bin/credhelper"),
    (r"version: \d+\.\d+;", "version: 2.47;"),
)

Moment = tuple[str, Callable[[int], None]]  # a text to wait for, and what then happens


def screens() -> dict[tuple[Path, str], str]:
    """Run all of it, and return the text of each screen, by its page and its name there."""
    # Paths and ports as long as those that are shown instead: lines are broken where they end.
    api = RunningSandbox()
    try:
        with tempfile.TemporaryDirectory(prefix="", dir="/tmp") as folder:
            home = Path(folder)
            assert len(folder) == len(_HOME), folder
            assert len(settled(api.url, home)) == len(api.url), api.url
            environ = clean_environment(home) | {"TERM": "xterm", "TZ": "UTC"}
            found = {(FIRST_HOUR, name): text for name, text in _first_hour(environ, home, api)}
            found[DOCTOR, "doctor"] = _doctor(environ, home)
            return {place: settled(text, home) for place, text in found.items()}
    finally:
        api.stop()


def _first_hour(
    environ: Mapping[str, str], home: Path, api: RunningSandbox
) -> Iterator[tuple[str, str]]:
    yield "help", typed(environ, "help")
    waits: list[str] = []
    login = ("login", "--url", api.url, "--service", SERVICE)
    logged_in = typed(
        environ,
        *login,
        moments=[
            ("API key", lambda terminal: _type_unseen(terminal, api)),
            (" s of at most ", lambda _: os.kill(api.pid, signal.SIGCONT)),
        ],
        seen=waits,
    )
    yield "waits", f"{waits[-1].rstrip()}\n"
    yield "login", logged_in
    yield "status", typed(environ, "status")
    _quietly(environ, "profile", "add", "alpha", "--like", "default", "--cid", "project-alpha")
    _quietly(environ, "profile", "add", "me", "--auth", "session", "--url", api.url)
    gone = home / "gone.key"
    _quietly(environ, "profile", "add", "old", "--grant-file", str(gone), "--url", api.url)
    yield "table", typed(environ, "status")


def _type_unseen(terminal: int, api: RunningSandbox) -> None:
    """Type the key when the prompt hides it, while the API is slow: it does not run at all."""
    os.kill(api.pid, signal.SIGSTOP)
    until = time.monotonic() + _ECHO_OFF
    while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < until:
        time.sleep(0.02)
    os.write(terminal, f"{api.api_key}\n".encode())


def _doctor(environ: Mapping[str, str], home: Path) -> str:
    """Return what the doctor shows where others may read a key, and git is set up."""
    for name in ("alpha", "me", "old"):
        _quietly(environ, "profile", "remove", name, "--yes")
    key = home / ".config/credhelper/key"
    (home / ".local/state/credhelper/grants/default.key").rename(key)
    _quietly(environ, "profile", "add", "default", "--grant-file", str(key))
    _quietly(environ, "setup", "git", "--service", SERVICE)
    key.chmod(0o644)
    return typed(environ, "doctor")


def _quietly(environ: Mapping[str, str], *words: str) -> None:
    subprocess.run([*command(), *words], env=environ, check=True, capture_output=True, timeout=60)


def typed(
    environ: Mapping[str, str],
    *words: str,
    columns: int = _COLUMNS,
    moments: Sequence[Moment] = (),
    seen: list[str] | None = None,
) -> str:
    """Run a command at a terminal; return the line that was typed, and what is left on the screen.

    Parameters:
    - columns: of the terminal.
    - moments: are waited for in turn.
    - seen: receives what the screen shows at each.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    program = [*command(), *words]
    told = b""
    with subprocess.Popen(
        [sys.executable, "-c", _AS_A_SHELL, *program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dict(environ),
        cwd=environ["HOME"],
    ):
        os.close(theirs)
        waited = 0
        with suppress(OSError):  # the program has ended
            while more := os.read(ours, 65536):
                told += more
                while waited < len(moments) and moments[waited][0].encode() in told:
                    if seen is not None:
                        seen.append(on_screen(told.decode()))
                    moments[waited][1](ours)
                    waited += 1
    os.close(ours)
    assert waited == len(moments), told
    return f"$ credhelper {' '.join(words)}\n{on_screen(told.decode())}"


def on_screen(written: str) -> str:
    """Return what a terminal shows of what was written: no colours, and no line that is cleared."""
    lines = [""]
    column = 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", written):
        if part == "\n":
            lines.append("")
            column = 0
        elif part == "\r":
            column = 0
        elif part.startswith("\x1b"):
            if part.endswith("K"):
                lines[-1] = lines[-1][:column]
        else:
            lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part) :]
            column += len(part)
    return "\n".join(line.rstrip() for line in lines)


def settled(text: str, home: Path) -> str:
    """Return the text with fixed values for what differs from run to run, in 80 columns."""
    text = text.replace(str(home), _HOME)
    for pattern, instead in _SETTLED:
        text = re.sub(pattern, instead, text)
    lines = (
        line[at : at + _COLUMNS].rstrip()
        for line in text.split("\n")
        for at in range(0, max(len(line), 1), _COLUMNS)
    )
    return "\n".join(lines)


def section(name: str, text: str) -> str:
    """Return a screen as a page has it, between its marks."""
    return f"<!-- screen {name}: make docs -->\n```console\n{text}```\n<!-- end of screen -->\n"


def shown(page: Path, name: str) -> str:
    """Return the part of a page that `section` makes."""
    begin, end = f"<!-- screen {name}: make docs -->\n", "<!-- end of screen -->\n"
    text = page.read_text(encoding="utf-8")
    return text[text.index(begin) : text.index(end, text.index(begin)) + len(end)]


if __name__ == "__main__":
    for (page, name), text in screens().items():
        whole = page.read_text(encoding="utf-8")
        page.write_text(whole.replace(shown(page, name), section(name, text)), encoding="utf-8")
