"""The trace of `-v`: each decision, on a line for a person."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from credhelper.broker import trace
from credhelper.cli import verbosity
from credhelper.cli.output import moment
from credhelper.core.model import Secret
from credhelper.core.text import printable

_RECORD = 12  # characters of a record's name, enough to tell it from others


def tracer(
    environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic
) -> Callable[..., None]:
    """Return what traces a decision of this call: where CREDHELPER_TRACE says, and with `-v` here.

    Parameters:
    - environ: the environment.
    - clock: seconds, monotonic.
    """
    where = environ.get("CREDHELPER_TRACE", "")
    if not verbosity.current().verbose:
        return trace.tracer(where)
    # One line on stderr for a decision, not two.
    kept = trace.tracer(where if where.startswith("/") else "")
    began = clock()

    def tell(event: str, **facts: object) -> None:
        kept(event, **facts)
        words = ", ".join(f"{name} {_shown(name, value)}" for name, value in facts.items())
        try:
            os.write(2, f"credhelper: {clock() - began:.2f} s: {event}: {words}\n".encode())
        except OSError:
            pass  # as for the other trace: no reason to fail

    return tell


def _shown(name: str, value: object) -> str:
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "none"
    if name == "record":
        return printable(str(value)[:_RECORD])
    if name == "expires" and isinstance(value, int):
        return moment(value)
    return printable(str(value))
