"""What every connection of one sandbox shares, whichever API it speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from credhelper.sandbox import faults
from credhelper.sandbox.state import State


@dataclass(frozen=True, repr=False)
class Shared:
    """What every connection of one sandbox shares.

    Parameters:
    - state: the state machine; hold `lock` around each operation.
    - jwks: the public keys.
    - clock: seconds since 1970.
    - pause: waits so many seconds, or until the sandbox ends.
    - latency: seconds that every answer of an API takes.
    - queue: the faults still to come.
    """

    state: State
    jwks: dict[str, Any]
    clock: Callable[[], float]
    pause: Callable[[float], object]
    latency: float
    queue: faults.Queue = field(default_factory=faults.Queue)
    lock: Lock = field(default_factory=Lock)
