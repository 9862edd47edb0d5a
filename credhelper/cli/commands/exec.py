"""`credhelper exec`: a token in a command's environment, and what renews itself beside it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping

import click

from credhelper.broker import answer, routing
from credhelper.broker.context import Context
from credhelper.cli import aws_defaults, private_cache, spawn
from credhelper.cli import aws_endpoint as endpoint
from credhelper.cli.context import command_context, profile_option, service_option
from credhelper.cli.output import span, warn
from credhelper.cli.walltime import Walltime, min_ttl_option, refresh_before_option
from credhelper.config.fleet import SECRETS
from credhelper.config.parse import Config
from credhelper.config.profile import Profile
from credhelper.core import service as services
from credhelper.core.model import Credential, Request
from credhelper.core.text import quoted, without_numbers
from credhelper.errors import CacheError, UsageError
from credhelper.protocols import get
from credhelper.tokenfile import folder as runtime
from credhelper.tokenfile import formats, keeping, renewer

PROJECT = "ICAV2_PROJECT_ID"
FILE = "BEARER_TOKEN_FILE"  # the WLCG's name for it, which other readers of token files share

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SERVICE_HELP = "The service that gets the token; a profile must cover it."


def _names(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> object:
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise UsageError(f"--var {quoted(name)} is not the name of an environment variable")
    return names


var_option = click.option(
    "--var",
    "names",
    metavar="NAME",
    multiple=True,
    callback=_names,
    help="Put the token into this variable, too. Repeatable.",
)


@click.command(
    "exec",
    short_help="Run a command with a token in its environment.",
    context_settings={"allow_interspersed_args": False},
)
@profile_option("Use this profile's token.")
@service_option(SERVICE_HELP)
@min_ttl_option
@refresh_before_option
@var_option
@click.option(
    "--refresh",
    is_flag=True,
    help=f"Keep a fresh token in a file while the command runs: its path is in {FILE}.",
)
@click.option(
    "--file-var",
    "file_names",
    metavar="NAME",
    multiple=True,
    callback=_names,
    help="With --refresh: put the file's path into this variable, too. Repeatable.",
)
@click.option(
    "--aws-endpoint",
    is_flag=True,
    help="Serve fresh AWS keys of the profile on loopback while the command runs.",
)
@click.option(
    "--walltime",
    type=Walltime(),
    metavar="TIME",
    help="How long the command may run: warn if the token ends before that.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(
    name: str | None,
    service: str | None,
    min_ttl: int,
    refresh_before: int,
    names: tuple[str, ...],
    refresh: bool,
    file_names: tuple[str, ...],
    aws_endpoint: bool,
    walltime: int | None,
    command: tuple[str, ...],
) -> int:
    """Run COMMAND with a token in its environment.

    The variables ICA_ACCESS_TOKEN, ICA_SERVER_URL (a host) and ICA_BASE_URL are for the ica program
    and the v1 SDK. For the v2 API they begin with ICAV2_, and ICAV2_PROJECT_ID is the profile's
    project, if it has one. They replace variables of the same name. exec removes the API key, and
    a fleet's key and password, from the command's environment, and keeps everything else. It passes
    signals on, and ends with the command's exit status. If no cache folder can be written, the
    command gets a cache of its own.

    A token in a variable does not renew itself. Ask for enough life with --min-ttl, let the command
    call credhelper, or add --refresh: the file in BEARER_TOKEN_FILE then always has a fresh token.
    With --aws-endpoint, AWS SDKs find the keys of the profile's `aws`, without a file, a program or
    a key in a variable.

    \b
    Examples:
      credhelper exec -- ica projects list
      credhelper exec --profile dev --min-ttl 3600 --var IAP_ACCESS_TOKEN -- ./pipeline.sh
      credhelper exec --refresh --walltime 3d -- ./three-days.sh
      credhelper exec --aws-endpoint -- python train.py
    """
    if file_names and not refresh:
        raise UsageError("--file-var goes with --refresh only")
    request = request_for(name, service, min_ttl, refresh_before)
    place = _place(request, needed=refresh or aws_endpoint)
    try:
        said: list[str] = []
        context = command_context(said, renews=True)
        credential, record, given_in, given = renewer.begin(context, request)
        _warn_of_the_end(credential, walltime, (*file_names, FILE)[0] if refresh else "")
        environ = dict(os.environ)
        for secret in ("CREDHELPER_API_KEY", *SECRETS):
            environ.pop(secret, None)
        if not context.agent:
            _hide_grants(environ, credential.profile, routing.load_config(context))
            environ["CREDHELPER_RECORD"] = f"{credential.profile}:{os.path.basename(record)}"
        environ.update(variables(credential, names))
        environ["CREDHELPER_PROFILE"] = credential.profile
        if place is None:
            answer.tidy_up()  # there is no later moment in this process
            return spawn.replace_process(command, environ)
        folder, handle = place
        beside = None
        if aws_endpoint:
            beside = endpoint.prepare(context, credential.profile, refresh_before, folder, said)
            for message, hint in aws_defaults.warnings(environ):
                warn(message, hint)
            environ = beside.environment(environ)
        answer.tidy_up()
        renews = refresh or os.environ.get(private_cache.VARIABLE) == _cache_in(folder)
        kept = keeping.Keeping(
            os.path.join(folder, "token") if renews else "",
            "token",
            credential.profile,
            service or "",
            min_ttl,
            credential.fresh_until,
            record,
            keeping.stamp(record),
            warned="\n".join(map(ascii, map(without_numbers, said))),
            folder=folder,
            handle=handle,
            refresh_before=refresh_before,
            grant=given_in,
            given=given,
        )
        if refresh:
            environ.update(dict.fromkeys((FILE, *file_names), kept.path))
        text = formats.text("token", Request("get"), credential, "")
        return spawn.run_beside_keeper(kept, text, command, environ, beside)
    except BaseException:
        if place:
            runtime.end(*place)
        raise


def _place(request: Request, *, needed: bool) -> tuple[str, int] | None:
    """Return a runtime folder and its handle if the command needs one, with a cache if need be.

    Parameters: `needed`, whether it needs one anyway. Raises CredhelperError.
    """
    wrong = private_cache.reason(os.environ, request)
    if not needed and not wrong:
        return None
    places = Context(os.environ, warn=warn).runtime_folders()
    try:
        place = runtime.begin(places, _warn_of_another_place)
    except CacheError:
        if needed:
            raise
        return None  # the command has its token, and what is wrong with the cache is told
    if wrong:
        warn(f"continuing with a cache for this command alone: {wrong.message}", wrong.hint)
        os.environ[private_cache.VARIABLE] = _cache_in(place[0])
    return place


def _cache_in(folder: str) -> str:
    return os.path.join(folder, "cache")


def _warn_of_the_end(
    credential: Credential,
    walltime: int | None,
    file: str,
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
            f"the token in {credential.variables[0]}_ACCESS_TOKEN lives another {span(left)},"
            f" and the command may run {span(walltime)}",
            f"let it read the token from the file in {file}, which is kept fresh"
            if file
            else "let it ask credhelper each time, or add --refresh for a file that is kept fresh",
        )


def _warn_of_another_place(wrong: CacheError) -> None:
    if os.environ.get("CREDHELPER_RUNTIME_DIR"):
        warn(f"CREDHELPER_RUNTIME_DIR will not do for the token file: {wrong.message}", wrong.hint)


def request_for(
    name: str | None, service: str | None, min_ttl: int, refresh_before: int
) -> Request:
    """Return the request for a token that a variable is to hold. Parameters: the options'."""
    wanted = None if service is None else services.parse(service)
    # A variable is read for as long as a file is, at the least.
    margin = max(keeping.MARGIN, refresh_before)
    return Request("get", profile=name, service=wanted, min_ttl=min_ttl, margin=margin)


def variables(credential: Credential, names: tuple[str, ...]) -> dict[str, str]:
    """Return the variables that hold a token; `names` are more of them."""
    found = get.variables(credential)
    return found | dict.fromkeys(names, credential.token.reveal())


def _hide_grants(environ: dict[str, str], profile: str, config: Config) -> None:
    """Take out what tokens of `profile` are made from or opened with, and what an `exec` set."""
    fleet = config.fleet
    grants = [config.profiles[profile].grant, *((fleet.key, fleet.password) if fleet else ())]
    for grant in grants:
        if grant is not None and grant.how == "env":
            environ.pop(grant.words[0], None)
    _take_back(environ, config.profiles)


def _take_back(environ: dict[str, str], known: Mapping[str, Profile]) -> None:
    """Take out the project that an `exec` around this one set, for another profile perhaps.

    One that the user chose stays where the profile has none: it is no secret, and no call is for
    another project than it names.
    """
    outer = known.get(environ.get("CREDHELPER_RECORD", "").partition(":")[0])
    if outer and outer.project and environ.get(PROJECT) == outer.project:
        del environ[PROJECT]
