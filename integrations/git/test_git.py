"""git, with the files beside this one, against git's own server that checks the live token."""

from __future__ import annotations

import base64
import http.client
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from integrations.git.forge import HERE, PLACEHOLDER, Forge
from integrations.servers.certificates import Certificate
from integrations.wired import Wired
from tests.support.programs import command

SECONDS = 6  # of a short-lived token: long enough for one git command on a busy machine
# What git 2.46 and newer send: read off 2.47.3.
GIT_2_47 = (
    "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost={host}\n"
    'wwwauth[]=Bearer realm="{host}"\nwwwauth[]=Basic realm="{host}"\n'
)


@pytest.fixture(params=["git", "git-new"])
def open_forge(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Forge]]:
    git = client(request.param)
    with ExitStack() as stack:

        def start(*options: str, bearer: bool = False) -> Forge:
            return Forge(wire(*options), git, certificate, stack, bearer=bearer)

        yield start


@pytest.fixture
def forge(open_forge: Callable[..., Forge]) -> Forge:
    return open_forge()


def test_clone_and_push_work_with_one_token(forge: Forge) -> None:
    forge.wire()

    clone = forge.clone("one")
    assert (clone / "file.txt").read_text() == "the first text\n"
    pushed = forge.commit(clone, "the second text\n")
    forge.works("push", "--quiet", cwd=clone)
    again = forge.clone("two")

    assert forge.works("rev-parse", "HEAD", cwd=again).decode().strip() == pushed != forge.seed
    assert (again / "file.txt").read_text() == "the second text\n"
    assert forge.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.username) for visit in forge.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not forge.gate.refused


def test_a_large_push_arrives(forge: Forge) -> None:
    forge.wire()
    clone = forge.clone("one")
    # More than http.postBuffer: git probes with an empty request, then sends chunks.
    noise = "".join(f"{number * 7919 % 1_000_003:07d}\n" for number in range(700_000))
    forge.works("config", "core.compression", "0", cwd=clone)
    forge.commit(clone, noise)

    forge.works("push", "--quiet", cwd=clone)

    assert (forge.clone("two") / "file.txt").read_text() == noise
    assert forge.wired.counted() == (1, 0)


def test_the_helper_may_be_named_by_its_path(forge: Forge) -> None:
    program = _away_from_path(forge, "git-credential-credhelper").replace(" ", "\\\\ ")
    forge.wire("gitconfig-path", **{"/opt/credhelper/bin/git-credential-credhelper": program})

    assert forge.seed.encode() in forge.list_remote()
    assert forge.seed.encode() in forge.list_remote()
    assert forge.wired.counted() == (1, 0)


def test_the_helper_may_be_a_command_with_a_profile(forge: Forge) -> None:
    program = _away_from_path(forge, "credhelper")
    forge.wire("gitconfig-profile", **{"/opt/credhelper/bin/credhelper": program})

    assert forge.seed.encode() in forge.list_remote()
    assert forge.seed.encode() in forge.list_remote()
    assert forge.wired.counted() == (1, 0)


def _away_from_path(forge: Forge, program: str) -> str:
    """Return a path with blanks for a program of ours, of which PATH then knows nothing."""
    folder = forge.wired.world.root / "a path with blanks"
    folder.mkdir()
    (folder / program).symlink_to(command(program)[0])
    forge.wired.environ["PATH"] = "/usr/bin:/bin"
    return str(folder / program)


def test_no_other_helper_sees_the_token(forge: Forge) -> None:
    forge.wire()
    config = forge.wired.world.home / ".gitconfig"
    config.write_text("[credential]\n\thelper = store\n" + config.read_text())

    forge.list_remote()

    assert len(forge.gate.admitted) >= 1
    assert not (forge.wired.world.home / ".git-credentials").exists()


def test_an_expired_token_is_renewed_by_the_next_command(open_forge: Callable[..., Forge]) -> None:
    forge = open_forge("--token-lifetime", str(SECONDS))
    forge.wire()

    forge.list_remote()
    forge.wired.wait_until(forge.gate.admitted[-1].expires)
    forge.list_remote()

    assert forge.wired.counted() == (2, 0)
    assert not forge.gate.refused
    first, *_, second = [visit.expires for visit in forge.gate.admitted]
    assert second > first


