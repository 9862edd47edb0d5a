"""Variables that tools believe before they ask us, with the warning for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.standing import ProfileStatus
from credhelper.client import claims
from credhelper.config.origin import origin
from credhelper.config.table import said
from credhelper.core.model import Secret
from credhelper.core.routes import Route, Routes
from credhelper.core.text import command

# What a tool reads from the environment: (variable, which tool).
TOKEN_VARIABLES = (
    ("ICA_ACCESS_TOKEN", "the ica CLI and the v1 SDK"),
    ("IAP_AUTH_TOKEN", "libiap"),
    ("IAP_TOKEN", "libiap"),
    ("IAP_ACCESS_TOKEN", "libiap"),
    ("ICAV2_ACCESS_TOKEN", "v2 tools"),
)
# Where it finds a server: a URL, or a host alone.
_BASE_URLS = ("ICA_BASE_URL", "IAP_BASE_URL", "ICAV2_BASE_URL")
_SERVERS = ("ICA_SERVER_URL", "ICAV2_SERVER_URL")
_PROJECT = "ICAV2_PROJECT_ID"
# How the names begin that an API's tools read, by what `exec` lets them begin with.
_BEGINNINGS = {"ICA": ("ICA", "IAP"), "ICAV2": ("ICAV2",)}


def warnings(
    context: Context, found: Routes, path: str | None, statuses: list[ProfileStatus]
) -> list[tuple[str, str | None]]:
    """Return a message and a hint for each variable that leads tools past the profiles.

    Parameters:
    - found: the routes that the config makes.
    - path: the config file, or None.
    - statuses: the profiles that are shown.
    """
    environ = context.environ
    result: list[tuple[str, str | None]] = []
    name = environ.get("CREDHELPER_PROFILE")
    if name and found.profile(name) is None:
        result.append(
            (
                "CREDHELPER_PROFILE is set to a profile that does not exist:"
                f" {said(name, plain=True)}",
                "unset CREDHELPER_PROFILE",
            )
        )
    ours = _given_by_exec(environ, found)
    every = found.all()  # decoded once: there may be thousands
    grants = {route.grant for route in every}
    for variable, reader in TOKEN_VARIABLES:
        value = environ.get(variable)
        given = f"env:{variable}" in grants
        if value and value not in ours and not given and _concerned(every, variable):
            whose = _whose(Secret(value), statuses, context.clock())
            why = f"{variable} is set: {reader} will use that token, {whose}"
            result.append((why, command("unset", variable)))
    for variable, reader in _overrides(environ, every):
        why = f"{variable} is set: {reader} will use that, and not ask credhelper"
        result.append((why, command("unset", variable)))
    for variable in _other_servers(environ, every):
        why = f"{variable} is set: tools send their token to another server than your profiles name"
        result.append((why, command("unset", variable)))
    if _another_project(environ.get(_PROJECT), every):
        why = f"{_PROJECT} is set: tools look into another project than your profiles name"
        result.append((why, command("unset", _PROJECT)))
    unused = "env:CREDHELPER_API_KEY" not in grants and environ.get("CREDHELPER_API_KEY")
    if path is not None and every and unused:
        result.append((f"CREDHELPER_API_KEY is ignored, because {path} exists", None))
    return result


def _given_by_exec(environ: Mapping[str, str], found: Routes) -> tuple[str, ...]:
    """Return the token that `exec` gave this process; nothing outside of `exec`."""
    route = found.profile(environ.get("CREDHELPER_RECORD", "").partition(":")[0])
    token = environ.get(f"{route.variables[0]}_ACCESS_TOKEN") if route else None
    return (token,) if token else ()


def _whose(token: Secret, statuses: list[ProfileStatus], now: float) -> str:
    """Return in words whose token stands in a variable, and whether it still lives."""
    for one in statuses:
        if one.held is not None and one.held.secret == token:
            left = one.held.advertised - now
            life = f"which ends in {output.span(left)}" if left > 0 else "which has expired"
            return f"a copy of the one of profile {one.profile.name}, {life}"
    expires = (claims.payload(token.reveal()) or {}).get("exp")
    over = isinstance(expires, int) and expires <= now
    return f"not one of these{', and it has expired' if over else ''}"


def _overrides(environ: Mapping[str, str], every: Sequence[Route]) -> list[tuple[str, str]]:
    """Return the variables that a tool uses instead of asking us, and which tool does."""
    readers = {}
    if any(route.aws for route in every):
        readers["AWS_ACCESS_KEY_ID"] = "every AWS SDK and the aws CLI"
    keys = {route.grant for route in every}
    if _concerned(every, "ICAV2_X_API_KEY") and "env:ICAV2_X_API_KEY" not in keys:
        readers["ICAV2_X_API_KEY"] = "the icav2 program"
    services = sorted({service for route in every for service in route.services})
    if services:
        readers["DOCKER_AUTH_CONFIG"] = "the docker CLI"
    for service in services:
        host = service.partition("://")[2].partition("/")[0]
        # Its rule: dots become underscores, and hyphens two of them.
        readers[f"TF_TOKEN_{host.replace('-', '__').replace('.', '_')}"] = f"Terraform ({host})"
    return [(variable, who) for variable, who in readers.items() if environ.get(variable)]


def _other_servers(environ: Mapping[str, str], every: Sequence[Route]) -> list[str]:
    """Return the variables that lead an API's tools to a server that no profile of it names."""
    result = []
    for variable in (*_BASE_URLS, *_SERVERS):
        value = environ.get(variable)
        named = {route.url for route in _concerned(every, variable)} if value else set()
        if not value or not named:
            continue
        try:
            found = origin(value if "://" in value else f"https://{value}")
        except ValueError:
            found = ""
        if variable in _SERVERS:  # whatever scheme the tool adds
            found, named = _host(found), set(map(_host, named))
        if found not in named:
            result.append(variable)
    return result


def _another_project(value: str | None, every: Sequence[Route]) -> bool:
    """Tell whether `value` is a project of no profile, though each profile of v2 has one."""
    projects = {route.variables[1] for route in _concerned(every, _PROJECT)} if value else set()
    # Where a profile has none, the choice is the user's.
    return bool(projects) and "" not in projects and value not in projects


def _host(url: str) -> str:
    return url.partition("://")[2]


def _concerned(every: Sequence[Route], variable: str) -> list[Route]:
    """Return the profiles whose API's tools read `variable`."""
    beginning = variable.partition("_")[0]
    return [one for one in every if beginning in _BEGINNINGS.get(one.variables[0], ())]
