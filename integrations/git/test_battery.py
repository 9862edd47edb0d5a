"""git's own tests for credential helpers, t/lib-credential.sh, and what they say of an issuing one.

They are written for helpers that keep what a person typed. credhelper keeps nothing that others
approve: it makes tokens, and gives them where a profile covers the service. So those tests pass
that are about what a helper must not give, keep or say; the rest is listed with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from integrations import clients
from integrations.git.forge import HERE
from integrations.wired import Wired

_STORES = "it must give back what a person typed: an issuing helper stores nothing that is approved"
_EXPIRY = "it must give back an expiry that somebody else approved, with that password"
_REFRESH = "it must keep a secret of another helper's, from which that one makes tokens"

PASSED = [
    "has no existing data",
    "stores password",
    "requires matching protocol",
    "requires matching host",
    "requires matching username",
    "requires matching path",
    "can forget host",
    "can forget user",
    "erases all matching credentials",
    "not confused by long header",
    "times out",
    "stores password_expiry_utc",
    "stores oauth_refresh_token",
    "stores authtype and credential",
    "stores authtype and credential with username",
    "does not get authtype and credential with different username",
    "does not store ephemeral authtype and credential",
    "does not store ephemeral username and password",
]
# What does not apply to an issuing helper, and why.
NOT_FOR_US = {
    "can retrieve password": _STORES,
    "overwrites on store": _STORES,
    "can store multiple users": _STORES,
    "does not erase a password distinct from input": _STORES,
    "remembers other user": _STORES,
    "can store empty username": _STORES,
    "gets password_expiry_utc": _EXPIRY,
    "overwrites when password_expiry_utc changes": _EXPIRY,
    "gets oauth_refresh_token": _REFRESH,
    "gets authtype and credential": _STORES,
    "gets authtype and credential with username": _STORES,
}
# All functions of the file that test a helper.
_ALL = """
helper_test credhelper
helper_test_timeout credhelper
helper_test_password_expiry_utc credhelper
helper_test_oauth_refresh_token credhelper
helper_test_authtype credhelper
"""
_PASSES_EXPIRY_ON = (2, 40)  # git's version
_TAGS = ("ok ", "not ok ")


def played(wired: Wired, git: str, battery: str, what: Path, **environ: str) -> dict[str, str]:
    """Return what became of each test: `ok`, or what it said."""
    folder = wired.world.root / "battery"
    folder.mkdir()
    path = f"{Path(git).parent}:{wired.environ['PATH']}"
    more = {"PATH": path, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", **environ}
    outcome = wired.run(
        "sh", str(HERE / "battery.sh"), battery, str(what), environ=more, cwd=folder
    )
    assert outcome.status == 0, outcome
    found: dict[str, str] = {}
    name = ""
    for line in outcome.stdout.decode().split("\n"):
        if line.startswith(_TAGS):
            name = line.partition("ok ")[2].removeprefix("helper (credhelper) ")
            found[name] = "ok" if line.startswith("ok ") else ""
        elif line:
            found[name] += f"{line}\n"
    return found


def test_the_battery_passes_where_no_profile_covers_the_service(
    wire: Callable[..., Wired], client: Callable[[str], str]
) -> None:
    git, battery = client("git-new"), client("git-battery")
    wired = wire()
    wired.configure(HERE / "credhelper.toml", {"git.example.org": "git.example.org"})
    what = wired.world.root / "what.sh"
    what.write_text(_ALL)

    found = played(wired, git, battery, what)

    assert [found.get(name) for name in PASSED] == ["ok"] * len(PASSED), found
    # One that passes after all belongs to the others; one that is new must be judged.
    assert {name for name, said in found.items() if said != "ok"} == {*NOT_FOR_US}, found
    assert wired.sandbox.stats()["requests"] == 0
    assert set(found) == {*PASSED, *NOT_FOR_US}


@pytest.mark.parametrize("which", ["git", "git-new"])
def test_the_batterys_own_check_holds_where_a_profile_covers_the_service(
    which: str, wire: Callable[..., Wired], client: Callable[[str], str]
) -> None:
    git, battery = client(which), client("git-battery")
    wired = wire()
    wired.configure(HERE / "credhelper.toml", {"git.example.org": "example.com"})
    given = json.loads(wired.run("credhelper", "get", "example.com", "--format", "json").stdout)
    seconds = int(datetime.fromisoformat(given["expires_at"]).timestamp())
    numbers = tuple(map(int, clients.version(which).split(".")[:2]))
    expiry = f"\npassword_expiry_utc={seconds}" if numbers >= _PASSES_EXPIRY_ON else ""
    # By a file: a token in the environment would be a secret in the wrong place.
    head = f"TOKEN='{given['token']}' USERNAME='{given['username']}' EXPIRY='{expiry}'\n"
    what = wired.world.root / "what.sh"
    what.write_text(head + (HERE / "issued.sh").read_text())

    found = played(wired, git, battery, what)

    assert {name for name, said in found.items() if said != "ok"} == set(), found
    assert len(found) == 10
    assert wired.counted() == (1, 0)
