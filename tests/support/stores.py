"""Real stores for a fleet: one server, one with TLS and accounts, a socket, Sentinel, a cluster.

Each starts on free ports of loopback, is ready when its constructor returns, and leaves nothing
behind after `stop`. `reset` makes it as good as new for the next test.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypedDict

from integrations.clients import missing, place
from integrations.servers.certificates import Certificate

# What docs/fleet.md lets a fleet's account do.
RIGHTS = (
    "~credhelper:* resetchannels -@all +eval +hello +auth +ping +select"
    " +hget +hmget +hset +hdel +del +pexpire +pttl +time"
)
# And what a client of a cluster asks besides, to learn which node has a key.
CLUSTER_RIGHTS = " +cluster|slots +command"
NAME = "credhelper"  # of the account, and of the primary that sentinels watch
_ADMIN = "admin"
_SLOTS = 16384
_PATIENCE = 60.0
_ATTEMPTS = 5


class Server:
    """One process of redis-server or of its kin.

    Parameters: `folder`, which is made; `options`, words of its command line; `program`, a name in
    clients.toml; `config`, lines of its config file; `certificate`, for TLS alone; `accounts`, for
    its ACL; `unix`, for a socket instead of a port. Attributes: `port`; `bus`, the port for other
    nodes of a cluster; `path`, of the socket. Skips the test, or fails it, where there is no such
    program: see `integrations.clients.missing`.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        program: str = "redis-server",
        config: str = "",
        certificate: Certificate | None = None,
        accounts: Accounts | None = None,
        unix: bool = False,
    ) -> None:
        self._program, self._cli = found(program), found("redis-server", "redis-cli")
        self.port = self.bus = 0
        self.path = folder / "socket"
        self._folder = folder
        self._password = accounts.admin if accounts else ""
        self._certificate = certificate
        self._unix = unix
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(0o700)
        words = list(options)
        if config:
            (folder / "own.conf").write_text(config)
            words.insert(0, str(folder / "own.conf"))
        if accounts:
            (folder / "accounts").write_text(accounts.lines)
            words += ["--aclfile", str(folder / "accounts")]
        if certificate:
            words += ["--tls-cert-file", str(certificate.chain), "--tls-auth-clients", "no"]
            words += ["--tls-key-file", str(certificate.key)]
            words += ["--tls-ca-cert-file", str(certificate.authority), "--tls-replication", "yes"]
            words += ["--tls-cluster", "yes"]
        if unix:
            words += ["--unixsocket", str(self.path), "--unixsocketperm", "700"]
        self._words = words
        # A port that is free now may be somebody's in a moment.
        for _ in range(_ATTEMPTS):
            self.port, self.bus = free_ports(2)
            if self._started():
                return
        raise AssertionError(self.told())

    def start(self) -> None:
        """Start it again where it was. Raises AssertionError if it does not come up."""
        assert self._started(), self.told()

    def kill(self) -> None:
        """End it at once, as a crash would; what it knew is gone."""
        if self._process:
            self._process.kill()  # a process that is frozen ends as well
            self._process.wait()
            self._process = None

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def freeze(self) -> None:
        """Stop it without an end: connections are taken, and nothing is answered."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and remove its files."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, *words: str) -> str:
        """Run a command as admin; returns what redis-cli prints, errors of the server included."""
        done = subprocess.run(
            self.command(*words), capture_output=True, env=self.environ(), timeout=_PATIENCE
        )
        return (done.stdout + done.stderr).decode("utf-8", "backslashreplace").rstrip("\n")

    def read(self, *words: str) -> bytes:
        """Run a command as admin; returns the bytes of the answer."""
        asked = self.command(*words)
        return subprocess.run(
            asked, capture_output=True, env=self.environ(), timeout=_PATIENCE, check=True
        ).stdout

    def command(self, *words: str) -> list[str]:
        """Return the words that have redis-cli run a command here; see `environ`."""
        where = ["-s", str(self.path)] if self._unix else ["-h", "127.0.0.1", "-p", str(self.port)]
        if self._certificate:
            where += ["--tls", "--cacert", str(self._certificate.authority)]
        if self._password:
            where += ["--user", _ADMIN]
        return [self._cli, *where, *words]

    def environ(self) -> dict[str, str]:
        """Return the environment of redis-cli: the password is in no one's argv."""
        more = {"REDISCLI_AUTH": self._password} if self._password else {}
        return {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self._folder), **more}

    def told(self) -> str:
        """Return the end of what it has printed and logged."""
        files = [path for path in (self._folder / "out", self._folder / "log") if path.exists()]
        return "".join(path.read_text("utf-8", "replace")[-2000:] for path in files)

    def _started(self) -> bool:
        ports = {"--port": self.port, "--tls-port": 0, "--cluster-port": self.bus}
        if self._certificate:
            ports |= {"--port": 0, "--tls-port": self.port}
        elif self._unix:
            ports["--port"] = 0
        if "--cluster-enabled" not in self._words:
            del ports["--cluster-port"]
        words = [*self._words, *(word for name in ports for word in (name, str(ports[name])))]
        words += ["--bind", "127.0.0.1", "--dir", str(self._folder), "--save", "", "--daemonize"]
        words += ["no", "--logfile", str(self._folder / "log"), "--set-proc-title", "no"]
        with (self._folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [*_with_us(), self._program, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # By its folder a test's own server is found when the test has ended.
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self._folder)},
            )
        # Its own id: on that port somebody else could answer.
        own = f"process_id:{self._process.pid}\r"
        end = time.monotonic() + _PATIENCE
        while self._process.poll() is None:
            if own in self.ask("INFO", "server").split("\n"):
                return True
            assert time.monotonic() < end, self.told()
            time.sleep(0.01)
        return False


