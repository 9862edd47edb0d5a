"""The stores that tests of a fleet rely on are what they stand for."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from tests.support import processes, troubled_stores
from tests.support.stores import (
    NAME,
    RIGHTS,
    Cluster,
    Secure,
    Sentinels,
    Server,
    Single,
    Store,
    found,
    until,
)

KEY = "credhelper:1:{a}"
_PATIENCE = 60.0


def cli(url: str, *words: str, password: str = "", ca_file: Path | None = None) -> str:
    """Ask as a client would that has only what a config says; returns all that redis-cli prints."""
    asked = [found("redis-server", "redis-cli")]
    if url.startswith("unix://"):
        asked += ["-s", url.removeprefix("unix://")]
    else:
        scheme, _, rest = url.partition("://")
        user, _, place = rest.rpartition("@")
        host, _, port = place.partition(",")[0].partition("/")[0].rpartition(":")
        asked += ["-h", host, "-p", port]
        # Its Sentinels have no accounts: the user is one of the primary's.
        user, password = ("", "") if "+sentinel" in scheme else (user, password)
        asked += ["--user", user] if user else []
        asked += ["--tls", "--cacert", str(ca_file)] if scheme.startswith("rediss") else []
    environ = {"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": password} if password else {}
    done = subprocess.run([*asked, *words], capture_output=True, env=environ, timeout=_PATIENCE)
    return (done.stdout + done.stderr).decode().strip()


def test_each_store_answers_at_its_url(store: Store) -> None:
    told = cli(store.url, "PING", password=store.password, ca_file=store.ca_file)
    assert told == "PONG"


def test_a_store_counts_and_shows_what_it_was_asked(store: Store, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with store.monitored(seen):
        asked = ("EVAL", "return redis.call('hset', KEYS[1], 'val', 'x1')", "1", KEY)
        assert store.ask(*asked).splitlines()[-1] == "1"
    assert store.counted() == 1
    assert store.keys() == [KEY]
    assert store.content().split() == [KEY.encode(), b"val", b"x1"]
    assert b"hset" in seen.read_bytes()
    store.reset()
    assert (store.counted(), store.keys(), store.content()) == (0, [], b"")


def test_the_account_of_a_fleet_may_do_no_more_than_it_needs(secure: Store) -> None:
    def ask(*words: str) -> str:
        return cli(secure.url, *words, password=secure.password, ca_file=secure.ca_file)

    script = "redis.call('hset', KEYS[1], 'gen', 1); return redis.call('pttl', KEYS[1])"
    assert ask("EVAL", script, "1", KEY) == "-1"
    for words in (["KEYS", "*"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["HGET", "other", "a"]):
        assert ask(*words).startswith("NOPERM"), words
    wrong = cli(secure.url, "PING", password="not this", ca_file=secure.ca_file)
    assert "WRONGPASS" in wrong
    port = secure.servers[0].port
    assert cli(f"redis://127.0.0.1:{port}/0", "PING") != "PONG", "without TLS"


def test_the_sentinels_know_the_primary(sentinels: Sentinels) -> None:
    told = cli(sentinels.url, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
    assert told.split() == ["127.0.0.1", str(sentinels.servers[0].port)]
    assert cli(sentinels.url, "SENTINEL", "CKQUORUM", NAME).startswith("OK 3 usable")


def test_when_the_primary_ends_the_replica_takes_over(sentinels: Sentinels) -> None:
    primary, replica = sentinels.servers
    primary.ask("HSET", KEY, "val", "x1")
    sentinels.fail_over()
    told = cli(sentinels.url, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
    assert told.split() == ["127.0.0.1", str(replica.port)]
    assert replica.ask("HSET", KEY, "val", "x2") == "0"
    assert sentinels.keys() == [KEY]


def test_a_cluster_spreads_its_keys(cluster: Store) -> None:
    assert "CROSSSLOT" in cluster.ask("MGET", "a", "b")
    for number in range(20):
        cluster.ask("HSET", f"credhelper:1:{{{number}}}", "val", "x")
    assert len(cluster.keys()) == 20
    assert all(server.ask("DBSIZE") != "0" for server in cluster.servers)


def test_a_server_can_crash_and_come_back_empty_at_its_port(
    own_store: Callable[..., Store],
) -> None:
    store = own_store(Single)
    (server,) = store.servers
    server.ask("HSET", KEY, "val", "x1")
    server.kill()
    assert "refused" in cli(store.url, "PING")
    server.start()
    assert cli(store.url, "PING") == "PONG"
    assert store.keys() == []


def test_a_frozen_server_says_nothing_until_it_goes_on(own_store: Callable[..., Store]) -> None:
    (server,) = own_store(Single).servers
    server.freeze()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"PING\r\n")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        server.thaw()
        connection.settimeout(_PATIENCE)
        assert connection.recv(10) == b"+PONG\r\n"


def test_a_spoilt_store_is_nobody_elses(lend: Callable[[str], Store]) -> None:
    first = lend("plain")
    assert lend("plain") is first
    first.spoilt = True
    assert lend("plain").url != first.url
    assert "refused" in cli(first.url, "PING")


@pytest.mark.parametrize("kind", [Single, Sentinels, Cluster])
def test_a_store_that_was_stopped_leaves_nothing(
    kind: Callable[[Path], Store], tmp_path: Path
) -> None:
    store = kind(tmp_path / "store")
    assert list(processes.below(tmp_path))
    store.stop()
    assert list(processes.below(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv (of util-linux) here")
def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    found("redis-server")
    tree = Path(__file__).parent.parent.parent
    lines = ["import sys, time", f"sys.path.append({str(tree)!r})", "from pathlib import Path"]
    lines += ["from tests.support.stores import Single", f"Single(Path({str(tmp_path)!r}, 'a'))"]
    lines += ["print(flush=True)", "time.sleep(60)"]
    words = [sys.executable, "-c", "\n".join(lines)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert list(processes.below(tmp_path))
    process.kill()
    process.communicate()
    until(lambda: not list(processes.below(tmp_path)), lambda: "it still runs")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no-such-option"):
        Server(tmp_path / "store", "--no-such-option", "yes")


def test_a_silent_store_says_nothing(silent: troubled_stores.Silent) -> None:
    port = int(silent.url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(b"PING\r\n")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(10)


def test_a_closed_store_refuses(closed: troubled_stores.Closed) -> None:
    assert "refused" in cli(closed.url, "PING")


def test_a_foreign_store_speaks_http(foreign: troubled_stores.Foreign) -> None:
    assert "Protocol error" in cli(foreign.url, "PING")
    assert b"PING" in foreign.requests[-1]


def test_a_read_only_store_answers_and_takes_nothing(own_store: Callable[..., Store]) -> None:
    store = own_store(troubled_stores.ReadOnly)
    assert cli(store.url, "PING") == "PONG"
    assert cli(store.url, "HGET", KEY, "val") == ""
    assert cli(store.url, "HSET", KEY, "val", "x1").startswith("READONLY")


def test_a_full_store_answers_and_takes_nothing(own_store: Callable[..., Store]) -> None:
    store = own_store(troubled_stores.Full)
    assert cli(store.url, "PING") == "PONG"
    assert cli(store.url, "HSET", KEY, "val", "x1").startswith("OOM")


@pytest.mark.waits
def test_a_slow_store_pauses_again_and_again(own_store: Callable[..., Store]) -> None:
    store = own_store(Single)
    (server,) = store.servers
    with troubled_stores.slow(server):
        while store.counted("client|pause") < 3:
            assert cli(store.url, "PING") == "PONG"
    assert cli(store.url, "PING") == "PONG"


@pytest.mark.parametrize("done", [True, False])
def test_a_relay_cuts_at_the_question_that_it_was_told(
    relay: troubled_stores.Relay, plain: Store, done: bool
) -> None:
    asked = ("EVAL", "return redis.call('hset', KEYS[1], 'gen', 1)", "1", KEY)
    assert cli(relay.url, *asked) == "1"
    plain.reset()
    relay.cut_at, relay.done = 2, done
    assert cli(relay.url, "PING") == "PONG"
    assert cli(relay.url, *asked) == "1"
    assert "closed" in cli(relay.url, *asked)
    assert cli(relay.url, "PING") == "PONG"
    assert plain.counted() == (2 if done else 1)
    assert KEY.encode() in relay.sent


def test_an_account_can_be_made_that_may_do_too_little(
    own_store: Callable[..., Store], certificate: Certificate
) -> None:
    store = own_store(partial(Secure, rights=RIGHTS.replace(" +hset", "")), certificate)
    assert cli(store.url, "PING", password=store.password, ca_file=store.ca_file) == "PONG"
    asked = ("HSET", KEY, "val", "x1")
    told = cli(store.url, *asked, password=store.password, ca_file=store.ca_file)
    assert told.startswith("NOPERM")
