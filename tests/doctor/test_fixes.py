"""What the doctor tells to do about a fault fits its class, not only its place."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.broker.context import Context
from credhelper.cli.doctor import tools
from credhelper.errors import NotFoundError
from tests.doctor.faults import FAULTS, Fault
from tests.doctor.stage import ROOT, Stage
from tests.doctor.test_doctor import examined, of


def _answers(**fault: object) -> Callable[[Stage], object]:
    """Have the API answer so where a token is asked for, and as ever where it is looked at."""
    whole = {"path": "/v1/tokens", "method": "POST", "times": 50, **fault}
    return lambda stage: stage.api.fault(whole)


def _key(text: bytes) -> Callable[[Stage], object]:
    return lambda stage: (stage.world.root / "api-key").write_bytes(text)


def _fifo(stage: Stage) -> None:
    (stage.world.root / "api-key").unlink()
    os.mkfifo(stage.world.root / "api-key", 0o600)


def _grant(**grant: object) -> Callable[[Stage], object]:
    return lambda stage: stage.configure(grant=grant)


def _variable(name: str, value: str) -> Callable[[Stage], object]:
    def spoil(stage: Stage) -> None:
        stage.configure(grant={"env": name})
        stage.environ[name] = value

    return spoil


def _typed(stage: Stage) -> None:
    """Log in with a key that login keeps, and revoke it."""
    stage.world.config.unlink()
    words = ("login", "--url", stage.api.url)
    assert stage.world.run(*words, stdin=stage.api.api_key.encode()).status == 0
    assert stage.world.run("logout").status == 0


def _elsewhere(url: str, **variables: str) -> Callable[[Stage], object]:
    def spoil(stage: Stage) -> None:
        stage.configure(url)
        stage.environ.update(variables)

    return spoil


WRITE = r"put the secret of profile main there, .*: install -D -m 600 /dev/stdin \S+/api-key"
PROXY = r"check the proxy in https_proxy or all_proxy; .*"
# A fault, and what its fix must be.
CASES: dict[str, tuple[Fault, str]] = {
    "400": (
        Fault("token", "main", 5, _answers(status=400)),
        r"compare what the profile asks for .*: credhelper profile show main",
    ),
    "407": (Fault("token", "main", 5, _answers(status=407)), r"the proxy wants a user name .*"),
    "429": (Fault("token", "main", 5, _answers(status=429)), r"try again (later|in \d+ s).*"),
    "no token in it": (
        Fault("token", "main", 5, _answers(status=200, body='{"x": 1}')),
        r"does something else answer there\? look at the url: credhelper profile show main",
    ),
    "no JSON": (
        Fault("token", "main", 5, _answers(status=200, body="{{{")),
        r"is this the right url, or does a captive portal or proxy answer in its place\?",
    ),
    "500": (Fault("token", "main", 5, _answers(status=500)), r"try again later.*"),
    "a wrong key": (
        Fault("token", "main", 5, _key(b"wrong-key\n")),
        r"the key, password or session may be wrong, .*",
    ),
    "blanks": (Fault("grant", "main", 6, _key(b"a key\n")), WRITE),
    "empty": (Fault("grant", "main", 4, _key(b"")), WRITE),
    "not ASCII": (Fault("grant", "main", 6, _key("kéy\n".encode())), WRITE),
    "two lines": (Fault("grant", "main", 6, _key(b"a\nb\n")), WRITE),
    "a FIFO": (Fault("grant", "main", 6, _fifo), r"mv (\S+/api-key) \1.old"),
    "a variable of two lines": (
        Fault(
            "grant", "main", 6, lambda s: (_grant(env="MY_KEY")(s), s.environ.update(MY_KEY="a\nb"))
        ),
        r"put a valid key, and nothing else, into variable MY_KEY",
    ),
    "no such command": (
        Fault("grant", "main", 6, _grant(command=["/no/such/program"]), words=("--ask-grants",)),
        r".*(command|program).*",
    ),
    "a command that fails": (
        Fault("grant", "main", 4, _grant(command=["/bin/false"]), words=("--ask-grants",)),
        r"run it yourself to see why: .*",
    ),
    "a typed key that is gone": (
        Fault("grant", "default", 4, _typed),
        r"credhelper login --profile default",
    ),
    "a dead proxy": (
        Fault(
            "connection",
            "https://api.example",
            5,
            _elsewhere("https://api.example", https_proxy="http://127.0.0.1:1"),
        ),
        PROXY,
    ),
    "an unknown proxy": (FAULTS["dns: an unknown proxy"], PROXY),
    "a closed port": (
        FAULTS["connection: a closed port"],
        r"check the url of the profile, and whether this machine needs a proxy: .*",
    ),
}
if not ROOT:
    CASES["unreadable"] = (
        Fault("grant", "main", 6, lambda s: (s.world.root / "api-key").chmod(0o000)),
        r".*api-key",
    )


@pytest.mark.parametrize("name", CASES)
def test_the_fix_is_for_the_class_of_the_error(stage: Stage, name: str) -> None:
    fault, fix = CASES[name]
    fault.spoil(stage)
    status, found = examined(stage, *fault.words)
    (failed,) = of(found, "fail")
    assert (failed["name"], failed["about"]) == (fault.check, fault.about) or failed[
        "about"
    ].startswith(fault.about)
    assert re.fullmatch(fix, failed["fix"]), failed
    assert status == fault.status


HELPER = "git-credential-credhelper"


@pytest.mark.parametrize(
    ("own", "first", "fix"),
    [
        (None, None, "install credhelper again: .* has no git-credential-credhelper that runs"),
        (None, "exit 1", "install credhelper again: .*"),
        ("exit 1", "", "install credhelper again: .*"),
        ("exit 0", None, 'export PATH="\\$PATH":.*/own'),
        ("exit 0", "exit 1", "remove it, or put .*/own before its folder in PATH"),
    ],
)
def test_a_helper_that_is_not_in_our_own_folder_is_not_looked_for_there(
    own: str | None, first: str | None, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"own": own, "first": first or None}
    for folder, script in folders.items():
        (tmp_path / folder).mkdir()
        if script is not None:
            (tmp_path / folder / HELPER).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / folder / HELPER).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "own/python3"))
    path = tmp_path / ("own" if first == "" else "first")
    with pytest.raises(NotFoundError) as caught:
        tools._try_out(Context({"PATH": str(path)}, warn=lambda *_: None), HELPER)
    assert re.fullmatch(fix, caught.value.hint or "")