class _How(TypedDict):
    certificate: Certificate | None
    accounts: Accounts | None


class Store:
    """A store as hosts of a fleet see it. Its kinds are below.

    Attributes: `url`, as in a config; `password`, nothing if it wants none; `ca_file`, the
    authority behind its certificate; `servers`, those that hold data, the primary first; `spoilt`,
    whether no other test can have it: set it when you end, freeze or reconfigure one of its
    servers.
    """

    def __init__(self, url: str, servers: list[Server], others: list[Server] | None = None) -> None:
        self.url = url
        self.password = ""
        self.ca_file: Path | None = None
        self.servers = servers
        self.spoilt = False
        self._others = others or []

    def ask(self, *words: str) -> str:
        """Run a command as admin, on the primary; returns what redis-cli prints."""
        return self.servers[0].ask(*words)

    def reset(self) -> None:
        """Forget all keys, and count from zero."""
        for server in self.servers:
            server.ask("FLUSHALL")
            server.ask("CONFIG", "RESETSTAT")

    def stop(self) -> None:
        """End all of its processes, and remove their files."""
        for server in [*self._others, *self.servers]:
            server.stop()

    def counted(self, command: str = "eval") -> int:
        """Return how often a command ran here since the last `reset`, on all servers together."""
        count = 0
        for server in self._running():
            for line in server.ask("INFO", "commandstats").splitlines():
                name, _, told = line.partition(":")
                if name == f"cmdstat_{command}":
                    count += int(told.partition("calls=")[2].partition(",")[0])
        return count

    def keys(self) -> list[str]:
        """Return the names of all keys."""
        return sorted(key for one in self._primaries() for key in one.ask("KEYS", "*").split())

    def content(self) -> bytes:
        """Return all that the store holds, names and fields and values, one after another."""
        held = [
            key.encode() + b"\n" + one.read("HGETALL", key)
            for one in self._primaries()
            for key in one.ask("KEYS", "*").split()
        ]
        return b"".join(held)

    @contextlib.contextmanager
    def monitored(self, into: Path) -> Iterator[None]:
        """Write into a file what an admin sees by MONITOR, for the time of a `with`."""
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(into.open("ab"))
            for server in self._running():
                eye = subprocess.Popen(server.command("MONITOR"), stdout=file, env=server.environ())
                stack.callback(eye.wait)
                stack.callback(eye.kill)
            count = len(self._running())
            until(lambda: into.read_bytes().count(b"OK\n") >= count, into.read_text)
            yield
            # What was asked before this mark has been written when the mark has.
            mark = secrets.token_hex(8)
            for server in self._running():
                server.ask("PING", mark)
            count = len(self._running())
            until(lambda: into.read_bytes().count(mark.encode()) >= count, into.read_text)

    def _running(self) -> list[Server]:
        return [server for server in self.servers if server.runs]

    def _primaries(self) -> list[Server]:
        return [one for one in self._running() if "role:master\r" in one.ask("INFO", "replication")]


