"""The sandbox as a running thing: in this process (`start`) or as a program (`serve`)."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import BinaryIO, Self

from credhelper.sandbox.account import Account
from credhelper.sandbox.connection import Connection
from credhelper.sandbox.listener import HOST, Listener
from credhelper.sandbox.shared import Shared
from credhelper.sandbox.signer import Signer
from credhelper.sandbox.state import State

USERNAME = "sandbox@example.com"
TOKEN_LIFETIME = 86400.0
SESSION_LIFETIME = 3600.0
AWS_LIFETIME = 36 * 3600.0
MAX_LIFETIME = 90 * 86400.0
MAX_LATENCY = 3600.0
JOIN_SECONDS = 5.0
POLL_SECONDS = 0.05  # seconds between the listener's looks at whether to stop
DESCRIPTORS = 8192


class Sandbox:
    """A sandbox that listens. Use it as a context manager, or call `stop`.

    `url` has no path; `config` is the TOML text of a working profile, and `config_v2` of one for
    v2; it accepts `api_key`, or `username` and `password`. Its repr shows no secret.
    """

    def __init__(
        self, url: str, account: Account, configs: tuple[str, str], end: Callable[[], None]
    ) -> None:
        self.url = url
        self.api_key = account.api_key
        self.username = account.username
        self.password = account.password
        self.config, self.config_v2 = configs
        self.stop = end

    def __repr__(self) -> str:
        return f"Sandbox(url={self.url!r}, api_key=***, password=***)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    port: int = 0,
    token_lifetime: float = TOKEN_LIFETIME,
    session_lifetime: float = SESSION_LIFETIME,
    latency: float = 0.0,
    aws_lifetime: float = AWS_LIFETIME,
    *,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], object] | None = None,
    signer: Signer | None = None,
) -> Sandbox:
    """Start a sandbox on loopback, in threads of this process.

    Parameters: `port`, 0 for any free one; `token_lifetime`, seconds from 1 to 90 days;
    `session_lifetime`, idle seconds, more than 0 and up to 90 days; `latency`, seconds that
    every answer of an API takes, up to an hour; `aws_lifetime`, seconds that AWS keys are good,
    more than 0 and up to 90 days; `clock`, seconds since 1970; `pause`, called with seconds
    wherever the sandbox would wait; `signer`, to share one key between sandboxes.
    Raises `ValueError` for a number out of range and `OSError` when it cannot listen.
    """
    check(port, token_lifetime, session_lifetime, latency, aws_lifetime)
    signer = signer or Signer()
    stopping = threading.Event()
    account = Account(USERNAME, secrets.token_urlsafe(18), "key-" + secrets.token_urlsafe(30))
    with contextlib.ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="credhelper-sandbox-"))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        key_file = _write_key(folder, account.api_key)
        listener = Listener(port)
        undo.callback(listener.server_close)
        url = f"http://{HOST}:{listener.server_address[1]}"
        state = State(account, signer.sign, token_lifetime, session_lifetime, aws_lifetime)
        shared = Shared(state, signer.jwks(), clock, pause or stopping.wait, latency)
        listener.RequestHandlerClass = type("Connection", (Connection,), {"shared": shared})
        thread = threading.Thread(target=listener.serve_forever, args=(POLL_SECONDS,), daemon=True)
        thread.start()
        undo.callback(listener.hang_up)
        undo.callback(thread.join, JOIN_SECONDS)
        undo.callback(listener.shutdown)
        undo.callback(stopping.set)
        # From here on `stop` cleans up; a second `stop` finds nothing left to do.
        end = undo.pop_all().close
    v1, v2 = (_config(api, url, key_file) for api in ("iap", "ica"))
    return Sandbox(url, account, (v1 + _idle_life(session_lifetime), v2), end)


def as_json(facts: Mapping[str, object]) -> bytes:
    """Return what a sandbox tells of itself as one line of JSON."""
    return json.dumps(facts).encode() + b"\n"


def serve(
    stdout: BinaryIO,
    port: int = 0,
    token_lifetime: float = TOKEN_LIFETIME,
    session_lifetime: float = SESSION_LIFETIME,
    latency: float = 0.0,
    aws_lifetime: float = AWS_LIFETIME,
    told: Callable[[Mapping[str, object]], bytes] = as_json,
) -> int:
    """Run a sandbox until SIGTERM, SIGINT or SIGHUP: call it in the main thread.

    Prints what `told` makes of these on `stdout` once it listens: url, api_key, username, password,
    pid, config, config_v2. Other parameters and errors as for `start`. Returns the exit status.
    """
    _allow_many_connections()
    numbers = port, token_lifetime, session_lifetime, latency, aws_lifetime
    with _signals() as wait, start(*numbers) as sandbox:
        facts = {
            "url": sandbox.url,
            "api_key": sandbox.api_key,
            "username": sandbox.username,
            "password": sandbox.password,
            "pid": os.getpid(),
            "config": sandbox.config,
            "config_v2": sandbox.config_v2,
        }
        # The reader may have closed the pipe: that is no reason to stop serving.
        with contextlib.suppress(OSError, ValueError):
            stdout.write(told(facts))
            stdout.flush()
        wait()
    return 0


def check(
    port: int, token_lifetime: float, session_lifetime: float, latency: float, aws_lifetime: float
) -> None:
    """Raise `ValueError` that names the option whose number is out of range."""
    if not 0 <= port <= 65535:
        raise ValueError("--port must be from 0 to 65535")
    if not 1 <= token_lifetime <= MAX_LIFETIME:
        raise ValueError("--token-lifetime must be from 1 second to 90 days, in seconds")
    if not 0 < session_lifetime <= MAX_LIFETIME:
        raise ValueError("--session-lifetime must be more than 0 and up to 90 days, in seconds")
    if not 0 <= latency <= MAX_LATENCY:
        raise ValueError("--latency must be from 0 to 3600 seconds")
    if not 0 < aws_lifetime <= MAX_LIFETIME:
        raise ValueError("--aws-lifetime must be more than 0 and up to 90 days, in seconds")


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], object]]:
    """Catch the signals that end a program; yield a function that waits for the first of them.

    It uses a pipe, since a handler that sets an Event can deadlock with the wait for it.
    """
    reader, writer = os.pipe()

    def wake(_number: int, _frame: FrameType | None) -> None:
        os.write(writer, b".")

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, wake) for number in numbers}
    try:
        yield lambda: os.read(reader, 1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _allow_many_connections() -> None:
    """Raise the soft limit on open files: it is often 1024, and tests have a thousand clients."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _write_key(folder: Path, api_key: str) -> Path:
    """Write the API key to a private file in a private folder, which the profile names."""
    folder.chmod(0o700)  # a umask of 0777 leaves no bits
    path = folder / "api-key"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        path.chmod(0o600)
        file.write(api_key)
    return path


def _config(api: str, url: str, key_file: Path) -> str:
    lines = [
        'default_profile = "sandbox"',
        "",
        "[profiles.sandbox]",
        f'api = "{api}"',
        f"url = {_toml(url)}",
        f"grant = {{ file = {_toml(str(key_file))} }}",
        f"services = [{_toml(url)}]",
    ]
    return "\n".join(lines) + "\n"


def _idle_life(session_lifetime: float) -> str:
    if session_lifetime == SESSION_LIFETIME:
        return ""
    whole = math.floor(session_lifetime) == session_lifetime
    number = int(session_lifetime) if whole else session_lifetime
    return f"session_lifetime = {number}\n"


def _toml(text: str) -> str:
    """A TOML basic string: JSON's, except that TOML also escapes DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
