"""Connections to a Redis that bring a limited number of bytes: a store that grows is none."""

from __future__ import annotations

from typing import Any

import redis

_MOST_BYTES = 4 * 1024 * 1024  # that one connection may bring: a store that grows is none


class _Metered:
    """A socket that brings a limited number of bytes."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._left = _MOST_BYTES

    def recv(self, size: int) -> bytes:
        """Return some bytes. Raises redis.ConnectionError for too many in all."""
        data: bytes = self._sock.recv(size)
        self._left -= len(data)
        if self._left < 0:
            raise redis.ConnectionError("more than a store of ours has")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Meter:
    def _connect(self) -> Any:
        return _Metered(super()._connect())  # type: ignore[misc]  # of the class beside this one


class Plain(_Meter, redis.Connection):
    """A connection through TCP."""


class Encrypted(_Meter, redis.SSLConnection):
    """A connection through TLS."""


class Socket(_Meter, redis.UnixDomainSocketConnection):
    """A connection through a socket of this machine."""
