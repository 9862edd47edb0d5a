"""Puts a shared slot together: the fleet of the config, its keys and store, and this host's part.

It stands beside `wiring`. What the store takes is loaded when the file of a token is not good
enough; the config alone, when a profile shares.
"""

from __future__ import annotations

import os

import credhelper
from credhelper.core import lookup
from credhelper.core.model import AWS
from credhelper.errors import ConfigError, CredhelperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from credhelper.broker.context import Context
    from credhelper.config.fleet import Fleet
    from credhelper.config.parse import Config
    from credhelper.config.profile import Profile
    from credhelper.core.model import Secret, Wants
    from credhelper.core.routes import Route
    from credhelper.fleet.member import Member
    from credhelper.fleet.redis_store import RedisStore
    from credhelper.fleet.seal import Ring
    from credhelper.storage.slot import Slot


def slot_for(context: Context, route: Route, record: str, wants: Wants, stamp: str) -> Slot:
    """Return the slot of a token's record, or of AWS credentials', of a profile that shares them.

    Parameters:
    - record: its name.
    - wants: `token` or `aws`.
    - stamp: what can be seen of the grant now.
    """
    from credhelper.fleet.shared import SharedSlot

    def join() -> Member:
        from credhelper.broker import routing
        from credhelper.fleet.member import UnsharedError

        config = routing.load_config(context)
        profile = config.profiles[route.profile]
        try:
            return member_for(context, config, profile, record, wants, stamp)
        except CredhelperError as error:
            if config.fleet is None or config.fleet.lead:
                raise UnsharedError(error) from None
            raise

    return SharedSlot(
        context.cache_folder(),
        record,
        **context.slot_options(),
        join=join,
        stamp=stamp,
        host=lookup.host(),
        trace=context.trace,
        clock=context.clock,
    )


def member_for(
    context: Context, config: Config, profile: Profile, record: str, wants: Wants, stamp: str
) -> Member:
    """Return what this host brings to a shared value of `profile`. Asks no store yet.

    Parameters: as for `slot_for`.

    Raises CredhelperError where the fleet's key is missing or wrong, or its packages are.
    """
    fleet = fleet_of(config, profile)
    ring = ring_of(context, fleet)
    from credhelper.broker import inventory
    from credhelper.config import identity
    from credhelper.fleet import host, payload
    from credhelper.fleet.member import Member
    from credhelper.protocols import aws
    from credhelper.renewal import whose

    resource = profile.aws if wants == AWS else None
    judged = wants != AWS

    def fingerprint() -> str:
        secret = prepare(context, profile, wants, stamp)
        return ring.fingerprint(secret) if secret else ""

    def wrong(fields: Mapping[str, str]) -> str:
        if judged:
            return whose.wrong(fields, profile)
        return "" if fields["kind"] == AWS else "is not for AWS"

    return Member(
        connect=lambda: connected(context, fleet),
        address=str(fleet.store),
        ring=ring,
        names=ring.names(identity.shared(profile, resource)),
        owner=host.owner(context.cache_folder(), lookup.host()),
        leads=fleet.lead and visible(context, profile, record),
        prepare=fingerprint,
        whose=whose.whose if judged else lambda fields: "",
        wrong=wrong,
        owned={
            **inventory.owner(context, profile),
            "profile": profile.name,
            "grant": stamp,
        },
        margin=max(profile.refresh_before, aws.MARGIN if wants == AWS else payload.MARGIN),
        sessions=profile.share_session and wants != AWS and fleet.lead,
    )


def connected(context: Context, fleet: Fleet) -> RedisStore:
    """Return the fleet's store. Raises StoreError also where it cannot be loaded."""
    from credhelper.fleet.store import StoreError

    try:
        return store_of(context, fleet)
    except CredhelperError as error:
        raise StoreError(error.message) from None


def fleet_of(config: Config, profile: Profile) -> Fleet:
    """Return the fleet that `profile` shares with. Raises ConfigError without one."""
    if config.fleet is None:
        raise ConfigError(f"profile {profile.name} shares its tokens, but no fleet is configured")
    return config.fleet


def ring_of(context: Context, fleet: Fleet) -> Ring:
    """Return the fleet's keys. Raises CredhelperError where they are missing or wrong."""
    from credhelper.broker import wiring
    from credhelper.config import grant

    wiring.admit_third_parties()
    keys = grant.resolve_lines(fleet.key, what="the fleet's key", environ=context.environ)
    try:
        with credhelper.importing():
            import hmac  # noqa: F401  # what a ring imports late

            from cryptography.hazmat.primitives.ciphers import aead  # noqa: F401  # likewise

            from credhelper.fleet.seal import Ring
    except ImportError:
        raise _extra("cryptography") from None
    return Ring(keys)


def store_of(context: Context, fleet: Fleet) -> RedisStore:
    """Return the fleet's store, which nobody has called yet. Raises CredhelperError."""
    from credhelper.config import grant

    password = None
    if fleet.password is not None:
        try:
            password = grant.resolve(
                fleet.password, profile_name="", environ=context.environ, password=True
            )
        except CredhelperError as error:
            error.message = f"the store's password: {error.message}"
            raise
    try:
        with credhelper.importing():
            from credhelper.fleet import redis_package

            redis_package.spare()
            from credhelper.fleet.redis_store import RedisStore
    except ImportError:
        raise _extra("redis") from None
    return RedisStore(
        fleet.store,
        password=password,
        ca_file=fleet.ca_file,
        timeout=fleet.timeout,
        plain=fleet.plain,
    )


def _extra(package: str) -> CredhelperError:
    return CredhelperError(
        f"sharing tokens needs the package {package}, which is not installed",
        hint="pip install 'credhelper[fleet]'",
    )


def visible(context: Context, profile: Profile, record: str) -> bool:
    """Tell whether there is something to make a token from."""
    grant = profile.grant
    if profile.share_session:
        return True  # the session that others share
    if grant is None:
        from credhelper.broker import inventory

        return bool((inventory.session_slot(context, profile, record).find() or {}).get("token"))
    if grant.how == "env":
        return bool(context.environ.get(grant.words[0]))
    return grant.how != "file" or os.path.exists(grant.words[0])


def prepare(context: Context, profile: Profile, wants: Wants, stamp: str) -> Secret | None:
    """Load what a renewal takes, and read the grant; return it, or None where it tells nothing.

    Raises CredhelperError, and Outdated for a grant that has changed.
    """
    from credhelper.broker import grants, wiring

    wiring.load()
    if profile.grant is None or profile.auth == "token" or wants == AWS:
        return None
    try:
        return grants.read(context, profile, profile.grant, 0, stamp)
    except CredhelperError:
        if profile.share_session:
            return None  # the session may do without it
        raise
