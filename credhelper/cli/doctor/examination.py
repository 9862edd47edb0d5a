"""All checks of `credhelper doctor`, in their order, and what they found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from credhelper.broker import routing
from credhelper.broker.context import Context
from credhelper.cli.doctor import disk, fleet, machine, network, profiles, tools
from credhelper.cli.doctor.result import PASS, WARN, Check, Result, run, warned
from credhelper.config.profile import Profile
from credhelper.core import lookup
from credhelper.core.model import Request
from credhelper.errors import CredhelperError

_MOST = 20  # profiles: each may ask a server


def examine(context: Context, tool: str | None, *, offline: bool, ask_grants: bool) -> list[Result]:
    """Return what all checks found, those about the same thing together.

    Parameters:
    - tool: look at the setups of this tool, and at the profiles that they use; None for all.
    - offline: ask no server, and no tool that would.
    - ask_grants: run the commands, and ask the keyrings, that have grants.
    """
    done: dict[tuple[str, str], Result] = {}
    try:
        _examine(context, tool, done, offline=offline, ask_grants=ask_grants)
    except CredhelperError as error:
        run([Check("doctor", "", partial(tools.raised, error))], done)
    order = list(dict.fromkeys(about for _, about in done))
    return sorted(done.values(), key=lambda one: order.index(one.about))


def _examine(
    context: Context,
    tool: str | None,
    done: dict[tuple[str, str], Result],
    *,
    offline: bool,
    ask_grants: bool,
) -> None:
    run(disk.checks(context), done)
    run(machine.checks(context), done)
    if done["config", ""].state in (PASS, WARN):
        wanted = _wanted(context, tool)
        shown = wanted[:_MOST]
        if wanted[_MOST:]:
            text = f"{_MOST} of {len(wanted)} are looked at"
            look = warned(text, "credhelper doctor TOOL, or credhelper status")
            run([Check("profiles", "", lambda: look)], done)
        run(network.checks(context, shown, offline=offline), done)
        fleet_checks = fleet.checks(context, routing.load_config(context), offline=offline)
        run(fleet_checks, done)
        run(profiles.checks(context, shown, offline=offline, ask_grants=ask_grants), done)
    run(tools.checks(context, tool, offline=offline), done)


def _wanted(context: Context, tool: str | None) -> list[Profile]:
    """Return the profiles to look at, the default one first."""
    config = routing.load_config(context)
    first = context.environ.get("CREDHELPER_PROFILE") or config.default_profile
    every = sorted(config.profiles.values(), key=lambda one: one.name != first)
    if tool is None:
        return every
    from credhelper.cli.setup.check import arguments_of

    found = routing.load_routes(context)
    owners = set()
    try:
        setups = tools.setups(context, tool)[1]
    except CredhelperError:
        return every  # the check of the journal tells
    for one in setups:
        arguments = arguments_of(one)
        request = Request("get", service=arguments.service, profile=one.profile)
        match = lookup.match(found, request, context.environ.get("CREDHELPER_PROFILE"))
        owners.add(match[0].profile if match else first)
    return [one for one in every if one.name in owners] or every[:1]


def logins(context: Context) -> list[str]:
    """Return the login names in the config, as far as it can be read."""
    try:
        found: Mapping[str, Profile] = routing.load_config(context).profiles
    except CredhelperError:
        return []
    return [one.user for one in found.values() if one.user]
