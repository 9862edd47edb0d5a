"""Logging out: of profiles, of what former profiles left, of everything; with a line on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from credhelper.broker import given_files, inventory, key_notes, routing, typed_keys
from credhelper.broker.context import Context
from credhelper.broker.inventory import Kept
from credhelper.cli import fleet_leaving, keeping, output
from credhelper.cli.output import say
from credhelper.cli.revocation import Leaving
from credhelper.config.profile import READY, Profile
from credhelper.core.model import SESSION
from credhelper.core.text import printable
from credhelper.errors import CacheError, CredhelperError
from credhelper.storage.slot import Slot
from credhelper.tokenfile import folder


def leave(context: Context, profiles: Sequence[Profile], *, fleet: bool | None = None) -> int:
    """Log out of `profiles`, print how it went, and return the worst exit status.

    Parameters:
    - fleet: whether a token that hosts share is revoked for all of them; None to ask.
    """
    kept = inventory.by_profile(context) if len(profiles) > 1 else None
    names = [one.name for one in profiles]
    known = routing.load_config(context).profiles.values()
    staying = [one for one in known if one.name not in names]
    return max((_leave(context, profile, kept, staying, fleet) for profile in profiles), default=0)


def _leave(
    context: Context,
    profile: Profile,
    kept: Mapping[str, list[Kept]] | None,
    staying: Sequence[Profile],
    fleet: bool | None,
) -> int:
    leaving = Leaving(context, profile)
    if profile.share:
        leaving.for_all = leaving.fleet = fleet_leaving.for_all(context, profile, fleet)
    if profile.share and leaving.for_all:
        fleet_leaving.leave(leaving, profile)  # first: nobody adopts what is being revoked
    # The key first: a process that has read it began before the mark, and drops what it makes.
    takes_key = _take_key(leaving, profile, staying)
    _mark(leaving, profile)
    # Of several profiles, what lies on disk is read once. What is made meanwhile has a name that
    # is looked for in any case, or is found at the end.
    found = inventory.by_profile(context) if kept is None else kept
    leaving.take(inventory.of_profile(context, profile, found.get(profile.name, [])))
    if not any(what == "here" for what, _ in leaving.rows):
        text = "forgotten" if leaving.removed else "there was nothing to forget"
        leaving.rows.append(("here", text))
    if not takes_key and profile.grant is not None:
        where = output.grant_in_words(profile.grant)
        again = f"log in again with {where}" if profile.auth != READY else f"read {where} again"
        if profile.share and not leaving.for_all:
            again = f"take what other hosts share, or {again}"
        leaving.rows.append(("note", f"the next get will {again}"))
    say(f"logged out of profile {profile.name}")
    output.table(leaving.rows)
    return leaving.status


def orphans(context: Context) -> list[str]:
    """Return the names of profiles that left something and are not in the config any more."""
    return sorted({*inventory.orphans(context), *typed_keys.orphans(context)})


def leave_orphans(context: Context) -> int:
    """Take away what profiles had that the config does not name any more; return the status."""
    status = 0
    records = inventory.orphans(context)
    keys = typed_keys.orphans(context)
    for name in sorted({*records, *keys}):
        leaving = Leaving(context, None)
        leaving.take(records.get(name, []))
        if name in keys:
            leaving.take_key(typed_keys.path_of(context, name))
        say(f"logged out of profile {name}, which is no longer in the config")
        output.table(leaving.rows)
        status = max(status, leaving.status)
    return status


def leave_everything(context: Context) -> int:
    """Take away all that is left, of whatever config; return the exit status."""
    leaving = Leaving(context, None)
    for path in key_notes.everything(context):
        leaving.take_key(path, for_all=True)
    leaving.take(inventory.everything(context))
    if leaving.removed or leaving.status:
        say("logged out of what other configs and former profiles had")
        output.table(leaving.rows)
    return leaving.status


def name_what_was_given(context: Context, names: Iterable[str] | None) -> None:
    """Name the files and folders of others that still hold tokens: they are not touched.

    Parameters:
    - names: of the profiles that are meant; None for all.
    """
    rows = [
        ("note", f"what was written into {printable(path)} is still there")
        for path, profile in given_files.known(context)
        if names is None or profile in names
    ]
    with suppress(CredhelperError):
        rows += [
            ("note", f"a running command has its token in {printable(where)}")
            for place in context.runtime_folders()
            for where in folder.living(place)
        ]
    output.table(rows)


def leave_former(context: Context, former: Profile | None) -> int:
    """Remove what belongs to a profile as it was, once another config is written.

    That is its session, which is revoked as well, and its key in the keyring. What a profile still
    uses stays. Prints how it went, and returns the exit status.
    """
    if former is None:
        return 0
    return max(_leave_entry(context, former), _leave_session(context, former))


def _leave_entry(context: Context, former: Profile) -> int:
    profiles = routing.load_config(context).profiles.values()
    if not keeping.has_entry(former) or any(one.grant == former.grant for one in profiles):
        return 0
    leaving = Leaving(context, former)
    leaving.take_entry(former)
    output.table(leaving.rows)
    return leaving.status


def _leave_session(context: Context, former: Profile) -> int:
    base = inventory.bases(former)[SESSION]
    if inventory.used(context, base):
        return 0
    _mark_gone(context, context.state_slot(base))
    found = [one for one in inventory.everything(context) if one.base == base]
    return _said(context, former, found, "of its former identity")


def revoke_old(context: Context, profile: Profile) -> int:
    """Revoke and remove what a profile had under former identities; return the exit status."""
    return _said(
        context, profile, inventory.former(context, profile.name), "of its former identities"
    )


def _said(context: Context, profile: Profile, found: Sequence[Kept], whose: str) -> int:
    leaving = Leaving(context, profile)
    for kept in found:
        if not kept.former:
            _mark_gone(context, kept.slot)
    leaving.take(found)
    output.table([(what, f"{whose}: {text}") for what, text in leaving.rows])
    return leaving.status


def _take_key(leaving: Leaving, profile: Profile, staying: Sequence[Profile]) -> bool:
    """Remove the key that was typed for `profile`; tell whether its grant was that key.

    Parameters:
    - staying: the profiles that go on; a key that one of them uses stays.
    """
    context = leaving.context
    path = key_notes.file_of(context, profile)
    entry = not path and keeping.has_entry(profile)
    users = [
        one.name
        for one in staying
        if (path and key_notes.file_of(context, one) == path)
        or (entry and one.grant == profile.grant)
    ]
    if users:
        where = printable(path or "the keyring")
        whose = f"profile{'s' * (len(users) > 1)} {' and '.join(users)}"
        uses = "use" if len(users) > 1 else "uses"
        leaving.rows.append(("key", f"stays in {where}: {whose} {uses} it as well"))
        return False
    if found := path or typed_keys.forgotten(context, profile.name):
        leaving.take_key(found)
    if entry:
        leaving.take_entry(profile)
    return bool(path or entry)


def typed_key(context: Context, profile: Profile) -> str | None:
    """Return the file in which `login` keeps the key that was typed; None for other grants."""
    grant = profile.grant
    own = typed_keys.path_of(context, profile.name)
    return own if grant is not None and grant.how == "file" and grant.words == (own,) else None


def _mark(leaving: Leaving, profile: Profile) -> None:
    for kept in inventory.current(leaving.context, profile):
        _mark_gone(leaving.context, kept.slot)


def _mark_gone(context: Context, slot: Slot) -> None:
    # What a renewal is making meanwhile is dropped.
    try:
        if slot.folder is not None:
            slot.mark_gone(context.clock())
    except CacheError as error:
        context.trace("logout", unmarked=error.message)
