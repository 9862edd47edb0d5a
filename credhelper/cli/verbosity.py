"""`-q`, `-v` and `--json`: what a call says, and where. Every command has the first two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from credhelper.errors import UsageError


class Call:
    """One call of the program, as the options of any command chose.

    Parameters:
    - words: after the program's name.

    Attributes, beside it:
    - quiet: stderr has errors and questions alone.
    - verbose: stderr has the trace, too.
    - as_json: stdout has one JSON object, an error as well.
    """

    __slots__ = ("as_json", "quiet", "verbose", "words")

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.quiet = False
        self.verbose = False
        self.as_json = False


def current() -> Call:
    """Return the call that is served; one that chose nothing where there is none."""
    context = click.get_current_context(silent=True)
    found = context.obj if context else None
    return found if isinstance(found, Call) else Call(())


def _chosen(context: click.Context, parameter: click.Parameter, on: bool) -> bool:
    """Note a flag in the call that is served. Raises UsageError for -q with -v."""
    if on and isinstance(context.obj, Call) and parameter.name:
        setattr(context.obj, parameter.name, True)
        if context.obj.quiet and context.obj.verbose:
            raise UsageError("-q and -v exclude each other")
    return on


OPTIONS = (
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_chosen,
        help="Print no warning, hint or progress on stderr.",
    ),
    click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        expose_value=False,
        callback=_chosen,
        help="Print each decision on stderr.",
    ),
)


def with_options(command: click.Command) -> click.Command:
    """Give `-q` and `-v` to a command and all below it, but where it has an option of that name."""
    taken = {word for one in command.params for word in one.opts}
    command.params += [one for one in OPTIONS if taken.isdisjoint(one.opts)]
    if isinstance(command, click.Group):
        for each in command.commands.values():
            with_options(each)
    return command


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option `--json`, which is the argument `as_json` of the command."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,  # what is wrong with the others is told as JSON, too
        callback=_chosen,
        help="One JSON object, for programs.",
    )(command)


def wants_json(call: Call, error: click.UsageError) -> bool:
    """Tell whether a call that was refused before its options were read asked for JSON."""
    known = error.ctx.command.params if error.ctx else ()
    return call.as_json or ("--json" in call.words and any("--json" in one.opts for one in known))
