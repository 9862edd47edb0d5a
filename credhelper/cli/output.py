"""Print for a person: lines, tables, warnings and errors, escaped and without secrets."""

from __future__ import annotations

import os
import sys
import time

import click

from credhelper.cli import columns, verbosity
from credhelper.core.digest import sha256
from credhelper.core.text import complaint, printable
from credhelper.errors import CredhelperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from credhelper.config.profile import Grant, Profile, Resource
    from credhelper.core.model import Secret

_BAR = 16
_UNITS = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))


def say(text: str = "") -> None:
    """Print one line on stdout, with all that could move a terminal's cursor escaped."""
    click.echo(printable(text))


def table(
    rows: Iterable[tuple[str, str]],
    indent: int = 2,
    *,
    commands: Collection[str] = (),
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print rows of a name and a text; a row without a name continues the one above.

    On a screen that is too narrow, a text goes on in the next line.

    Parameters:
    - indent: blanks before each name.
    - commands: names of rows whose text is a command, which stays on one line.
    - colours: a colour of click's for the first word of a text, by the row's name.
    """
    rows = [(printable(name), printable(text)) for name, text in rows if text]
    begin = indent + max((len(name) for name, _ in rows), default=0) + 2
    room = columns.screen()
    lines = []
    for name, text in rows:
        whole = name in commands
        parts = [text] if whole else columns.wrapped(text, room and room - begin)
        label = f"{'':{indent}}{name}".ljust(begin)
        if room and begin + max(map(columns.width, parts)) > room:
            lines += [label.rstrip()] if name else []
            parts = [text] if whole else columns.wrapped(text, room - 2 * indent)
            begins = [" " * 2 * indent] * len(parts)
        else:
            begins = [label, *[" " * begin] * (len(parts) - 1)]
        if name in (colours or {}):
            word, colon, rest = parts[0].partition(":")
            parts[0] = coloured(word, (colours or {})[name]) + colon + rest
        lines += map(str.__add__, begins, parts)
    if lines:
        click.echo("\n".join(lines), color=fancy())  # click flushes each time


def fitted(text: str, at: int) -> str:
    """Return `text` in lines of whole words, on a screen that is too narrow for one.

    Parameters:
    - at: the column in which the text begins, and each further line of it.
    """
    room = columns.screen()
    return f"\n{'':{at}}".join(columns.wrapped(text, room and room - at))


def warn(message: str, hint: str | None = None) -> None:
    """Print a warning on stderr, and what can be done about it; nothing with -q."""
    if not verbosity.current().quiet:
        click.echo(complaint(message, hint, "warning"), nl=False, err=True)


def tell(text: str) -> None:
    """Print one line on stderr, beside what a command prints; nothing with -q."""
    if not verbosity.current().quiet:
        click.echo(printable(text), err=True)


def tell_person(text: str) -> None:
    """Print one line on stderr where that is a terminal; nothing with -q."""
    if sys.stderr is not None and sys.stderr.isatty():
        tell(text)


def complain(error: CredhelperError, *, quiet: bool = False) -> None:
    """Print an error on stderr, and the next step if it is known.

    Parameters: `quiet`, leave the next step out, as -q does.
    """
    quiet = quiet or verbosity.current().quiet
    click.echo(complaint(error.message, None if quiet else error.hint), nl=False, err=True)


def flush() -> None:
    """Write out what stdout and stderr hold, before this process turns into another program."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # its handle was closed when we started
            stream.flush()


def span(seconds: float) -> str:
    """Return a length of time in the largest unit that leaves two of it: `90 min`, `18 h`."""
    for unit, word in _UNITS:
        # A second short of two hours is two hours to a person.
        if seconds >= 1.95 * unit:
            return f"{round(seconds / unit)} {word}"
    return f"{max(0, round(seconds))} s"


def fancy() -> bool:
    """Tell whether stdout takes colours and bars: a terminal does, unless it is told not to."""
    environ = os.environ
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return environ.get("TERM") != "dumb" and sys.stdout is not None and sys.stdout.isatty()


def coloured(text: str, colour: str) -> str:
    """Return `text` in a `colour` of click's, where colours are wanted."""
    return click.style(text, fg=colour) if fancy() else text


def bar(left: float, whole: float) -> str:
    """Return how much of `whole` is `left`, as a picture of fixed width."""
    part = min(max(left / whole, 0), 1) if whole > 0 else 0
    filled = round(part * _BAR)
    return f"[{'#' * filled}{'-' * (_BAR - filled)}]"


def moment(seconds: float, local: Callable[[float], time.struct_time] = time.localtime) -> str:
    """Return Unix `seconds` in local time, with the offset: `2026-01-02 03:04:05 +01:00`."""
    text = time.strftime("%Y-%m-%d %H:%M:%S %z", local(seconds))
    return f"{text[:-2]}:{text[-2:]}"


def fingerprint(secret: Secret) -> str:
    """Return 8 hex digits of a secret's SHA-256: enough to compare, and safe to paste."""
    return sha256(secret.reveal().encode("utf-8", "surrogatepass"))[:8]


def resource_in_words(resource: Resource | None) -> str | None:
    """Return what AWS credentials are for, as `--aws` takes it; None for nothing."""
    if resource is None:
        return None
    from credhelper.config.profile import APIS, RESOURCE_KEYS

    keys = RESOURCE_KEYS[resource.how]
    words = [f"{key}={word}" for key, word in zip(keys, resource.words, strict=True)]
    if resource.read_only:
        words.append("read_only")
    if resource.lifetime not in {api.aws_lifetime for api in APIS.values()}:
        words.append(f"lifetime={resource.lifetime}s")
    return ",".join(words)


def grant_in_words(grant: Grant | None) -> str:
    """Return where a long-lived secret comes from, as a person would say it."""
    if grant is None:
        return "none: login keeps a session"
    words = [printable(word) for word in grant.words]
    part = f"member {printable(grant.member)} in " if grant.member else ""
    if grant.how == "command":
        import shlex

        return f"{part}the output of: {shlex.join(words)}"
    if grant.how == "keyring":
        return f"{part}the keyring's entry {words[0]} of {words[1]}"
    return f"{part}the {'environment variable' if grant.how == 'env' else 'file'} {words[0]}"


def who(identity: Mapping[str, str]) -> str:
    """Return a person as `name (login name)`, from claims or details."""
    name, login = identity.get("name", ""), identity.get("username", "")
    if name and login:
        return f"{name} ({login})"
    return name or login or identity.get("uid", "") or identity.get("sub", "")


def scope(profile: Profile) -> str:
    """Return what a profile's tokens are limited to, or in v2 the project of its tools."""
    parts = (
        ("domain", profile.domain),
        ("workgroup", profile.cwid),
        ("project", profile.cid or profile.project),
        ("scopes", ",".join(profile.scopes)),
    )
    return ", ".join(f"{name} {text}" for name, text in parts if text)
