"""What a host brings to a value that it shares, and what comes of asking for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from credhelper.errors import CredhelperError, TokenAPIError
from credhelper.fleet.payload import MARGIN
from credhelper.fleet.seal import Ring
from credhelper.fleet.store import Store


class UnsharedError(Exception):
    """This host cannot take part, and makes its tokens alone.

    Parameters:
    - why: what is wrong.
    """

    def __init__(self, why: CredhelperError) -> None:
        super().__init__(why.message)
        self.why = why


class Member(NamedTuple):
    """What a host brings to one shared value.

    Parameters:
    - connect: returns the store; raises StoreError.
    - address: names the store to people, without a secret.
    - ring: the fleet's keys.
    - names: the value's, by each key.
    - owner: who asks for leases.
    - leads: whether this host may make values.
    - prepare: loads what a renewal takes, reads the grant, and returns its fingerprint.
    - whose: returns a digest of whose the token in a record is; "" where it does not tell.
    - wrong: returns why the token in a record is not one for this profile; "" if it is.
    - owned: fields of this host's records that say whose they are.
    - margin: seconds of life that its callers want: it looks for the next value before.
    - sessions: whether hosts share the session behind a token as well.
    """

    connect: Callable[[], Store]
    address: str
    ring: Ring
    names: list[str]
    owner: str
    leads: bool
    prepare: Callable[[], str]
    whose: Callable[[Mapping[str, str]], str]
    wrong: Callable[[Mapping[str, str]], str]
    owned: Mapping[str, str]
    margin: float = MARGIN
    sessions: bool = False


class Said(NamedTuple):
    """What came of asking.

    Parameters:
    - goes_on: whether the caller goes on; False: it serves what it holds.
    - fields: a record to adopt, or None.
    - error: a failure of another host that counts here, or None.
    - left: seconds that it counts.
    - waited: seconds that it took.
    """

    goes_on: bool
    fields: dict[str, str] | None = None
    error: TokenAPIError | None = None
    left: float = 0.0
    waited: float = 0.0
