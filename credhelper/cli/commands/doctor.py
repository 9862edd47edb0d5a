"""`credhelper doctor`: why a tool does not get a token, in a text that is safe to paste."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace

import click

from credhelper import __version__, setup
from credhelper.broker.context import Context
from credhelper.cli import output, readable_trace
from credhelper.cli.commands.setup import ToolName
from credhelper.cli.doctor import examination, job, repair, result, safe
from credhelper.cli.output import say
from credhelper.cli.verbosity import json_option
from credhelper.core.text import printable
from credhelper.errors import UsageError

_COLOURS = {
    result.PASS: "green",
    result.WARN: "yellow",
    result.FAIL: "red",
    result.SKIPPED: "bright_black",
}


@click.command("doctor", short_help="Find why a tool does not get a token.")
@click.argument("tool", required=False, type=ToolName([*setup.TOOLS]), metavar="[TOOL]")
@json_option
@click.option(
    "--fix",
    "fixes",
    is_flag=True,
    help="First repair modes, leftovers and our path in tools' files.",
)
@click.option("--offline", is_flag=True, help="Ask no server.")
@click.option("--ask-grants", is_flag=True, help="Run commands, and ask keyrings, that have a key.")
@click.option("--as-job", is_flag=True, help="Look as a job sees it: HOME alone, no terminal.")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="N=V",
    help="With --as-job: a variable it has, too.",
)
def doctor(
    tool: str | None,
    *,
    as_json: bool,
    fixes: bool,
    offline: bool,
    ask_grants: bool,
    as_job: bool,
    variables: tuple[str, ...],
) -> int:
    """Find why a tool does not get a token: check files, network, profiles and configured tools.

    Each check passes, warns, fails, or is skipped because one that it needs failed. A fail says
    what helps. The output is safe to paste: no secret, no home, no user name is in it. With TOOL,
    look at its setups alone, and at files of the project in the current folder that override them.

    A profile without a token gets one, as by `credhelper get`; not with --offline. The exit status
    is that of the first fail, and 0 where all passed or warned.

    \b
    Examples:
      credhelper doctor
      credhelper doctor git --json
      credhelper doctor --as-job --env PATH="$PATH"
      credhelper doctor --fix
    """
    if as_job:
        return job.run(_words(tool, as_json, fixes, offline, ask_grants), variables, os.environ)
    if variables:
        raise UsageError("--env goes with --as-job", "credhelper doctor --help")
    told: list[tuple[str, str | None]] = []
    # No sweep, as other commands begin with: it would take away what is looked for.
    context = Context(
        os.environ,
        warn=lambda *warning: told.append(warning),
        trace=readable_trace.tracer(os.environ),
        alarm=True,
    )
    clean = safe.cleaner(os.environ, examination.logins(context))
    done = [clean(line) for line in repair.repair(context, tool)] if fixes else []
    if fixes:
        context.begin()
    found = examination.examine(context, tool, offline=offline, ask_grants=ask_grants)
    found += result.of_warnings(told, found)
    shown = [_cleaned(one, clean) for one in found]
    if as_json:
        click.echo(json.dumps(_document(shown, done)))
    else:
        for line in done:
            say(f"fixed: {line}")
        show(shown)
    return result.exit_status(found)


def _words(
    tool: str | None, as_json: bool, fixes: bool, offline: bool, ask_grants: bool
) -> list[str]:
    options = {
        "--json": as_json,
        "--fix": fixes,
        "--offline": offline,
        "--ask-grants": ask_grants,
    }
    return [*([tool] if tool else []), *(option for option, on in options.items() if on)]


def _cleaned(one: result.Result, clean: Callable[[str], str]) -> result.Result:
    return replace(one, about=clean(one.about), why=clean(one.why), fix=clean(one.fix))


def show(found: list[result.Result]) -> None:
    """Print what checks found, those about the same thing together."""
    say(f"credhelper {__version__}, Python {sys.version.split()[0]}, {sys.platform}")
    about = None
    for one in found:
        if one.about != about:
            about = one.about
            say()
            say(about or "this machine")
        state = output.coloured(f"{one.state:7}", _COLOURS[one.state])
        text = output.fitted(printable(f"{one.name}: {one.why}"), 10)
        click.echo(f"  {state} {text}", color=output.fancy())
        if one.fix:
            say(f"          fix: {one.fix}")
    counts = {state: sum(one.state == state for one in found) for state in result.STATES}
    say()
    say(", ".join(f"{count} {state}" for state, count in counts.items() if count))


def _document(found: list[result.Result], done: list[str]) -> dict[str, object]:
    return {
        "version": 1,
        "credhelper": __version__,
        "exit_status": result.exit_status(found),
        "fixed": done,
        "checks": [{**vars(one), "fix": one.fix or None} for one in found],
    }
