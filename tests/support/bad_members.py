"""Members of a fleet that are broken, or mean ill: they have its key, and plant what they like."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping

from credhelper.config import fleet as fleets
from credhelper.core import record
from credhelper.core.model import Secret
from credhelper.fleet.redis_store import RedisStore
from credhelper.fleet.seal import Ring
from tests.support.hosts import Hosts
from tests.support.stores import Store

Fields = dict[str, str]


def _text(fields: Mapping[str, str]) -> bytes:
    """Return a record as bytes, whatever is in it."""
    body = record.HEADER.encode() + b"\n"
    body += b"".join(f"{key}={value}\n".encode("latin-1") for key, value in fields.items())
    return body + record.end(body)


def plant(hosts: Hosts, store: Store, alter: Callable[[Fields], Fields]) -> None:
    """Have a member put another value over the one that is there."""
    (key,) = store.keys()
    name = key.partition("{")[2].rstrip("}")
    driver = RedisStore(
        fleets.address_of(store.url, plain=False), password=None, ca_file=None, timeout=10
    )
    ring = Ring(Secret(hosts.key))
    seen = driver.look(name, 0, "x", 0)
    text = ring.open(seen.value, ["value", name, str(seen.generation)])
    assert text is not None
    fields = record.decode(text)
    assert fields is not None
    later = seen.generation + 1
    sealed = ring.seal(_text(alter(fields)), ["value", name, str(later)])
    assert driver.publish(name, seen.generation, later, sealed, 3600, "x")
    driver.close()


def _with(**more: str) -> Callable[[Fields], Fields]:
    return lambda fields: {**fields, **more}


def _claims(**more: object) -> Callable[[Fields], Fields]:
    def alter(fields: Fields) -> Fields:
        head, body, tail = fields["token"].split(".")
        told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        encoded = base64.urlsafe_b64encode(json.dumps({**told, **more}).encode()).decode()
        return {**fields, "token": f"{head}.{encoded.rstrip('=')}.{tail}"}

    return alter


PLANTED = {
    "a maker that moves the cursor": _with(maker="\x1b[2Jroot"),
    "a maker beyond ASCII": _with(maker="\xff\xfe"),
    "a token with a line end": _with(token="a\rb"),
    "no token": _with(token=""),
    "AWS credentials": _with(kind="aws"),
    "a session": _with(kind="session"),
    "an end beyond all time": _with(expires="9" * 15),
    "an end that is no number": _with(expires="soon"),
    "a skew beyond all time": _with(ahead="9" * 15),
    "a skew before all time": _with(ahead="-" + "9" * 15),
    "a life that has ended": _with(expires="1"),
    "another account": _claims(sub="mallory"),
    "another API": _claims(aud="ica"),
    "claims of odd types": _claims(sub=["x"], tid={}, aud=[1, None, {}], mem=7, acl="x"),
    "nothing but claims": lambda fields: {"token": fields["token"], "kind": "jwt"},
}
