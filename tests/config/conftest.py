"""A config and a grant to read, and a close look at what a refusal says."""

from __future__ import annotations

import os

import pytest

from credhelper.config import grant as grants
from credhelper.config import parse as config
from credhelper.config.parse import Config, Profile
from credhelper.config.profile import Grant
from credhelper.core.model import Secret
from credhelper.errors import ConfigError, CredhelperError

PATH = "/home/ada/.config/credhelper/config.toml"
ENVIRON = {"HOME": "/home/ada"}
CANARY = "canary-S3cr3t"
KEY = 'grant = { env = "KEY" }'


def resolve(how: str, *words: str, environ: dict[str, str] | None = None, **more: object) -> Secret:
    options = {name: more.pop(name) for name in ("timeout", "password") if name in more}
    if "own_timeout" in more:
        more["timeout"] = more.pop("own_timeout")
    grant = Grant(how, words, **more)  # type: ignore[arg-type]  # checked by the test that passes it
    told = {"PATH": os.defpath} if environ is None else environ
    return grants.resolve(grant, profile_name="dev", environ=told, **options)  # type: ignore[arg-type]  # likewise


def refused(error: pytest.ExceptionInfo[CredhelperError]) -> str:
    """Return the message and the hint, after a look for the canary in all that could be printed."""
    told = error.value
    parts: list[str] = []
    seen: BaseException | None = told
    while seen is not None:
        parts += [repr(seen), str(seen)]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert CANARY not in " ".join([*parts, told.hint or ""])
    assert "\n" not in told.message
    return f"{told.message} | {told.hint}"


def parse(text: str | bytes) -> Config:
    data = text if isinstance(text, bytes) else text.encode()
    return config.parse(data, PATH, ENVIRON)


def profile(*lines: str) -> Profile:
    return parse("\n".join(["[profiles.dev]", *lines])).profiles["dev"]


def refusal(text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    error = caught.value
    assert error.message.startswith(PATH)
    assert "\n" not in error.message
    assert not error.message.endswith(".")
    assert CANARY not in f"{error.message}{error.hint}{error!r}{error.__cause__!r}"
    assert error.__cause__ is None
    return error


def message(*lines: str) -> str:
    """Return what is said of a profile made of these lines, the first of them on line 2."""
    told = refusal("\n".join(["[profiles.dev]", *lines])).message
    return told.removeprefix(PATH)
