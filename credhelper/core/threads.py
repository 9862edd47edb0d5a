"""Threads that take no signal: what is sent to this process stays for its first thread."""

import signal
import threading


def start(thread: threading.Thread) -> None:
    """Start `thread` with every signal blocked in it.

    A thread lives on for a moment after it was joined. A signal that the first thread has blocked,
    to take it up later, would go to such a thread meanwhile, and be lost.

    Raises RuntimeError when no more threads may be started.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()  # it inherits what is blocked here
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
