"""Checks of the fleet: its packages, keys and store, and this host's part in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cache, partial

from credhelper.broker import inventory, next_step, session_sharing, sharing
from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.doctor.result import Check, Outcome, SkippedError, passed, warned
from credhelper.config.fleet import UNIX, Fleet
from credhelper.config.parse import Config
from credhelper.config.profile import Profile
from credhelper.core.text import command, printable
from credhelper.errors import CredhelperError, UnreachableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.fleet.redis_store import RedisStore
    from credhelper.fleet.store import Look

ABOUT = "fleet"
_DIFFERS = 60  # seconds
_LEASE = 5.0  # seconds
_INSTALL = "pip install 'credhelper[fleet]'"
_RIGHTS = (
    "let its user do what docs/fleet.md lists: ~credhelper:* resetchannels -@all +eval +hello +auth"
    " +ping +select +hget +hmget +hset +hdel +del +pexpire +pttl +time"
)
_USER = "correct the user in store, or the secret that password names, in [fleet]"
_ADDRESS = "correct store in [fleet], or start it"
_EVICTS = ("allkeys", "volatile")


def checks(context: Context, config: Config, *, offline: bool) -> list[Check]:
    """Return the checks of the fleet that `config` has; none without one.

    Parameters: `offline`, ask no store.
    """
    fleet = config.fleet
    if fleet is None:
        return []
    reached = cache(partial(_reached, context, fleet))
    looks: list[tuple[str, Callable[[], Outcome], str]] = [
        ("packages", _packages, _INSTALL),
        ("key", partial(_key, context, fleet), "credhelper fleet key --help"),
        ("shares", partial(_shares, config), ""),
    ]
    found = [Check(name, ABOUT, look, (), fix) for name, look, fix in looks]
    needs: tuple[tuple[str, str], ...] = (("packages", ABOUT), ("key", ABOUT))
    remote: list[tuple[str, Callable[[], Outcome], str]] = [
        ("store", lambda: _store(fleet, reached()), _ADDRESS),
        ("tls", partial(_tls, fleet), "begin store with rediss in [fleet]"),
        ("rights", lambda: _rights(context, fleet), _RIGHTS),
        ("store clock", lambda: _clock(context, reached()[1]), ""),
        ("eviction", lambda: _eviction(reached()[0]), ""),
    ]
    for name, look, fix in remote:
        found.append(Check(name, ABOUT, _offline if offline else look, needs, fix))
        needs = (("store", ABOUT),)
    for profile in config.profiles.values():
        if profile.share:
            look = partial(_part, context, fleet, profile)
            found.append(Check("part", profile.name, look, (("key", ABOUT),)))
        if profile.share_session:
            look = partial(_session, context, config, profile)
            found.append(
                Check("shared session", profile.name, _offline if offline else look, needs)
            )
    return found


def _offline() -> Outcome:
    raise SkippedError("--offline")


def _packages() -> Outcome:
    from credhelper.broker import wiring

    wiring.admit_third_parties()
    missing = [name for name in ("redis", "cryptography") if not _there(name)]
    if missing:
        raise CredhelperError(f"not installed: {' and '.join(missing)}", _INSTALL)
    return passed("redis and cryptography are installed")


def _there(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _key(context: Context, fleet: Fleet) -> Outcome:
    ring = sharing.ring_of(context, fleet)
    count = len(ring.names(["check"]))
    if count == 1:
        return passed(f"one key, called {ring.called()[0]}")
    return passed(f"{count} keys: {ring.called()[0]} seals, the others open what is older")


def _shares(config: Config) -> Outcome:
    names = [
        f"{one.name} as {one.share}{' with its session' * one.share_session}"
        for one in config.profiles.values()
        if one.share
    ]
    if not names:
        return warned("no profile shares its tokens", "add share = 'NAME' to a profile")
    return passed(printable(", ".join(names)))


def _reached(context: Context, fleet: Fleet) -> tuple[RedisStore, Look]:
    from credhelper.fleet.store import StoreError

    store = sharing.store_of(context, fleet)
    try:
        return store, store.look(secrets.token_hex(16), 0, "", 0.0)
    except StoreError as error:
        raise UnreachableError(f"{fleet.store}: {error.why}", _fix(error.why)) from None
    finally:
        store.close()


def _fix(why: str) -> str:
    if "user" in why:
        return _RIGHTS if "may not" in why else _USER
    if "CA file" in why:
        return "correct ca_file in [fleet], or CREDHELPER_FLEET_CA_FILE"
    if "certificate" in why:
        return "name its authority: ca_file in [fleet], or CREDHELPER_FLEET_CA_FILE"
    return _ADDRESS


def _store(fleet: Fleet, reached: tuple[RedisStore, Look]) -> Outcome:
    return passed(f"{fleet.store} answers")


def _tls(fleet: Fleet) -> Outcome:
    if fleet.store.kind == UNIX:
        return passed("not needed: a socket of this machine")
    if fleet.store.tls:
        return passed("its certificate is trusted")
    if fleet.plain:
        return warned("none: plain = true lets the store's password go over the network unsealed")
    return passed("not needed: this machine")


def _rights(context: Context, fleet: Fleet) -> Outcome:
    """Do all that a fleet does, under a name that nobody else has."""
    from credhelper.fleet.store import StoreError

    store, ring = sharing.store_of(context, fleet), sharing.ring_of(context, fleet)
    name, owner, text = secrets.token_hex(16), secrets.token_hex(8), secrets.token_hex(16)
    doing = "look"
    try:
        leads = store.look(name, 0, owner, _LEASE).leads
        doing = "publish"
        sealed = ring.seal(text.encode(), ["value", name, "1"])
        taken = store.publish(name, 0, 1, sealed, _LEASE, owner)
        seen = store.look(name, 0, owner, 0.0)
        doing = "release a lease"
        store.look(name, 1, owner, _LEASE)
        store.release(name, owner, sealed, 1.0)
        doing = "remove"
        store.remove(name, 1.0)
    except StoreError as error:
        raise CredhelperError(f"cannot {doing}: {error.why}", _fix(error.why)) from None
    finally:
        store.close()
    if not (leads and taken) or ring.open(seen.value, ["value", name, "1"]) != text.encode():
        raise CredhelperError("what was put there did not come back", _ADDRESS)
    return passed("a sealed value went there and back")


def _clock(context: Context, seen: Look) -> Outcome:
    ahead = seen.now - context.clock()
    if abs(ahead) <= _DIFFERS:
        return passed("it agrees with ours")
    side = "ahead of" if ahead > 0 else "behind"
    return warned(f"it is {output.span(abs(ahead))} {side} ours: hosts allow for that")


def _eviction(store: RedisStore) -> Outcome:
    from credhelper.fleet.store import StoreError

    try:
        policy = store.policy()
    except StoreError as error:
        why = "its account may not ask, and need not" if "may not" in error.why else error.why
        raise SkippedError(f"not known: {why}") from None
    finally:
        store.close()
    if policy.startswith(_EVICTS):
        return warned(
            f"{printable(policy)}: a store that is full drops tokens, and the next host makes one",
            "redis-cli CONFIG SET maxmemory-policy noeviction",
        )
    return passed(printable(policy))


def _session(context: Context, config: Config, profile: Profile) -> Outcome:
    """Compare the session that hosts share with the one here."""
    from credhelper.core import lookup
    from credhelper.core.record import number
    from credhelper.fleet import value
    from credhelper.fleet.payload import GENERATION
    from credhelper.fleet.store import StoreError

    record, stamp = inventory.record_of(context, profile)
    here = inventory.session_slot(context, profile, record).find() or {}
    member = session_sharing.session_member(context, config, profile, stamp)
    store = sharing.store_of(context, sharing.fleet_of(config, profile))
    try:
        seen = store.look(member.names[0], 0, "", 0.0)
    except StoreError as error:
        raise UnreachableError(f"{member.address}: {error.why}", _fix(error.why)) from None
    finally:
        store.close()
    there = value.opened_session(member, member.names[0], seen, 0.0, lookup.host()) or {}
    get = command("credhelper", "get", "--profile", profile.name)
    if here.get("token") and number(here, GENERATION) > seen.generation * bool(there):
        return warned("the one here is later than what hosts share: the next get shares it", get)
    if not there.get("token"):
        why = "logged out for all hosts" if there else "none is shared yet"
        fix = next_step.log_in(context.environ, profile.name, profile)
        return warned(why, fix if profile.grant is None else get)
    maker = printable(there.get("maker", ""))
    if here.get("token") == there["token"]:
        return passed(f"the one here, renewed by {maker}")
    return passed(f"renewed by {maker}: the next get that needs it takes it")


def _part(context: Context, fleet: Fleet, profile: Profile) -> Outcome:
    if not fleet.lead:
        return passed("takes what others make (lead = false)")
    record, _ = inventory.record_of(context, profile)
    if profile.share_session:
        return passed("makes tokens, and renews the session that hosts share")
    if sharing.visible(context, profile, record):
        return passed("makes tokens, and takes what others make")
    return warned(
        f"takes only: {output.grant_in_words(profile.grant)} is not there",
        "put the key there, or say so with lead = false in [fleet]",
    )
