"""Variables that tools believe before they ask us, with the warning for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.standing import ProfileStatus
from credhelper.client import claims
from credhelper.config.origin import origin
from credhelper.core.model import Secret
from credhelper.core.routes import Route, Routes
from credhelper.core.text import command, printable

# What a tool reads from the environment: (variable, which tool).
TOKEN_VARIABLES = (
    ("ICA_ACCESS_TOKEN", "the ica CLI and the v1 SDK"),
    ("IAP_AUTH_TOKEN", "libiap"),
    ("IAP_TOKEN", "libiap"),
    ("IAP_ACCESS_TOKEN", "libiap"),
    ("ICAV2_ACCESS_TOKEN", "v2 tools"),
)


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
            (f"CREDHELPER_PROFILE names no profile: {printable(name)}", "unset CREDHELPER_PROFILE")
        )
    ours = _given_by_exec(environ, found)
    every = found.all()  # decoded once: there may be thousands
    grants = {route.grant for route in every}
    for variable, reader in TOKEN_VARIABLES:
        value = environ.get(variable)
        if value and value not in ours and f"env:{variable}" not in grants:
            whose = _whose(Secret(value), statuses, context.clock())
            why = f"{variable} is set: {reader} will use that token, {whose}"
            result.append((why, command("unset", variable)))
    for variable, reader in _overrides(environ, every):
        why = f"{variable} is set: {reader} will use that, and not ask credhelper"
        result.append((why, command("unset", variable)))
    for variable in _other_servers(environ, every):
        why = f"{variable} is set: tools send their token to another server than your profiles name"
        result.append((why, command("unset", variable)))
    unused = "env:CREDHELPER_API_KEY" not in grants and environ.get("CREDHELPER_API_KEY")
    if path is not None and every and unused:
        result.append((f"CREDHELPER_API_KEY is set, but does not count beside {path}", None))
    return result


def _given_by_exec(environ: Mapping[str, str], found: Routes) -> tuple[str, ...]:
    """Return the token that `exec` gave this process; nothing outside of `exec`."""
    route = found.profile(environ.get("CREDHELPER_RECORD", "").partition(":")[0])
    token = environ.get(route.variables[0]) if route else None
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
    if "ICAV2_ACCESS_TOKEN" in _variables(every, 0) and "env:ICAV2_X_API_KEY" not in keys:
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
    for variable in sorted(_variables(every, 1)):
        named = {one.url for one in every if one.variables[1] == variable}
        value = environ.get(variable)
        try:
            other = bool(value) and origin(value or "") not in named
        except ValueError:
            other = True
        if other:
            result.append(variable)
    return result


def _variables(every: Sequence[Route], which: int) -> set[str]:
    """Return the variables for tokens (0) or URLs (1) that tools of the profiles' APIs read."""
    return {route.variables[which] for route in every}
