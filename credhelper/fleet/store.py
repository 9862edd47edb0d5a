"""What a fleet asks of its store: five calls, each of them atomic and one round trip."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class StoreError(Exception):
    """The store was not reached, did not answer in time, or did not allow what was asked.

    Parameters:
    - why: one line, without a secret.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Look(NamedTuple):
    """What the store has under a name, and who may make the next value.

    Parameters:
    - generation: of the value, in milliseconds on the store's clock; 0 without one.
    - value: sealed; empty for a tombstone, or without a value.
    - failure: sealed, while it counts; else empty.
    - failing: seconds that the failure still counts.
    - now: the store's clock, in Unix seconds.
    - leads: whether the caller has the lease, and may make the next value.
    - busy: seconds until somebody else's lease ends; 0 without one.
    """

    generation: int
    value: bytes
    failure: bytes
    failing: float
    now: float
    leads: bool
    busy: float


class Store(Protocol):
    """A store of sealed values, each with a generation and a lease. Every call raises StoreError.

    Names and values are opaque to it. What it answers is not believed: it is opened by `seal`.
    """

    def look(
        self,
        name: str,
        after: int,
        owner: str,
        lease: float,
        *,
        despite: bool = False,
        waited: float = 0.0,
    ) -> Look:
        """Return what is there, and take or extend the lease if the caller may lead.

        It may if the generation is not after `after`, no failure counts, and nobody else's lease
        runs.

        Parameters:
        - name: of the value.
        - after: the generation that the caller knows, and finds not good enough.
        - owner: who asks: the lease is this one's.
        - lease: seconds; 0 only to look.
        - despite: take the lease although a failure counts.
        - waited: seconds since the caller asked: a failure that counted then counts still.
        """

    def publish(
        self, name: str, base: int, generation: int, value: bytes, life: float, owner: str
    ) -> bool:
        """Put a value there, end the owner's lease, and forget the failure; tell if it was taken.

        It is refused if somebody else has published since.

        Parameters:
        - base: the generation that the caller's work began with.
        - generation: of the new value.
        - life: seconds after which the store may drop it.
        """

    def release(self, name: str, owner: str, failure: bytes = b"", life: float = 0.0) -> None:
        """End the owner's lease, and leave a failure for others.

        Parameters:
        - failure: sealed; empty for none.
        - life: seconds that it counts.
        """

    def remove(self, name: str, life: float) -> None:
        """Leave a tombstone instead of the value: of a later generation, and empty.

        Parameters:
        - life: seconds after which the store may drop it.
        """

    def close(self) -> None:
        """Let the connection go. Never raises."""
