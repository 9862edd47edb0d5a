"""Scripted faults: what `POST /_sandbox/faults` takes, and the queue of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPMethod
from threading import Lock
from typing import Any

from credhelper.sandbox.call import Tweak

HUGE = 100_000_000


class FaultError(ValueError):
    """A fault that makes no sense. The message names the member and what was expected."""


@dataclass(frozen=True, repr=False)
class Fault:
    """One scripted fault; the default of each field changes nothing.

    Seconds: `delay`, `hang` (infinity: for ever), `drip` per byte, `date`, `nbf`, `lifetime`.
    Bytes: `huge`. `times` is how many requests it applies to (infinity: until cleared). `wire` is
    the JSON that described it.
    """

    path: str = "/"
    method: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hang: float = 0.0
    drip: float = 0.0
    drop: bool = False
    redirect: str | None = None
    truncated: bool = False
    huge: int = 0
    content_type: str | None = None
    body: str | None = None
    date: float = 0.0
    nbf: float = 0.0
    lifetime: float | None = None
    access_token: str | None = None
    rotate: bool = False
    times: float = 1
    wire: dict[str, Any] = field(default_factory=dict)

    def applies(self, method: str, path: str) -> bool:
        """Whether the fault applies to a request with this method and path."""
        return path.startswith(self.path) and self.method in (None, method)

    @property
    def canned(self) -> bool:
        """Whether the fault gives the answer, so that the operation is not performed."""
        return bool(self.status is not None or self.redirect or self.body is not None or self.huge)

    @property
    def tweak(self) -> Tweak:
        """How the fault changes the outcome of an operation that is performed."""
        return Tweak(self.date, self.nbf, self.lifetime, self.rotate)


NONE = Fault()


def parse(sent: object) -> list[Fault]:
    """Read a list of faults as decoded from JSON.

    Raises `FaultError` naming the first unknown member or bad value.
    """
    if not isinstance(sent, list):
        raise FaultError("a JSON list of fault objects is expected")
    return [_parse_one(number, item) for number, item in enumerate(sent)]


def _parse_one(number: int, item: object) -> Fault:
    if not isinstance(item, dict):
        raise FaultError(f"fault {number}: an object is expected")
    values: dict[str, Any] = {}
    for sent_name, sent in item.items():
        name = sent_name.replace("-", "_")
        if name not in _MEMBERS:
            known = ", ".join(_MEMBERS)
            raise FaultError(f"fault {number}: unknown member {sent_name!r}: known are {known}")
        if name in values:
            raise FaultError(f"fault {number}: {name} is given twice")
        expected, read = _MEMBERS[name]
        try:
            values[name] = read(sent)
        except (TypeError, ValueError, OverflowError):
            raise FaultError(f"fault {number}: {name} must be {expected}") from None
    if "json" in values:
        if "body" in values:
            raise FaultError(f"fault {number}: body or json can be given, not both")
        values["body"] = values.pop("json")
    return Fault(**values, wire=item)


class Queue:
    """The faults still to come, in order. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[tuple[Fault, float]] = []

    def add(self, faults: list[Fault]) -> None:
        """Append faults."""
        with self._lock:
            self._waiting += [(fault, fault.times) for fault in faults]

    def take(self, method: str, path: str) -> Fault:
        """Return and count down the first fault that applies to this request; else `NONE`."""
        with self._lock:
            for place, (fault, left) in enumerate(self._waiting):
                if fault.applies(method, path):
                    self._waiting[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return NONE

    def queued(self) -> list[dict[str, Any]]:
        """The faults that still wait, as they were sent, with `times` counted down."""
        with self._lock:
            return [
                fault.wire | {"times": "always" if math.isinf(left) else int(left)}
                for fault, left in self._waiting
            ]

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._waiting.clear()


def _number(low: float = -math.inf) -> Callable[[object], float]:
    def read(sent: object) -> float:
        if isinstance(sent, bool) or not isinstance(sent, int | float):
            raise TypeError
        if not math.isfinite(sent) or abs(sent) > 1e9 or sent < low:
            raise ValueError
        return float(sent)

    return read


def _flag(sent: object) -> bool:
    if not isinstance(sent, bool):
        raise TypeError
    return sent


def _text(sent: object) -> str:
    if not isinstance(sent, str):
        raise TypeError
    sent.encode()
    return sent


def _header_text(sent: object) -> str:
    text = _text(sent)
    text.encode("latin-1")
    if any(char in text for char in "\r\n\0"):
        raise ValueError
    return text


def _headers(sent: object) -> dict[str, str]:
    if not isinstance(sent, dict):
        raise TypeError
    for name in sent:
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError
    return {name: _header_text(value) for name, value in sent.items()}


def _path(sent: object) -> str:
    text = _text(sent)
    if not text.startswith("/"):
        raise ValueError
    return text


def _status(sent: object) -> int:
    if isinstance(sent, bool) or not isinstance(sent, int):
        raise TypeError
    if not 200 <= sent <= 599:
        raise ValueError
    return sent


def _hang(sent: object) -> float:
    if isinstance(sent, bool):
        return math.inf if sent else 0.0
    return _number(0)(sent)


def _huge(sent: object) -> int:
    if isinstance(sent, bool):
        return HUGE if sent else 0
    if not isinstance(sent, int):
        raise TypeError
    if not 0 <= sent <= 100 * HUGE:
        raise ValueError
    return sent


def _times(sent: object) -> float:
    if sent == "always":
        return math.inf
    if isinstance(sent, bool) or not isinstance(sent, int):
        raise TypeError
    if sent < 0:
        raise ValueError
    return sent or math.inf


_MEMBERS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "path": ("a prefix that begins with /", _path),
    "method": ("an HTTP method", lambda sent: HTTPMethod(_text(sent).upper()).value),
    "status": ("a status from 200 to 599", _status),
    "headers": ("an object of header names and values", _headers),
    "delay": ("seconds, not negative", _number(0)),
    "hang": ("true, or seconds, not negative", _hang),
    "drip": ("seconds per byte, not negative", _number(0)),
    "drop": ("true or false", _flag),
    "redirect": ("a URL", _header_text),
    "truncated": ("true or false", _flag),
    "huge": ("true, or a number of bytes up to 10 GB", _huge),
    "content_type": ("a header value", _header_text),
    "body": ("a string", _text),
    "json": ("any JSON value", json.dumps),
    "date": ("seconds", _number()),
    "nbf": ("seconds", _number()),
    "lifetime": ("seconds", _number()),
    "access_token": ("a string", _text),
    "rotate": ("true or false", _flag),
    "times": ('a whole number, or "always"', _times),
}
