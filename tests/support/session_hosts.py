"""Hosts of a fleet that share a session: log in, let it become due, look at what each has."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from credhelper.broker import routing, session_sharing
from credhelper.broker.context import Context
from credhelper.core import record as records
from credhelper.core.model import SESSION, Secret, Token
from credhelper.fleet import scripts
from credhelper.storage import files
from tests.support.api_doors import Door
from tests.support.hosts import Hosts
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import World

IDLE = 3600
REFRESH = "/v1/tokens:refresh"
ROTATES = {"path": REFRESH, "rotate": True, "times": "always"}


def sharing(hosts: Hosts, **profile: Any) -> World:
    """Return another host that shares a session, and has no key."""
    told = {"auth": "session", "grant": None, "share_session": True, **profile}
    return hosts.host(**told)


def log_in(host: World, sandbox: RunningSandbox) -> str:
    """Have a host hold a new session, as a login does; return the session."""
    context = Context(host.environ, warn=_silent)
    now, session = int(time.time()), sandbox.session()
    profile = routing.load_config(context).profiles["main"]
    token = Token(Secret(session), kind=SESSION, issued_at=now, expires_at=now + IDLE)
    session_sharing.renewal_for(context, profile).adopt(token)
    return session


def ready(hosts: Hosts, sandbox: RunningSandbox, door: Door) -> tuple[World, World]:
    """Return two hosts that share a session, and each have a token; the API is behind a door."""
    one, other = (sharing(hosts, url=door.url) for _ in range(2))
    log_in(one, sandbox)
    one.prepare()
    other.prepare()
    return one, other


def refreshing(
    host: World, sandbox: RunningSandbox, door: Door, held: str
) -> subprocess.Popen[bytes]:
    """Start a get whose refresh, which brings another session, is held at a door.

    Parameters: `held`, `REQUEST` or `ANSWER`.
    """
    sandbox.fault(ROTATES)
    door.hold(held)
    process = host.start("get")
    door.wait()
    return process


def place(host: World) -> Path | None:
    """Return the record of the one session that a host has; None without one."""
    folder = host.state / "sessions"
    found = [one for one in folder.iterdir() if "." not in one.name] if folder.is_dir() else []
    return found[0] if found else None


def session(host: World) -> dict[str, str]:
    """Return what a host has of its session."""
    path = place(host)
    return (records.decode(path.read_bytes()) or {}) if path else {}


def come_due(*hosts: World, cold: Store | None = None) -> None:
    """Let the session of the first host be due on all hosts, and their tokens stale.

    Parameters: `cold`, the store, where all tokens are to be gone, there and on the hosts.
    """
    first = place(hosts[0])
    assert first
    hosts[0].age_record(first, IDLE * 2 // 3)
    for host in hosts:
        folder = host.state / "sessions"
        folder.mkdir(0o700, parents=True, exist_ok=True)
        if host != hosts[0]:
            files.replace(str(folder / first.name), first.read_bytes())
        for token in host.records():
            host.rewrite(token, due="1")
    if cold:
        forget_tokens(cold, *hosts)


def forget_tokens(store: Store, *hosts: World) -> None:
    """Let hosts and their store have no token, nor a failure: only the session."""
    own = session_key(hosts[0])
    for key in store.keys():  # noqa: SIM118  # a store is no mapping
        if key != own:
            store.ask("DEL", key)
    for host in hosts:
        for path in [*host.records(), *host.failures()]:
            path.unlink()


def session_key(host: World) -> str:
    """Return the key under which a store has the session of a host."""
    context = Context(host.environ, warn=_silent)
    config = routing.load_config(context)
    member = session_sharing.session_member(context, config, config.profiles["main"], "")
    return scripts.key(member.names[0])


def end_leases(store: Store) -> None:
    """Let all leases be over, as if their time were."""
    for key in store.keys():  # noqa: SIM118  # as above
        store.ask("HDEL", key, "owner", "until")


def _silent(message: str, _: object) -> None:
    raise AssertionError(message)
