"""Checks of the surroundings: PATH, and variables that tools believe before they ask us."""

from __future__ import annotations

import os
import sys
from functools import partial

from credhelper import __version__
from credhelper.broker import routing
from credhelper.broker.context import Context
from credhelper.cli import front, shadowing
from credhelper.cli.doctor.result import Check, Outcome, passed, warned
from credhelper.cli.standing import profile_status
from credhelper.config import child
from credhelper.core.text import command, printable, quoted
from credhelper.errors import CredhelperError, UnknownProfileError
from credhelper.setup import ask

_NAME = "credhelper"


def checks(context: Context) -> list[Check]:
    """Return the checks of the surroundings."""
    return [
        Check("path", "", partial(_path, context)),
        Check("chosen profile", "", partial(_chosen, context), (("config", ""),)),
        Check("variables", "", partial(_variables, context), (("config", ""), ("folder", "cache"))),
    ]


def _path(context: Context) -> Outcome:
    path = child.find(_NAME, context.environ)
    if path is None:
        own = os.path.join(os.path.dirname(sys.executable), _NAME)
        return warned(
            "credhelper is not on PATH: tools that call it by its name do not find it",
            f"add its folder to PATH: {os.path.dirname(own)}",
        )
    try:
        status, told = child.run([path, "--version"], context.environ, ask.TIMEOUT)
    except (OSError, child.Unfinished):
        status, told = 1, b""
    words = told.decode("utf-8", "replace").split()
    if status or words[:1] != [_NAME]:
        raise CredhelperError(
            f"the first credhelper on PATH, {printable(path)}, does not run",
            hint=f"remove it, or install credhelper again: {command('rm', path)}",
        )
    if words[1:] != [__version__]:
        return warned(
            f"the first credhelper on PATH, {printable(path)}, is {printable(' '.join(words[1:]))};"
            f" this one is {__version__}",
            "remove one of them",
        )
    found = front.of(path)
    return passed(f"{path}, with the {found} front" if found else path)


def _chosen(context: Context) -> Outcome:
    name = context.environ.get("CREDHELPER_PROFILE")
    config = routing.load_config(context)
    if name and name not in config.profiles:
        raise UnknownProfileError(
            f"CREDHELPER_PROFILE is {quoted(name)}, and no profile has this name",
            hint="unset CREDHELPER_PROFILE",
        )
    if name:
        return passed(f"{name}, by CREDHELPER_PROFILE")
    if len(config.profiles) > 1 and not config.default_profile:
        return warned("none is the default", "credhelper profile use NAME")
    return passed(config.default_profile or next(iter(config.profiles)))


def _variables(context: Context) -> Outcome:
    config = routing.load_config(context)
    found = routing.load_routes(context)
    statuses = [
        profile_status(context, found, one, one.name == config.default_profile)
        for one in config.profiles.values()
    ]
    told = [
        (why, fix)
        for why, fix in shadowing.warnings(context, found, config.path, statuses)
        if not why.startswith("CREDHELPER_PROFILE ")
    ]
    if not told:
        return passed("none makes a tool skip credhelper")
    fixes = "; ".join(fix for _, fix in told if fix)
    return warned("; ".join(why for why, _ in told), fixes)
