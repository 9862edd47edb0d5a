"""pnpm, with the files beside this one, against a registry that checks the live token."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers import npm
from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "npm.example.org"
LINK = "/home/me/.local/bin/credhelper-bearer-work"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine


class Shop:
    """A registry, and a user whose pnpm is wired up for it.

    Attributes: `wired`; `gate`, what the registry saw; `host`, as the user's files name it.
    """

    def __init__(
        self, wired: Wired, program: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        port = stack.enter_context(serving(npm.behind(self.gate), certificate))
        self.host = f"localhost:{port}"
        self._program = program
        wired.environ |= {"NODE_EXTRA_CA_CERTS": str(certificate.authority), "CI": "1"}
        # Whom to trust is a line of the same file; it would try for minutes where it cannot work.
        self._more = (f"cafile={certificate.authority}", "fetch-retries=0")
        node = shutil.which("node")
        if node:
            wired.environ["PATH"] += f":{Path(node).parent}"

    def wire(self, link: str = "credhelper-bearer-work") -> None:
        """Put the files in place, as the README tells; `link` is the name of the program's link."""
        self.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: self.host})
        path = self.wired.world.home / ".local/bin" / link
        path.parent.mkdir(parents=True)
        path.symlink_to(command()[0])
        places = {PLACEHOLDER: self.host, LINK: str(path)}
        self.wired.place(HERE / "npmrc", ".npmrc", places, *self._more)

    def install(self, name: str) -> Outcome:
        """Install the package into a new project, with an empty store."""
        project = self.wired.world.home / name
        project.mkdir()
        (project / "package.json").write_text(json.dumps({"dependencies": {npm.NAME: npm.VERSION}}))
        words = ("install", "--store-dir", f"{project}-store")
        return self.wired.run(self._program, *words, cwd=project)

    def installed(self, name: str) -> bytes:
        """Install the package, which must succeed; returns its program."""
        outcome = self.install(name)
        assert outcome.status == 0, outcome
        return (self.wired.world.home / name / "node_modules" / npm.NAME / "index.js").read_bytes()


@pytest.fixture(params=["pnpm", "pnpm-10"])
def open_shop(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Shop]]:
    program = client(request.param)
    with ExitStack() as stack:
        yield lambda *options: Shop(wire(*options), program, certificate, stack)


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop()


def test_a_package_is_installed_twice_with_one_token(shop: Shop) -> None:
    shop.wire()

    assert shop.installed("one") == npm.PROGRAM
    assert shop.installed("two") == npm.PROGRAM

    assert {visit.scheme for visit in shop.gate.admitted} == {"Bearer"}
    assert not shop.gate.refused
    assert shop.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(
    open_shop: Callable[..., Shop],
) -> None:
    shop = open_shop("--token-lifetime", str(SECONDS))
    shop.wire()

    shop.installed("one")
    shop.wired.wait_until(shop.gate.admitted[-1].expires)
    shop.installed("two")

    assert shop.wired.counted() == (2, 0)
    assert not shop.gate.refused


def test_a_registry_that_the_file_does_not_name_gets_nothing(shop: Shop) -> None:
    shop.wire()
    npmrc = shop.wired.world.home / ".npmrc"
    npmrc.write_text(npmrc.read_text().replace(f"//{shop.host}/:", "//npm.example.org/:"))

    outcome = shop.install("one")

    assert outcome.status != 0
    assert "401" in outcome.told + outcome.stdout.decode()
    assert shop.gate.visits
    # pnpm 10 does run the link, for the other registry, and keeps the token to itself.
    assert {visit.scheme for visit in shop.gate.visits} == {""}


def test_a_link_for_a_profile_that_is_not_there_gets_nothing(shop: Shop) -> None:
    shop.wire(link="credhelper-bearer-play")

    outcome = shop.install("one")

    assert outcome.status != 0
    assert shop.gate.admitted == shop.gate.refused == []
    assert shop.wired.counted() == (0, 0)


def test_trouble_ends_the_command_and_the_link_itself_tells_why(shop: Shop) -> None:
    shop.wire()
    shop.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = shop.install("one")

    # pnpm 12 goes on without a token, and is refused; 10 tells our status. Both keep our words.
    told = outcome.told + outcome.stdout.decode()
    assert outcome.status != 0
    assert "401" in told or "Exit code 5" in told, outcome
    assert shop.gate.admitted == shop.gate.refused == []
    itself = shop.wired.run(str(shop.wired.world.home / ".local/bin/credhelper-bearer-work"))
    assert "answered 401" in itself.told
    assert (itself.stdout, itself.status) == (b"", 5)


def test_setup_wires_pnpm_up_and_takes_it_back(shop: Shop) -> None:
    shop.wire()
    shop.wired.unwire(".npmrc", "tokenHelper=")

    with shop.wired.set_up("pnpm", "--service", f"https://{shop.host}"):
        assert shop.installed("one")
        assert shop.wired.counted() == (1, 0)
