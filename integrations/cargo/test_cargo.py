"""cargo, with the files beside this one, against a registry that checks the live token."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations import clients
from integrations.servers.cargo_registry import OWNER, Registry
from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "cargo.example.org"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine
PACKAGE = (
    '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
    'license = "MIT"\ndescription = "a test"\n'
)
NEEDS = '\n[dependencies]\n{name} = {{ version = "0.1", registry = "mine" }}\n'


class Yard:
    """A registry with one crate, `hello`, and a user whose cargo is wired up for it.

    Attributes: `wired`; `gate` and `registry`, with what they saw; `port`; `host`, as the user's
    files name the server.
    """

    def __init__(
        self, wired: Wired, cargo: str, certificate: Certificate, stack: ExitStack, *, bare: bool
    ) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        self.registry = Registry(self.gate, bare=bare)
        self.registry.add("hello", "0.1.0")
        self.port = stack.enter_context(serving(self.registry.answer, certificate))
        self.host = f"localhost:{self.port}"
        self._cargo = cargo
        wired.environ |= {
            "CARGO_HTTP_CAINFO": str(certificate.authority),
            # cargo starts rustc. Where both are rustup's, they look for the real ones here.
            "PATH": f"{wired.environ['PATH']}:{Path(cargo).parent}",
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        }

    def wire(self, snippet: str = "config.toml", host: str = "") -> None:
        """Put the files in place, as the README tells.

        Parameters: `host`, what cargo's config names instead of the host that the profile names.
        """
        self.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: self.host})
        places = {PLACEHOLDER: host or self.host}
        self.wired.place(HERE / snippet, ".cargo/config.toml", places)

    def run(self, *words: str, package: Path | None = None, stdin: bytes = b"") -> Outcome:
        """Run cargo in the folder of a package."""
        return self.wired.run(self._cargo, *words, stdin=stdin, cwd=package)

    def works(self, *words: str, package: Path) -> str:
        """Run cargo, which must succeed; returns what it tells."""
        outcome = self.run(*words, package=package)
        assert outcome.status == 0, outcome
        return outcome.stdout.decode() + outcome.told

    def package(self, name: str, needs: str = "") -> Path:
        """Make a package, which may need a crate of the registry; returns its folder."""
        folder = self.wired.world.home / name
        (folder / "src").mkdir(parents=True)
        (folder / "src/lib.rs").touch()
        text = PACKAGE.format(name=name) + (NEEDS.format(name=needs) if needs else "")
        (folder / "Cargo.toml").write_text(text)
        return folder

    def fetch(self, package: Path) -> Outcome:
        """Fetch what the package needs, as if for the first time."""
        shutil.rmtree(self.wired.world.home / ".cargo/registry", ignore_errors=True)
        (package / "Cargo.lock").unlink(missing_ok=True)
        return self.run("fetch", package=package)

    def fetched(self) -> list[str]:
        """Return the crates that lie in cargo's own cache."""
        found = (self.wired.world.home / ".cargo/registry/cache").glob("*/*.crate")
        return sorted(path.name for path in found)


@pytest.fixture
def open_yard(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Yard]]:
    cargo = client("cargo")
    told = clients.version("cargo")
    if tuple(map(int, told.split(".")[:2])) < (1, 74):
        clients.missing("cargo", f"cargo {told} has no credential providers: 1.74 and newer do")
    with ExitStack() as stack:

        def start(*options: str, bare: bool = False) -> Yard:
            return Yard(wire(*options), cargo, certificate, stack, bare=bare)

        yield start


@pytest.fixture
def yard(open_yard: Callable[..., Yard]) -> Yard:
    return open_yard()


def test_crates_are_fetched_twice_with_one_token(yard: Yard) -> None:
    yard.wire()
    package = yard.package("consumer", "hello")

    for _ in range(2):
        assert yard.fetch(package).status == 0
        assert yard.fetched() == ["hello-0.1.0.crate"]

    assert yard.registry.asked.count(f"GET {yard.host}/dl/hello/0.1.0/download") == 2
    assert yard.wired.counted() == (1, 0)
    assert {visit.scheme for visit in yard.gate.admitted} == {"Bearer"}
    assert not yard.gate.refused


def test_a_crate_is_published_fetched_yanked_and_given_back(yard: Yard) -> None:
    yard.wire()
    ours = yard.package("ours")
    consumer = yard.package("consumer", "ours")

    # --no-verify, since nothing here is about compiling.
    yard.works("publish", "--registry", "mine", "--no-verify", "--allow-dirty", package=ours)
    assert yard.fetch(consumer).status == 0
    assert yard.fetched() == ["ours-0.1.0.crate"]
    yard.works("yank", "--registry", "mine", "ours@0.1.0", package=ours)
    assert yard.registry.yanked("ours", "0.1.0")
    assert "is yanked" in yard.fetch(consumer).told
    yard.works("yank", "--undo", "--registry", "mine", "ours@0.1.0", package=ours)
    assert not yard.registry.yanked("ours", "0.1.0")
    assert OWNER in yard.works("owner", "--list", "--registry", "mine", "ours", package=ours)

    assert yard.wired.counted() == (1, 0)
    assert not yard.gate.refused


def test_a_profile_may_be_named_and_the_token_sent_alone(open_yard: Callable[..., Yard]) -> None:
    yard = open_yard(bare=True)
    yard.wire("config-profile.toml")

    assert yard.fetch(yard.package("consumer", "hello")).status == 0
    assert yard.fetched() == ["hello-0.1.0.crate"]
    assert yard.wired.counted() == (1, 0)


