"""`credhelper write` and `credhelper watch`: a token in a file, once or as long as it is needed."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import click

from credhelper.broker import answer, given_files
from credhelper.cli import spawn, verbosity
from credhelper.cli.context import command_context, profile_option, service_option
from credhelper.cli.output import flush, moment, span, tell_person, warn
from credhelper.cli.walltime import min_ttl_option, refresh_before_option
from credhelper.core import service as services
from credhelper.core.text import command, printable, without_numbers
from credhelper.errors import CacheError, RequestError, UsageError
from credhelper.tokenfile import formats, keeping, netrc, renewer

# Whoever wrote into the file behind one of these would lose it: what we write replaces a file.
_STREAM = re.compile(r"/dev/(std(in|out|err)$|fd/)|/proc/")
_Command = Callable[..., Any]


def _options(wrapped: _Command) -> _Command:
    for option in reversed(
        (
            click.option(
                "--to",
                "path",
                metavar="FILE",
                required=True,
                type=click.Path(dir_okay=False),
                help="The file. It is replaced whole, and readable by you alone.",
            ),
            click.option(
                "--format",
                "form",
                type=click.Choice(formats.FORMATS),
                default="token",
                show_default=True,
                help="Its shape. netrc, ica-config and aws-credentials keep what else is in there.",
            ),
            profile_option("Use this profile's token."),
            service_option("The service that gets the token; a profile must cover it."),
            min_ttl_option,
            refresh_before_option,
        )
    ):
        wrapped = option(wrapped)
    return wrapped


@click.command(short_help="Write a token into a file.")
@_options
def write(
    path: str, form: str, name: str | None, service: str | None, min_ttl: int, refresh_before: int
) -> None:
    """Write a token into FILE once. It does not renew itself there: see `credhelper watch`.

    The ica-config format is the session file of the ica and icav2 programs
    (~/.ica/.session.REGION.yaml, ~/.icav2/.session.ica.yaml). The aws-credentials format is AWS's
    shared credentials file: its section [PROFILE] gets the AWS keys of the profile, for programs
    that read only a file. Other programs renew the keys themselves: see `credhelper setup aws`.

    \b
    Examples:
      credhelper write --to ~/.config/curl-token --format curl
      credhelper write --to ~/.netrc --format netrc --service https://files.example
      credhelper write --to ~/.ica/.session.aps2.yaml --format ica-config
      credhelper write --to ~/.aws/credentials --format aws-credentials --profile work
    """
    kept, expires = _written(path, form, name, service, min_ttl, refresh_before)
    _tell(kept, expires)
    tell_person(f"it is not renewed there: to keep it fresh: {_watching(kept, name)}")


@click.command(short_help="Keep a fresh token in a file until stopped.")
@_options
def watch(
    path: str, form: str, name: str | None, service: str | None, min_ttl: int, refresh_before: int
) -> None:
    """Write a token into FILE, and replace it before it expires, until a signal stops it.

    The file stays. Waiting costs almost nothing.

    \b
    Examples:
      credhelper watch --to /run/credhelper/token &
      credhelper watch --to ~/.icav2/.session.ica.yaml --format ica-config &
      credhelper watch --to ~/.aws/credentials --format aws-credentials --profile work &
    """
    kept, expires = _written(path, form, name, service, min_ttl, refresh_before)
    _tell(kept, expires)
    tell_person(f"the next one comes at {moment(kept.due)}, or earlier if this one is replaced")
    tell_person("Ctrl-C ends this, and the file stays")
    flush()
    answer.tidy_up()
    if verbosity.current().quiet:
        spawn.hush()
    signal.pthread_sigmask(signal.SIG_BLOCK, keeping.watched())
    keeping.become(kept)


def _tell(kept: keeping.Keeping, expires: int, clock: Callable[[], float] = time.time) -> None:
    """Tell a person what was written, and how long it lives.

    Parameters: `expires`, Unix seconds; `clock`, likewise.
    """
    what = "AWS keys" if kept.form == formats.AWS_FORM else "token"
    life = f"{span(expires - clock())}, until {moment(expires)}"
    tell_person(f"wrote the {what} of profile {kept.profile} to {kept.path}: good for {life}")


def _watching(kept: keeping.Keeping, name: str | None) -> str:
    """Return the command that keeps a written file fresh. Parameters: `name`, the profile's."""
    words = ["credhelper", "watch", "--to", kept.path]
    words += ["--format", kept.form] if kept.form != "token" else []
    words += ["--profile", name] if name else []
    words += ["--service", kept.service] if kept.service else []
    return command(*words)


def _absolute(path: str) -> str:
    if not path or _STREAM.match(path):
        raise UsageError(
            "--to needs the name of a file",
            hint="for stdout: credhelper get, which knows the same formats",
        )
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise CacheError(f"cannot write {printable(path)}: the current folder is gone") from None


def _written(
    path: str, form: str, name: str | None, service: str | None, min_ttl: int, refresh_before: int
) -> tuple[keeping.Keeping, int]:
    """Return what a keeper needs, and when that which was written expires, in Unix seconds."""
    path = _absolute(path)
    receiver = None if service is None else services.parse(service)
    request = formats.request_for(form, name, receiver, min_ttl, refresh_before)
    before = formats.read(path)  # refuses a file that we do not replace, before a token is made
    said: list[str] = []
    context = command_context(said, renews=True)
    credential, record, grant, given = renewer.begin(context, request)
    try:
        formats.text(form, request, credential, before)  # refuses it before it is noted
        given_files.note(context, path, credential.profile)
        text = formats.update(path, form, request, credential, context.cache_folder())
    except RequestError as wrong:
        raise RequestError(f"{printable(path)}: {wrong.message}", wrong.hint) from None
    if form == "netrc" and request.service:
        host = request.service.host
        if netrc.shadowed(text, host, credential.username):
            warn(
                f"{path} has another login for {host} above this one, and most readers take the"
                " first",
                "remove that one, or write to a file of its own: curl --netrc-file FILE",
            )
    kept = keeping.Keeping(
        path,
        form,
        credential.profile,
        str(request.service or ""),
        min_ttl,
        credential.fresh_until,
        record,
        keeping.stamp(record),
        keeping.stamp(path),
        "\n".join(map(ascii, map(without_numbers, said))),
        refresh_before=refresh_before,
        grant=grant,
        given=given,
    )
    return kept, credential.expires_at
