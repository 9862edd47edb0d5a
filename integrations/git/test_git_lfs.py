"""git-lfs, with git's files, against a server of objects that checks the live token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.git.forge import PLACEHOLDER, Forge
from integrations.servers import lfs
from integrations.servers.certificates import Certificate
from integrations.wired import Wired
from tests.support.programs import command

HERE = Path(__file__).parent
SECONDS = 10  # of a short-lived token: long enough for a push of git and of git-lfs
READS = b"ACGT\n" * 10_000
NAME = hashlib.sha256(READS).hexdigest()


class Store:
    """A forge that keeps large files apart. Attributes: `forge`; `objects`, by their SHA-256."""

    def __init__(self, open_forge: Callable[..., Forge]) -> None:
        self.objects: dict[str, bytes] = {}
        self.forge = open_forge(lambda git, gate: lfs.beside(git, gate, self.objects))
        self.forge.wire()
        self.forge.works("lfs", "install", "--skip-repo")

    def clone(self, name: str) -> Path:
        """Clone into a new folder of the home folder, with its large files, and return it."""
        return self.forge.clone(name)

    def commit(self, clone: Path) -> None:
        """Commit a large file to the clone."""
        self.forge.works("lfs", "track", "*.fastq", cwd=clone)
        (clone / "reads.fastq").write_bytes(READS)
        self.forge.works("add", ".gitattributes", "reads.fastq", cwd=clone)
        self.forge.commit(clone, "the second text\n")


@pytest.fixture
def open_store(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Store]]:
    git = client("git")
    client("git-lfs")
    with ExitStack() as stack:

        def start(*options: str) -> Store:
            return Store(
                lambda beside: Forge(
                    wire(*options), git, certificate, stack, bearer=False, beside=beside
                )
            )

        yield start


def test_what_is_pulled_is_what_was_pushed(open_store: Callable[..., Store]) -> None:
    store = open_store()
    clone = store.clone("one")
    store.commit(clone)

    store.forge.works("push", "--quiet", cwd=clone)
    assert store.objects == {NAME: READS}
    again = store.clone("two")

    assert (again / "reads.fastq").read_bytes() == READS
    assert {(visit.scheme, visit.username) for visit in store.forge.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not store.forge.gate.refused
    assert store.forge.wired.counted() == (1, 0)


def test_where_git_has_no_helper_git_lfs_is_answered_by_askpass(
    open_store: Callable[..., Store],
) -> None:
    store = open_store()
    clone = store.clone("one")
    store.commit(clone)
    forge = store.forge
    forge.works("config", "--global", "--remove-section", f"credential.https://{forge.host}")
    link = forge.wired.world.home / "credhelper-askpass"
    link.symlink_to(command()[0])
    forge.wired.environ["GIT_ASKPASS"] = str(link)

    forge.works("lfs", "push", "--all", "origin", cwd=clone)

    assert store.objects == {NAME: READS}
    assert {(visit.scheme, visit.username) for visit in forge.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not forge.gate.refused
    assert forge.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(
    open_store: Callable[..., Store],
) -> None:
    store = open_store("--token-lifetime", str(SECONDS))
    clone = store.clone("one")
    store.commit(clone)
    store.forge.wired.wait_until(store.forge.gate.admitted[-1].expires)

    store.forge.works("push", "--quiet", cwd=clone)

    assert store.objects == {NAME: READS}
    assert store.forge.wired.counted() == (2, 0)
    assert not store.forge.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(open_store: Callable[..., Store]) -> None:
    store = open_store()
    clone = store.clone("one")
    store.commit(clone)
    visits = len(store.forge.gate.visits)
    # git and git-lfs ask us as before, but the config names another host.
    store.forge.wired.configure(HERE / "credhelper.toml", {})

    outcome = store.forge.run("lfs", "push", "--all", "origin", cwd=clone)

    assert outcome.status != 0
    assert store.objects == {}
    seen = store.forge.gate.visits[visits:]
    assert seen
    assert {visit.scheme for visit in seen} == {""}
    assert PLACEHOLDER not in outcome.told
    assert store.forge.wired.counted() == (1, 0)


def test_trouble_is_told_with_its_next_step(open_store: Callable[..., Store]) -> None:
    store = open_store()
    clone = store.clone("one")
    store.commit(clone)
    assert store.forge.wired.run("credhelper", "logout").status == 0
    store.forge.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = store.forge.run("lfs", "push", "--all", "origin", cwd=clone)

    assert outcome.status != 0
    assert "answered 401" in outcome.told, outcome
    assert store.objects == {}