def test_bearer_is_no_good_where_the_token_is_to_come_alone(
    open_yard: Callable[..., Yard],
) -> None:
    yard = open_yard(bare=True)
    yard.wire()

    assert "token rejected for `mine`" in yard.fetch(yard.package("consumer", "hello")).told


def test_token_from_stdout_tells_the_index_and_gets_the_token_alone(
    open_yard: Callable[..., Yard],
) -> None:
    yard = open_yard(bare=True)
    yard.wire("config-stdout.toml")
    package = yard.package("consumer", "hello")

    for _ in range(2):
        assert yard.fetch(package).status == 0
        assert yard.fetched() == ["hello-0.1.0.crate"]
    assert yard.wired.counted() == (1, 0)

    yard.wire("config-stdout.toml", host=f"127.0.0.1:{yard.port}")
    outcome = yard.fetch(package)
    assert f"credhelper: error: no profile covers https://127.0.0.1:{yard.port}" in outcome.told
    assert yard.gate.visits[-1].scheme == ""


def test_for_all_registries_others_keep_the_tokens_that_cargo_stores(yard: Yard) -> None:
    yard.wire("config-all.toml")
    package = yard.package("consumer", "hello")
    assert yard.fetch(package).status == 0
    assert yard.fetched() == ["hello-0.1.0.crate"]

    # The other name of the same server stands for a registry that is none of ours.
    yard.wire("config-all.toml", host=f"127.0.0.1:{yard.port}")
    stored = yard.run("login", "--registry", "mine", package=package, stdin=b"stored-by-cargo\n")
    assert "saved" in stored.told
    assert "token rejected for `mine`" in yard.fetch(package).told

    assert yard.registry.refused == ["stored-by-cargo"]
    assert yard.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(open_yard: Callable[..., Yard]) -> None:
    yard = open_yard("--token-lifetime", str(SECONDS))
    yard.wire()
    package = yard.package("consumer", "hello")

    assert yard.fetch(package).status == 0
    yard.wired.wait_until(yard.gate.admitted[-1].expires)
    assert yard.fetch(package).status == 0

    assert yard.wired.counted() == (2, 0)
    assert not yard.gate.refused


def test_a_registry_that_no_profile_names_gets_nothing(yard: Yard) -> None:
    # cargo asks us about the other name of the same server: we are the ones who decline.
    yard.wire(host=f"127.0.0.1:{yard.port}")

    outcome = yard.fetch(yard.package("consumer", "hello"))

    assert outcome.status == 101
    assert "no token found for `mine`" in outcome.told
    assert [visit.scheme for visit in yard.gate.visits] == [""]
    assert yard.wired.counted() == (0, 0)


def test_the_index_decides_where_else_cargo_sends_the_token(yard: Yard) -> None:
    # We are asked about the index alone: that is why only indexes are named that one trusts.
    yard.wire()
    yard.registry.elsewhere = f"127.0.0.1:{yard.port}"

    assert yard.fetch(yard.package("consumer", "hello")).status == 0

    assert yard.registry.asked[-1] == f"GET {yard.registry.elsewhere}/dl/hello/0.1.0/download"


def test_cargo_login_and_logout_are_told_that_they_are_not_needed(yard: Yard) -> None:
    yard.wire()
    package = yard.package("consumer", "hello")
    assert yard.fetch(package).status == 0

    for word in ("login", "logout"):
        outcome = yard.run(word, "--registry", "mine", package=package, stdin=b"stored\n")
        assert outcome.status == 101
        assert "credhelper stores no tokens for Cargo" in outcome.told
        assert "requested operation not supported" in outcome.told

    assert not (yard.wired.world.home / ".cargo/credentials.toml").exists()
    assert yard.fetch(package).status == 0
    assert yard.wired.counted() == (1, 0)


def test_a_revoked_token_is_replaced_after_a_logout(yard: Yard) -> None:
    yard.wire()
    package = yard.package("consumer", "hello")
    assert yard.fetch(package).status == 0
    yard.wired.sandbox.revoke_all()

    # Cargo does not ask again after a 401, nor say that it met one.
    for _ in range(2):
        assert "token rejected for `mine`" in yard.fetch(package).told
    assert yard.wired.counted() == (1, 0)

    assert yard.wired.run("credhelper", "logout").status == 0
    assert yard.fetch(package).status == 0
    assert yard.wired.counted() == (2, 0)


def test_when_no_token_can_be_had_cargo_shows_our_reason_and_the_hint(yard: Yard) -> None:
    yard.wire()
    yard.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = yard.fetch(yard.package("consumer", "hello"))

    assert outcome.status == 101
    assert "credential provider `cargo-credential-credhelper` failed action `get`" in outcome.told
    assert "answered 401" in outcome.told
    assert "hint: the key, password or session may be wrong" in outcome.told
    assert [visit.scheme for visit in yard.gate.visits] == [""]


def test_setup_wires_cargo_up_and_takes_it_back(yard: Yard) -> None:
    yard.wire()
    yard.wired.unwire(".cargo/config.toml", "credential-provider")
    package = yard.package("consumer", "hello")

    # The registry is found by its index.
    with yard.wired.set_up("cargo", "--service", f"https://{yard.host}"):
        assert yard.fetch(package).status == 0
        assert yard.fetched() == ["hello-0.1.0.crate"]
        assert yard.wired.counted() == (1, 0)
