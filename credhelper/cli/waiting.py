"""The line that a person sees on a terminal while the network, or another process, is slow."""

from __future__ import annotations

import os
import signal
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from credhelper.core import threads
from credhelper.core.text import printable

_QUIET = 0.5  # seconds in which most answers come
_STDERR = 2
_WIDTH = 80  # of a terminal that does not say
_CLEAR = "\r\x1b[K"

_hidden: list[bool] = []  # not empty while it was us who turned the echo off


@contextmanager
def shown(what: str, limit: float, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Show the seconds that a wait takes, if it takes more than half of one; then remove the line.

    What is typed meanwhile is not echoed, and is read by whatever reads the terminal next. Without
    a terminal at stderr, or in the background, nothing is shown.

    Parameters:
    - what: is waited for, in words.
    - limit: seconds that it may take.
    - clock: seconds, monotonic.
    """
    if not _on_terminal():
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_show, args=(what, limit, clock, ended), daemon=True)
    try:
        threads.start(thread)
    except RuntimeError:  # no more threads may be started: then nothing is shown
        yield
        return
    try:
        with _echo_back_on_quit():
            yield
    finally:
        ended.set()
        thread.join()


def _show(what: str, limit: float, clock: Callable[[], float], ended: threading.Event) -> None:
    began = clock()
    if ended.wait(_QUIET):
        return
    with suppress(OSError), _without_echo():
        try:
            second = 0
            while True:
                # The seconds first: a narrow terminal cuts the end off.
                text = f"{second} s of at most {limit:.0f} s: {printable(what)}"
                width = os.get_terminal_size(_STDERR).columns or _WIDTH
                _write(f"{_CLEAR}{text[: width - 1]}")
                second = max(second + 1, int(clock() - began))
                if ended.wait(max(0, began + second - clock())):
                    return
        finally:
            _write(_CLEAR)


@contextmanager
def _without_echo() -> Iterator[None]:
    # Another program may have hidden what is typed already: then showing it again is not for us.
    if not _echo(on=False):
        yield
        return
    _hidden.append(True)
    try:
        yield
    finally:
        _hidden.clear()
        _echo(on=True)


def _echo(*, on: bool) -> bool:
    """Have the terminal echo what is typed, or not; tell whether that changed anything."""
    try:
        now = termios.tcgetattr(_STDERR)
        if bool(now[3] & termios.ECHO) == on:
            return False
        now[3] ^= termios.ECHO
        termios.tcsetattr(_STDERR, termios.TCSANOW, now)
    except termios.error:
        return False
    return True


@contextmanager
def _echo_back_on_quit() -> Iterator[None]:
    """End by Ctrl-\\ as any program does, but with the terminal as it was."""

    def quit_(number: int, frame: object) -> None:
        if _hidden:
            _echo(on=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # A refresh runs in a thread of its own, where Python lets nobody handle signals.
    first = threading.current_thread() is threading.main_thread()
    if not first or signal.getsignal(signal.SIGQUIT) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGQUIT, quit_)
    try:
        yield
    finally:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def _on_terminal() -> bool:
    if os.environ.get("TERM") == "dumb" or not os.isatty(_STDERR):
        return False
    try:
        return os.tcgetpgrp(_STDERR) == os.getpgrp()
    except OSError:
        return True  # a terminal that is not the one which started us stops nobody


def _write(text: str) -> None:
    os.write(_STDERR, text.encode())