def test_a_kept_session_mints_instead(open_forge: Callable[..., Forge]) -> None:
    forge = open_forge("--token-lifetime", str(SECONDS))
    forge.wire("gitconfig", "keep_session = true")

    forge.list_remote()
    forge.wired.wait_until(forge.gate.admitted[-1].expires)
    forge.list_remote()

    assert forge.wired.counted() == (1, 2)
    assert not forge.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(forge: Forge) -> None:
    forge.wire()
    # git would ask us about the other name of the same server: we are the ones who decline.
    other = f"127.0.0.1:{forge.port}"
    forge.wired.place(HERE / "gitconfig", ".gitconfig", {PLACEHOLDER: other})

    outcome = forge.run("ls-remote", f"https://{other}/team/project.git")

    assert outcome.status == 128
    assert "could not read Username" in outcome.told
    assert "credhelper" not in outcome.told
    assert [visit.scheme for visit in forge.gate.visits] == [""]
    assert forge.wired.counted() == (0, 0)


def test_a_profile_for_a_path_needs_git_to_tell_the_path(forge: Forge) -> None:
    forge.wire()
    places = {PLACEHOLDER: f"{forge.host}/team"}
    forge.wired.configure(HERE / "credhelper.toml", places)

    outcome = forge.run("ls-remote", forge.url)
    assert outcome.status == 128
    assert "credhelper: hint: let git send the path" in outcome.told
    assert "credential.useHttpPath true" in outcome.told
    assert forge.wired.counted() == (0, 0)

    forge.works("config", "--global", "credential.useHttpPath", "true")
    assert forge.seed.encode() in forge.list_remote()
    assert forge.wired.counted() == (1, 0)


def test_the_user_name_in_the_url_chooses_between_profiles(forge: Forge) -> None:
    forge.wire(
        "gitconfig",
        "[profiles.other]",
        f'url = "{forge.wired.sandbox.url}"',
        'grant = { file = "~/.config/credhelper/api-key" }',
        f'services = ["https://{forge.host}"]',
        'cid = "project-beta"',
        'username = "beta"',
    )

    for name, sent in (("", "oauth2"), ("work@", "oauth2"), ("other@", "beta"), ("beta@", "beta")):
        before = len(forge.gate.admitted)
        forge.works("ls-remote", forge.url.replace("://", f"://{name}"))
        assert {visit.username for visit in forge.gate.admitted[before:]} == {sent}

    assert forge.wired.counted() == (2, 0)
    stranger = forge.run("ls-remote", forge.url.replace("://", "://stranger@"))
    assert "could not read Password" in stranger.told
    assert forge.wired.counted() == (2, 0)


@pytest.mark.parametrize("bearer", [False, True])
def test_a_revoked_token_is_given_up_after_git_has_erased_it_twice(
    open_forge: Callable[..., Forge], bearer: bool
) -> None:
    forge = open_forge(bearer=bearer)
    forge.wire()
    forge.list_remote()
    forge.wired.sandbox.revoke_all()

    # The first refusal of so young a token may only mean "not yet": it is kept.
    first = forge.run("ls-remote", forge.url)
    second = forge.run("ls-remote", forge.url)
    assert (first.status, second.status) == (128, 128)
    assert "Authentication failed" in second.told
    assert forge.wired.counted() == (1, 0)

    assert forge.seed.encode() in forge.list_remote()
    assert forge.wired.counted() == (2, 0)
    assert len(forge.gate.refused) == 2


def test_when_nobody_can_renew_git_tells_our_reason(forge: Forge) -> None:
    forge.wire()
    forge.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = forge.run("ls-remote", forge.url)

    assert outcome.status == 128
    assert "credhelper: error:" in outcome.told
    assert [visit.scheme for visit in forge.gate.visits] == [""]


