"""A member that is broken, or means ill: it has the fleet's key, and still stops no get."""

from __future__ import annotations

import time

import pytest

from credhelper.core import record
from tests.support.bad_members import PLANTED, plant
from tests.support.hosts import Hosts, change
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store

# Who has held no token of the profile cannot tell these: we have no key to check a signature by.
UNKNOWN = ("another account", "claims of odd types")


@pytest.mark.sampled(7)
@pytest.mark.parametrize("case", [(name, cold) for name in PLANTED for cold in (True, False)])
def test_a_member_that_plants_something_stops_nobody(
    case: tuple[str, bool], hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    name, cold = case
    host = hosts.host()
    host.get()
    plant(hosts, plain, PLANTED[name])
    asks = hosts.host() if cold else host
    if not cold:
        change(host, due="1")
    told = asks.run("get")
    assert told.status == 0, told
    assert "\x1b" not in told.told
    if not (cold and name in UNKNOWN):
        assert running_sandbox.admits(told.token)
    status = asks.run("status")
    assert status.status == 0
    assert b"\x1b" not in status.stdout
    (held,) = asks.held()
    assert record.number(held, "expires") > time.time()
