"""The store's driver for Redis and Valkey: a server, Sentinels, a cluster, or a Unix socket.

Each call is one script, which the server runs whole. Nothing that a server says is repeated to
people: it has heard our password, and might be anybody.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from redis import exceptions as redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from credhelper.config.fleet import CLUSTER, SENTINEL, UNIX, Address
from credhelper.core import threads
from credhelper.core.model import Secret
from credhelper.errors import reason
from credhelper.fleet import metered, redis_package, scripts
from credhelper.fleet.store import Look, StoreError

# Times the timeout, for a call as a whole. On a busy machine an answer may be there, and its reader
# not yet: the timeout of a socket allows for that, a clock does not.
_WHOLE = 4
_LAST = 2**53  # numbers beyond are not exact in the scripts


class RedisStore:
    """A store that is reached at the first call, and let go by `close`.

    Parameters:
    - address: where it is.
    - password: of the address's user, or None.
    - ca_file: the authority of its certificate, or None.
    - timeout: seconds for each answer.
    - plain: whether servers on other hosts may be reached without TLS.
    """

    def __init__(
        self,
        address: Address,
        *,
        password: Secret | None,
        ca_file: str | None,
        timeout: float,
        plain: bool = False,
    ) -> None:
        self._address = address
        self._password = password
        self._ca_file = ca_file
        self._timeout = timeout
        self._plain = metered.Plain if plain else metered.Here
        self._client: Any = None

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
        """As `Store.look`."""
        words = (after, owner, int(lease * 1000), int(despite), int(waited * 1000))
        return _looked(self._run(scripts.LOOK, name, *words))

    def publish(
        self, name: str, base: int, generation: int, value: bytes, life: float, owner: str
    ) -> bool:
        """As `Store.publish`."""
        words = (base, generation, value, max(1, int(life * 1000)), owner)
        return bool(self._run(scripts.PUBLISH, name, *words) == 1)

    def release(self, name: str, owner: str, failure: bytes = b"", life: float = 0.0) -> None:
        """As `Store.release`."""
        self._run(scripts.RELEASE, name, owner, failure, int(life * 1000))

    def remove(self, name: str, life: float) -> None:
        """As `Store.remove`."""
        self._run(scripts.REMOVE, name, int(life * 1000))

    def policy(self) -> str:
        """Return what a server does that is full, as `INFO` calls it."""
        told = self._whole(lambda client: client.execute_command("INFO", "memory"))
        if isinstance(told, bytes):
            lines = told.decode("ascii", "replace").split("\r\n")
            told = dict(line.split(":", 1) for line in lines if ":" in line)
        if isinstance(told, dict) and isinstance(told.get("maxmemory_policy"), str):
            return str(told["maxmemory_policy"])
        raise StoreError(_STRANGE)

    def close(self) -> None:
        """As `Store.close`."""
        client, self._client = self._client, None
        if client is not None:
            _quietly(client.close)

    def _run(self, script: str, name: str, *words: object) -> Any:
        asked = ("EVAL", script, 1, scripts.key(name), *words)
        return self._whole(lambda client: client.execute_command(*asked))

    def _whole(self, work: Callable[[Any], Any]) -> Any:
        """Return what `work` returns of a client; raise StoreError where it takes too long.

        In a thread of its own: names that nobody resolves, and servers that send a byte at a time,
        heed no timeout of a socket.
        """
        done = threading.Event()
        answers: list[Any] = []
        errors: list[StoreError] = []

        def run() -> None:
            try:
                if self._client is None:
                    self._client = self._connected()
                answers.append(work(self._client))
            except Exception as error:  # noqa: BLE001  # whatever it is, the store is of no use now
                errors.append(StoreError(_why(error)))
            finally:
                done.set()

        try:
            threads.start(threading.Thread(target=run, name="credhelper-fleet", daemon=True))
        except RuntimeError:
            run()  # no more threads may be started
        if not done.wait(_WHOLE * self._timeout):
            self.close()
            raise StoreError(_LATE)
        if errors:
            self.close()
            raise errors[0]
        return answers[0]

    def _connected(self) -> Any:
        address, how = self._address, self._how()
        if address.kind == UNIX:
            return metered.Line(metered.Socket, path=address.name, **how)
        kind = metered.Encrypted if address.tls else self._plain
        if address.kind == CLUSTER:
            return self._cluster(kind, how)
        host, port = self._primary(kind) if address.kind == SENTINEL else address.hosts[0]
        return metered.Line(kind, host=host, port=port, **self._tls(), **how)

    def _cluster(self, kind: type[Any], how: dict[str, Any]) -> Any:
        """Return a client of the cluster."""
        redis_package.complete()
        from redis.cluster import ClusterNode, RedisCluster

        (host, port), *others = self._address.hosts
        how.pop("db")
        # It takes a kind of connections only beside a URL.
        return RedisCluster(
            url=f"redis://{f'[{host}]' if ':' in host else host}:{port}",
            startup_nodes=[ClusterNode(*each) for each in others],
            connection_class=kind,
            require_full_coverage=False,
            **self._tls(),
            **how,
        )

    def _primary(self, kind: type[Any]) -> tuple[str, int]:
        """Return where the primary is that the Sentinels name."""
        redis_package.complete()
        from redis.sentinel import MasterNotFoundError, Sentinel

        how = self._how()
        common = {key: how[key] for key in _COMMON} | self._tls(ssl=True)
        secret = {key: how[key] for key in ("username", "password") if key in how}
        for more in ({}, secret):  # the password goes to Sentinels only if they ask for one
            sentinel = Sentinel(list(self._address.hosts), sentinel_kwargs={**common, **more})
            for each in sentinel.sentinels:
                each.connection_pool.connection_class = kind
            try:
                host, port = sentinel.discover_master(self._address.name)
            except redis.AuthenticationError:
                if not secret or more:
                    raise
            except MasterNotFoundError:
                raise StoreError("the Sentinels know no such primary") from None
            else:
                return str(host), int(port)
            finally:
                sentinel.close()
        raise AssertionError

    def _how(self) -> dict[str, Any]:
        how: dict[str, Any] = {
            "socket_timeout": self._timeout,
            "socket_connect_timeout": self._timeout,
            "retry": Retry(NoBackoff(), 0),  # by default there are ten
            "protocol": 2,
            "driver_info": None,
            "db": self._address.database,
        }
        if self._address.user:
            how["username"] = self._address.user
        if self._password is not None:
            how["password"] = self._password.reveal()
        return how

    def _tls(self, **more: Any) -> dict[str, Any]:
        if not self._address.tls:
            return {}
        return {"ssl_ca_certs": self._ca_file, "ssl_cert_reqs": "required", **more}


_COMMON = ("socket_timeout", "socket_connect_timeout", "retry", "protocol", "driver_info")


def _looked(answer: Any) -> Look:
    """Return the answer of `scripts.LOOK`. Raises StoreError for any other."""
    try:
        generation, value, failure, failing, now, leads, busy = answer
        found = Look(
            int(generation or 0),
            bytes(value or b""),
            bytes(failure or b""),
            int(failing) / 1000,
            int(now) / 1000,
            leads == 1,
            int(busy) / 1000,
        )
    except (TypeError, ValueError):
        raise StoreError(_STRANGE) from None
    if not 0 <= found.generation <= _LAST or not 0 < found.now <= _LAST / 1000:
        raise StoreError(_STRANGE)
    return found


_STRANGE = "its answer is none of a store's"


def _why(error: Exception) -> str:
    """Return what went wrong, in our own words: a server's might repeat a secret."""
    cause = error.__cause__ or error.__context__
    for one in (error, cause):
        if isinstance(one, StoreError):
            return one.why
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    for one in (error, cause):
        if isinstance(one, ssl.SSLCertVerificationError):
            return "its certificate is not trusted here"
        if isinstance(one, ssl.SSLError):
            return "it does not speak TLS as we do"
        if isinstance(one, socket.gaierror):
            return "its name is not known"
        if isinstance(one, OSError) and one.errno and not isinstance(one, redis.RedisError):
            return f"it cannot be reached: {reason(one)}"
    if isinstance(error, redis.ResponseError):
        return next((words for sign, words in _SIGNS if sign in str(error)), "it did not do that")
    if isinstance(error, redis.ConnectionError):
        return "it cannot be reached, or is no Redis"
    return f"it is of no use ({type(error).__name__})"


_LATE = "no answer in time"
_FORBIDDEN = "its user may not do what is needed"
_SIGNS = (
    ("WRONGTYPE", "what lies at our place there is another program's"),
    ("can't run this command", _FORBIDDEN),
)
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (redis.AuthenticationError, "it refuses the user or password"),
    (redis.NoPermissionError, _FORBIDDEN),
    (redis.InvalidResponse, "it is no Redis"),
    (redis.ReadOnlyError, "it is read-only"),
    (redis.BusyLoadingError, "it is still loading"),
    (redis.OutOfMemoryError, "it is full"),
    (redis.TimeoutError, _LATE),
)


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001,S110  # it is being let go
        pass
