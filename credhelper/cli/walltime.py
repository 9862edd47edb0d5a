"""Times on a command line: how long a job may run, and how much life a token must have."""

from __future__ import annotations

import re
from typing import Any

import click

from credhelper.core.text import quoted
from credhelper.protocols.options import seconds

_SPAN = re.compile(r"([0-9]{1,9})([smhd]?)")
# As Slurm writes it, [[D-]H:]M:S, and as its users may: D-H, D-H:M.
_CLOCK = re.compile(r"(?:(?:([0-9]{1,5})-)?([0-9]{1,5}):)?([0-9]{1,5}):([0-9]{1,2})")
_DAYS = re.compile(r"([0-9]{1,5})-([0-9]{1,5})(?::([0-9]{1,2}))?()")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Walltime(click.ParamType[int]):
    """A job's length: seconds, `90m`, `36h`, `2d`, or as Slurm has it: `[[D-]H:]M:S`, `D-H[:M]`."""

    name = "walltime"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the seconds that `value` stands for, 0 for no limit."""
        text = str(value)
        if text.upper() in ("UNLIMITED", "INFINITE"):
            return 0  # no end is known
        if parts := _SPAN.fullmatch(text):
            return int(parts[1]) * _UNITS[parts[2]]
        if parts := _CLOCK.fullmatch(text) or _DAYS.fullmatch(text):
            days, hours, minutes, seconds = (int(each or 0) for each in parts.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        raise click.BadParameter("expected seconds, or a time like '36h' or '1-12:00:00'")


class Time(click.ParamType[int]):
    """Seconds, or a text like `90s`, `10m`, `1h`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds. Raises click's BadParameter."""
        found = value if isinstance(value, int) else seconds(value)
        if found is None:
            self.fail(f"{quoted(value)} is not a time: seconds, or like 90s, 10m, 1h", param, ctx)
        return found


min_ttl_option = click.option(
    "--min-ttl",
    type=Time(),
    default=0,
    metavar="TIME",
    help="Least life that the token must have left.",
)
refresh_before_option = click.option(
    "--refresh-before",
    type=Time(),
    default=0,
    metavar="TIME",
    help="Renew the token if it has less life left.",
)
