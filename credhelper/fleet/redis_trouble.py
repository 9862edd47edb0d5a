"""What went wrong at a Redis, in our own words: a server's might repeat a secret."""

from __future__ import annotations

import socket
import ssl

from redis import exceptions as redis

from credhelper.errors import reason
from credhelper.fleet.store import StoreError

LATE = "no answer in time"
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
    (redis.TimeoutError, LATE),
)


def why(error: Exception) -> str:
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