class Single(Store):
    """One server. Parameters: as for `Server`."""

    def __init__(self, folder: Path, *options: str, program: str = "redis-server") -> None:
        server = Server(folder, *options, program=program)
        super().__init__(f"redis://127.0.0.1:{server.port}/0", [server])


class Accounts:
    """Two accounts of a store: its admin's, and a fleet's with its `rights`. `default` is off.

    Attributes: `admin` and `password`, their passwords; `lines`, of an ACL file.
    """

    def __init__(self, rights: str = RIGHTS) -> None:
        self.admin, self.password = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.lines = f"user default off\nuser {_ADMIN} on >{self.admin} ~* &* +@all\n"
        self.lines += f"user {NAME} on >{self.password} {rights}\n"


class Secure(Store):
    """One server with TLS alone, an account for a fleet, and one for its admin.

    Parameters: `rights`, of the fleet's account.
    """

    def __init__(
        self, folder: Path, certificate: Certificate, *options: str, rights: str = RIGHTS
    ) -> None:
        accounts = Accounts(rights)
        server = Server(folder, *options, certificate=certificate, accounts=accounts)
        super().__init__(f"rediss://{NAME}@127.0.0.1:{server.port}/0", [server])
        self.password = accounts.password
        self.ca_file = certificate.authority


class Socket(Store):
    """One server behind a socket in the file system, without a port."""

    def __init__(self, folder: Path, *options: str) -> None:
        server = Server(folder, *options, unix=True)
        super().__init__(f"unix://{server.path}", [server])


