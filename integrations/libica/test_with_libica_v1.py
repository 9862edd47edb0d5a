"""The v1 SDK in a user's script, with a token that credhelper puts where the SDK looks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from integrations.wired import Wired

HERE = Path(__file__).parent
PROJECTS = "project-alpha project-beta"


def listing(wired: Wired, python: str, *words: str) -> list[str]:
    """Run the script that users are shown, and return the lines that it printed."""
    outcome = wired.run(python, str(HERE / "with_libica_v1.py"), *words)
    assert (outcome.status, outcome.told) == (0, ""), outcome
    return outcome.stdout.decode().split("\n")[:-1]


def test_a_script_lists_projects_with_one_token(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python, wired = client("libica"), wire()
    wired.configure(HERE / "credhelper.toml", {})

    assert listing(wired, python, "3", "0") == [PROJECTS] * 3
    assert listing(wired, python, "1", "0") == [PROJECTS]
    assert wired.counted() == (1, 0)


def test_a_token_that_expires_meanwhile_is_renewed_before_the_api_has_to_refuse_it(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python, wired = client("libica"), wire("--token-lifetime", "6")
    wired.configure(HERE / "credhelper.toml", {})

    # The SDK raises what is refused, and does not try again.
    assert listing(wired, python, "10", "0.8") == [PROJECTS] * 10
    created, _ = wired.counted()
    assert created >= 2


def test_the_hook_and_the_configuration_keep_what_they_promise(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python, wired = client("libica"), wire()
    wired.configure(HERE / "credhelper.toml", {})

    outcome = wired.run(python, str(HERE / "promises.py"))

    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert json.loads(outcome.stdout) == {
        "host": wired.sandbox.url,
        "projects": PROJECTS.split(" "),
        "the same token": True,
        "another after a reject": True,
        "another again": True,
        "as the default": PROJECTS.split(" "),
        "the hook by hand": True,
        "the hook of a profile": True,
        "the hook of nobody": "UnknownProfileError",
        "a strange host": "UnknownServiceError",
        "a host that turns strange": "UnknownServiceError",
    }
    assert wired.counted() == (2, 0)
