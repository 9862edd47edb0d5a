"""Connections to a Redis that bring a limited number of bytes: a store that grows is none."""

from __future__ import annotations

import ssl
import time
from typing import Any

from redis import connection, exceptions

from credhelper.config.fleet import is_here
from credhelper.core.text import printable
from credhelper.errors import reason
from credhelper.fleet.store import StoreError

_LONGEST = 300.0  # seconds that one connection may last: nobody waits for it any more by then
_MOST_BYTES = 4 * 1024 * 1024  # that one connection may bring: a store that grows is none


class Line:
    """One connection to a server, which is made at the first command.

    Parameters: `kind`, one of the classes below; `how`, as that class takes it.
    """

    def __init__(self, kind: type[Any], **how: Any) -> None:
        self._connection = kind(**how)

    def execute_command(self, *words: Any) -> Any:
        """Return the answer to a command, as clients of redis-py do. Raises redis.RedisError."""
        self._connection.send_command(*words)
        return self._connection.read_response()

    def close(self) -> None:
        """Hang up."""
        self._connection.disconnect()


class _Metered:
    """A socket that brings a limited number of bytes: too many raise redis.ConnectionError."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._left = _MOST_BYTES
        self._ends = time.monotonic() + _LONGEST

    def recv(self, *words: Any) -> bytes:
        """Return some bytes."""
        data: bytes = self._sock.recv(*words)
        self._count(len(data))
        return data

    def recv_into(self, *words: Any) -> int:
        """Fill a buffer with some bytes: the parser in C reads in this way."""
        size: int = self._sock.recv_into(*words)
        self._count(size)
        return size

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0 or time.monotonic() > self._ends:
            raise exceptions.ConnectionError("more than a store of ours has")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Meter:
    def _connect(self) -> Any:
        return _Metered(super()._connect())  # type: ignore[misc]  # of the class beside this one


class Plain(_Meter, connection.Connection):
    """A connection through TCP."""


class Here(Plain):
    """A connection through TCP to this machine alone, wherever a Sentinel or cluster points to."""

    def _connect(self) -> Any:
        if not is_here(self.host):
            raise StoreError("it leads to another host without TLS: plain = true allows that")
        return super()._connect()


class Encrypted(_Meter, connection.SSLConnection):
    """A connection through TLS, by a context of our own.

    Python's default one would write session keys wherever SSLKEYLOGFILE says.
    """

    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_certs is None:
            context.load_default_certs()
        else:
            _believe(context, self.ca_certs)
        return context.wrap_socket(sock, server_hostname=self.host)


def _believe(context: ssl.SSLContext, path: str) -> None:
    named = f"its CA file {printable(path)!r}"
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise StoreError(f"{named} holds no certificates in PEM form") from None
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "no file name"
        raise StoreError(f"{named} cannot be read: {why}") from None


class Socket(_Meter, connection.UnixDomainSocketConnection):
    """A connection through a socket of this machine."""