def test_git_credential_fills_approves_and_rejects(forge: Forge) -> None:
    forge.wire()
    question = f"protocol=https\nhost={forge.host}\n\n".encode()

    def fill() -> dict[str, str]:
        outcome = forge.run("credential", "fill", stdin=question)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        return dict(re.findall(r"(?m)^(.+?)=(.*)$", outcome.stdout.decode()))

    def tell(what: str, password: str) -> None:
        answer = f"protocol=https\nhost={forge.host}\nusername=oauth2\npassword={password}\n\n"
        outcome = forge.run("credential", what, stdin=answer.encode())
        assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"", b""), outcome

    first = fill()
    assert first["username"] == "oauth2"
    tell("approve", first["password"])
    tell("approve", "somebody else's password")
    tell("reject", "somebody else's password")
    tell("reject", "somebody else's password")
    assert fill() == first
    tell("reject", first["password"])
    tell("reject", first["password"])
    assert fill()["password"] != first["password"]
    assert forge.wired.counted() == (2, 0)


def test_git_sends_a_bearer_token_where_the_server_offers_that(
    open_forge: Callable[..., Forge],
) -> None:
    forge = open_forge(bearer=True)
    told = forge.works("version").decode().split()[2]
    if tuple(map(int, told.split(".")[:2])) < (2, 46):
        pytest.skip(f"git {told} knows no Bearer: 2.46 and newer do")
    forge.wire()

    clone = forge.clone("one")
    pushed = forge.commit(clone, "the second text\n")
    forge.works("push", "--quiet", cwd=clone)

    assert pushed.encode() in forge.list_remote()
    assert {visit.scheme for visit in forge.gate.admitted} == {"Bearer"}
    assert not forge.gate.refused
    assert forge.wired.counted() == (1, 0)


@pytest.mark.parametrize("realm", ["Zugriff f\xfcr alle", "all\tof us"])
def test_a_challenge_may_be_in_any_encoding_and_hold_a_tab(
    open_forge: Callable[..., Forge], realm: str
) -> None:
    forge = open_forge(bearer=True)
    # git 2.47 hands these bytes on as they are; Python's server sends Latin-1.
    forge.gate.challenge[:] = [
        ("WWW-Authenticate", f'{scheme} realm="{realm}"') for scheme in ("Bearer", "Basic")
    ]
    forge.wire()
    assert forge.seed.encode() in forge.list_remote()
    assert forge.wired.counted() == (1, 0)


def test_the_answer_to_a_newer_git_is_a_header_that_the_server_takes(
    open_forge: Callable[..., Forge],
) -> None:
    forge = open_forge(bearer=True)
    forge.wire()

    asked = GIT_2_47.format(host=forge.host).encode()
    outcome = forge.wired.run(*command("credhelper"), "git", "get", stdin=asked)

    assert (outcome.status, outcome.told) == (0, "")
    lines = [line.partition("=")[::2] for line in outcome.stdout.decode().splitlines()]
    assert [name for name, _ in lines] == [
        "capability[]",
        "authtype",
        "credential",
        "ephemeral",
        "password_expiry_utc",
    ]
    told = dict(lines)
    assert _status(forge, f"{told['authtype']} {told['credential']}") == 200
    basic = base64.b64encode(f"anybody:{told['credential']}".encode()).decode()
    assert _status(forge, f"Basic {basic}") == 200
    assert _status(forge, f"Bearer {told['credential'][:-2]}") == 401
    assert _status(forge, None) == 401
    assert [visit.admitted for visit in forge.gate.visits] == [True, True, False, False]
    assert forge.gate.admitted[0].expires >= int(told["password_expiry_utc"])


def _status(forge: Forge, authorization: str | None) -> int:
    context = ssl.create_default_context(cafile=forge.certificate.authority)
    connection = http.client.HTTPSConnection("127.0.0.1", forge.port, context=context, timeout=30)
    try:
        headers = {"Authorization": authorization} if authorization else {}
        connection.request(
            "GET", "/team/project.git/info/refs?service=git-upload-pack", headers=headers
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_setup_wires_git_up_and_takes_it_back(forge: Forge) -> None:
    forge.wire()
    path = forge.wired.world.home / ".gitconfig"
    path.write_text("[user]\n\tname = Ann ; here\n[credential]\n\thelper = store")

    with forge.wired.set_up("git", "--service", f"https://{forge.host}"):
        forge.list_remote()
        forge.list_remote()
        assert forge.wired.counted() == (1, 0)

    assert not (forge.wired.world.home / ".git-credentials").exists()
