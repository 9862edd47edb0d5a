"""wget, git and ssh-keygen, which ask a program for a password, with the files beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations import proofs
from integrations.callers import Guarded
from integrations.git.forge import Forge
from integrations.scripts import ShellScript
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


@pytest.fixture
def start(
    guarded: Callable[..., Guarded], client: Callable[[str], str]
) -> Callable[..., ShellScript]:
    client("wget")

    def made(*options: str, script: str = "wget.sh") -> ShellScript:
        server = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)
        server.on_path("credhelper-askpass")
        # Whom to trust is the machine's to say: its file is read beside any other.
        machine = server.wired.world.root / "wgetrc"
        machine.write_text(f"ca_certificate={server.authority}\n")
        return ShellScript(server, script, FILES["/reads.txt"], {"SYSTEM_WGETRC": str(machine)})

    return made


def test_two_downloads_take_one_token(start: Callable[..., ShellScript]) -> None:
    user = start()
    proofs.two_runs_take_one_token(user.server, user.works, "Bearer")


def test_an_expired_token_is_renewed_by_the_next_download(
    start: Callable[..., ShellScript],
) -> None:
    user = start("--token-lifetime", str(SECONDS))
    proofs.the_next_run_renews(user.server, user.works)


def test_a_host_that_no_profile_names_gets_nothing(start: Callable[..., ShellScript]) -> None:
    user = start()
    outcome = proofs.another_host_gets_nothing(user, HERE / "credhelper.toml")
    assert outcome.status == 3
    assert user.server.gate.visits == []


def test_trouble_is_told_with_its_next_step(start: Callable[..., ShellScript]) -> None:
    user = start()
    proofs.trouble_is_told_with_its_next_step(user)
    assert user.server.gate.visits == []


@pytest.mark.parametrize("stays", [True, False])
def test_a_redirect_does_not_take_the_token_along(
    start: Callable[..., ShellScript], certificate: Certificate, *, stays: bool
) -> None:
    user = start()
    wired = user.server.wired
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
        outcome = user.run()

    # Without that line of the script another server gets it.
    assert (outcome.status != 0) is stays
    assert seen == ([] if stays else [True])
    assert wired.counted() == (1, 0)


def test_wget_takes_no_more_of_what_it_is_told_than_1024_bytes(
    start: Callable[..., ShellScript],
) -> None:
    user = start(script="askpass.sh")
    wired = user.server.wired
    # It asks about the host alone, so that is what the profile has to name.
    wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: "localhost"})
    told = wired.run("credhelper", "askpass", "Password for 'https://oauth2@localhost': ")
    assert told.status == 0
    assert len(told.stdout) > 1025, "this token would fit"

    outcome = user.run()

    # It asked us and came with the name, but with the beginning of the token only.
    assert outcome.status != 0
    (refused,) = user.server.gate.refused
    assert (refused.scheme, refused.username) == ("Basic", "oauth2")
    assert wired.counted() == (1, 0)


def test_askpass_for_another_port_is_told_that_no_profile_names_the_host(
    start: Callable[..., ShellScript],
) -> None:
    user = start(script="askpass.sh")

    outcome = user.run()

    assert outcome.status != 0
    assert "no profile covers https://localhost" in outcome.told, outcome
    assert user.server.gate.admitted == user.server.gate.refused == []
    assert user.server.wired.counted() == (0, 0)


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
    assert f"no profile covers https://{forge.host}" in outcome.told
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
