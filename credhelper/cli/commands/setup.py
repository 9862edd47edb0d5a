"""`credhelper setup`: wire a tool up, see what that takes, check it, and take it back."""

from __future__ import annotations

import hmac
import os
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

import click

from credhelper import setup
from credhelper.broker import answer, no_match, routing
from credhelper.broker.context import Context
from credhelper.cli import options, output
from credhelper.cli.context import complete_profile, context
from credhelper.cli.output import say, warn
from credhelper.config import child
from credhelper.config.origin import canonical
from credhelper.core import paths, routes
from credhelper.core.model import Request
from credhelper.core.service import Service
from credhelper.core.text import printable
from credhelper.errors import (
    AmbiguousServiceError,
    CacheError,
    ConfigError,
    CredhelperError,
    NotFoundError,
    PathRequiredError,
    UnknownServiceError,
    UsageError,
)
from credhelper.setup import ask, changes, disk, formats, journal, program
from credhelper.setup.journal import Journal, Setup
from credhelper.setup.plan import Plan, WiringRequest

# What no file of any tool could take for more than a name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}")


@dataclass(frozen=True)
class _Asked:
    """What was asked for on the command line."""

    tool: str
    service: Service | None
    profile: str | None
    name: str | None
    bin: str | None = None
    file: str | None = None


