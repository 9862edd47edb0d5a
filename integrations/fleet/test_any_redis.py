"""Any Redis: homes as hosts, wired up by the files and commands of the README."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import jwt
import pytest

from integrations.fleet.stage import HERE, OWN, SECRETS, Stage
from integrations.servers.certificates import Certificate
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import CLUSTER_RIGHTS, NAME, RIGHTS, Secure, Single, found
from tests.support.worlds import TIMEOUT, World

HOSTS = 10
SECONDS = 12  # of a short-lived token: two programs start within it on a busy machine
GET = (*command(), "get")
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```\n", re.MULTILINE | re.DOTALL)


@pytest.fixture
def founded(
    tmp_path: Path, certificate: Certificate
) -> Iterator[Callable[..., tuple[Stage, Wired]]]:
    """Give this test a way to found a fleet, by the README's commands, on its first host."""
    with ExitStack() as stack:

        def start(*options: str) -> tuple[Stage, Wired]:
            # The fleet's account is off: the README's own commands make it.
            store = Secure(tmp_path / "store", certificate, rights="off")
            stack.callback(store.stop)
            sandbox = RunningSandbox(*options)
            stack.callback(sandbox.stop)
            stage = Stage(tmp_path, sandbox, store)
            first = stage.host("first")
            found_on(stage, first)
            return stage, first

        yield start


def found_on(stage: Stage, host: Wired) -> None:
    """Make the fleet's secrets and its account as the README says, on `host`."""
    secrets, account = _BLOCK.findall((HERE / "README.md").read_text())[:2]
    authority = stage.store.ca_file
    assert authority
    stage.write(host, "redis-ca.pem", authority.read_text())
    (server,) = stage.store.servers
    # redis-cli, and the password of the admin, as an admin has them.
    folder = Path(found("redis-server", "redis-cli")).parent
    environ = {**host.environ, **server.environ(), "HOME": str(host.world.home)}
    environ["PATH"] = f"{host.environ['PATH']}:{folder}"
    for asked in (secrets, account):
        text = asked.replace("redis.example.org -p 6379", f"127.0.0.1 -p {server.port}")
        done = subprocess.run(
            ["sh", "-e", "-c", text], env=environ, cwd=HERE, capture_output=True, timeout=TIMEOUT
        )
        assert (done.returncode, done.stderr) == (0, b""), done
    assert done.stdout == b"OK\n"
    for name in SECRETS[:2]:
        path = host.world.home / OWN / name
        assert path.stat().st_mode & 0o777 == 0o600
        host.world.canaries.append(path.read_text().strip())


def token(host: Wired) -> str:
    """Return what `credhelper get` prints; it says nothing else."""
    outcome = host.run(*GET)
    assert (outcome.status, outcome.told) == (0, ""), outcome
    return outcome.token


def test_two_hosts_share_a_token_by_the_commands_of_the_readme(
    founded: Callable[..., tuple[Stage, Wired]],
) -> None:
    stage, first = founded()
    second = stage.host("second", like=first)

    assert token(first) == token(second)
    assert token(first) == token(second)

    assert stage.sandbox.stats()["created"] == 1
    held = stage.store.content()
    for secret in first.world.canaries:
        assert secret.encode() not in held


def test_cold_hosts_that_start_together_make_one_token(
    founded: Callable[..., tuple[Stage, Wired]],
) -> None:
    stage, first = founded()
    hosts = [first, *(stage.host(f"host-{number}", like=first) for number in range(1, HOSTS))]

    running = [
        subprocess.Popen(GET, env=host.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for host in hosts
    ]
    outcomes = [process.communicate(timeout=TIMEOUT) for process in running]

    assert {told for _, told in outcomes} == {b""}
    assert len({printed for printed, _ in outcomes}) == 1
    assert stage.sandbox.stats()["created"] == 1


def test_a_taker_without_a_key_takes_what_another_host_has_made(
    founded: Callable[..., tuple[Stage, Wired]],
) -> None:
    stage, first = founded()
    taker = stage.host("taker", "taker.toml", like=first)
    assert not (taker.world.home / OWN / "api-key").exists()

    made = token(first)

    assert token(taker) == made
    assert stage.sandbox.stats()["created"] == 1


def test_a_host_whose_key_is_missing_takes_as_well(
    founded: Callable[..., tuple[Stage, Wired]],
) -> None:
    stage, first = founded()
    second = stage.host("second", like=first)
    (second.world.home / OWN / "api-key").unlink()

    made = token(first)

    assert token(second) == made
    assert stage.sandbox.stats()["created"] == 1


def test_variables_do_what_a_config_does(tmp_path: Path) -> None:
    with ExitStack() as stack:
        store = Single(tmp_path / "store")
        stack.callback(store.stop)
        sandbox = RunningSandbox()
        stack.callback(sandbox.stop)
        made = subprocess.run([*command(), "fleet", "key"], capture_output=True, text=True)
        told = {
            "CREDHELPER_API_KEY": sandbox.api_key,
            "CREDHELPER_URL": sandbox.url,
            "CREDHELPER_SHARE": "pipeline",
            "CREDHELPER_FLEET_STORE": store.url,
            "CREDHELPER_FLEET_KEY": made.stdout.strip(),
        }
        taker = {**told, "CREDHELPER_FLEET_LEAD": "0"}
        del taker["CREDHELPER_API_KEY"]
        found = []
        for name, environ in (("first", told), ("second", told), ("taker", taker)):
            (tmp_path / name).mkdir()
            host = Wired(World(tmp_path / name), sandbox)
            host.environ |= environ
            found.append(token(host))

        assert len(set(found)) == 1
        assert sandbox.stats()["created"] == 1


def test_a_taker_alone_says_what_it_waits_for(founded: Callable[..., tuple[Stage, Wired]]) -> None:
    stage, first = founded()
    taker = stage.host("taker", "taker.toml", like=first)
    stage.store.stop()

    outcome = taker.run(*GET)

    assert outcome.status != 0
    assert "this host makes none" in outcome.told
    assert stage.sandbox.stats()["created"] == 0


@pytest.mark.waits
def test_a_token_that_has_expired_is_replaced_once_for_all(
    founded: Callable[..., tuple[Stage, Wired]],
) -> None:
    stage, first = founded("--token-lifetime", str(SECONDS))
    second = stage.host("second", like=first)
    before = token(first)
    first.wait_until(jwt.decode(before, options={"verify_signature": False})["exp"])

    after = token(second)

    assert after != before
    assert token(first) == after
    assert stage.sandbox.stats()["created"] == 2


def test_without_the_store_each_host_makes_its_own_and_says_so(
    founded: Callable[..., tuple[Stage, Wired]],
) -> None:
    stage, first = founded()
    second = stage.host("second", like=first)
    stage.store.stop()

    outcomes = [host.run(*GET) for host in (first, second)]

    assert [outcome.status for outcome in outcomes] == [0, 0]
    assert outcomes[0].token != outcomes[1].token
    assert all("without the fleet's store" in outcome.told for outcome in outcomes)


def test_the_account_has_the_rights_that_the_tests_of_a_fleet_give_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    words = ["sh", str(HERE / "account.sh"), str(tmp_path / "password")]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    hashed = hashlib.sha256(b"secret").hexdigest()
    assert told == f"ACL SETUSER {NAME} reset on #{hashed} {RIGHTS}{CLUSTER_RIGHTS}\n"
