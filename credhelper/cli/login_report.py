"""What `login` prints when it is done: who, where, how long tokens live, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from credhelper.broker import routing
from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.joining import leave_command
from credhelper.cli.output import say
from credhelper.cli.verification import Verified
from credhelper.config.profile import Profile
from credhelper.core.text import command
from credhelper.renewal.session import refreshable


def print_report(
    context: Context,
    profile: Profile,
    verified: Verified,
    wrote: list[str],
    choices: Mapping[str, str],
) -> None:
    """Print what a login came to.

    Parameters:
    - verified: what the API made of it.
    - wrote: what was written: paths, the config first.
    - choices: in words, the projects and workgroups there are to choose from.
    """
    token = verified.token
    whose = verified.who
    where = [
        profile.url,
        output.scope(profile) or (whose.get("domain", "") and f"domain {whose['domain']}"),
    ]
    life = output.span(token.expires_at - token.issued_at)
    say(f"logged in to profile {profile.name}")
    services = [str(service) for service in profile.services]
    output.table(
        [
            ("who", output.who(whose)),
            ("where", ", ".join(part for part in where if part)),
            (
                "tokens",
                f"live {life}; this one until {output.moment(token.expires_at - token.skew)}",
            ),
            ("session", _session_in_words(profile, verified)),
            ("grant", output.grant_in_words(profile.grant)),
            ("services", ", ".join(services) or "none: no tool gets a token yet"),
            *[(f"{what}s", words) for what, words in choices.items()],
            *[("wrote" if path == wrote[0] else "", path) for path in wrote],
            ("leave", leave_command(profile)),
            ("next", command("credhelper", "get", *choosing(context, profile))),
            *[("", line) for line in _wiring(profile, services)],
        ],
        commands=("leave", "next", ""),
    )


def choosing(context: Context, profile: Profile) -> list[str]:
    """Return the options that choose `profile`: none for the default one."""
    default = routing.load_config(context).default_profile == profile.name
    return [] if default else ["--profile", profile.name]


def _session_in_words(profile: Profile, verified: Verified) -> str:
    if verified.session is None:
        return ""
    idle = output.span(verified.session.expires_at - verified.session.issued_at)
    if not refreshable(verified.session):
        then = "then the grant makes another" if profile.grant else "log in with that key instead"
        return f"ends after {idle}: an API key made it, so the API does not refresh it; {then}"
    return f"kept, and refreshed whenever it is used; it ends after {idle} without use"


def _wiring(profile: Profile, services: list[str]) -> list[str]:
    if not services:
        words = ("credhelper", "profile", "add", profile.name, "--service", "https://HOST")
        return [command(*words)]
    return [command("credhelper", "setup", "git", "--service", one) for one in services[:3]]
