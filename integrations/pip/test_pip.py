"""pip, old and new, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from integrations.servers.index import PROJECT, TEXT
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
LINK = HERE.parent / "keyring/link.sh"
# Which client, with which of the files: each pair is a way that the README shows.
WAYS = [
    ("pip", "pip.conf"),
    ("pip", "pip-user.conf"),
    ("pip", "pip-import.conf"),
    ("pip-old", "pip-user.conf"),
    ("pip-old", "pip-import.conf"),
]


class Desk:
    """A user with pip, wired up for an index."""

    def __init__(self, index: Indexed, python: str, snippet: str) -> None:
        self.index = index
        self.wired = index.wired
        self.pip = (python, "-m", "pip")
        index.configure(HERE / "credhelper.toml")
        self.wired.place(HERE / snippet, ".config/pip/pip.conf", {PLACEHOLDER: index.host})
        if snippet != "pip-import.conf":
            index.link(LINK)

    def install(self, *more: str) -> Outcome:
        """Run `pip install`, into a new folder."""
        words = ("install", "--no-cache-dir", "--disable-pip-version-check", *more)
        return self.wired.run(*self.pip, *words, "--upgrade", "--target", "site", PROJECT)

    def works(self, *more: str) -> None:
        """Install, and look at what was installed."""
        outcome = self.install(*(more or ["--no-input"]))
        assert outcome.status == 0, outcome
        module = self.wired.world.home / "site" / f"{PROJECT}.py"
        assert TEXT in module.read_text()
        module.unlink()


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda name, snippet, *options: Desk(open_index(*options), client(name), snippet)


@pytest.mark.parametrize(("name", "snippet"), WAYS)
def test_two_installations_take_one_token(
    sit_down: Callable[..., Desk], name: str, snippet: str
) -> None:
    desk = sit_down(name, snippet)

    desk.works()
    desk.works()

    assert desk.wired.counted() == (1, 0)
    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}
    assert not desk.index.gate.refused


# Between them, both of pip's ways to ask, and both of ours to answer.
@pytest.mark.parametrize(("name", "snippet"), [("pip", "pip.conf"), ("pip-old", "pip-import.conf")])
def test_an_expired_token_is_renewed_by_the_next_installation(
    sit_down: Callable[..., Desk], name: str, snippet: str
) -> None:
    desk = sit_down(name, snippet, "--token-lifetime", str(SECONDS))

    desk.works()
    desk.wired.wait_until(desk.index.gate.admitted[-1].expires)
    desk.works()

    assert desk.wired.counted() == (2, 0)
    assert not desk.index.gate.refused


def test_a_pip_that_may_prompt_asks_before_it_does(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("pip", "pip.conf")

    desk.works("--keyring-provider", "auto")  # which is the default

    assert desk.wired.counted() == (1, 0)
    assert len(desk.index.gate.admitted) > 0


@pytest.mark.parametrize("snippet", ["pip.conf", "pip-import.conf"])
def test_a_host_that_no_profile_names_gets_nothing(
    sit_down: Callable[..., Desk], snippet: str
) -> None:
    desk = sit_down("pip", snippet)
    other = f"127.0.0.1:{desk.index.port}"  # the same server, by a name that no profile has
    desk.wired.place(HERE / snippet, ".config/pip/pip.conf", {PLACEHOLDER: other})

    outcome = desk.install("--no-input")

    assert outcome.status == 1
    assert "No matching distribution" in outcome.told
    assert "credhelper" not in outcome.told
    assert [visit.scheme for visit in desk.index.gate.visits] == [""]
    assert desk.wired.counted() == (0, 0)


@pytest.mark.parametrize(
    ("name", "snippet", "told"),
    [
        ("pip", "pip.conf", None),  # it throws away what a program says on stderr
        ("pip-old", "pip-user.conf", "credhelper: error: POST"),
        ("pip", "pip-import.conf", "WARNING: credhelper: POST"),
    ],
)
def test_when_nobody_can_renew_pip_goes_on_without_a_login(
    sit_down: Callable[..., Desk], name: str, snippet: str, told: str | None
) -> None:
    desk = sit_down(name, snippet)
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.install("--no-input")

    assert outcome.status == 1
    assert "No matching distribution" in outcome.told
    assert "exception" not in outcome.told
    assert (told or "") in outcome.told
    assert ("credhelper" in outcome.told) == (told is not None)
    assert {visit.scheme for visit in desk.index.gate.visits} == {""}


def test_a_new_pip_that_says_nothing_leaves_a_trace_where_it_is_told_to(
    sit_down: Callable[..., Desk],
) -> None:
    desk = sit_down("pip", "pip.conf")
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    trace = desk.wired.world.root / "trace"
    desk.wired.environ["CREDHELPER_TRACE"] = str(trace)

    desk.install("--no-input")

    assert "answered 401" in trace.read_text()


def test_setup_wires_pip_up_and_takes_it_back(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("pip", "pip.conf")
    desk.wired.unwire(".config/pip/pip.conf", "keyring-provider")
    (desk.wired.world.home / ".local/share/credhelper/bin/keyring").unlink()
    # The check asks the pip that is on PATH, behind the folder of the link.
    ours, _, rest = desk.wired.environ["PATH"].partition(":")
    desk.wired.environ["PATH"] = f"{ours}:{Path(desk.pip[0]).parent}:{rest}"

    with desk.wired.set_up("pip", "--service", f"https://{desk.index.host}"):
        desk.works()
        assert desk.wired.counted() == (1, 0)
