"""The store's driver for Redis and Valkey: a server, Sentinels, a cluster, or a Unix socket.

Each call is one script, which the server runs whole. Nothing that a server says is repeated to
people: it has heard our password, and might be anybody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from redis import exceptions as redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from credhelper.config.fleet import CLUSTER, SENTINEL, UNIX, Address
from credhelper.core import threads
from credhelper.core.model import Secret
from credhelper.fleet import metered, redis_package, redis_trouble, scripts
from credhelper.fleet.store import Look, StoreError

# Times the timeout, for a call as a whole. On a busy machine an answer may be there, and its reader
# not yet: the timeout of a socket allows for that, a clock does not.
_WHOLE = 4
_APART = 86400.0  # seconds: no clock has to be right, but no certificate lets it be this wrong
_AHEAD = 30 * 86400.0  # seconds that generations may run ahead of a clock that was put back
_LAST = 2**53  # numbers beyond are not exact in the scripts


class RedisStore:
    """A store that is reached at the first call, and let go by `close`.

    Parameters:
    - address: where it is.
    - password: of the address's user, or None.
    - ca_file: the authority of its certificate, or None.
    - timeout: seconds for each answer.
    - plain: whether servers on other hosts may be reached without TLS.
    - clock: Unix seconds.
    """

    def __init__(
        self,
        address: Address,
        *,
        password: Secret | None,
        ca_file: str | None,
        timeout: float,
        plain: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._password = password
        self._ca_file = ca_file
        self._timeout = timeout
        self._plain = metered.Plain if plain else metered.Here
        self._clock = clock
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
        return _looked(self._run(scripts.LOOK, name, *words), self._clock())

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
                errors.append(StoreError(redis_trouble.why(error)))
            finally:
                done.set()

        try:
            threads.start(threading.Thread(target=run, name="credhelper-fleet", daemon=True))
        except RuntimeError:
            run()  # no more threads may be started
        if not done.wait(_WHOLE * self._timeout):
            self.close()
            raise StoreError(redis_trouble.LATE)
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


def _looked(answer: Any, clock: float) -> Look:
    """Return the answer of `scripts.LOOK`. Raises StoreError for any other, and for another time.

    Parameters: `clock`, Unix seconds. By its clock a store could have an old token live on; by a
    generation of years ahead, hosts that make the next one shut out all others.
    """
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
    if abs(found.now - clock) > _APART or found.generation / 1000 > clock + _AHEAD:
        raise StoreError("its clock differs from ours by more than a day")
    return found


_STRANGE = "its answer is none of a store's"


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001,S110  # it is being let go
        pass
