"""An inventory of a profile: the slots of its tokens, AWS credentials and sessions."""

from __future__ import annotations

import os

from credhelper.broker import routing
from credhelper.config import identity
from credhelper.core import routes
from credhelper.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.profile import Profile
    from credhelper.storage.slot import Slot

_NAME_DIGITS = 32  # of a record; what follows stands for the value of a variable
_FORGET_WAIT = 5.0


def record_of(context: Context, profile: Profile) -> tuple[str, str]:
    """Return the record of the profile's token, and what can be seen of its grant in a file."""
    return routes.record_of(
        routing.load_routes(context), routing.route_to(profile), context.environ
    )


def session_slot(context: Context, profile: Profile, record: str = "") -> Slot:
    """Return the slot of the profile's session.

    Like the tokens' records, it is another one for another value of a grant in the environment.

    Parameters:
    - record: the name of the token's record, where the caller knows it.
    """
    record = record or record_of(context, profile)[0]
    return context.state_slot(identity.session_name(profile) + record[_NAME_DIGITS:])


def token_slots(context: Context, profile: Profile) -> list[Slot]:
    """Return the slots in which tokens, or failures, of `profile` lie: one for each grant's value.

    Profiles of one identity share them.
    """
    return _slots(context, identity.record_name(profile, kind=profile.token))


def aws_slots(context: Context, profile: Profile) -> list[Slot]:
    """Return the slots in which AWS credentials, or failures, of `profile` lie: as for tokens."""
    if profile.aws is None:
        return []
    return _slots(context, identity.aws_name(profile, profile.aws))


def session_slots(context: Context, profile: Profile) -> list[Slot]:
    """Return the slots in which sessions of `profile` lie: one for each value of its grant."""
    one = session_slot(context, profile)
    base = identity.session_name(profile)
    try:
        names = os.listdir(one.folder) if one.folder else []
    except OSError:
        names = []
    found = {name for name in names if name.startswith(base) and "." not in name}
    return [context.state_slot(name) for name in sorted(found | {one.name})]


def forget_tokens(context: Context, profile: Profile) -> None:
    """Remove all tokens, AWS credentials and failures of `profile`, each under its lock.

    It waits for a process that is renewing, but not for ever. Raises CacheError.
    """
    # Credentials first: their renewal takes the token's lock while theirs is held.
    for slot in (*aws_slots(context, profile), *token_slots(context, profile)):
        try:
            lock = slot.lock(_FORGET_WAIT)
        except locks.Unlockable as error:
            context.trace("forget", unlocked=str(error))
            lock = None
        try:
            slot.remove()
        finally:
            if lock:
                lock.release()


def _slots(context: Context, base: str) -> list[Slot]:
    folder = context.cache_folder()
    try:
        names = os.listdir(folder) if folder else []
    except OSError:
        names = []
    found = {name.removesuffix(".failed") for name in names if name.startswith(base)}
    return [context.slot(name) for name in sorted(found) if "." not in name]
