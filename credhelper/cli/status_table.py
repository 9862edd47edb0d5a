"""The table of `credhelper status`: a line for each profile, in as much width as there is."""

from __future__ import annotations

from collections.abc import Sequence

import click

from credhelper.cli import output
from credhelper.cli.standing import ProfileStatus
from credhelper.cli.state import BAD, State
from credhelper.core.record import FRESH
from credhelper.core.text import printable

_WIDEST = 200  # columns
_GAP = 2
_MOST_FIXES = 20
# What goes first where it is narrow.
_OPTIONAL = ("project", "who")
_HEAD = ("profile", "who", "project", "left", "state")

Row = tuple[ProfileStatus, State]


def show(rows: Sequence[Row], now: float) -> None:
    """Print the table, and below it what helps where no token comes by itself.

    Parameters: `now`, Unix seconds.
    """
    lines = [_HEAD, *(_cells(one, state.name, now) for one, state in rows)]
    columns = list(range(len(_HEAD)))
    width = min(max(output.columns(), output.NARROWEST), _WIDEST)
    for name in _OPTIONAL:
        place = _HEAD.index(name)
        if not any(line[place] for line in lines[1:]) or _width(lines, columns) > width:
            columns.remove(place)
    fits = _width(lines, columns) <= width
    for number, line in enumerate(lines):
        state = rows[number - 1][1].name if number else ""
        first, *rest = columns
        if not fits:
            click.echo(line[first])
        sizes = {place: max(len(one[place]) for one in lines) for place in columns}
        cells = [line[place].ljust(sizes[place]) for place in (columns if fits else rest)]
        cells[-1] = cells[-1].rstrip()
        cells[-1] = output.coloured(cells[-1], _colour(state)) if number else cells[-1]
        text = ("" if fits else "  ") + (" " * _GAP).join(cells)
        click.echo(text, color=output.fancy())
    _show_fixes(rows)


def _show_fixes(rows: Sequence[Row]) -> None:
    helped = [(one.profile.name, state.fix) for one, state in rows if state.fix]
    if helped:
        click.echo()
    for name, fix in helped[:_MOST_FIXES]:
        click.echo(printable(f"{name}: {fix}"))
    if len(helped) > _MOST_FIXES:
        click.echo(f"and {len(helped) - _MOST_FIXES} more: credhelper status --json")


def _cells(one: ProfileStatus, state: str, now: float) -> tuple[str, ...]:
    profile = one.profile
    who = one.who.get("username") or one.who.get("name") or profile.user or ""
    left = one.held.advertised - now if one.held else 0
    return (
        printable(f"{profile.name}{'*' if one.default else ''}"),
        printable(who),
        printable(profile.cid or profile.project or ""),
        output.span(left) if left > 0 else "-",
        state,
    )


def _width(lines: Sequence[Sequence[str]], columns: Sequence[int]) -> int:
    sizes = [max(len(line[place]) for line in lines) for place in columns]
    return sum(sizes) + _GAP * (len(sizes) - 1)


def _colour(state: str) -> str:
    if state in BAD:
        return "red"
    return "green" if state == FRESH else "yellow"
