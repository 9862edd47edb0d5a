"""What earlier versions left behind is still read: records by their names, pickles."""

from __future__ import annotations

import pickle

from credhelper import Credentials
from credhelper.broker import routing
from credhelper.config import identity, parse
from credhelper.core import lookup, record, routes
from credhelper.core.model import SESSION
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

CONFIG = b"""default_profile = "work"
[profiles.work]
url = "https://aps2.platform.illumina.com"
grant = { env = "KEY" }
services = ["https://ica.example", "git.example.org/team"]
cid = "c1"
scopes = ["b", "a"]
keep_session = true
aws = { folder = "fol.1" }
[profiles.v2]
api = "ica"
auth = "session"
url = "https://ica.illumina.com"
services = ["https://v2.example"]
"""
# Written by the version before the packages became layers.
WORK, WORK_SESSION = "61d1ea6df5c10a3378d2719b8afa8c14", "a4c013d83b5612b838c828cc18fcbe24"
WORK_AWS, V2 = "c8064f6a9717c1d42c81527b03cfd7fa", "49f71574113ecdabfb6066ddaa1ebd10"
SALTED = "-706d73d1d135099c"
RECORD = (
    b"credhelper-record 1\nprofile=work\nkind=jwt\ngrant=1:2:3\nhost=node7\nskew=0\n"
    b"issued=1795468441\nnot_before=1795468441\nexpires=1795554841\nassumed=0\ndue=0\n"
    b"rejected_at=0\ntoken=eyJ.eyJ.c2ln\nend 3362d3fe93d3319\n"
)
PICKLE = (
    b"\x80\x04\x95A\x00\x00\x00\x00\x00\x00\x00\x8c\ncredhelper\x94\x8c\x0bCredentials\x94\x93\x94"
    b"\x8c\x04work\x94\x8c\x13https://ica.example\x94K<\x87\x94R\x94."
)


def test_a_record_keeps_the_name_that_it_had() -> None:
    config = parse.parse(CONFIG, "/home/ada/config.toml", {"HOME": "/home/ada"})
    work, v2 = config.profiles["work"], config.profiles["v2"]
    assert identity.record_name(work, kind=work.token) == WORK
    assert identity.record_name(work, kind=SESSION) == WORK_SESSION
    assert work.aws is not None
    assert identity.aws_name(work, work.aws) == WORK_AWS
    assert identity.record_name(v2, kind=v2.token) == V2
    found = routes.compiled("work", "00" * 16, [routing.route_to(work), routing.route_to(v2)])
    route = found.all()[0]
    assert lookup.record_of(found, route, {"KEY": "canary"}) == (WORK + SALTED, "")


def test_a_record_from_before_is_read_and_would_be_written_the_same_way() -> None:
    fields = record.decode(RECORD)
    assert fields is not None
    assert fields["token"] == "eyJ.eyJ.c2ln"
    assert record.encode(fields) == RECORD
    held = record.held_in(fields, "1:2:3", "node7")
    assert held is not None
    assert held.expires_at == 1795554841


def test_credentials_that_were_pickled_before_are_read() -> None:
    again = pickle.loads(PICKLE)
    assert isinstance(again, Credentials)
    assert (again.profile, again.service, again.min_ttl) == ("work", "https://ica.example", 60)


def test_what_is_pickled_names_public_places_only() -> None:
    made = Credentials("work")
    assert b"credhelper." not in pickle.dumps([made, made.auth])


def test_a_token_of_a_key_in_a_variable_is_found_after_an_upgrade(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"grant": {"env": "KEY"}}
    )
    scratch_world.environ["KEY"] = running_sandbox.api_key
    token = scratch_world.get()
    (salt,) = scratch_world.cache.glob("routes-*.salt")
    # As the formats before had it: in the routes file itself, whose name had no version.
    head = "credhelper-routes 6\nversion 0\nconfig x\nhome \n"
    before = salt.with_suffix("")
    before.write_text(f"{head}{salt.read_text()}\ndefault \n\n")
    before.chmod(0o600)
    salt.unlink()
    (compiled,) = scratch_world.cache.glob(f"routes-*.{routes.FORMAT}-*")
    compiled.unlink()
    running_sandbox.count_from_here()
    assert scratch_world.get() == token
    assert running_sandbox.stats()["requests"] == 0
    assert salt.read_text() in before.read_text()
    assert before.exists()


def test_two_versions_in_one_cache_read_their_own_routes_and_the_same_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.get()
    (compiled,) = scratch_world.cache.glob(f"routes-*.{routes.FORMAT}-*")
    head, body = compiled.read_bytes().split(b"\n", 1)
    assert head == f"credhelper-routes {routes.FORMAT}".encode()
    # As the format before had it: two names of variables, where this one has how they begin.
    lines = body.replace(b"variables=ICA\t", b"token_in=ICA_ACCESS_TOKEN\turl_in=ICA_BASE_URL\t")
    before = compiled.with_name(compiled.name.replace(f".{routes.FORMAT}-", ".7-"))
    before.write_bytes(b"credhelper-routes 7\n" + lines)
    before.chmod(0o600)
    compiled.unlink()
    running_sandbox.count_from_here()
    told = scratch_world.run("get", "--format", "env").stdout.decode()
    assert f"export ICA_ACCESS_TOKEN={token}\n" in told
    assert running_sandbox.stats()["requests"] == 0
    assert before.read_bytes() == b"credhelper-routes 7\n" + lines
    assert compiled.exists()
