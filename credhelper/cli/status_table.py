"""The table of `credhelper status`: a line for each profile, in as much width as there is."""

from __future__ import annotations

from collections.abc import Sequence

import click

from credhelper.cli import columns, output
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
    shown = list(range(len(_HEAD)))
    room = min(max(columns.terminal(), columns.LEAST), _WIDEST)
    for name in _OPTIONAL:
        place = _HEAD.index(name)
        if not any(line[place] for line in lines[1:]) or _width(lines, shown) > room:
            shown.remove(place)
    fits = _width(lines, shown) <= room
    sizes = {place: max(columns.width(one[place]) for one in lines) for place in shown}
    for number, line in enumerate(lines):
        state = rows[number - 1][1].name if number else ""
        first, *rest = shown
        if not fits:
            click.echo(line[first])
        cells = [columns.padded(line[place], sizes[place]) for place in (shown if fits else rest)]
        cells[-1] = cells[-1].rstrip()
        cells[-1] = output.coloured(cells[-1], colour_of(state)) if number else cells[-1]
        text = ("" if fits else "  ") + (" " * _GAP).join(cells)
        click.echo(text, color=output.fancy())
    _show_fixes(rows, room)


def _show_fixes(rows: Sequence[Row], room: int) -> None:
    helped = [(one.profile.name, state) for one, state in rows if state.fix]
    if helped:
        click.echo()
    for name, state in helped[:_MOST_FIXES]:
        line = printable(f"{name}: {state.fix}")
        if not state.why and columns.width(line) <= room:
            click.echo(line)
            continue
        # A command stands on a line of its own, however long it is: a person pastes it whole.
        why = printable(f"{name}: {state.why}" if state.why else f"{name}:")
        click.echo("\n".join([*columns.wrapped(why, room), f"  {printable(state.fix)}"]))
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


def _width(lines: Sequence[Sequence[str]], shown: Sequence[int]) -> int:
    sizes = [max(columns.width(line[place]) for line in lines) for place in shown]
    return sum(sizes) + _GAP * (len(sizes) - 1)


def colour_of(state: str) -> str:
    """Return the colour of a state: whether a person is needed, or all is well."""
    if state in BAD:
        return "red"
    return "green" if state == FRESH else "yellow"
