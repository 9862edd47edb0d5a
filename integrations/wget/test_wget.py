"""wget, git and ssh-keygen, which ask a program for a password, with the files beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.git.forge import Forge
from integrations.servers.certificates import Certificate
from integrations.servers.web import Answer, Request, serving
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"
FILES = {"/reads.txt": b"ACGT\n"}
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine
PASSPHRASE = "correct horse battery staple"


# --- wget -----------------------------------------------------------------------------------------


class Reader:
    """A user of wget, and a server. Attributes: `server`."""

    def __init__(self, server: Guarded, script: str) -> None:
        self.server = server
        self._script = str(server.place(script, script))
        self._folder = server.wired.world.root / "empty"
        self._folder.mkdir()
        server.on_path("credhelper-askpass")
        # Whom to trust is the machine's to say: its file is read beside any other.
        machine = server.wired.world.root / "wgetrc"
        machine.write_text(f"ca_certificate={server.authority}\n")
        server.wired.environ |= {"SYSTEM_WGETRC": str(machine), "TMPDIR": str(self._folder)}

    def run(self) -> Outcome:
        """Run the script; nothing stays behind."""
        outcome = self.server.wired.run("/bin/sh", self._script)
        assert list(self._folder.iterdir()) == []
        return outcome

    def works(self) -> None:
        """Run the script, which must print what the server has."""
        outcome = self.run()
        assert (outcome.status, outcome.stdout) == (0, FILES["/reads.txt"]), outcome


@pytest.fixture
def start(guarded: Callable[..., Guarded], client: Callable[[str], str]) -> Callable[..., Reader]:
    client("wget")

    def made(*options: str, script: str = "wget.sh") -> Reader:
        how = {"folder": HERE, "placeholder": PLACEHOLDER, "files": FILES}
        return Reader(guarded(*options, **how), script)

    return made


def test_two_downloads_take_one_token(start: Callable[..., Reader]) -> None:
    reader = start()

    reader.works()
    reader.works()

    assert {(visit.scheme, visit.admitted) for visit in reader.server.gate.visits} == {
        ("Bearer", True)
    }
    assert reader.server.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_download(start: Callable[..., Reader]) -> None:
    reader = start("--token-lifetime", str(SECONDS))

    reader.works()
    reader.server.outlive()
    reader.works()

    assert reader.server.renewed_once()


def test_a_host_that_no_profile_names_gets_nothing(start: Callable[..., Reader]) -> None:
    reader = start()
    # The script is as it was, but the config names another host.
    reader.server.wired.configure(HERE / "credhelper.toml", {})

    outcome = reader.run()

    assert outcome.status == 3
    assert f"no profile names https://{reader.server.host}" in outcome.told, outcome
    assert reader.server.gate.visits == []
    assert reader.server.wired.counted() == (0, 0)


def test_trouble_is_told_with_its_next_step(start: Callable[..., Reader]) -> None:
    reader = start()
    reader.server.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = reader.run()

    assert outcome.status != 0
    assert "answered 401" in outcome.told, outcome
    assert "credhelper: hint:" in outcome.told
    assert reader.server.gate.visits == []


@pytest.mark.parametrize("stays", [True, False])
def test_a_redirect_does_not_take_the_token_along(
    start: Callable[..., Reader], certificate: Certificate, *, stays: bool
) -> None:
    reader = start()
    wired = reader.server.wired
    seen: list[bool] = []

    def elsewhere(request: Request) -> Answer:
        seen.append("Authorization" in request.headers)
        return Answer(200)

    with ExitStack() as stack:
        away = f"https://localhost:{stack.enter_context(serving(elsewhere, certificate))}/"
        moved = Answer(302, b"", [("Location", away)])
        host = f"localhost:{stack.enter_context(serving(lambda request: moved, certificate))}"
        wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: host})
        wired.place(HERE / "wget.sh", "wget.sh", {PLACEHOLDER: host})
        if not stays:
            script = wired.world.home / "wget.sh"
            script.write_text(script.read_text().replace("max_redirect = 0", "max_redirect = 1"))
        outcome = reader.run()

    # Without that line of the script another server gets it.
    assert (outcome.status != 0) is stays
    assert seen == ([] if stays else [True])
    assert wired.counted() == (1, 0)


def test_wget_takes_no_more_of_what_it_is_told_than_1024_bytes(
    start: Callable[..., Reader],
) -> None:
    reader = start(script="askpass.sh")
    wired = reader.server.wired
    # It asks about the host alone, so that is what the profile has to name.
    wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: "localhost"})
    told = wired.run("credhelper", "askpass", "Password for 'https://oauth2@localhost': ")
    assert told.status == 0
    assert len(told.stdout) > 1025, "this token would fit"

    outcome = reader.run()

    # It asked us and came with the name, but with the beginning of the token only.
    assert outcome.status != 0
    (refused,) = reader.server.gate.refused
    assert (refused.scheme, refused.username) == ("Basic", "oauth2")
    assert wired.counted() == (1, 0)


def test_askpass_for_another_port_is_told_that_no_profile_names_the_host(
    start: Callable[..., Reader],
) -> None:
    reader = start(script="askpass.sh")

    outcome = reader.run()

    assert outcome.status != 0
    assert "no profile names https://localhost" in outcome.told, outcome
    assert reader.server.gate.admitted == reader.server.gate.refused == []
    assert reader.server.wired.counted() == (0, 0)


# --- git ------------------------------------------------------------------------------------------


@pytest.fixture
def open_forge(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Forge]]:
    git = client("git")
    with ExitStack() as stack:

        def made(*options: str) -> Forge:
            forge = Forge(wire(*options), git, certificate, stack, bearer=False)
            # No helper is configured: askpass is all that git has.
            forge.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: forge.host})
            forge.wired.place(HERE / "git.sh", "git.sh", {"git.example.org": forge.host})
            link = forge.wired.world.home / ".local/bin/credhelper-askpass"
            link.parent.mkdir(parents=True)
            link.symlink_to(command()[0])
            forge.wired.environ["PATH"] = f"{link.parent}:{forge.wired.environ['PATH']}"
            return forge

        yield made


def listed(forge: Forge) -> Outcome:
    return forge.wired.run("/bin/sh", str(forge.wired.world.home / "git.sh"))


def test_git_lists_a_repository_twice_with_one_token(open_forge: Callable[..., Forge]) -> None:
    forge = open_forge()

    for _ in range(2):
        outcome = listed(forge)
        assert outcome.status == 0, outcome
        assert forge.seed.encode() in outcome.stdout

    admitted = forge.gate.admitted
    assert {(visit.scheme, visit.username) for visit in admitted} == {("Basic", "oauth2")}
    assert not forge.gate.refused
    assert forge.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_git(open_forge: Callable[..., Forge]) -> None:
    forge = open_forge("--token-lifetime", str(SECONDS))

    assert listed(forge).status == 0
    forge.wired.wait_until(forge.gate.admitted[-1].expires)
    assert listed(forge).status == 0

    assert forge.wired.counted() == (2, 0)
    assert not forge.gate.refused


def test_git_gets_nothing_for_another_host(open_forge: Callable[..., Forge]) -> None:
    forge = open_forge()
    forge.wired.configure(HERE / "credhelper.toml", {})

    outcome = listed(forge)

    assert outcome.status == 128
    assert f"no profile names https://{forge.host}" in outcome.told
    assert {visit.scheme for visit in forge.gate.visits} == {""}


def test_setup_makes_the_link_for_git_and_takes_it_away(open_forge: Callable[..., Forge]) -> None:
    forge = open_forge()
    folder = forge.wired.world.home / ".local/bin"
    (folder / "credhelper-askpass").unlink()
    assert listed(forge).status != 0

    with forge.wired.set_up("askpass", "--service", f"https://{forge.host}", "--bin", str(folder)):
        assert listed(forge).status == 0
    assert forge.wired.counted() == (1, 0)


# --- ssh ------------------------------------------------------------------------------------------


def test_a_passphrase_is_not_ours_to_tell(
    wire: Callable[..., Wired], client: Callable[[str], str]
) -> None:
    keygen = str(Path(client("ssh")).with_name("ssh-keygen"))
    wired = wire()
    wired.configure(HERE / "credhelper.toml", {})
    link = wired.world.home / "credhelper-askpass"
    link.symlink_to(command()[0])
    key = str(wired.world.home / "key")
    made = wired.run(keygen, "-q", "-t", "ed25519", "-N", PASSPHRASE, "-f", key)
    assert made.status == 0, made

    asked = {"SSH_ASKPASS": str(link), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    outcome = wired.run(keygen, "-y", "-f", key, environ=asked)

    assert outcome.status != 0
    assert outcome.stdout == b""
    assert "this prompt asks for no user name or password of a URL" in outcome.told, outcome
    assert key not in outcome.told.partition("Load key")[0]
    assert wired.counted() == (0, 0)
