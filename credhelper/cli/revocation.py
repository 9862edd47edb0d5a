"""Secrets that are taken away: each is revoked upstream and removed here."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from credhelper.broker import inventory, key_notes, typed_keys, wiring
from credhelper.broker.context import Context
from credhelper.broker.inventory import Kept
from credhelper.cli import keeping, output
from credhelper.config.profile import Profile
from credhelper.core import lookup, paths
from credhelper.core.digest import sha256
from credhelper.core.model import AWS, SESSION, Secret
from credhelper.core.record import GIVEN, Held, number
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, CredhelperError, TokenAPIError, reason
from credhelper.fleet.payload import GENERATION
from credhelper.storage import locks

_WAIT = 25.0  # seconds for all locks together: a renewal has ended by then

Rows = list[tuple[str, str]]


class Leaving:
    """Secrets that are taken away, one after the other.

    Parameters:
    - context: of the command.
    - profile: by whose API records are revoked that do not tell theirs; or None.

    Attributes: `status`, the worst exit status; `rows`, what is said; `removed`, whether anything
    was here; `for_all`, whether what other hosts share is revoked as well; `fleet`, whether the
    store says so already.
    """

    def __init__(self, context: Context, profile: Profile | None) -> None:
        self.context = context
        self.profile = profile
        self.status = 0
        self.rows: Rows = []
        self.removed = False
        self.for_all = True
        self.fleet = False
        self._revoked: set[str] = set()  # digests: a list of secrets takes longer with each
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
            elif others := key_notes.others(self.context, path):
                whose = " and ".join(map(printable, others))
                self.rows.append(("key", f"stays in {path}: it is of {whose} as well"))
        except OSError as error:
            self.failed("key", f"NOT removed: {path}: {reason(error)}", CacheError(""))
        except CredhelperError as error:
            self.failed("key", f"NOT removed: {path}: {error.message}", error)

    def take_entry(self, profile: Profile) -> None:
        """Remove the key of `profile` from the keyring."""
        entry = (keeping.SERVICE, profile.name)
        where = f"{' '.join(entry)} in the keyring"
        try:
            if keeping.in_keyring(profile.name, profile).remove():
                self.removed = True
                self.rows.append(("key", f"removed {printable(where)}"))
        except CredhelperError as error:
            how = f"NOT removed: {printable(where)}: {error.message}"
            self.failed("key", how, CacheError(""))
            self.rows.append(("", f"by hand: {command('keyring', 'del', *entry)}"))

    def failed(self, what: str, how: str, error: CredhelperError) -> None:
        """Note something that did not go well."""
        self.status = max(self.status, error.exit_status)
        self.rows.append((what, how))

    def _lock(self, kept: Kept) -> locks.Lock | None:
        if kept.former:
            return None  # no writer is left
        try:
            left = max(0.0, self._end - time.monotonic())
            return kept.slot.lock(left, holder="renews what is revoked here")
        except locks.Unlockable as error:
            self.context.trace("logout", unlocked=str(error))
            return None

    def _take(self, kept: Kept) -> None:
        # Again, under the lock: it may have changed.
        fields = kept.slot.find() or {}
        # Before it is revoked: a logout that is killed must leave no dead token to be served.
        aside = [kept.slot.move_aside()] if fields and not kept.former else []
        for key in ("previous", "token"):
            if fields.get(key):
                self.end_of(kept._replace(fields=fields), Secret(fields[key]))
        self.removed = self.removed or bool(fields)
        kept.slot.remove(*aside)

    def end_of(self, kept: Kept, secret: Secret) -> None:
        """Revoke one secret of a record, where that is possible, and note how it went."""
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
                self.rows.append(("aws", f"cannot be revoked: a copy of the key works until {end}"))
            return
        if fields.get(GIVEN):
            self.rows.append((kept.what, f"forgotten, not revoked: {self._owner(held)}"))
            return
        shared = GENERATION in fields
        if kept.what == SESSION:
            lives_on = not self.for_all or (shared and not self.fleet)
        else:
            lives_on = not self.for_all and shared
        if lives_on:
            share = "share it" if shared else "share tokens that were made from it"
            self.rows.append((kept.what, f"forgotten here, not revoked: other hosts {share}"))
            return
        digest = sha256(secret.reveal().encode("utf-8", "surrogatepass"))
        if digest in self._revoked:
            return  # where a session is a JWT, it is the token as well
        self._revoked.add(digest)
        ends, certain = held.expires_at, fields.get("assumed") != "1"
        if kept.what == SESSION:
            ends = number(fields, "expires") - number(fields, "skew")
            certain = fields.get("assumed") == "0"
        status, text = _revoke(self.context, maker, secret, ends, certain=certain)
        self.status = max(self.status, status)
        self.rows.append((kept.what, text + former))

    def _owner(self, held: Held) -> str:
        """Return in words whose a token is that a grant gave, and how long it lives."""
        grant = self.profile.grant if self.profile else None
        where = output.grant_in_words(grant) if grant else "a grant"
        lives = held.expires_at > self.context.clock()
        end = f"lives until {output.moment(held.expires_at)}" if lives else "has expired"
        return f"it came from {where}, whose owner makes and revokes it, and {end}"


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
        return TokenAPIError.exit_status, f"NOT revoked: its API is unknown, it may live {end}"
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


def _may_be_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True
