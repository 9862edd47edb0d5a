"""uv, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from integrations.servers.index import PROJECT, TEXT, wheel
from tests.support.worlds import Outcome, tokens_in

HERE = Path(__file__).parent
LINK = HERE.parent / "keyring/link.sh"
WAYS = ["uv.toml", "uv-user.toml"]
PYPROJECT = f"""
[project]
name = "lab"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["{PROJECT}"]
"""


class Desk:
    """A user with uv, wired up for an index."""

    def __init__(self, index: Indexed, uv: str, snippet: str) -> None:
        self.index = index
        self.wired = index.wired
        self.uv = uv
        index.configure(HERE / "credhelper.toml")
        self.wired.place(HERE / snippet, ".config/uv/uv.toml", {PLACEHOLDER: index.host})
        index.link(LINK)
        self.wired.environ |= {"UV_PYTHON": sys.executable, "UV_NO_CACHE": "1"}

    def install(self) -> Outcome:
        """Run `uv pip install`, into a new folder."""
        return self.wired.run(self.uv, "pip", "install", "--target", "site", PROJECT)

    def works(self) -> None:
        """Install, and look at what was installed."""
        outcome = self.install()
        assert outcome.status == 0, outcome
        module = self.wired.world.home / "site" / f"{PROJECT}.py"
        assert TEXT in module.read_text()
        module.unlink()
        outcome = self.wired.run(self.uv, "pip", "uninstall", "--target", "site", PROJECT)
        assert outcome.status == 0, outcome


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda snippet, *options: Desk(open_index(*options), client("uv"), snippet)


@pytest.mark.parametrize("snippet", WAYS)
def test_an_installation_a_lock_and_a_publication_take_one_token(
    sit_down: Callable[..., Desk], snippet: str
) -> None:
    desk = sit_down(snippet)
    project = desk.wired.world.home / "lab"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)

    desk.works()
    outcome = desk.wired.run(desk.uv, "lock", cwd=project)
    assert outcome.status == 0, outcome
    lock = (project / "uv.lock").read_text()
    outcome = desk.wired.run(desk.uv, "sync", cwd=project)
    assert outcome.status == 0, outcome

    name, content = wheel("1.3")
    (project / name).write_bytes(content)
    outcome = desk.wired.run(desk.uv, "publish", "--username", USERNAME, name, cwd=project)
    assert outcome.status == 0, outcome

    assert desk.index.index.files[name] == content
    assert f"https://{desk.index.host}/files/{PROJECT}" in lock
    assert not tokens_in(lock.encode())
    assert list(project.glob(f".venv/lib/python*/site-packages/{PROJECT}.py"))
    assert desk.wired.counted() == (1, 0)
    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}
    assert not desk.index.gate.refused


@pytest.mark.parametrize("snippet", WAYS)
def test_an_expired_token_is_renewed_by_the_next_installation(
    sit_down: Callable[..., Desk], snippet: str
) -> None:
    desk = sit_down(snippet, "--token-lifetime", str(SECONDS))

    desk.works()
    desk.wired.wait_until(desk.index.gate.admitted[-1].expires)
    desk.works()

    assert desk.wired.counted() == (2, 0)
    assert not desk.index.gate.refused


@pytest.mark.parametrize("snippet", WAYS)
def test_a_host_that_no_profile_names_gets_nothing(
    sit_down: Callable[..., Desk], snippet: str
) -> None:
    desk = sit_down(snippet)
    other = f"127.0.0.1:{desk.index.port}"  # the same server, by a name that no profile has
    desk.wired.place(HERE / snippet, ".config/uv/uv.toml", {PLACEHOLDER: other})

    outcome = desk.install()

    assert outcome.status != 0
    assert "credhelper" not in outcome.told
    assert {visit.scheme for visit in desk.index.gate.visits} <= {""}
    assert desk.wired.counted() == (0, 0)


@pytest.mark.parametrize("snippet", WAYS)
def test_when_nobody_can_renew_uv_tells_our_reason(
    sit_down: Callable[..., Desk], snippet: str
) -> None:
    desk = sit_down(snippet)
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.install()

    assert outcome.status != 0
    assert "credhelper: error: POST" in outcome.told
    assert "credhelper: hint:" in outcome.told
    assert {visit.scheme for visit in desk.index.gate.visits} <= {""}


def test_setup_wires_uv_up_and_takes_it_back(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("uv.toml")
    desk.wired.unwire(".config/uv/uv.toml", "keyring-provider")
    (desk.wired.world.home / ".local/share/credhelper/bin/keyring").unlink()

    with desk.wired.set_up("uv", "--service", f"https://{desk.index.host}"):
        desk.works()
        assert desk.wired.counted() == (1, 0)
