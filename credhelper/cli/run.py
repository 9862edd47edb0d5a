"""`credhelper exec` and `credhelper env`: a token in the environment, for what reads it there."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import sys

import click

from credhelper import service as services
from credhelper import wiring
from credhelper.cli.telling import complain
from credhelper.cli.world import context, profile_option
from credhelper.encode import one_line, quoted
from credhelper.errors import CredhelperError, UsageError
from credhelper.model import Credential, Request
from credhelper.protocols.options import LONGEST

TOKEN, URL = "ICA_ACCESS_TOKEN", "ICA_BASE_URL"  # a variable's name

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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


@click.command(
    "exec",
    short_help="Run a command with a token in its environment.",
    context_settings={"allow_interspersed_args": False},
)
@profile_option("Use the token of this profile.")
@click.option("--service", metavar="URL", help=_SERVICE_HELP)
@click.option("--min-ttl", type=_TTL, default=0, metavar="SECONDS", help="Life it must have left.")
@_var_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(
    name: str | None,
    service: str | None,
    min_ttl: int,
    names: tuple[str, ...],
    command: tuple[str, ...],
) -> int:
    """Run COMMAND with a token in ICA_ACCESS_TOKEN and the API's URL in ICA_BASE_URL.

    The API key is taken out of the command's environment; everything else stays. Signals and the
    exit status are the command's own. The token is not renewed while the command runs: ask for
    enough life with --min-ttl, or let the command call credhelper itself.

    \b
    Examples:
      credhelper exec -- ica projects list
      credhelper exec --profile dev --min-ttl 3600 --var IAP_ACCESS_TOKEN -- ./pipeline.sh
    """
    world = context()
    credential, record = _credential(world, name, service, min_ttl)
    environ = dict(os.environ)
    environ.pop("CREDHELPER_API_KEY", None)
    grant = wiring.load_config(world).profiles[credential.profile].grant
    if grant is not None and grant.how == "env":
        environ.pop(grant.words[0], None)
    environ.update(_variables(credential, names))
    environ["CREDHELPER_PROFILE"] = credential.profile
    environ["CREDHELPER_RECORD"] = f"{credential.profile}:{os.path.basename(record)}"
    return _become(command, environ)


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
    credential, _ = _credential(context(), name, service, min_ttl)
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
    world: wiring.Context, name: str | None, service: str | None, min_ttl: int
) -> tuple[Credential, str]:
    wanted = None if service is None else services.parse(service)
    request = Request("get", profile=name, service=wanted, min_ttl=min_ttl)
    return wiring.get_with_record(world, request)


def _variables(credential: Credential, names: tuple[str, ...]) -> dict[str, str]:
    token = one_line(credential.token.reveal(), "token")
    return {TOKEN: token, URL: credential.url, **dict.fromkeys(names, token)}


def _become(command: tuple[str, ...], environ: dict[str, str]) -> int:
    """Turn this process into `command`; returns an exit status only if that cannot be done."""
    sys.stdout.flush()
    sys.stderr.flush()
    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
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
