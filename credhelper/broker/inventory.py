"""An inventory of the secrets that we keep on disk: whose each one is, and who takes it away.

Each record says which profile of which config it was made for, and by which API it can be revoked.
So secrets are found even if their profile has changed since, or was removed.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from credhelper.broker import routing
from credhelper.config import identity
from credhelper.core import lookup, routes
from credhelper.core.model import AWS, SESSION
from credhelper.core.record import BASE, GIVEN
from credhelper.storage.slot import OLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from credhelper.broker.context import Context
    from credhelper.config.profile import Profile
    from credhelper.storage.slot import Slot

_HEX = frozenset("0123456789abcdef")
TOKEN = "token"  # noqa: S105  # a word; beside SESSION and AWS: what is kept, not of which kind it is


class Kept(NamedTuple):
    """A record on disk, as `logout` finds it.

    Parameters: `what`, `token`, `aws` or `session`; `slot`; `fields`, None where it cannot be read,
    or only its lock or failure is there.
    """

    what: str
    slot: Slot
    fields: dict[str, str] | None

    @property
    def base(self) -> str:
        """What its name says of the identity, without the value of a variable."""
        return self.slot.name[:BASE]

    @property
    def former(self) -> bool:
        """Whether a newer record has replaced it."""
        return self.slot.name.endswith(OLD)


def owner(context: Context, profile: Profile) -> dict[str, str]:
    """Return the fields that say whose a record of `profile` is, beside the profile's name."""
    from urllib.parse import quote

    from credhelper.config.profile import READY

    return {
        "config": _config(context),
        "api": profile.api,
        "url": quote(profile.url, safe=":/[]"),
        "ca": quote(os.fsencode(profile.ca_file or "")),
        **({GIVEN: "1"} if profile.auth == READY else {}),
    }


def maker(kept: Kept) -> Profile | None:
    """Return a profile that says by which API a record can be revoked; None if nothing does."""
    from urllib.parse import unquote_to_bytes

    from credhelper.config.profile import APIS, Profile

    fields = kept.fields or {}
    if fields.get("api") not in APIS or not fields.get("url"):
        return None
    return Profile(
        name=fields.get("profile", ""),
        api=fields["api"],
        url=os.fsdecode(unquote_to_bytes(fields["url"])),
        ca_file=os.fsdecode(unquote_to_bytes(fields.get("ca", ""))) or None,
    )


def record_of(context: Context, profile: Profile) -> tuple[str, str]:
    """Return the record of the profile's token, and what can be seen of its grant in a file."""
    return lookup.record_of(
        routing.load_routes(context), routing.route_to(profile), context.environ
    )


def session_record(profile: Profile, record: str) -> str:
    """Return the name of the profile's session.

    Parameters:
    - record: the name of the token's record.
    """
    return identity.session_name(profile) + record[BASE:]


def session_slot(context: Context, profile: Profile, record: str = "") -> Slot:
    """Return the slot of the profile's session.

    Like the tokens' records, it is another one for another value of a grant in the environment.

    Parameters:
    - record: the name of the token's record, where the caller knows it.
    """
    record = record or record_of(context, profile)[0]
    slot = context.state_slot(session_record(profile, record))
    slot.owner = owner(context, profile)
    return slot


def bases(profile: Profile) -> dict[str, str]:
    """Return how the names of the records of `profile` begin, by what they are."""
    found = {
        TOKEN: identity.record_name(profile, kind=profile.token),
        SESSION: identity.session_name(profile),
    }
    return found | ({AWS: identity.aws_name(profile, profile.aws)} if profile.aws else {})


def current(context: Context, profile: Profile) -> list[Kept]:
    """Return the records that `profile` may have as its config is now, there or not."""
    record, _ = record_of(context, profile)
    return [
        Kept(what, (context.state_slot if what == SESSION else context.slot)(base + suffix), None)
        for what, base in bases(profile).items()
        for suffix in (record[BASE:],)
    ]


