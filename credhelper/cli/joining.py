"""Another project for a profile, with what the profile has: its key, session or ready token."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import answer, inventory, session_sharing, typed_keys, wiring
from credhelper.cli import keeping, options, projects, prompt
from credhelper.cli.leaving import typed_key
from credhelper.cli.options import preview
from credhelper.cli.output import say
from credhelper.cli.verification import discard
from credhelper.config.profile import READY, Profile
from credhelper.config.table import LONGEST_SAID, said
from credhelper.core.model import Request
from credhelper.core.text import command
from credhelper.errors import CredhelperError, UsageError

if TYPE_CHECKING:
    from credhelper.broker.context import Context

SET_BY_NAME = ("cid", "cwid", "project", "aws")  # keys that a project or workgroup sets


def wanted(context: Context, profile: Profile | None, name: str, *, reuse: bool, ask: bool) -> bool:
    """Tell whether a login is to use what the profile has; on a terminal, ask.

    Parameters:
    - profile: as it is, None if there is none.
    - name: of the profile.
    - reuse: the person said so already.
    - ask: ask, if there is a terminal and something to use.

    Raises UsageError where there is no profile.
    """
    short = len(name) <= LONGEST_SAID
    if reuse and profile is None:
        raise UsageError(
            f"there is no profile {said(name, plain=True)} yet, so it has no key to use",
            hint=command("credhelper", "login", *(["--profile", name] if short else [])),
        )
    if reuse or profile is None or not ask or not prompt.on_terminal():
        return reuse
    what = kept(context, profile)
    return bool(what) and click.confirm(f"Use the {what} that profile {name} has?", err=True)


def with_ready_token(
    context: Context,
    name: str,
    old: dict[str, Any],
    values: dict[str, Any],
    given: dict[str, Any],
    project: str,
    *,
    make_default: bool,
) -> int:
    """Find the project of a profile whose grant is a ready token, and write it into the config.

    Parameters:
    - old: the profile's keys as they are; `values`, as they shall be, without the project.
    - given: the options of the login.
    - project: a name or id.
    """
    found = projects.found_with(context, preview(context, name, without_project(values)), project)
    values = projects.put_into({"project": found}, values, given)
    return _write(context, name, old, values, make_default=make_default)


def with_session(
    context: Context,
    name: str,
    old: dict[str, Any],
    values: dict[str, Any],
    given: dict[str, Any],
    *,
    project: str | None,
    workgroup: str | None,
    make_default: bool,
) -> int:
    """Find project and workgroup with the session of a profile, and write them into the config.

    A token for them is made first: nothing is written unless the API agrees. The session is only
    used; a renewal refreshes it if it is due.

    Parameters: as for `with_ready_token`; `workgroup`, a name or id.

    Raises CredhelperError.
    """
    wide = preview(context, name, without_project(values))
    client = wiring.client_for(context, wide)
    if not client.contexts:
        if workgroup:
            raise UsageError(f"tokens of {wide.url} are not for one workgroup", "leave it out")
        token = answer.get(context, Request("get", profile=name)).token
        keys = projects.found_by(client, token, None, project=project, workgroup=None)
        values = projects.put_into(keys, values, given)
        return _write(context, name, old, values, make_default=make_default)
    renewal = session_sharing.renewal_for(context, wide)
    token = renewal.renew(None)[0].value
    made = [token]
    try:
        session = renewal.record.read()
        keys = projects.found_by(
            client,
            token,
            session.value if session else None,
            project=project,
            workgroup=workgroup,
        )
        values = projects.put_into(keys, values, given)
        narrow = preview(context, name, values)
        made.append(session_sharing.renewal_for(context, narrow).renew(None)[0].value)
    finally:
        if wide.token == "jwt":  # noqa: S105  # a kind of token, not one
            discard(client, *made)
    return _write(context, name, old, values, make_default=make_default)


def without_project(values: dict[str, Any]) -> dict[str, Any]:
    """Return a profile's keys without those that a project or workgroup sets."""
    return {key: what for key, what in values.items() if key not in SET_BY_NAME}


def leave_command(profile: Profile) -> str:
    """Return the command that takes a profile out of its project and workgroup; "" for none."""
    keys = [key for key in ("cid", "cwid", "project") if getattr(profile, key)]
    words = [word for key in keys for word in ("--unset", key)]
    return command("credhelper", "profile", "set", profile.name, *words) if keys else ""


def kept(context: Context, profile: Profile) -> str:
    """Return what a profile keeps instead of a person's typing: a key, a session; "" for none."""
    if profile.auth == READY:
        return ""
    if keeping.has_entry(profile):
        return "API key"
    if typed_key(context, profile):
        there = os.path.lexists(typed_keys.path_of(context, profile.name))
        return "API key" if there else ""
    with suppress(CredhelperError):
        if profile.grant is None and inventory.session_slot(context, profile).find():
            return "session"
    return ""


def _write(
    context: Context,
    name: str,
    old: dict[str, Any],
    values: dict[str, Any],
    *,
    make_default: bool,
) -> int:
    path, now = options.write(context, name, old, values, make_default=make_default)
    where = now.cid or now.project
    parts = [f"project {where}" if where else "", f"workgroup {now.cwid}" if now.cwid else ""]
    what = ", ".join(part for part in parts if part)
    say(f"changed profile {name} in {path}" + (f": {what}" if what else ""))
    if what:
        say(f"to leave it again: {leave_command(now)}")
    return 0
