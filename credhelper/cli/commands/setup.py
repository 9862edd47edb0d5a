"""`credhelper setup`: configure a tool to use credhelper; show, check or undo that."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import click

from credhelper import setup
from credhelper.cli import output
from credhelper.cli.context import (
    command_context,
    complete_profile,
    service_option,
    state_folder,
    waiting_line,
)
from credhelper.cli.output import say, tell, warn
from credhelper.cli.setup import services
from credhelper.cli.setup.check import check
from credhelper.cli.setup.journal import matching, setup_of
from credhelper.cli.setup.profile import (
    ask_service,
    choose,
    known_region,
    likely,
    require_setting,
    wants_service,
)
from credhelper.cli.setup.request import Arguments, read, require_runnable, wiring_request
from credhelper.cli.setup.words import in_words, print_notes, short, subject
from credhelper.config.origin import canonical
from credhelper.config.table import nearest, said
from credhelper.core.service import SHAPE, Service
from credhelper.core.text import command, printable
from credhelper.errors import CredhelperError, UsageError
from credhelper.setup import apply, formats, journal, prepare
from credhelper.setup.plan import takes_tokens
from credhelper.setup.work import cannot_hold

# What no file of any tool could take for more than a name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}")


class ToolName(click.Choice[str]):
    """The tools by name, of which a mistyped one gets the nearest as an answer."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the tool's name. Raises UsageError."""
        if value not in self.choices:
            raise UsageError(
                f"there is no tool {said(value)}{nearest(value, setup.TOOLS)}",
                hint="credhelper setup",
            )
        return value


@click.command("setup", short_help="Configure a tool to use credhelper; check or undo it.")
@click.argument("tool", required=False, type=ToolName([*setup.TOOLS]), metavar="[TOOL]")
@service_option("The service that gets the token: a host, or a URL.")
@click.option(
    "--profile",
    "-p",
    metavar="NAME",
    help="The profile whose token is used.",
    shell_complete=complete_profile,
)
@click.option(
    "--name", metavar="NAME", help="The name for it in the tool's file, where the tool has names."
)
@click.option(
    "--bin",
    "links",
    metavar="DIR",
    help="The folder for links to credhelper, if the tool needs any.",
)
@click.option("--file", metavar="PATH", help="The file to write, for tools that have no fixed one.")
@click.option(
    "--add-service", is_flag=True, help="Add the service to the profile, if it is not there."
)
@click.option("--print", "print_", is_flag=True, help="Print the lines to add; change nothing.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--undo", is_flag=True, help="Remove what setup added, and nothing else.")
@click.option("--check", is_flag=True, help="Test it the way the tool does.")
def setup_(
    tool: str | None,
    service: str | None,
    profile: str | None,
    name: str | None,
    links: str | None,
    file: str | None,
    add_service: bool,
    **modes: bool,
) -> int:
    """Configure TOOL to use credhelper, in the tool's own file. Without TOOL, list the tools.

    Everything else in the file stays as it is: lines, comments, order, mode and line ends. A copy
    of it is kept in the state folder. Without --service, --undo and --check apply to all of TOOL's.

    \b
    Examples:
      credhelper setup git --service https://git.example
      credhelper setup docker --service registry.example --dry-run
      credhelper setup git --check
      credhelper setup git --undo
    """
    chosen = [mode.removesuffix("_").replace("_", "-") for mode, on in modes.items() if on]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join('--' + mode for mode in chosen)} exclude each other")
    if tool is None:
        if chosen or service:
            raise UsageError("which tool?", hint=f"one of: {', '.join(setup.TOOLS)}")
        return _list()
    for option, text in (("--name", name), ("--profile", profile)):
        if text is not None and not _NAME.fullmatch(text):
            raise UsageError(f"{option}: expected letters, digits and ._@:- in it")
    if file is not None and not getattr(setup.load(tool), "FILE", False):
        raise UsageError(f"{tool} has a file of its own: --file is for tools that are told theirs")
    arguments = Arguments(
        tool, _service(service), profile, name, _path("--bin", links), _path("--file", file)
    )
    with _uncollected():
        return _do(arguments, chosen, add_service=add_service)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no garbage be looked for meanwhile: among all that a large file says, it takes long."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _do(arguments: Arguments, chosen: list[str], *, add_service: bool) -> int:
    """Do what the one mode that was `chosen` says, and return the exit status."""
    tool = arguments.tool
    if chosen == ["undo"]:
        return _undo(arguments)
    if chosen == ["check"]:
        return check(arguments)
    if arguments.service is None and wants_service(tool):
        arguments = replace(arguments, service=_service(ask_service(tool, arguments.profile)))
    takes_tokens(tool, arguments.service)
    if chosen == ["print"]:
        return _print(arguments)
    return _set_up(arguments, add_service=add_service, dry_run=bool(chosen))


