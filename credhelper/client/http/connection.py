"""Connections that mean a deadline: urllib3's, with one clock over all of an answer.

A read timeout bounds each read, so a server that sends a byte a second holds a caller for ever;
here every read of an answer, headers and body, draws on one budget.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_MOST_INTERIM = 16


class _Budgeted(io.RawIOBase):
    """A socket's bytes until the budget is spent, and what has come by then; then TimeoutError."""

    def __init__(
        self, raw: io.RawIOBase, sock: socket.socket, budget: float, clock: Callable[[], float]
    ) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._clock = clock
        self._ends = clock() + budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # typeshed's WriteableBuffer is not at run time
        # When the budget is spent, what is there is read: this process may have been stopped.
        self._sock.settimeout(max(0.0, self._ends - self._clock()))
        try:
            count = self._raw.readinto(buffer)
        except ssl.SSLWantReadError:
            count = None
        if count is None:
            raise TimeoutError("timed out")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer read within the socket's timeout as a whole, past any interim (1xx) answers."""

    def __init__(self, sock: Any, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        raw, budget = self.fp.detach(), sock.gettimeout()
        self.fp = io.BufferedReader(_Budgeted(raw, sock, budget, time.monotonic))

    def _read_status(self) -> tuple[str, int, str]:
        # http.client skips 100 alone, and takes 103 (early hints) for the answer.
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the stubs
            if not 100 <= status < 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("interim answers without end")


class _Connection(HTTPConnection):
    response_class = _Response
    debuglevel = 0  # http.client's global switch would print headers, and the secrets in them


class _SecureConnection(HTTPSConnection):
    response_class = _Response
    debuglevel = 0  # as above


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


POOLS = {"http": _Pool, "https": _SecurePool}