class Sentinels(Store):
    """A primary and a replica, watched by three sentinels.

    Parameters: `certificate`, for TLS alone, and accounts on the primary and the replica.
    """

    def __init__(self, folder: Path, *options: str, certificate: Certificate | None = None) -> None:
        folder.mkdir(0o700)
        accounts = Accounts() if certificate else None
        how: _How = {"certificate": certificate, "accounts": accounts}
        # They and the sentinels reach each other as admins. In no argv: others could read it there.
        mutual = f"masteruser {_ADMIN}\nmasterauth {accounts.admin}\n" if accounts else ""
        quick = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", *options]
        primary = Server(folder / "primary", *quick, config=mutual, **how)
        of = ["--replicaof", "127.0.0.1", str(primary.port)]
        replica = Server(folder / "replica", *quick, *of, config=mutual, **how)
        watched = f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 2\n"
        # A busy machine is no reason to fail over.
        watched += f"sentinel down-after-milliseconds {NAME} 60000\n"
        watched += f"sentinel failover-timeout {NAME} 5000\n"
        if accounts:
            watched += f"sentinel auth-user {NAME} {_ADMIN}\n"
            watched += f"sentinel auth-pass {NAME} {accounts.admin}\n"
        sentinels = [
            Server(
                folder / f"sentinel-{number}",
                program="redis-sentinel",
                config=watched,
                certificate=certificate,
            )
            for number in range(3)
        ]
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in sentinels)
        scheme, user = ("rediss", f"{NAME}@") if accounts else ("redis", "")
        servers = [primary, replica]
        super().__init__(f"{scheme}+sentinel://{user}{hosts}/{NAME}", servers, sentinels)
        if certificate and accounts:
            self.password, self.ca_file = accounts.password, certificate.authority
        self._folder = folder
        for each in sentinels:
            # They greet each other each 2 s; Valkey and Redis before 7.0 stay at that.
            each.ask("SENTINEL", "DEBUG", "PUBLISH-PERIOD", "100", "INFO-PERIOD", "200")
        for each in sentinels:
            until(partial(_watches, each), each.told)
        until(lambda: "master_link_status:up\r" in replica.ask("INFO", "replication"), replica.told)

    def reset(self) -> None:
        """Forget all keys, and count from zero."""
        super().reset()
        self.settle()

    def settle(self) -> None:
        """Wait until the replica has all that the primary has now."""
        primary, replica = self.servers
        offset = _offset(primary)
        until(lambda: _offset(replica) >= offset, replica.told)

    def fail_over(self) -> None:
        """End the primary, and wait until the sentinels have another one, which takes writes.

        It has all that the first one had.
        """
        self.spoilt = True
        self.settle()
        gone, new = self.servers
        gone.kill()
        for each in self._others:
            each.ask("SENTINEL", "SET", NAME, "down-after-milliseconds", "500")
        for each in self._others:
            until(partial(_names, each, new), each.told)
        until(lambda: "role:master\r" in new.ask("INFO", "replication"), new.told)

    def stop(self) -> None:
        """End all of its processes, and remove their files."""
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class Cluster(Store):
    """Three nodes, each with a third of the keys.

    Parameters: `certificate`, for TLS alone, and accounts; `rights`, of the fleet's.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        certificate: Certificate | None = None,
        rights: str = RIGHTS + CLUSTER_RIGHTS,
    ) -> None:
        folder.mkdir(0o700)
        accounts = Accounts(rights) if certificate else None
        how: _How = {"certificate": certificate, "accounts": accounts}
        clustered = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000", *options]
        nodes = [Server(folder / f"node-{number}", *clustered, **how) for number in range(3)]
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        scheme, user = ("rediss", f"{NAME}@") if accounts else ("redis", "")
        super().__init__(f"{scheme}+cluster://{user}{hosts}", nodes)
        if certificate and accounts:
            self.password, self.ca_file = accounts.password, certificate.authority
        self._folder = folder
        # What `redis-cli --cluster create` does, but for its naps.
        third = _SLOTS // 3 + 1
        for number, node in enumerate(nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            first, last = number * third, min(number * third + third, _SLOTS) - 1
            assert node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == "OK"
        # Each greets each: it takes seconds until they hear of one another.
        for one, other in itertools.permutations(nodes, 2):
            meet = ["CLUSTER", "MEET", "127.0.0.1", str(other.port), str(other.bus)]
            assert one.ask(*meet) == "OK"
        for node in nodes:
            until(partial(_covers, node), node.told)

    def ask(self, *words: str) -> str:
        """Run a command as admin, on the node that has its key; returns what redis-cli prints."""
        return self.servers[0].ask("-c", *words)

    def stop(self) -> None:
        """End all of its processes, and remove their files."""
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def found(client: str, program: str = "") -> str:
    """Return the path of a client in clients.toml, or of the program beside it that is named.

    Skips the test where it is missing, or fails it if it was promised.
    """
    path = place(client)
    if path and program:
        path = shutil.which(program, path=str(Path(path).parent)) or shutil.which(program)
    if not path:
        missing(client, f"{program or client} is not installed (make clients CLIENTS={client})")
    return path


def _with_us() -> list[str]:
    """Return the words in front of a command that ends when this process ends, however it does."""
    path = shutil.which("setpriv")
    return [path, "--pdeathsig", "KILL"] if path else []


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody has now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def until(happened: Callable[[], object], told: Callable[[], str]) -> None:
    """Wait until something has happened; raises AssertionError with what is `told` otherwise."""
    end = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < end, told()
        time.sleep(0.02)


def _watches(sentinel: Server) -> bool:
    """Tell whether a sentinel knows the other two, and the replica."""
    told = sentinel.ask("SENTINEL", "MASTER", NAME).split("\n")
    known = dict(zip(told[::2], told[1::2], strict=False))
    return (known.get("flags"), known.get("num-other-sentinels"), known.get("num-slaves")) == (
        "master",
        "2",
        "1",
    )


def _names(sentinel: Server, primary: Server) -> bool:
    told = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split("\n")
    return str(primary.port) in told


def _offset(server: Server) -> int:
    """Return how many bytes of replication a primary has sent, or a replica has taken."""
    told = dict(line.split(":", 1) for line in server.ask("INFO", "replication").split("\r\n")[1:])
    return int(told.get("slave_repl_offset") or told["master_repl_offset"])


def _covers(node: Server) -> bool:
    return "cluster_state:ok\r" in node.ask("CLUSTER", "INFO")