def everything(context: Context) -> list[Kept]:
    """Return all that lies in the cache and among the sessions: sessions, tokens, AWS credentials.

    They can be removed in this order. A name with only a lock may be a record that is being made.
    """
    found = []
    for slot_of in (context.slot, context.state_slot):
        for name in _records(slot_of("").folder):
            slot = slot_of(name)
            fields = slot.find()
            what = SESSION if slot_of == context.state_slot else TOKEN
            what = AWS if fields and fields.get("kind") == AWS else what
            found.append(Kept(what, slot, fields))
    return sorted(found, key=_order)


def by_profile(context: Context) -> dict[str, list[Kept]]:
    """Return what each profile has on disk, now and under former identities, by their names.

    A record that a profile of the config has now is only of those that have it, whoever made it.
    """
    users: dict[str, list[str]] = {}
    for profile in routing.load_config(context).profiles.values():
        for base in set(bases(profile).values()):
            users.setdefault(base, []).append(profile.name)
    config = _config(context)
    found: dict[str, list[Kept]] = {}
    for kept in everything(context):
        fields = kept.fields or {}
        made_for = [fields.get("profile", "")] if fields.get("config") == config else []
        for name in users.get(kept.base, made_for):
            found.setdefault(name, []).append(kept)
    return found


def of_profile(context: Context, profile: Profile, found: list[Kept]) -> list[Kept]:
    """Return what `profile` may have on disk, in the order in which it can be removed.

    Current records are included even if they do not exist yet: they may be being made.

    Parameters:
    - found: what `by_profile` has for it.
    """
    names = {kept.slot.name for kept in found}
    new = [kept for kept in current(context, profile) if kept.slot.name not in names]
    return sorted([*found, *new], key=_order)


def former(context: Context, name: str) -> list[Kept]:
    """Return what the profile called `name` had under identities that no profile has now."""
    current, config = _bases_of_all(context), _config(context)
    return [
        kept
        for kept in everything(context)
        if _is_of(kept, config, name) and (kept.base not in current or kept.former)
    ]


def orphans(context: Context) -> dict[str, list[Kept]]:
    """Return what profiles had that this config does not name any more, by their names."""
    known = routing.load_config(context).profiles
    return {name: found for name, found in by_profile(context).items() if name not in known}


def used(context: Context, base: str) -> bool:
    """Tell whether records of this name are of a profile in the config as it is now."""
    return base in _bases_of_all(context)


def set_aside(context: Context, profile: Profile) -> None:
    """Move the records of `profile` in the cache, so that none is served. Raises CacheError."""
    for what, slot, _ in current(context, profile):
        if what != SESSION and slot.folder is not None:
            slot.set_aside()
            slot.remove()  # its failure, too


def _order(kept: Kept) -> int:
    # What others are made from goes first: whoever makes one just now has its lock, and is waited
    # for. One lock at a time is held.
    return (SESSION, TOKEN, AWS).index(kept.what)


def _is_of(kept: Kept, config: str, name: str) -> bool:
    fields = kept.fields or {}
    return fields.get("config") == config and fields.get("profile") == name


def _bases_of_all(context: Context) -> set[str]:
    profiles: Iterable[Profile] = routing.load_config(context).profiles.values()
    return {base for one in profiles for base in bases(one).values()}


def _config(context: Context) -> str:
    # As a name: the path itself may hold any characters.
    return routes.tag(context.configuration()[0])


def _records(folder: str | None) -> list[str]:
    """Return the names of records, former ones, and those that have only a lock or a failure."""
    try:
        names = os.listdir(folder) if folder else []
    except OSError:
        return []
    found = set()
    for name in names:
        record, _, rest = name.partition(".")
        if len(record) >= BASE and _HEX.issuperset(record[:BASE]) and rest != "gone":
            found.add(name if name.endswith(OLD) else record)
    return sorted(found)
