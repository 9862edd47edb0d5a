"""`credhelper exec` and `credhelper env`: a token in the environment, for what reads it there."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from typing import NoReturn

import click

from credhelper.broker import answer, routing
from credhelper.broker.context import Context
from credhelper.cli.context import context, profile_option
from credhelper.cli.output import complain, flush, span, warn
from credhelper.core import service as services
from credhelper.core.model import Credential, Request
from credhelper.core.text import one_line, quoted
from credhelper.errors import CacheError, CredhelperError, UsageError
from credhelper.protocols.options import LONGEST
from credhelper.tokenfile import folder as runtime
from credhelper.tokenfile import formats, keeper

FILE = "BEARER_TOKEN_FILE"  # the WLCG's name for it, which other readers of token files share

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPAN = re.compile(r"([0-9]{1,9})([smhd]?)")
# As Slurm writes it, [[D-]H:]M:S, and as its users may: D-H, D-H:M.
_CLOCK = re.compile(r"(?:(?:([0-9]{1,5})-)?([0-9]{1,5}):)?([0-9]{1,5}):([0-9]{1,2})")
_DAYS = re.compile(r"([0-9]{1,5})-([0-9]{1,5})(?::([0-9]{1,2}))?()")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_CANNOT_RUN, _NO_COMMAND = 126, 127
# By name: Windows does not have them all.
_STOPS = [getattr(signal, n) for n in ("SIGHUP", "SIGINT", "SIGTERM") if hasattr(signal, n)]
_IGNORED_BY_PYTHON = [getattr(signal, n) for n in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, n)]
_SERVICE_HELP = "Whom the token is for: a profile must name it."
_TTL = click.IntRange(0, LONGEST)


def _names(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> object:
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise UsageError(f"--var {quoted(name)} is not the name of an environment variable")
    return names


_var_option = click.option(
    "--var",
    "names",
    metavar="NAME",
    multiple=True,
    callback=_names,
    help="Put the token into this variable, too. May be given several times.",
)


class Walltime(click.ParamType[int]):
    """A job's length: seconds, `90m`, `36h`, `2d`, or as Slurm has it: `[[D-]H:]M:S`, `D-H[:M]`."""

    name = "walltime"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> int:
        """Return the seconds that `value` tells."""
        text = str(value)
        if text.upper() in ("UNLIMITED", "INFINITE"):
            return 0  # nobody knows when it ends
        if told := _SPAN.fullmatch(text):
            return int(told[1]) * _UNITS[told[2]]
        if told := _CLOCK.fullmatch(text) or _DAYS.fullmatch(text):
            days, hours, minutes, seconds = (int(each or 0) for each in told.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        raise click.BadParameter("expected seconds, or a time like '36h' or '1-12:00:00'")


@click.command(
    "exec",
    short_help="Run a command with a token in its environment.",
    context_settings={"allow_interspersed_args": False},
)
@profile_option("Use the token of this profile.")
@click.option("--service", metavar="URL", help=_SERVICE_HELP)
@click.option("--min-ttl", type=_TTL, default=0, metavar="SECONDS", help="Life it must have left.")
@_var_option
@click.option(
    "--refresh",
    is_flag=True,
    help=f"Keep a fresh token in a file as long as the command runs: its path is in {FILE}.",
)
@click.option(
    "--file-var",
    "file_names",
    metavar="NAME",
    multiple=True,
    callback=_names,
    help="With --refresh: put the file's path into this variable, too. May be given several times.",
)
@click.option(
    "--walltime",
    type=Walltime(),
    metavar="TIME",
    help="How long the command may run: a token that ends before that is warned of.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(
    name: str | None,
    service: str | None,
    min_ttl: int,
    names: tuple[str, ...],
    refresh: bool,
    file_names: tuple[str, ...],
    walltime: int | None,
    command: tuple[str, ...],
) -> int:
    """Run COMMAND with a token in ICA_ACCESS_TOKEN and the API's URL in ICA_BASE_URL.

    For the v2 API they are ICAV2_ACCESS_TOKEN and ICAV2_BASE_URL. The API key is taken out of the
    command's environment; everything else stays. Signals and the exit status are the command's own.
    A token in a variable cannot be renewed while the command runs: ask for enough life with
    --min-ttl, or let the command call credhelper itself, or use --refresh: then the file named in
    BEARER_TOKEN_FILE always holds a fresh one.

    \b
    Examples:
      credhelper exec -- ica projects list
      credhelper exec --profile dev --min-ttl 3600 --var IAP_ACCESS_TOKEN -- ./pipeline.sh
      credhelper exec --refresh --walltime 3d -- ./three-days.sh
    """
    if file_names and not refresh:
        raise UsageError("--file-var goes with --refresh only")
    said: list[str] = []
    world = context(said)
    credential, record = _credential(world, name, service, min_ttl, refresh)
    _warn_of_the_end(credential, walltime, refresh)
    environ = dict(os.environ)
    environ.pop("CREDHELPER_API_KEY", None)
    grant = routing.load_config(world).profiles[credential.profile].grant
    if grant is not None and grant.how == "env":
        environ.pop(grant.words[0], None)
    environ.update(_variables(credential, names))
    environ["CREDHELPER_PROFILE"] = credential.profile
    environ["CREDHELPER_RECORD"] = f"{credential.profile}:{os.path.basename(record)}"
    if not refresh:
        return _become(command, environ)
    folder, handle = runtime.begin(world.runtime_folders(), _warn_of_another_place)
    order = keeper.Order(
        os.path.join(folder, "token"),
        "token",
        credential.profile,
        service or "",
        min_ttl,
        credential.fresh_until,
        record,
        keeper.stamp(record),
        said="\n".join(map(ascii, said)),
        folder=folder,
        handle=handle,
    )
    environ.update(dict.fromkeys((FILE, *file_names), order.path))
    text = formats.text("token", Request("get"), credential, "")
    return _accompany(order, text, command, environ)


def _warn_of_the_end(
    credential: Credential,
    walltime: int | None,
    refresh: bool,
    clock: Callable[[], float] = time.time,
) -> None:
    now = clock()
    if walltime is None:
        # Slurm tells when the job will be ended, in Unix seconds.
        end = os.environ.get("SLURM_JOB_END_TIME", "")
        walltime = int(end) - int(now) if end.isascii() and end.isdigit() and len(end) < 12 else 0
    left = credential.expires_at - now
    if left < walltime:
        warn(
            f"the token in {credential.variables[0]} lives another {span(left)},"
            f" and the command may run {span(walltime)}",
            f"let it read the file in {FILE}, which is kept fresh"
            if refresh
            else "let it ask credhelper each time, or add --refresh for a file that is kept fresh",
        )


def _warn_of_another_place(wrong: CacheError) -> None:
    if os.environ.get("CREDHELPER_RUNTIME_DIR"):
        warn(f"CREDHELPER_RUNTIME_DIR will not do for the token file: {wrong.message}", wrong.hint)


@click.command(short_help="Print lines that put a token into a shell.")
@profile_option("Use the token of this profile.")
@click.option("--service", metavar="URL", help=_SERVICE_HELP)
@click.option("--min-ttl", type=_TTL, default=0, metavar="SECONDS", help="Life it must have left.")
@_var_option
@click.option(
    "--shell", type=click.Choice(("sh", "fish", "json")), default="sh", help="For which shell."
)
def env(
    name: str | None, service: str | None, min_ttl: int, names: tuple[str, ...], shell: str
) -> None:
    """Print lines that put a token into a shell's environment. The token does not renew itself.

    \b
    Examples:
      eval "$(credhelper env)"
      credhelper env --shell fish | source
      credhelper env --shell json --var IAP_ACCESS_TOKEN
    """
    credential, _ = _credential(context(), name, service, min_ttl, refresh=False)
    variables = _variables(credential, names)
    if shell == "json":
        click.echo(json.dumps(variables))
        return
    for variable, value in variables.items():
        if shell == "fish":
            inner = value.replace("\\", "\\\\").replace("'", "\\'")
            click.echo(f"set -gx {variable} '{inner}'")
        else:
            click.echo(f"export {variable}={shlex.quote(value)}")


def _credential(
    world: Context, name: str | None, service: str | None, min_ttl: int, refresh: bool
) -> tuple[Credential, str]:
    wanted = None if service is None else services.parse(service)
    request = Request("get", profile=name, service=wanted, min_ttl=min_ttl)
    if refresh:
        request.margin = keeper.MARGIN
    return answer.get_with_record(world, request)


def _variables(credential: Credential, names: tuple[str, ...]) -> dict[str, str]:
    token = one_line(credential.token.reveal(), "token")
    for_token, for_url = credential.variables
    return {for_token: token, for_url: credential.url, **dict.fromkeys(names, token)}


def _accompany(
    order: keeper.Order, text: str, command: tuple[str, ...], environ: dict[str, str]
) -> NoReturn:
    """Start `command`, and turn into the keeper of its token file. Does not return."""
    try:
        formats.put(order.path, text.encode())
        order.written = keeper.stamp(order.path)
        _start(order, command, environ)
    except BaseException:
        runtime.end(order.folder, order.handle)
        raise
    keeper.become(order)


def _start(order: keeper.Order, command: tuple[str, ...], environ: dict[str, str]) -> None:
    """Start `command` in a process of its own."""
    flush()
    # Blocked from here on: none may come between the start of the command and its keeper.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, keeper.watched())
    order.child = os.fork()
    if order.child == 0:
        status = _CANNOT_RUN
        try:
            os.close(order.handle)
            status = _become(command, environ, before)
            flush()
        finally:
            os._exit(status)
    runtime.serve(order.folder, order.child)


def _become(command: tuple[str, ...], environ: dict[str, str], mask: set[int] | None = None) -> int:
    """Turn this process into `command`; returns an exit status only if that cannot be done.

    Parameters: `mask`, the signals that the command is to find blocked, if that was changed.
    """
    flush()
    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        if not command[0]:
            raise FileNotFoundError
        os.execvpe(command[0], list(command), environ)  # noqa: S606  # that is what exec is for
    except (FileNotFoundError, NotADirectoryError):
        complain(CredhelperError(f"command {quoted(command[0])} not found"))
        return _NO_COMMAND
    except (OSError, ValueError) as error:
        code = (error.errno if isinstance(error, OSError) else None) or errno.EINVAL
        why = os.strerror(code).lower()
        hint = "does it begin with a #! line?" if code == errno.ENOEXEC else None
        complain(CredhelperError(f"command {quoted(command[0])} cannot be run: {why}", hint))
        return _CANNOT_RUN
