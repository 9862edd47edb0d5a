"""A scratch world: home, config, cache and state of nobody, and programs that run in it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core import record as records
from credhelper.core.model import Request
from credhelper.storage import files
from tests.support.programs import clean_environment, command

if TYPE_CHECKING:
    from credhelper.core.model import Wants

SERVICE = "https://ica.example"
TIMEOUT = 60.0

_TOKENS = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)+|\bps-[A-Za-z0-9_-]{20,}")


class Outcome:
    """What a program did: `status`, `stdout` and `stderr` (bytes)."""

    def __init__(self, status: int, stdout: bytes, stderr: bytes) -> None:
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def told(self) -> str:
        """Stderr as text."""
        return self.stderr.decode("utf-8", "backslashreplace")

    @property
    def token(self) -> str:
        """The one token on stdout, in whatever shape; a failed assertion when there is none."""
        found = set(tokens_in(self.stdout))
        assert len(found) == 1, (self.status, self.stdout[:200], self.told)
        return found.pop().decode()

    def __repr__(self) -> str:
        return f"Outcome({self.status}, {self.stdout[:300]!r}, {self.stderr[:600]!r})"


class World:
    """A scratch folder with a home, a config, and places for cache and state.

    Attributes: `root`; `home`; `config`, the config file; `cache` and `state`, which do not exist
    before a program makes them; `environ`, what programs get; `canaries`, secrets that no program
    may show: `run` looks for them in all that it prints; `user`, the uid that programs run as, for
    tests that run as root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.home.mkdir()
        self.config = root / "config.toml"
        self.cache = root / "cache"
        self.state = root / "state"
        self.canaries: list[str] = []
        self.user: int | None = None
        self.environ = {
            **clean_environment(self.home),
            "CREDHELPER_CONFIG": str(self.config),
            "CREDHELPER_CACHE_DIR": str(self.cache),
            "CREDHELPER_STATE_DIR": str(self.state),
            "XDG_RUNTIME_DIR": str(root / "run"),
        }

    def secret_file(self, name: str, text: str) -> Path:
        """Write a secret into a private file; it is a canary from now on."""
        path = self.root / name
        # A file that is touched counts as another grant.
        if not path.exists() or path.read_text() != text:
            path.touch(0o600)
            path.write_text(text)
        self.canaries.append(text)
        return path

    def configure(self, url: str, api_key: str, **profiles: Mapping[str, Any]) -> None:
        """Write a config for the API at `url`, with the key in a file of its own.

        Parameters: `profiles`, members by profile name, each on top of `url`, `grant` and, for
        want of other `services`, `https://ica.example`. Without any there is one, `main`.
        """
        key = self.secret_file("api-key", api_key)
        told = profiles or {"main": {}}
        lines = [f"default_profile = {toml(next(iter(told)))}"]
        for name, own in told.items():
            lines.append(f"\n[profiles.{toml(name)}]")
            basic = {"url": url, "grant": {"file": str(key)}, "services": [SERVICE]}
            lines += [f"{member} = {toml(value)}" for member, value in {**basic, **own}.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def run(
        self,
        *words: str,
        program: str = "credhelper",
        stdin: bytes = b"",
        environ: Mapping[str, str | None] | None = None,
        cwd: Path | str = "/",
        prefix: Sequence[str] = (),
    ) -> Outcome:
        """Run a program to its end, and hold it to its silence about secrets.

        Parameters: `environ`, variables on top of the world's, None to take one away; `prefix`,
        words in front, as in `sh -c 'umask 0; exec "$@"' sh`.
        """
        done = subprocess.run(
            [*prefix, *command(program), *words],
            input=stdin,
            capture_output=True,
            env=self.environment(environ),
            cwd=cwd,
            timeout=TIMEOUT,
            **self._identity(),
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        self.hold_to_silence(outcome)
        return outcome

    def start(
        self,
        *words: str,
        program: str = "credhelper",
        environ: Mapping[str, str | None] | None = None,
        cwd: Path | str = "/",
        prefix: Sequence[str] = (),
        **how: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a program with pipes; `how` is for Popen. See `finish`."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [*prefix, *command(program), *words],
            env=self.environment(environ),
            cwd=cwd,
            bufsize=0,
            **{**pipes, **self._identity(), **how},
        )

    def finish(self, process: subprocess.Popen[bytes], stdin: bytes = b"") -> Outcome:
        """Wait for what was started, and hold it to its silence about secrets."""
        stdout, stderr = process.communicate(stdin, TIMEOUT)
        outcome = Outcome(process.returncode, stdout or b"", stderr or b"")
        self.hold_to_silence(outcome)
        return outcome

    def belongs_to(self, user: int) -> None:
        """Run programs as `user` (uid) from now on; skip the test where that user cannot."""
        self.user = user
        try:
            if self.run("--version").status == 0:
                return
        except PermissionError:
            pass
        pytest.skip("another user cannot run the program here")

    def _identity(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user, "group": self.user, "extra_groups": []}

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the world's environment with `changes`; None takes a variable away."""
        merged = {**self.environ, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def hold_to_silence(self, outcome: Outcome) -> None:
        """Assert that no canary, token or traceback is where it does not belong."""
        for canary in self.canaries:
            for stream in (outcome.stdout, outcome.stderr):
                assert canary.encode() not in stream, "a secret was shown"
        assert not tokens_in(outcome.stderr), "a token was shown on stderr"
        for sign in (b"Traceback", b"this is a bug", b"a bug in credhelper"):
            assert sign not in outcome.stderr, outcome

    def get(self, *words: str, environ: Mapping[str, str | None] | None = None) -> str:
        """Return the token that `credhelper get` prints; it must succeed without a word."""
        outcome = self.run("get", *words, environ=environ)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        return outcome.token

    def prepare(self, wants: Wants = "token") -> str:
        """Have the cache filled by the broker in this process, for tests of what comes after.

        It leaves the files that `get` leaves, at a tenth of what it costs to start a program that
        asks the API. Returns the token, or what else is wanted.
        """
        if self.user is not None:
            return self.get()  # as only a program can be
        context = Context(self.environ, warn=_nothing_to_warn_of)
        found = answer.get(context, Request("get", wants=wants)).token.reveal()
        answer.tidy_up()
        return found

    def records(self) -> list[Path]:
        """Return the records of tokens in the cache: no locks, no failures, no routes."""
        return [path for path in self._files() if "." not in path.name]

    def held(self) -> list[dict[str, str]]:
        """Return the fields of each record that holds a token."""
        found = [records.decode(path.read_bytes()) for path in self.records()]
        return [fields for fields in found if fields and fields.get("token")]

    def failures(self) -> list[Path]:
        """Return the remembered failures in the cache."""
        return [path for path in self._files() if path.name.endswith(".failed")]

    def _files(self) -> list[Path]:
        if not self.cache.is_dir():
            return []
        return [path for path in sorted(self.cache.iterdir()) if not path.name.startswith("routes")]

    def age(self, seconds: int) -> None:
        """Make every record in the cache `seconds` older, as if the clock had gone on."""
        for path in self.records():
            self.age_record(path, seconds)

    def age_record(self, path: Path, seconds: int) -> None:
        """Make one record `seconds` older."""
        fields = records.decode(path.read_bytes())
        assert fields is not None
        times = ("issued", "expires", "not_before", "due")
        moments = {key: records.number(fields, key) for key in times}
        told = {key: str(moment - seconds) for key, moment in moments.items() if moment}
        self.rewrite(path, **told)

    def rewrite(self, path: Path, **changes: str) -> None:
        """Change fields of one record."""
        fields = records.decode(path.read_bytes())
        assert fields is not None
        files.replace(str(path), records.encode({**fields, **changes}))
        if self.user is not None:
            os.chown(path, self.user, self.user)


def _nothing_to_warn_of(message: str, _: object = None) -> None:
    raise AssertionError(message)


def tokens_in(data: bytes) -> list[bytes]:
    """Return what looks like a JWT or psToken in `data`."""
    return _TOKENS.findall(data)


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return all that lies in `folder`: kind, mode, owner, inode, mtime and content of each."""
    found: dict[str, tuple[object, ...]] = {}
    for path in _below(folder):
        status = path.lstat()
        content: object = None
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (
            stat.filemode(status.st_mode),
            status.st_uid,
            status.st_ino,
            status.st_mtime_ns,
            content,
        )
    return found


def _below(folder: Path) -> Iterable[Path]:
    if folder.is_symlink() or folder.exists():
        yield folder
    if folder.is_dir():
        yield from sorted(folder.rglob("*"))


def toml(value: Any) -> str:
    """Return `value` as TOML spells it in one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name} = {toml(each)}" for name, each in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)