@click.command("setup", short_help="Wire a tool up, by its own file; check it; take it back.")
@click.argument("tool", required=False, type=click.Choice([*setup.TOOLS]), metavar="[TOOL]")
@click.option("--service", metavar="URL", help="Who receives the token: a host, or a URL.")
@click.option(
    "--profile", "-p", metavar="NAME", help="Whose token.", shell_complete=complete_profile
)
@click.option("--name", metavar="NAME", help="What the tool knows it by, where it has names.")
@click.option(
    "--bin", "links", metavar="DIR", help="The folder for links to credhelper, if it takes any."
)
@click.option(
    "--file", metavar="PATH", help="The tool's file, for tools that are told which one to read."
)
@click.option("--add-service", is_flag=True, help="Let the profile have tokens for the service.")
@click.option("--print", "print_", is_flag=True, help="Show the lines, and change nothing.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--undo", is_flag=True, help="Take back what setup added, and nothing else.")
@click.option("--check", is_flag=True, help="Ask in the tool's own way whether it works.")
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
    """Wire a tool up to credhelper, in that tool's own file. Without a TOOL: list them.

    Foreign lines, comments, order, mode and line ends of the file stay as they are; a copy of it
    is kept in the state folder. Without --service, --undo and --check mean all of TOOL's.

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
    asked = _Asked(
        tool, _service(service), profile, name, _path("--bin", links), _path("--file", file)
    )
    if chosen == ["undo"]:
        return _undo(asked)
    if chosen == ["check"]:
        return _check(asked)
    if asked.service is None and _wants_service(tool):
        raise UsageError(
            "for whom? no --service is given", hint=f"credhelper setup {tool} --service URL"
        )
    if chosen == ["print"]:
        return _print(asked)
    return _set_up(asked, add_service=add_service, dry_run=bool(chosen))


def _service(text: str | None) -> Service | None:
    try:
        return None if text is None else canonical(text)
    except ValueError as error:
        raise UsageError(f"--service: {error}") from error


def _path(option: str, text: str | None) -> str | None:
    if text is not None and not (text and text.isprintable()):
        raise UsageError(f"{option}: expected a path, without control characters")
    return None if text is None else os.path.abspath(os.path.expanduser(text))


# --- what each mode does --------------------------------------------------------------------------


def _list() -> int:
    output.table([*setup.TOOLS.items()], indent=0)
    standing = journal.read(_state()).setups
    if standing:
        say()
        say("set up here:")
        output.table([(one.tool, _in_words(one)) for one in standing])
    return 0


def _print(asked: _Asked) -> int:
    asked, owner = _likely(context(), asked)
    plan = setup.load(asked.tool).plan(_wiring_request(asked, owner, lenient=True))
    for number, change in enumerate(plan.files):
        if number:
            say()
        click.echo(f"in {_short(change.path)}:", err=True)
        click.echo(formats.rendered(change.format, change.entries), nl=False)
    for link in plan.links:
        click.echo(f"and a link: ln -s {_short(link.target)} {_short(link.path)}", err=True)
    _tell(plan)
    return 0


def _set_up(asked: _Asked, *, add_service: bool, dry_run: bool) -> int:
    world = context()
    asked, owner, to_add = _with_profile(world, asked, add_service=add_service, dry_run=dry_run)
    _refuse_profile(world, asked.tool, owner)
    request = _wiring_request(asked, owner)
    _refuse_program(asked.tool, request)
    state = _state()
    if dry_run:
        plan = setup.load(asked.tool).plan(request)
        work = changes.add(plan, _setup_of(asked), journal.read(state))
        for line in work.diff():
            click.echo(line)
        if not work.changes:
            say("nothing would change")
        return 0
    with journal.locked(state):
        known = journal.read(state)
        changes.sweep(known, state)
        plan = setup.load(asked.tool).plan(request)
        work = changes.add(plan, _setup_of(asked), known)
        changes.refuse(work)
        if to_add:
            options.add_services(world, to_add, [str(asked.service)])
            say(f"profile {to_add} names {asked.service} now")
        backups = changes.carry_out(work, state)
    for edit in work.edits.values():
        if edit.changes:
            say(f"{'changed' if edit.found.data is not None else 'made'} {_short(edit.found.path)}")
    for path, target in work.linked:
        say(f"linked {_short(path)} to {_short(target)}")
    for backup in backups:
        say(f"as it was before: {_short(backup)}")
    if not work.changes:
        say(f"{asked.tool} is set up for {asked.service} already: nothing to change")
    _tell(plan)
    if work.changes:
        say(f"to see whether it works: credhelper setup {asked.tool} --check")
    return 0


def _undo(asked: _Asked) -> int:
    state = _state()
    with journal.locked(state):
        known = journal.read(state)
        changes.sweep(known, state)
        found = _matching(known, asked)
        if not found:
            say(f"{_what(asked)} is not set up by credhelper: nothing to take back")
            return 0
        work = changes.undo(found, known)
        changes.carry_out(work, state)
    for edit in work.edits.values():
        if edit.changes:
            say(f"{'removed' if edit.gone else 'changed'} {_short(edit.found.path)}")
    for path, _ in work.unlinked:
        say(f"removed the link {_short(path)}")
    for sentence in work.left:
        warn(f"{sentence} left as it is", "see whether it is still wanted")
    say(f"{_what(asked)} is no longer set up")
    return 0


def _check(asked: _Asked) -> int:
    world = context()
    known = journal.read(_state())
    found = _matching(known, asked)
    todo = [
        _Asked(
            one.tool,
            canonical(one.service),
            one.profile,
            one.name,
            asked.bin or _bin(one),
            one.file,
        )
        for one in found
    ]
    if not found and (asked.service or not _wants_service(asked.tool)):
        todo = [_likely(world, asked)[0]]
    if not todo:
        raise NotFoundError(
            f"{asked.tool} is not set up by credhelper",
            hint=f"credhelper setup {asked.tool} --service URL",
        )
    worst = 0
    for one in todo:
        try:
            _check_one(world, one, known)
        except CredhelperError as error:
            output.complain(error)
            worst = worst or error.exit_status
    return worst


def _check_one(world: Context, asked: _Asked, known: Journal) -> None:
    asked, owner = _likely(world, asked)
    request = _wiring_request(asked, owner)
    for one in known.setups:
        if one.key == _setup_of(asked).key:
            gone = changes.missing(one, known)
            if gone:
                raise ConfigError(
                    f"{_what(asked)}: what setup wrote is gone from {', '.join(gone)}",
                    hint=_again(one),
                )
    finding = setup.load(asked.tool).check(request, ask.asker(os.environ))
    if finding.instead:
        say(f"{_what(asked)}: works, with {printable(finding.instead)}")
        _tell_rest(asked.tool, request)
        return
    if not finding.token:
        raise NotFoundError(f"{_what(asked)}: {printable(finding.trouble)}", finding.hint)
    lookup = Request("get", service=asked.service, profile=asked.profile)
    if not _wants_service(asked.tool):
        lookup = Request("get", profile=owner)
    credential = answer.get(world, lookup)
    if not hmac.compare_digest(
        finding.token.encode("utf-8", "surrogateescape"),
        credential.token.reveal().encode("utf-8", "surrogateescape"),
    ):
        raise NotFoundError(
            f"{_what(asked)}: another password answers, not the token of {credential.profile}",
            hint="is another helper asked first, or was a password stored?",
        )
    say(f"{_what(asked)}: works, with the token of profile {credential.profile}")
    _tell_rest(asked.tool, request)


# --- what they need -------------------------------------------------------------------------------


def _wants_service(tool: str) -> bool:
    return getattr(setup.load(tool), "SERVICE", True)


def _likely(world: Context, asked: _Asked) -> tuple[_Asked, str]:
    """Return what was asked, and the profile that would answer as things are, if any would."""
    found = routing.load_routes(world)
    lookup = Request("get", service=asked.service, profile=asked.profile)
    match = routes.match(found, lookup, world.environ.get("CREDHELPER_PROFILE"))
    if match is None:
        owner = asked.profile or found.default or next(iter(found.by_profile), "default")
    else:
        owner = match[0].profile
    if asked.service is None:
        # Where a profile alone will do, its API stands for the service.
        known = found.by_profile.get(owner)
        if known is None:
            raise no_match.why(found, lookup, None)
        asked = replace(asked, service=canonical(known.url))
    return asked, owner


def _refuse_profile(world: Context, tool: str, owner: str) -> None:
    needed = getattr(setup.load(tool), "NEEDS", None)
    profile = routing.load_config(world).profiles.get(owner)
    if needed and profile and not getattr(profile, needed):
        raise ConfigError(
            f"profile {owner} has no {needed}, which says what {tool} is to get",
            hint=f"credhelper profile add {owner} --{needed} folder=ID",
        )


def _with_profile(
    world: Context, asked: _Asked, *, add_service: bool, dry_run: bool
) -> tuple[_Asked, str, str | None]:
    """Return what was asked, the profile that is meant, and the one to add the service to if any.

    Raises the error that tells why no profile may answer.
    """
    found = routing.load_routes(world)
    lookup = Request("get", service=asked.service, profile=asked.profile)
    preferred = world.environ.get("CREDHELPER_PROFILE")
    match = routes.match(found, lookup, preferred)
    told = setup.load(asked.tool).PROFILE
    if match is not None:
        if asked.profile and not told:
            plain = routes.match(found, Request("get", service=asked.service), preferred)
            if plain is None or plain[0].profile != asked.profile:
                raise AmbiguousServiceError(
                    f"{asked.tool} has no place for a profile's name, and without it"
                    f" {asked.service} is not answered by {asked.profile}",
                    hint=f"credhelper profile use {asked.profile}",
                )
        return _likely(world, asked)[0], match[0].profile, None
    error = no_match.why(found, lookup, preferred)
    if isinstance(error, AmbiguousServiceError):
        error.hint = "say which: --profile NAME"
        if not told or not _terminal() or dry_run:
            raise error
        named = [route.profile for route in routes.naming(found, lookup)[0]]
        name = click.prompt("Which profile", type=click.Choice(named), err=True)
        return replace(asked, profile=name), name, None
    if isinstance(error, PathRequiredError) and asked.service:
        below = f"{asked.service.origin}/"
        deeper = next((known for known in found.by_service if known.startswith(below)), "URL")
        error.hint = f"say which: --service {deeper}"
    if not isinstance(error, UnknownServiceError) or isinstance(error, PathRequiredError):
        raise error
    profile = asked.profile or preferred or found.default
    if not profile and len(found.by_profile) == 1:
        profile = next(iter(found.by_profile))
    if profile not in found.by_profile:
        raise error
    if not add_service:
        question = f"No profile names {asked.service}. May {profile} have tokens for it?"
        if dry_run or not _terminal() or not click.confirm(question, err=True):
            raise error
    return asked, profile, None if dry_run else profile


def _wiring_request(asked: _Asked, owner: str, *, lenient: bool = False) -> WiringRequest:
    assert asked.service is not None  # noqa: S101  # told to mypy: the callers have looked
    home = paths.home(os.environ, sys.platform)
    if home is None:
        raise CacheError(paths.HOMELESS, hint="set HOME")

    def read(path: str) -> str | None:
        try:
            found = disk.look(path)
        except ConfigError:
            return ""  # there, and told of when it is to be changed
        return None if found.data is None else found.text

    module = setup.load(asked.tool)
    return WiringRequest(
        asked.service,
        asked.profile,
        owner,
        asked.name,
        _program(module.PROGRAMS, lenient=lenient),
        os.environ,
        home,
        asked.bin or getattr(module, "BIN", None) or _own_bin(home),
        read,
        asked.file,
    )


def _own_bin(home: str) -> str:
    """Return a folder where nothing else looks for programs."""
    data = os.environ.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):
        data = f"{home}/.local/share"
    return f"{data.rstrip('/')}/credhelper/bin"


def _program(names: Sequence[str], *, lenient: bool) -> program.Program:
    own = [os.path.join(os.path.dirname(sys.executable), program.NAME)]
    if os.path.isabs(sys.argv[0]):
        own.insert(0, os.path.join(os.path.dirname(sys.argv[0]), program.NAME))

    try:
        return program.find(os.environ, own, names, _version_of)
    except CredhelperError:
        if not lenient:
            raise
        everything = frozenset((program.NAME, *names))
        return program.Program(own[0], everything, everything)


@cache
def _version_of(path: str) -> str | None:
    try:
        status, told = child.run([path, "--version"], os.environ, ask.TIMEOUT)
    except (OSError, child.Unfinished):
        return None
    text = told.decode("utf-8", "replace").strip()
    return text if status == 0 and text.startswith(f"{program.NAME} ") else None


def _refuse_program(tool: str, request: WiringRequest) -> None:
    """Refuse what would not run, and warn of what may not run tomorrow."""
    module = setup.load(tool)
    ours = request.program
    needed = [name for name in module.PROGRAMS if name not in ours.on_path]
    if module.ON_PATH and needed:
        raise CredhelperError(
            f"{needed[0]} is not on PATH, where {tool} looks for it",
            hint=f"link it there: ln -s {ours.path} ~/.local/bin/{needed[0]}",
        )
    if program.passing(ours.path):
        warn(
            f"{ours.path} may be gone tomorrow",
            "install credhelper first: pipx install credhelper, or uv tool install credhelper",
        )
    elif module.ON_PATH and not ours.lasting:
        warn(
            f"{os.path.dirname(ours.path)} is on PATH only while its environment is activated",
            f"link it for good: ln -s {ours.path} ~/.local/bin/{module.PROGRAMS[0]}",
        )


def _matching(known: Journal, asked: _Asked) -> list[Setup]:
    return [
        one
        for one in known.setups
        if one.tool == asked.tool
        and (asked.service is None or one.service == str(asked.service))
        and (asked.name is None or one.name == asked.name)
        and (asked.file is None or one.file == asked.file)
    ]


def _bin(one: Setup) -> str | None:
    """Return the folder that its links are in."""
    return next((os.path.dirname(path) for path in one.links), None)


def _setup_of(asked: _Asked) -> Setup:
    return Setup(asked.tool, str(asked.service), asked.name, asked.profile, file=asked.file)


def _state() -> str:
    state = paths.state_dir(os.environ, sys.platform)
    if state is None:
        raise CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_STATE_DIR")
    return state


def _tell(plan: Plan) -> None:
    for note in plan.notes:
        click.echo(printable(note), err=True)


def _tell_rest(tool: str, request: WiringRequest) -> None:
    """Tell what is left for a person to do: the tool has its answer, but may not ask yet."""
    with suppress(CredhelperError):
        _tell(setup.load(tool).plan(request))


def _again(one: Setup) -> str:
    """Return the command that sets the same thing up once more."""
    words = ["credhelper", "setup", one.tool, "--service", one.service]
    for option, value in (("--profile", one.profile), ("--name", one.name), ("--file", one.file)):
        words += [option, value] if value else []
    return shlex.join(words)


def _what(asked: _Asked) -> str:
    return f"{asked.tool} for {asked.service}" if asked.service else asked.tool


def _in_words(one: Setup) -> str:
    more = [f"as {one.name}"] if one.name else []
    more += [f"profile {one.profile}"] if one.profile else []
    more += [f"in {_short(one.file)}"] if one.file else []
    return "  ".join([one.service, *more])


def _short(path: str) -> str:
    home = paths.home(os.environ, sys.platform)
    inside = home and path.startswith(f"{home}/")
    return printable(f"~{path[len(home or '') :]}" if inside else path)


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
