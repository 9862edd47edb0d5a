"""Checks of the way to each API server: proxy, name, connection, certificate, answer, clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.doctor.result import Check, Outcome, SkippedError, passed, warned
from credhelper.client.http import probe
from credhelper.config.profile import APIS, Profile
from credhelper.core.service import is_loopback, parse
from credhelper.core.text import command
from credhelper.errors import CredhelperError, MalformedAnswerError, UnreachableError

SERVER = "server"
_TUNNELS = "http"  # the scheme of proxies that this can look through
_DIFFERS = 60  # seconds between clocks that may surprise
_CA = "name a file of authorities in PEM form there, or none"
_OTHERWISE = "check the url of the profile; else try again later"
_TOO_FAR = 900  # seconds: AWS refuses what is signed with such a clock
_TOKENS = {"iap": "/v1/tokens", "ica": "/ica/rest/api/tokens"}


def checks(context: Context, profiles: Iterable[Profile], *, offline: bool) -> list[Check]:
    """Return the checks of the servers of `profiles`; each server, with its CA file, once."""
    found: list[Check] = []
    seen = set()
    for profile in profiles:
        if (profile.url, profile.ca_file) not in seen:
            seen.add((profile.url, profile.ca_file))
            found += _of_server(context, profile, offline=offline)
    return found


def about(profile: Profile) -> str:
    """Return what the checks of this profile's server are about."""
    return profile.url if profile.ca_file is None else f"{profile.url} ({profile.name})"


def _of_server(context: Context, profile: Profile, *, offline: bool) -> list[Check]:
    name = about(profile)
    local = [
        Check("region", name, partial(_region, profile)),
        Check("proxy", name, partial(_proxy, context, profile), (), "correct that variable"),
        Check("authorities", name, partial(_authorities, context, profile), (), _CA),
    ]
    # The same exchange serves two checks.
    exchange = cache(partial(_exchange, context, profile))
    looks: dict[str, Callable[[], Outcome]] = {
        "dns": partial(_dns, context, profile),
        "connection": partial(_connection, context, profile),
        "certificate": partial(_certificate, context, profile),
        SERVER: lambda: _server(profile, exchange()),
        "clock": lambda: _clock(exchange()),
    }
    remote = []
    needs: tuple[tuple[str, str], ...] = (("proxy", name), ("authorities", name))
    for step, look in looks.items():
        alike = step in ("dns", "connection")
        remote.append(Check(step, name, _offline if offline else look, needs, _OTHERWISE, alike))
        needs = ((step, name),)
    return local + remote


def _offline() -> Outcome:
    raise SkippedError("--offline")


def _region(profile: Profile) -> Outcome:
    host = parse(profile.url).host
    api = APIS[profile.api]
    if is_loopback(host):
        return passed("this machine: a sandbox or a tunnel")
    if profile.url.endswith(api.hosts):
        default = ", the default" if profile.url == api.url else ""
        return passed(f"{host}{default}")
    return warned(
        f"{host} is not a host of Illumina's that is known here ({api.url} is)",
        "if that is not meant: "
        + command("credhelper", "profile", "set", profile.name, "--url", "URL"),
    )


def _proxy(context: Context, profile: Profile) -> Outcome:
    found = probe.way(profile.url, context.environ)
    return passed(f"through {found.name}" if found else "none: direct")


def _authorities(context: Context, profile: Profile) -> Outcome:
    if parse(profile.url).scheme != "https":
        return passed("not needed: plain http on this machine")
    return passed(probe.trusted(profile.ca_file, context.environ))


def _dns(context: Context, profile: Profile) -> Outcome:
    found = probe.resolve(profile.url, probe.way(profile.url, context.environ))
    return passed(f"{found} is known")


def _connection(context: Context, profile: Profile) -> Outcome:
    reached = probe.connect(profile.url, probe.way(profile.url, context.environ))
    return passed(f"{reached} takes connections")


def _certificate(context: Context, profile: Profile) -> Outcome:
    proxy = probe.way(profile.url, context.environ)
    if parse(profile.url).scheme != "https":
        return passed("not needed: plain http on this machine")
    if proxy and not proxy.name.startswith(f"{_TUNNELS}:"):
        return passed(f"not looked at: {proxy.name} is a proxy of a kind that doctor cannot use")
    return passed(probe.certificate(profile.url, proxy, profile.ca_file, context.environ))


def _exchange(context: Context, profile: Profile) -> probe.Seen:
    proxy = probe.way(profile.url, context.environ)
    if proxy and not proxy.name.startswith(f"{_TUNNELS}:"):
        raise SkippedError(f"{proxy.name} is a proxy of a kind that doctor cannot use")
    path = _TOKENS[profile.api]
    return probe.exchange(profile.url, path, proxy, profile.ca_file, context.environ)


def _server(profile: Profile, seen: probe.Seen) -> Outcome:
    portal = "does a captive portal or a proxy answer in its place? check the url of the profile"
    error: CredhelperError | None = None
    if seen.status >= 500:
        error = UnreachableError(f"it answered {seen.status}", "try again later")
    elif 300 <= seen.status < 400:
        error = MalformedAnswerError(f"it answered {seen.status}, a redirect", portal)
    elif seen.status == 404 or "html" in seen.kind.lower():
        what = "with a web page" if "html" in seen.kind.lower() else "404"
        error = MalformedAnswerError(f"it answered {what}: this is no Tokens API", portal)
    if error:
        raise error
    return passed(f"it answers as {'v2' if profile.api == 'ica' else 'v1'} of the Tokens API does")


def _clock(seen: probe.Seen) -> Outcome:
    if abs(seen.skew) <= _DIFFERS:
        return passed("it agrees with ours")
    side = "behind" if seen.skew > 0 else "ahead of"
    why = f"ours is {output.span(abs(seen.skew))} {side} the server's"
    cure = "set the clock of this machine: sudo timedatectl set-ntp true"
    if abs(seen.skew) >= _TOO_FAR:
        raise CredhelperError(f"{why}: tools and AWS refuse what is so far off", cure)
    return warned(why, cure)
