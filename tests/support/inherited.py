"""What a process inherits from whoever starts it: tests begin with the same, whoever that was.

A shell, nohup, cron, an editor or a CI each hand down other signals, limits and variables. Tests
give most programs an environment of their own. What tests run in their own process, and what
programs inherit besides the environment, is set here.
"""

from __future__ import annotations

import contextlib
import locale
import os
import resource
import signal
import tempfile
import time

# Where programs are, what a CI says of itself, and what it promised of real clients.
_KEPT = {"PATH", "HOME", "RUSTUP_HOME", "CI", "CREDHELPER_PROMISED"}
# What pytest, its workers and coverage tell each other.
_KEPT_PREFIXES = ("PYTEST_", "COVERAGE_", "COV_CORE_")

# Python itself ignores these, and `subprocess` gives them back to whatever it starts.
_IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}

# Soft limits: no core files of those that tests kill, no files cut off, handles for a herd.
_LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: resource.RLIM_INFINITY,
    resource.RLIMIT_NOFILE: 4096,
}


def reset() -> None:
    """Set what this process has inherited, and will hand down, to what tests may rely on.

    Of the environment nothing stays but what the suite itself reads. Niceness and limits stay as
    they are where the kernel does not let us change them.
    """
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    for limit, wanted in _LIMITS.items():
        _limit(limit, wanted)
    for name in list(os.environ):
        if name not in _KEPT and not name.startswith(_KEPT_PREFIXES):
            del os.environ[name]
    for name in ("COLUMNS", "LINES"):
        os.unsetenv(name)  # pytest loads readline, which sets them without os.environ's knowledge
    os.environ["LANG"] = "C.UTF-8"
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    time.tzset()
    tempfile.tempdir = None  # it was found with the TMPDIR of before


def _limit(limit: int, wanted: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        wanted = hard if wanted == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(limit, (wanted, hard))
