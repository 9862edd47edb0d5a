"""AWS keys at an endpoint beside the command of `exec`: its keys, variables and process."""

from __future__ import annotations

import fcntl
import os
import resource
import socket
from collections.abc import Mapping, Sequence

from credhelper.agent import http, keys, serving
from credhelper.broker.context import Context
from credhelper.core.model import Secret
from credhelper.core.text import without_numbers
from credhelper.errors import CredhelperError, reason

# What AWS's SDKs would believe before they ask, or instead.
REMOVED = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
)
# Some SDKs send to a proxy what is for loopback, with the token in it.
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_PAST_PROXIES = ("no_proxy", "NO_PROXY")
FILE = "aws-endpoint-token"  # in the command's runtime folder

_BACKLOG = 128
_TIMEOUT = 10.0  # seconds for the process to come up
_FIRST_FREE = 3  # handles below are for streams, though one of those may be closed
_CANNOT_RUN = 126
_NO_START = "the endpoint for AWS keys did not start"
_LIMITS = "ulimit -a"


class Beside:
    """An endpoint to be: what it serves, and the socket that listens already.

    Parameters:
    - serving: the keys, and what it takes to renew them.
    - listener: on a port of the kernel's choice.
    - region: of the data that the keys are for, or "".
    """

    def __init__(self, served: serving.Serving, listener: socket.socket, region: str) -> None:
        self._serving = served
        self._listener = listener
        self._region = region

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `environ` for a command that asks the endpoint, and nobody else."""
        port = self._listener.getsockname()[1]
        found = {name: value for name, value in environ.items() if name not in REMOVED}
        found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://{http.HOST}:{port}{http.PATH}"
        found["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = self._serving.path
        found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self._serving.token.reveal()
        if self._region:
            found |= dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), self._region)
        return found | _past_proxies(found)

    def start(self) -> tuple[int, int]:
        """Start the process that serves.

        Returns its id and its line: a handle, whose end is the endpoint's. Raises CredhelperError.
        """
        try:
            ours, theirs = socket.socketpair()
            child = os.fork()
        except OSError as error:
            raise CredhelperError(f"{_NO_START}: {reason(error)}", _LIMITS) from None
        with ours, theirs, self._listener:
            if child == 0:
                try:
                    _become(self._listener, theirs)
                finally:
                    os._exit(_CANNOT_RUN)
            theirs.close()
            self._listener.close()
            ours.settimeout(_TIMEOUT)
            try:
                ours.sendall(self._serving.pack())
                ready = ours.recv(1)
            except OSError:
                ready = b""
            if not ready:
                raise CredhelperError(_NO_START, _LIMITS)
            return child, fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)


def prepare(
    context: Context, profile: str, refresh_before: int, folder: str, said: Sequence[str]
) -> Beside:
    """Get the keys that an endpoint is to serve, and listen; nobody answers before it is started.

    Parameters:
    - profile: a name in the config.
    - refresh_before: as for `keys.request_for`.
    - folder: private, for the life of the command.
    - said: the warnings given already; it grows while the keys are got.

    Raises CredhelperError.
    """
    import secrets

    request = keys.request_for(profile, refresh_before)
    document, expires, due, region = keys.fetch(context, request)
    token, path = Secret(secrets.token_urlsafe(32)), os.path.join(folder, FILE)
    warned = "\n".join(map(ascii, map(without_numbers, said)))
    served = serving.Serving(profile, refresh_before, token, path, document, expires, due, warned)
    keys.put_back(served)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((http.HOST, 0))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CredhelperError(f"cannot listen on {http.HOST}: {reason(error)}") from None
    return Beside(served, listener, region)


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that lead past a proxy to loopback; none where there is no proxy."""
    if not any(environ.get(name) for name in _PROXIES):
        return {}
    given = {name: environ.get(name, "") for name in _PAST_PROXIES}
    # Each reader has its own favourite of the two: none is to see less than now.
    either = next(filter(None, given.values()), "")
    values = {name: value or either for name, value in given.items()}
    return {
        name: ",".join(filter(None, (value, http.HOST)))
        for name, value in values.items()
        if not {"*", http.HOST} & set(map(str.strip, value.split(",")))
    }


def _become(listener: socket.socket, line: socket.socket) -> None:
    # Its memory holds keys: no core of it may lie about.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    given = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for each in (listener, line)]
    null = os.open(os.devnull, os.O_RDWR)
    # Who is at the other end of these is to see the command let go.
    for stream in (0, 1):
        os.dup2(null, stream)
    serving.become(*given)
