"""The environment of an answer: variables, clock, warnings, and the folders for what is kept."""

from __future__ import annotations

import os
import sys
import time

from credhelper.broker.trace import silent, tracer
from credhelper.core import lookup, paths
from credhelper.core.flock import Allowance, EarlyLocks
from credhelper.core.record import NOT_YET_WAIT
from credhelper.core.text import complaint, printable, without_numbers
from credhelper.errors import CacheError, ConfigError, UsageError
from credhelper.storage import files
from credhelper.storage.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from typing import Any

    from credhelper.config.parse import Config
    from credhelper.config.profile import Grant
    from credhelper.core.model import Secret
    from credhelper.core.routes import Routes

_HTTP = 20.0  # seconds for all calls to an API


class Decoded:
    """What was last made of a config, each with all that it was made from.

    A program hands one to all its contexts: none of them reads the same config twice.
    """

    __slots__ = ("config", "routes")

    def __init__(self) -> None:
        self.config: tuple[object, Config] | None = None
        self.routes: tuple[object, Routes] | None = None


class Context:
    """What an answer may know of its surroundings.

    Everything is read once: an answer may wait, and a record must be made from the same settings as
    its name.

    Parameters:
    - environ: the variables that count, copied here.
    - warn: takes one line for the user, and a hint.
    - trace: takes one decision.
    - alarm: whether this process may use an alarm signal to wait.
    - clock: Unix seconds.
    - early: the locks that this process took before.
    - sleep: takes seconds.
    - decoded: what earlier contexts of this process made of the config.
    - waiting: is open during each call to an API and each wait for another process; takes what is
      waited for, in words, and the seconds it may take.

    Attributes, beside these:
    - seen: path, state and read-only mount of the config file as it was read, for `storage.ours`.
    - http: the seconds that all calls of a renewal to its API share.
    - not_yet: the seconds that all waits for a token to become valid share.
    - grants: what a program gave for a grant: it is asked once in a call.
    - notes: the names of the notes of typed keys by the key's, for a command that looks at many and
      changes none; None to look each time.
    """

    __slots__ = (
        "_cache_folder",
        "_configuration",
        "_lost",
        "_sleep",
        "alarm",
        "clock",
        "decoded",
        "early",
        "environ",
        "grants",
        "http",
        "not_yet",
        "notes",
        "seen",
        "trace",
        "waiting",
        "warn",
    )

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        warn: Callable[[str, str | None], None],
        trace: Callable[..., None] = silent,
        alarm: bool = False,
        clock: Callable[[], float] = time.time,
        early: EarlyLocks | None = None,
        sleep: Callable[[float], None] = time.sleep,
        decoded: Decoded | None = None,
        waiting: Callable[[str, float], AbstractContextManager[None]] | None = None,
    ) -> None:
        self.environ: Mapping[str, str] = {
            name: value for name in list(environ) if (value := environ.get(name)) is not None
        }
        self.warn = _once(warn)
        self.trace = trace
        self.waiting = waiting
        self.alarm = alarm
        self.clock = clock
        self.early = early or EarlyLocks()
        self._cache_folder: str | None = None
        self._lost: CacheError | None = None
        self._configuration: tuple[str, bytes] | None = None
        self.seen: tuple[str, os.stat_result, bool] | None = None
        self._sleep = sleep
        self.http = Allowance(_HTTP)
        self.not_yet = Allowance(NOT_YET_WAIT)
        self.grants: dict[Grant, Secret] = {}
        self.notes: dict[str, list[str]] | None = None
        self.decoded = decoded or Decoded()

    def configuration(self) -> tuple[str, bytes]:
        """Return the name and the bytes of the config, as they were at the first look.

        Raises ConfigError; UsageError where an agent has the profiles.
        """
        self.hold_to_profiles()
        if self._configuration is None:
            self.seen = None
            self._configuration = lookup.configuration(self.environ, self._see)
        return self._configuration

    @property
    def agent(self) -> str:
        """The path of the socket of the agent that is to be asked, or "".

        Raises ConfigError for a relative path.
        """
        path = self.environ.get(lookup.SOCKET, "")
        if path and not os.path.isabs(path):
            raise ConfigError(f"{lookup.SOCKET} is not an absolute path")
        return path

    def hold_to_profiles(self) -> None:
        """Raise UsageError where an agent has the profiles."""
        if self.agent:
            raise UsageError(
                f"the profiles are where the agent at {printable(self.agent)} runs:"
                f" {lookup.SOCKET} is set",
                hint="unset CREDHELPER_SOCKET",
            )

    def _see(self, handle: int, path: str) -> None:
        # Judged only if the config is parsed: most answers do not pay for that.
        read_only = bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)
        self.seen = path, os.fstat(handle), read_only

    def begin(self) -> None:
        """Begin another call, or go on after the config was written: read it again."""
        self._configuration = None
        self.early.begin()
        self.http.begin()
        self.not_yet.begin()
        self.grants.clear()

    def sleep(self, seconds: float) -> None:
        """Sleep until a token becomes valid, or as long as this call may still wait for that."""
        seconds = min(seconds, self.not_yet.left)
        self.not_yet.spend(seconds)
        self._sleep(seconds)

    def cache_folder(self) -> str | None:
        """Return the folder of the records; None, after a warning, if it cannot be trusted."""
        if self._cache_folder is None:
            self._cache_folder = paths.cache_dir(self.environ, sys.platform) or ""
            folder = self._cache_folder
            try:
                wrong = self._homeless(folder) or files.complaint_about(folder)
            except CacheError as error:
                wrong = self._lost = error
            if wrong:
                self.warn(f"continuing without a cache: {wrong.message}", wrong.hint)
                self._cache_folder = ""
        return self._cache_folder or None

    def hold_to_cache(self) -> None:
        """Raise CacheError if the system did not let us look at the folder of the records."""
        if self.cache_folder() is None and self._lost:
            raise self._lost

    def _homeless(self, folder: str) -> CacheError | None:
        """Return what is wrong if `folder` is in a home that is not there: not ours to make."""
        if not folder:
            return CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_CACHE_DIR")
        home = paths.home(self.environ)
        if not home or os.path.isdir(home) or not folder.startswith(f"{home}/"):
            return None
        return CacheError(
            f"home folder {home} does not exist",
            hint="set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders of your own",
        )

    def runtime_folders(self) -> tuple[str, ...]:
        """Return local folders, private once made, for what lives as long as a process.

        Locks, where the cache's own file system has none, and the token files of running commands.
        """
        found = []
        chosen = self.environ.get("CREDHELPER_RUNTIME_DIR", "")
        if chosen:
            if not os.path.isabs(chosen):
                raise ConfigError("CREDHELPER_RUNTIME_DIR is not an absolute path")
            found.append(chosen)
        runtime = self.environ.get("XDG_RUNTIME_DIR", "")
        if runtime.startswith("/"):
            found.append(os.path.join(runtime, "credhelper"))
        found.append(f"/tmp/credhelper-{os.geteuid()}")  # noqa: S108  # verified: ours, 0700
        # Another user may have made that one before us.
        if cache := paths.cache_dir(self.environ, sys.platform):
            found.append(os.path.join(cache, "run"))
        return tuple(found)

    def slot_options(self) -> dict[str, Any]:
        """Return what all slots of this call have in common: parameters of `Slot`."""
        return {
            "lock_folders": self.runtime_folders(),
            "warn": self.warn,
            "alarm": self.alarm,
            "early": self.early,
            "waiting": self.waiting,
        }

    def slot(self, record: str) -> Slot:
        """Return the slot of a token's record."""
        return Slot(self.cache_folder(), record, **self.slot_options())

    def state_slot(self, record: str) -> Slot:
        """Return the slot of a session's record, in the state folder."""
        folder = paths.state_dir(self.environ, sys.platform)
        sessions = os.path.join(folder, "sessions") if folder else None
        return Slot(sessions, record, durable=True, **self.slot_options())


def beside_a_command(
    environ: Mapping[str, str], warned: list[str], say: Callable[[bytes], None] | None
) -> Context:
    """Return the context of one of the renewals beside a command: together they warn once.

    Parameters:
    - environ: the environment.
    - warned: the warnings given already, without numbers, as `ascii` has them; it grows.
    - say: writes a warning for people; None to keep quiet.
    """

    def warn(message: str, hint: str | None) -> None:
        same = ascii(without_numbers(message))
        if say and same not in warned:
            warned.append(same)
            say(complaint(message, hint, "warning"))

    return Context(environ, warn=warn, trace=tracer(environ.get("CREDHELPER_TRACE", "")))


def _once(warn: Callable[[str, str | None], None]) -> Callable[[str, str | None], None]:
    given: set[str] = set()

    def warn_once(message: str, hint: str | None) -> None:
        if without_numbers(message) not in given:
            given.add(without_numbers(message))
            warn(message, hint)

    return warn_once
