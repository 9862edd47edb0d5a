"""The group of all commands for people, on click, and how they end.

Exit statuses are the errors' own (`docs/exit-statuses.md`); nothing here ends the process.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

import click

from credhelper import __version__
from credhelper.cli import verbosity
from credhelper.cli.columns import terminal
from credhelper.cli.late import Commands, LateGroup
from credhelper.cli.output import complain
from credhelper.core.text import command
from credhelper.errors import CacheError, CredhelperError, UsageError, reason
from credhelper.protocols import PROTOCOLS

NAME = "credhelper"
_WIDEST = 100  # columns of a help
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what disks say to an answer on stdout

_EPILOG = "More: credhelper help COMMAND; help protocols. All take -q (quiet), -v (why)"


# name -> module in `commands`, attribute, what the list of commands says
_OURS = {
    "demo": ("demo", "demo", "See it work, without an account."),
    "login": ("login", "login", "Log in and save the profile."),
    "import": ("import_", "import_", "Make profiles from what other tools keep."),
    "get": ("get", "get", "Print a token."),
    "exec": ("exec", "exec_", "Run a command with a token in its environment."),
    "env": ("env", "env", "Print shell lines that set the token's variables."),
    "write": ("write", "write", "Write a token into a file."),
    "watch": ("write", "watch", "Keep a fresh token in a file until stopped."),
    "agent": ("agent", "agent", "Serve tokens to containers and ssh hosts, at a socket."),
    "fleet": ("fleet", "fleet", "Share tokens between hosts: key, check."),
    "setup": ("setup", "setup_", "Configure a tool to use credhelper; check or undo it."),
    "profile": ("profile", "profile", "List, show, add, change and remove profiles."),
    "status": ("status", "status", "Show each profile's token, and how long it lives."),
    "doctor": ("doctor", "doctor", "Find why a tool does not get a token."),
    "logout": ("logout", "logout", "Revoke the token and session, and forget them."),
    "token": ("token", "token", "Call the Tokens API by hand."),
    "sandbox": ("sandbox", "sandbox", "Run a local stand-in for the Tokens API."),
    "completion": ("completion", "completion", "Print the completion script for a shell."),
    "help": ("help", "help_", "Show the help of a command, or the list of protocols."),
    "version": ("help", "version", "Print the version."),
}
_GROUPS = {
    "Start": ("demo", "login", "import"),
    "Use": ("get", "exec", "env", "write", "watch", "agent"),
    "Configure": ("setup", "profile", "status", "doctor", "fleet", "logout"),
    "Tools": ("token", "sandbox", "completion", "help"),
}
_SHORT_HELPS = {name: f"For tools: {summary}." for name, (_, summary, _) in PROTOCOLS.items()} | {
    name: text for name, (_, _, text) in _OURS.items()
}


def _load(name: str) -> click.Command:
    if name in _OURS:
        module, attribute, _ = _OURS[name]
        path = f"credhelper.cli.commands.{module}"
        __import__(path)
        found = getattr(sys.modules[path], attribute)
        assert isinstance(found, click.Command)  # noqa: S101  # for mypy
        return verbosity.with_options(found)
    from credhelper.cli.commands import protocols

    return protocols.help_of(name, _SHORT_HELPS[name])


@click.group(
    NAME,
    cls=LateGroup,
    commands=Commands(_SHORT_HELPS, _GROUPS, _load),
    epilog=_EPILOG,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST},
)
@click.version_option(
    __version__, "-V", "--version", prog_name=NAME, message="%(prog)s %(version)s"
)
def commands() -> None:
    """Short-lived Illumina tokens for git, docker, scripts and other tools."""


commands.params += verbosity.OPTIONS


def people(arguments: Sequence[str] | None = None) -> int:
    """Run one command for a person, and return its exit status.

    Parameters:
    - arguments: the words after the program's name; by default the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _run(words)
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is too long for the buffer was lost when it was written: a flush finds nothing.
        why = _stdout_is_lost() or (reason(error) if error.errno in _FULL else "")
        if not why:
            raise
        complain(
            CacheError(f"cannot write to stdout: {why}", "free some space, or write elsewhere")
        )
        return CacheError.exit_status
    return status


def _stdout_is_lost() -> str:
    """Return why stdout takes nothing any more, and give up what it holds; "" where it does."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        # Or Python would try once more at its end, and complain in its own way.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return reason(error)
    return ""


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot show must not end the command.
            stream.reconfigure(errors="backslashreplace")
    call = verbosity.Call(words)
    # As click would, but for `shutil`, which is dear.
    width = max(min(terminal(), _WIDEST) - 2, 50)
    try:
        if not words and "_CREDHELPER_COMPLETE" not in os.environ:
            click.echo(
                commands.get_help(
                    commands.make_context(NAME, [], resilient_parsing=True, terminal_width=width)
                ),
                err=True,
            )
            return UsageError.exit_status
        answer = commands.main(
            words, prog_name=NAME, standalone_mode=False, obj=call, terminal_width=width
        )
    except CredhelperError as error:
        return _failed(call, error)
    except click.UsageError as error:
        call.as_json = verbosity.wants_json(call, error)
        return _failed(call, _usage(error, words))
    except click.Abort:
        click.echo(err=True)
        return 130
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else CredhelperError.exit_status
    return answer if isinstance(answer, int) else 0


def _failed(call: verbosity.Call, error: CredhelperError) -> int:
    """Tell of an error, to a program as well if it asked for JSON; return the exit status."""
    complain(error, quiet=call.quiet)
    if call.as_json:
        from credhelper.protocols.jsonlines import failure

        click.echo(failure(error, "1").stdout, nl=False)
    return error.exit_status


def _usage(error: click.UsageError, words: Sequence[str]) -> UsageError:
    from credhelper.config.table import LONGEST_SAID

    path = error.ctx.command_path if error.ctx else NAME
    message = error.format_message()
    for word in (part for one in words for part in (one, one.partition("=")[2])):
        if len(word) > LONGEST_SAID and not word.startswith("-"):
            message = message.replace(word, "...")  # it may be a secret
    if message.startswith("Got unexpected extra argument"):
        message = "an unexpected word, not repeated here: it may be a secret"
    return UsageError(_plain(message), hint=command(*path.split(), "--help"))


def _plain(message: str) -> str:
    """Return click's sentence in our form: lower case, and no full stop."""
    first = " ".join(message.split()).removesuffix(".")
    return first[:1].lower() + first[1:]