def _service(text: str | None) -> Service | None:
    try:
        return None if text is None else canonical(text)
    except ValueError as error:
        raise UsageError(f"--service: {error}", SHAPE) from error


def _path(option: str, text: str | None) -> str | None:
    if text is not None and not (text and text.isprintable()):
        raise UsageError(f"{option}: expected a path, without control characters")
    return None if text is None else os.path.abspath(os.path.expanduser(text))


def _list() -> int:
    output.table([*setup.TOOLS.items()], indent=0)
    standing = journal.read(state_folder(os.environ)).setups
    if standing:
        say()
        say("set up on this machine:")
        output.table([(one.tool, in_words(one)) for one in standing])
    return 0


def _print(arguments: Arguments) -> int:
    context = command_context()
    arguments, owner = likely(context, arguments)
    region = known_region(context, owner) if arguments.tool == "aws" else None
    request = wiring_request(arguments, owner, lenient=True, region=region)
    plan = setup.load(arguments.tool).plan(request)
    for number, change in enumerate(plan.files):
        if number:
            say()
        tell(f"in {short(change.path)}:")
        try:
            lines = formats.rendered(change.format, change.entries)
        except ValueError as error:
            raise cannot_hold(change.path, error) from error
        click.echo(lines, nl=False)
    for link in plan.links:
        tell(f"and a link: {command('ln', '-s', link.target, link.path)}")
    print_notes(plan)
    return 0


def _set_up(arguments: Arguments, *, add_service: bool, dry_run: bool) -> int:
    context = command_context()
    arguments, owner, to_add = choose(context, arguments, add_service=add_service, dry_run=dry_run)
    require_setting(context, arguments.tool, owner)
    region = known_region(context, owner) if arguments.tool == "aws" else None
    request = wiring_request(arguments, owner, region=region)
    require_runnable(arguments.tool, request)
    state = state_folder(os.environ)
    if dry_run:
        plan = setup.load(arguments.tool).plan(request)
        work = prepare.add(plan, setup_of(arguments), journal.read(state))
        for line in work.diff():
            click.echo(line)
        if to_add:
            services.preview(context, to_add, str(arguments.service))
        elif not work.changes:
            say("nothing would change")
        return 0
    with journal.locked(state, waiting_line()):
        known = journal.read(state)
        apply.sweep(known, state)
        plan = setup.load(arguments.tool).plan(request)
        one = setup_of(arguments)
        work = prepare.add(plan, one, known)
        apply.refuse(work)
        added = services.add(context, to_add, one.service) if to_add else None
        one.added += [added] if added else []
        try:
            backups = apply.carry_out(work, state)
        except CredhelperError:
            if added:
                services.remove(context, added)
            raise
    for edit in work.edits.values():
        if edit.changes:
            say(f"{'changed' if edit.found.data is not None else 'made'} {short(edit.found.path)}")
    for path, target in work.linked:
        say(f"linked {short(path)} to {short(target)}")
    for backup in backups:
        say(f"backup: {short(backup)}")
    if not work.changes:
        say(f"{arguments.tool} is already set up for {arguments.service}: nothing to change")
    print_notes(plan)
    if work.changes:
        how = command("credhelper", "setup", arguments.tool, "--check")
        say(f"to test it: {how}")
    return 0


def _undo(arguments: Arguments) -> int:
    state = state_folder(os.environ)
    with journal.locked(state, waiting_line()):
        known = journal.read(state)
        apply.sweep(known, state)
        found = matching(known, arguments)
        if not found:
            say(f"{subject(arguments)} is not set up by credhelper: nothing to undo")
            return 0
        work = prepare.undo(found, known)
        apply.refuse(work)
        if any(one.added for one in found):
            context = command_context()
            services.take_back(context, services.inherit(context, found, work))
        apply.carry_out(work, state)
    for edit in work.edits.values():
        if edit.changes:
            say(f"{'removed' if edit.gone else 'changed'} {short(edit.found.path)}")
    for path, _ in work.unlinked:
        say(f"removed the link {short(path)}")
    left = getattr(setup.load(arguments.tool), "left", None)
    before = {edit.found.path: edit.draft.old for edit in work.edits.values() if edit.changes}
    if left and before:
        leftovers = left(before, os.environ, partial(read, lenient=True))
        work.left += [f"{short(path)}: {printable(one)}" for path, one in leftovers]
    for sentence in work.left:
        warn(f"{sentence} left as it is", "check whether you still want it")
    say(f"{subject(arguments)} is no longer set up")
    return 0
