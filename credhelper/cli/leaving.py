"""Taking secrets away: revoked upstream and removed here, with a line on how each of them went."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from credhelper.broker import given_files, inventory, typed_keys, wiring
from credhelper.broker.context import Context
from credhelper.broker.inventory import Kept
from credhelper.cli import output
from credhelper.cli.output import say
from credhelper.config.profile import Profile
from credhelper.core import lookup, paths
from credhelper.core.model import AWS, SESSION, Secret
from credhelper.core.record import Held, number
from credhelper.core.text import printable
from credhelper.errors import CacheError, CredhelperError, TokenAPIError, reason
from credhelper.storage import locks
from credhelper.tokenfile import folder

_WAIT = 25.0  # seconds for all locks together: a renewal has ended by then

Rows = list[tuple[str, str]]


class Leaving:
    """Secrets that are taken away, one after the other.

    Parameters:
    - context: of the command.
    - profile: by whose API records are revoked that do not tell theirs; or None.

    Attributes: `status`, the worst exit status; `rows`, what is said; `removed`, whether anything
    was here.
    """

    def __init__(self, context: Context, profile: Profile | None) -> None:
        self.context = context
        self.profile = profile
        self.status = 0
        self.rows: Rows = []
        self.removed = False
        self._revoked: list[Secret] = []
        self._end = time.monotonic() + _WAIT
        cache = paths.cache_dir(context.environ, sys.platform)
        if cache and context.cache_folder() is None and _may_be_there(cache):
            self.failed("here", f"NOT forgotten: cannot use {printable(cache)}", CacheError(""))

    def take(self, found: Iterable[Kept]) -> None:
        """Revoke and remove records, each under its lock, and note how it went."""
        for kept in found:
            lock = self._lock(kept)
            try:
                self._take(kept)
            except CacheError as error:
                self.failed("here", f"NOT forgotten: {error.message}", error)
            finally:
                if lock:
                    lock.release()

    def take_key(self, path: str, *, for_all: bool = False) -> None:
        """Remove a typed key; `for_all`, also if another config claims it."""
        try:
            if typed_keys.remove(self.context, path, for_all=for_all):
                self.removed = True
                self.rows.append(("key", f"removed {path}"))
        except OSError as error:
            self.failed("key", f"NOT removed: {path}: {reason(error)}", CacheError(""))
        except CredhelperError as error:
            self.failed("key", f"NOT removed: {path}: {error.message}", error)

    def failed(self, what: str, how: str, error: CredhelperError) -> None:
        """Note something that did not go well."""
        self.status = max(self.status, error.exit_status)
        self.rows.append((what, how))

    def _lock(self, kept: Kept) -> locks.Lock | None:
        if kept.former:
            return None  # no writer is left
        try:
            return kept.slot.lock(max(0.0, self._end - time.monotonic()))
        except locks.Unlockable as error:
            self.context.trace("logout", unlocked=str(error))
            return None

    def _take(self, kept: Kept) -> None:
        # Again, under the lock: it may have changed.
        fields = kept.slot.find() or {}
        for key in ("previous", "token"):
            if fields.get(key):
                self._end_of(kept._replace(fields=fields), Secret(fields[key]))
        self.removed = self.removed or bool(fields)
        kept.slot.remove()

    def _end_of(self, kept: Kept, secret: Secret) -> None:
        fields = kept.fields or {}
        held = Held(fields, lookup.host())
        former = ""
        maker = inventory.maker(kept)
        if self.profile is not None and (maker is None or maker.url == self.profile.url):
            maker = self.profile
        if maker is not None and self.profile is not None and maker is not self.profile:
            former = f" ({maker.url})"
        if kept.what == AWS:
            if held.expires_at > self.context.clock():
                end = output.moment(held.expires_at)
                self.rows.append(
                    ("aws", f"cannot be revoked: who has a copy of the key may use it until {end}")
                )
            return
        if secret in self._revoked:
            return  # where a session is a JWT, it is the token as well
        self._revoked.append(secret)
        ends, certain = held.expires_at, fields.get("assumed") != "1"
        if kept.what == SESSION:
            ends = number(fields, "expires") - number(fields, "skew")
            certain = fields.get("assumed") == "0"
        status, text = _revoke(self.context, maker, secret, ends, certain=certain)
        self.status = max(self.status, status)
        self.rows.append((kept.what, text + former))


def _may_be_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True


def leave(context: Context, profile: Profile) -> int:
    """Log out of `profile`, print how it went, and return the exit status."""
    leaving = Leaving(context, profile)
    # The key first: a process that has read it began before the mark, and drops what it makes.
    key = typed_key(context, profile)
    for path in filter(None, (key, typed_keys.forgotten(context, profile.name))):
        leaving.take_key(path)
    _mark(leaving, profile)
    leaving.take(inventory.of_profile(context, profile))
    if not any(what == "here" for what, _ in leaving.rows):
        text = "forgotten" if leaving.removed else "there was nothing to forget"
        leaving.rows.append(("here", text))
    if key is None and profile.grant is not None:
        where = output.grant_in_words(profile.grant)
        leaving.rows.append(("note", f"the next get will log in again with {where}"))
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
        say(f"logged out of profile {name}, which the config does not name any more")
        output.table(leaving.rows)
        status = max(status, leaving.status)
    return status


def leave_everything(context: Context) -> int:
    """Take away all that is left, of whatever config; return the exit status."""
    leaving = Leaving(context, None)
    for path in typed_keys.everything(context):
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
        ("note", f"the token that was written into {printable(path)} is still there")
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


def leave_former_session(context: Context, former: Profile | None) -> int:
    """Revoke and remove the session of a profile as it was, once another config is written.

    A session that a profile still uses stays. Prints how it went, and returns the exit status.
    """
    if former is None:
        return 0
    base = inventory.bases(former)[SESSION]
    if inventory.used(context, base):
        return 0
    found = [one for one in inventory.everything(context) if one.base == base]
    return _said(context, former, found, "of its former identity")


def revoke_old(context: Context, profile: Profile) -> int:
    """Revoke and remove what a profile had under former identities; return the exit status."""
    return _said(
        context, profile, inventory.former(context, profile.name), "of its former identities"
    )


def _said(context: Context, profile: Profile, found: Sequence[Kept], whose: str) -> int:
    leaving = Leaving(context, profile)
    leaving.take(found)
    output.table([(what, f"{whose}: {text}") for what, text in leaving.rows])
    return leaving.status


def typed_key(context: Context, profile: Profile) -> str | None:
    """Return the file in which `login` keeps the key that was typed; None for other grants."""
    grant = profile.grant
    own = typed_keys.path_of(context, profile.name)
    return own if grant is not None and grant.how == "file" and grant.words == (own,) else None


def _mark(leaving: Leaving, profile: Profile) -> None:
    now = leaving.context.clock()
    for kept in inventory.current(leaving.context, profile):
        try:
            if kept.slot.folder is not None:
                kept.slot.mark_gone(now)
        except CacheError as error:
            leaving.context.trace("logout", unmarked=error.message)


def _revoke(
    context: Context, maker: Profile | None, secret: Secret, until: int, *, certain: bool
) -> tuple[int, str]:
    """Revoke one secret; return the exit status and how it went.

    Parameters:
    - maker: a profile of the API that made it; None if unknown.
    - until: when it ends, in Unix seconds.
    - certain: that end is no guess.
    """
    if certain and until <= context.clock():
        return 0, "had expired already"
    end = f"until {output.moment(until)}{'' if certain else ' (a guess)'}"
    if maker is None:
        return TokenAPIError.exit_status, f"NOT revoked: nobody knows its API, it may live {end}"
    try:
        client = wiring.client_for(context, maker)
        if not client.revokes:
            return TokenAPIError.exit_status, f"NOT revoked: this API cannot, it lives {end}"
        answer = client.revoke(secret)
    except CredhelperError as error:
        return error.exit_status, f"NOT confirmed, it may live {end}: {error.message}"
    if answer == "revoked":
        return 0, "revoked: the server confirmed"
    return 0, "the server does not know it (any more)"
