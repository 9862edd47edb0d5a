"""`ica` and `icav2` under `exec`, with the config beside this file and a stand-in for both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.wired import UPSTREAM, Wired
from tests.support.programs import command
from tests.support.recorder import Recorder
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
REGIONS = ("sydney", "virginia")
TOKENS = {"ica": "ICA_ACCESS_TOKEN", "icav2": "ICAV2_ACCESS_TOKEN"}


class Desk:
    """Somebody with a profile for each of two regions, and the programs.

    Attributes: `doors`, to the servers, by profile, and to the one that programs take by default;
    each remembers what was asked. The sandboxes behind know each other's tokens no more than two
    regions do.
    """

    def __init__(self, wired: Wired, stack: ExitStack) -> None:
        self.wired = wired
        sandboxes = {"sydney": wired.sandbox}
        for name in ("virginia", "default"):
            sandboxes[name] = RunningSandbox()
            stack.callback(sandboxes[name].stop)
        self.sandboxes = sandboxes
        self.doors = {name: Recorder(sandbox.url) for name, sandbox in sandboxes.items()}
        for door in self.doors.values():
            stack.callback(door.stop)
        self.doors["v2"] = self.doors["sydney"]
        wired.world.canaries += [sandboxes["virginia"].api_key, sandboxes["virginia"].password]

    def configure(self, api: str, project: str) -> None:
        """Put the config where it says, with `api` in the profiles of both regions."""
        places = {
            UPSTREAM: self.doors["sydney"].url,
            "https://use1.platform.illumina.com": self.doors["virginia"].url,
            "https://ica.illumina.com": self.doors["v2"].url,
            "PROJECT_ID": project,
        }
        self.wired.configure(HERE / "credhelper.toml", places)
        path = self.wired.world.home / ".config/credhelper/config.toml"
        path.write_text(path.read_text().replace("\nurl = ", f'\napi = "{api}"\nurl = ', 2))
        key = path.with_name("virginia-key")
        key.touch(0o600)
        key.write_text(self.sandboxes["virginia"].api_key)

    def lists(self, profile: str, *words: str, **environ: str) -> Outcome:
        """Let a program ask, under `exec`; `words` begin with its name."""
        place = self.doors["default"].url.partition("://")[2]
        stand_in = (sys.executable, str(HERE / "stand_in.py"), "--scheme", "http")
        asked = (*stand_in, "--instead-of-default", place, *words)
        return self.wired.run(
            *command("credhelper"), "exec", "--profile", profile, "--", *asked, environ=environ
        )

    def bearers(self, door: str) -> set[str]:
        """Return the tokens that have arrived at a server."""
        return {
            value.removeprefix("Bearer ")
            for asked, _ in self.doors[door].heard
            for name, value in asked.headers
            if name.lower() == "authorization" and value.startswith("Bearer ")
        }

    def made(self, profile: str) -> str:
        """Return the token of a profile."""
        outcome = self.wired.run(*command("credhelper"), "get", "--profile", profile)
        assert outcome.status == 0, outcome
        return outcome.token


@pytest.fixture
def desk(wire: Callable[..., Wired]) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(wire(), stack)


@pytest.mark.parametrize(("program", "api"), [("ica", "iap"), ("icav2", "ica")])
def test_each_profile_asks_the_server_of_its_region_with_its_own_token(
    desk: Desk, program: str, api: str
) -> None:
    desk.configure(api, "p")
    names = b"Alpha\nBeta\n"
    for _ in range(2):
        for profile in REGIONS:
            outcome = desk.lists(profile, program, "projects", "list")
            assert (outcome.status, outcome.stdout, outcome.told) == (0, names, "")
    for profile in REGIONS:
        assert desk.bearers(profile) == {desk.made(profile)}
        assert all(told.status < 300 for _, told in desk.doors[profile].heard)
    assert desk.doors["default"].heard == []


@pytest.mark.parametrize(("program", "api"), [("ica", "iap"), ("icav2", "ica")])
def test_what_is_set_elsewhere_leads_no_token_astray(desk: Desk, program: str, api: str) -> None:
    desk.configure(api, "p")
    default = desk.doors["default"].url.partition("://")[2]
    folder = desk.wired.world.home / f".{program}"
    folder.mkdir()
    (folder / "config.yaml").write_text(f"server-url: {default}\n")
    (folder / ".session.use1.yaml").write_text("access-token: one-of-yesterday\n")
    begin = program.upper()
    own = {
        f"{begin}_SERVER_URL": default,
        f"{begin}_BASE_URL": f"http://{default}",
        TOKENS[program]: "one-of-another-shell",
    }
    outcome = desk.lists("virginia", program, "projects", "list", **own)
    assert (outcome.status, outcome.stdout) == (0, b"Alpha\nBeta\n")
    assert desk.doors["default"].heard == []
    assert desk.doors["sydney"].heard == []


def test_a_flag_wins_over_what_exec_sets(desk: Desk) -> None:
    desk.configure("iap", "p")
    place = desk.doors["default"].url.partition("://")[2]
    outcome = desk.lists("sydney", "ica", "--server-url", place, "projects", "list")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert "refuses: 401" in outcome.told


def test_without_the_variable_a_program_asks_its_default_server(desk: Desk) -> None:
    desk.configure("iap", "p")
    place = desk.doors["default"].url.partition("://")[2]
    stand_in = ("env", "-u", "ICA_SERVER_URL", sys.executable, str(HERE / "stand_in.py"))
    words = ("--scheme", "http", "--instead-of-default", place, "ica", "projects", "list")
    exec_ = (*command("credhelper"), "exec", "--profile", "sydney", "--")
    outcome = desk.wired.run(*exec_, *stand_in, *words)
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert desk.bearers("default") == {desk.made("sydney")}


def test_icav2_finds_the_project_of_the_profile(desk: Desk) -> None:
    desk.configure("iap", desk.wired.sandbox.projects()["Beta"])
    outcome = desk.lists("v2", "icav2", "projects", "get")
    assert (outcome.status, outcome.stdout, outcome.told) == (0, b"Beta\n", "")
    other = desk.wired.sandbox.projects()["Alpha"]
    outcome = desk.lists("v2", "icav2", "projects", "get", ICAV2_PROJECT_ID=other)
    assert outcome.stdout == b"Beta\n"
    outcome = desk.lists("v2", "icav2", "--project-id", other, "projects", "get")
    assert outcome.stdout == b"Alpha\n"
