"""A config, profile or grant that changes in the middle of a renewal, at every point of it.

What lies under a name must have been made from the very settings that the name was made from: put
these settings back, and a warm answer gives a token of theirs or none.
"""

from __future__ import annotations

import fcntl
import os
import posix
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from credhelper.broker import answer, wiring
from credhelper.broker.context import Context
from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey, Authorization
from credhelper.config.profile import Profile
from credhelper.core import lookup
from credhelper.core.model import JWT, SESSION, Credential, Request, Secret, Token
from credhelper.errors import CredhelperError

if TYPE_CHECKING:
    from credhelper.core.model import Kind, Wants

NOW = 1_800_000_000
_IDLE = 10_000
LOOKS = ("open", "read", "stat", "lstat", "fstat", "replace", "unlink")
KINDS: dict[str, tuple[str, Wants]] = {
    "plain": ("", "token"),
    "session": ("keep_session = true\n", "token"),
    "aws": ('aws = { folder = "fol.1" }\n', "aws"),
}


class Settings:
    """A config and a key on disk, of which there are two each, and an API that tells what it got.

    Its tokens are `URL|cid|key`, all three as they were used.
    """

    def __init__(self, root: Path, kind: str) -> None:
        self.root = root
        self.wants: Wants
        self.own, self.wants = KINDS[kind]
        self.environ = {
            "HOME": str(root),
            "CREDHELPER_CONFIG": str(root / "config.toml"),
            "CREDHELPER_CACHE_DIR": str(root / "cache"),
            "CREDHELPER_STATE_DIR": str(root / "state"),
        }
        for number in "12":
            key = root / f"key-{number}"
            key.touch(0o600)
            key.write_text(f"key{number}")

    def config(self, which: str) -> None:
        """Put config `1` or `2` in place, or `none`, which has lost the profile."""
        name = "other" if which == "none" else "main"
        text = (
            f"[profiles.{name}]\n"
            f'url = "https://api{which}.example"\ncid = "cid{which}"\n'
            f'services = ["https://ica.example"]\n'
            f'grant = {{ file = "{self.root}/key" }}\n{self.own}'
        )
        self._put("config.toml", text)

    def key(self, which: str) -> None:
        """Put key `1` or `2` in place: the very file each time, with its own inode and times."""
        other = self.root / "key.new"
        os.link(self.root / f"key-{which}", other)
        os.rename(other, self.root / "key")
        other.unlink(missing_ok=True)  # a rename onto itself does nothing

    def _put(self, name: str, text: str) -> None:
        other = self.root / f"{name}.new"
        other.write_text(text)
        os.rename(other, self.root / name)

    def kept(self) -> dict[Path, bytes]:
        """Return the files in the cache and the state."""
        folders = [folder for folder in self._folders() if folder.exists()]
        return {path: path.read_bytes() for folder in folders for path in _files_below(folder)}

    def put_back(self, kept: dict[Path, bytes]) -> None:
        """Make config and key `1` count, and let the cache and the state hold this alone."""
        self.config("1")
        self.key("1")
        for folder in self._folders():
            shutil.rmtree(folder, ignore_errors=True)
        for path, data in kept.items():
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_bytes(data)

    def _folders(self) -> tuple[Path, Path]:
        return self.root / "cache", self.root / "state"

    def request(self) -> Request:
        """Return the one question."""
        return Request("get", profile="main", wants=self.wants)

    def ask(self, now: float) -> Credential:
        """Ask as a tool does whose cache is not warm."""
        context = Context(self.environ, warn=lambda *_: None, clock=lambda: now)
        return answer.get(context, self.request())

    def warm(self, now: float) -> str | None:
        """Return the token of a warm answer, None if there is none."""
        found = lookup.answer(self.environ, self.request(), lambda: now)
        return found.token.reveal() if isinstance(found, Credential) else None


class Api:
    """Both clients of one profile: what they give tells what it was made from."""

    refreshes = SESSION

    def __init__(self, profile: Profile, clock: Callable[[], float]) -> None:
        self.profile = profile
        self.clock = clock

    def _token(self, text: str, kind: Kind, life: int = 3600) -> Token:
        now = int(self.clock())
        return Token(Secret(text), kind=kind, issued_at=now, expires_at=now + life)

    def create(self, authorization: Authorization, spec: TokenSpec) -> Token:
        given = authorization.key if isinstance(authorization, ApiKey) else authorization.token  # type: ignore[union-attr]  # no password here
        if spec.return_session_token:
            return self._token(given.reveal(), SESSION, _IDLE)
        return self._token(f"{self.profile.url}|{spec.cid}|{given.reveal()}", JWT)

    def refresh(self, session: Secret) -> Token:
        return self._token(session.reveal(), SESSION, _IDLE)

    def exchange(self, token: Secret, *_: object, **__: object) -> Token:
        return self._token(token.reveal(), "aws")


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def at_each_look(meet: Callable[[], None]) -> Iterator[None]:
    """Call `meet` before each look at a file, and each lock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        busy = False

        def met(true: Callable[..., Any]) -> Callable[..., Any]:
            def look(*words: Any, **named: Any) -> Any:
                nonlocal busy
                if not busy:
                    busy = True
                    try:
                        meet()
                    finally:
                        busy = False
                return true(*words, **named)

            return look

        for name in LOOKS:
            patch.setattr(os, name, met(getattr(os, name)))
            patch.setattr(posix, name, met(getattr(posix, name)))
        patch.setattr(fcntl, "flock", met(fcntl.flock))
        yield


def ask_while(
    settings: Settings, now: float, point: int, put: Callable[[str], None], which: str, span: int
) -> tuple[str, int]:
    """Ask, and put `which` in place at the look number `point`, and `1` again after `span` looks.

    Returns the token, "" for an error, and the number of looks. A span of 0 is for good.
    """
    looks = 0

    def meet() -> None:
        nonlocal looks
        looks += 1
        if looks == point:
            put(which)
        elif span and looks == point + span:
            put("1")

    try:
        with at_each_look(meet):
            return settings.ask(now).token.reveal(), looks
    except CredhelperError:
        return "", looks


@pytest.mark.sampled(4)
@pytest.mark.parametrize("span", [0, 1], ids=["for good", "for a moment"])
@pytest.mark.parametrize("what", ["config 2", "config none", "key 2"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_under_a_name_was_made_from_what_the_name_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, what: str, span: int
) -> None:
    monkeypatch.setattr(wiring, "client_for", lambda c, profile, *_: Api(profile, c.clock))
    monkeypatch.setattr(wiring, "aws_client_for", lambda c, profile, *_: Api(profile, c.clock))
    subject, _, which = what.partition(" ")
    root = tmp_path / "root"
    root.mkdir(0o700)
    settings = Settings(root, kind)
    put = getattr(settings, subject)
    settings.put_back({})
    settings.ask(NOW)
    kept = settings.kept()
    later = NOW + 7200  # the token has expired, and the session is due
    point = 0
    while True:
        point += 1
        settings.put_back(kept)
        told, looks = ask_while(settings, later, point, put, which, span)
        assert told in expected(told), (point, told)
        for config in "12":
            for key in "12":
                settings.config(config)
                settings.key(key)
                found = settings.warm(later)
                assert found in (None, f"https://api{config}.example|cid{config}|key{key}"), point
        if looks < point:
            break
    assert point > 20


def expected(told: str) -> tuple[str, ...]:
    """Return what may be answered: nothing, or a token of one config and of one key."""
    return ("", *(f"https://api{c}.example|cid{c}|key{k}" for c in "12" for k in "12"))
