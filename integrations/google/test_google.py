"""google-auth for Python and for Node, with the files beside this one, against a token service."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.sts import TEXT, TokenService
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "https://sts.googleapis.com"
PROGRAM = "/opt/credhelper/bin/credhelper"
FILE = "/home/me/.cache/credhelper-google.json"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SECONDS = 6  # of a short-lived token: long enough for a program to start on a busy machine
LANGUAGES = ["google-auth", "google-auth-library"]


class Desk:
    """A user with one of Google's libraries, wired up for a token service that asks a gate."""

    def __init__(
        self,
        wired: Wired,
        certificate: Certificate,
        stack: ExitStack,
        place: str,
        language: str,
    ) -> None:
        self.wired = wired
        self.place = place
        self.service = TokenService(Gate(wired.sandbox.url, "somebody", bearer=True))
        port = stack.enter_context(serving(self.service.answer, certificate))
        self.url = f"https://localhost:{port}"
        self.gate = self.service.gate
        self.file = wired.world.home / ".cache/credhelper-google.json"
        wired.environ |= {
            "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1",
            "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(certificate.authority),
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "REQUESTS_CA_BUNDLE": str(certificate.authority),
            "NODE_EXTRA_CA_CERTS": str(certificate.authority),
            # It would be read as a part of the answer, if it were written.
            "CREDHELPER_TRACE": "1",
        }
        if language == "google-auth":
            self.words = [place, str(HERE / "read.py")]
        elif language == "google-auth-library":
            self.words = [shutil.which("node") or "node", str(HERE / "read.cjs")]
            wired.environ["NODE_PATH"] = f"{place}/node_modules"
        wired.configure(HERE / "credhelper.toml", {})

    def wire(self, snippet: str = "credential.json", **places: str) -> str:
        """Put the credential configuration in place; returns its path."""
        told = {PLACEHOLDER: self.url, PROGRAM: command("credhelper")[0], **places}
        if snippet == "credential-file.json":
            told[FILE] = str(self.file)
        self.wired.place(HERE / snippet, "credential.json", told)
        return str(self.wired.world.home / "credential.json")

    def gcloud(self, *words: str) -> Outcome:
        """Run gcloud."""
        return self.wired.run(self.place, *words)

    def read(self) -> Outcome:
        """Read the data with the user's program."""
        credential = str(self.wired.world.home / "credential.json")
        return self.wired.run(*self.words, credential, f"{self.url}/data")

    def works(self) -> None:
        """Read the data, which must succeed without a word."""
        outcome = self.read()
        assert (outcome.status, outcome.stdout, outcome.told) == (0, TEXT, ""), outcome


@pytest.fixture
def sit_down(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:

        def start(language: str, *options: str) -> Desk:
            return Desk(wire(*options), certificate, stack, client(language), language)

        yield start


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_programs_take_one_token(sit_down: Callable[..., Desk], language: str) -> None:
    desk = sit_down(language)
    desk.wire()

    desk.works()
    desk.works()

    assert [fields["subject_token_type"] for fields in desk.service.asked] == [JWT, JWT]
    assert len(desk.gate.admitted) == 2
    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_expired_token_is_renewed_by_the_next_program(
    sit_down: Callable[..., Desk], language: str
) -> None:
    desk = sit_down(language, "--token-lifetime", str(SECONDS))
    desk.wire("credential-file.json")

    desk.works()
    # The library for Node rounds its clock, and takes what has expired half a second ago.
    desk.wired.wait_until(desk.gate.admitted[-1].expires + 1)
    desk.works()

    assert desk.wired.counted() == (2, 0)
    assert not desk.gate.refused


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_of_ours_spares_the_next_program_the_question(
    sit_down: Callable[..., Desk], language: str
) -> None:
    desk = sit_down(language)
    desk.wire("credential-file.json")

    desk.works()
    assert desk.file.stat().st_mode & 0o777 == 0o600
    assert json.loads(desk.file.read_text())["success"] is True
    # From now on we could not answer.
    (desk.wired.world.home / ".config/credhelper/config.toml").unlink()
    desk.works()

    assert desk.wired.counted() == (1, 0)
    assert len(desk.gate.admitted) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_service_that_no_profile_names_gets_nothing(
    sit_down: Callable[..., Desk], language: str
) -> None:
    desk = sit_down(language)
    desk.wire(**{"--profile work": "--service https://other.example.org"})

    outcome = desk.read()

    assert outcome.status == 1
    assert "no profile covers https://other.example.org" in outcome.told
    assert desk.gate.visits == []
    assert desk.wired.counted() == (0, 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_when_nobody_can_renew_the_library_tells_our_reason(
    sit_down: Callable[..., Desk], language: str
) -> None:
    desk = sit_down(language)
    desk.wire("credential-file.json")
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.read()

    assert outcome.status == 1
    assert "answered 401" in outcome.told
    assert "the key, password or session may be wrong, revoked or expired" in outcome.told
    assert not desk.file.exists()
    assert desk.gate.visits == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_setup_wires_it_up_and_takes_it_back(sit_down: Callable[..., Desk], language: str) -> None:
    desk = sit_down(language)
    # All but the command.
    path = Path(desk.wire())
    shown = json.loads(path.read_text())
    del shown["credential_source"]["executable"]["command"]
    path.write_text(json.dumps(shown, indent=2))

    with desk.wired.set_up("google", "--profile", "work", "--file", str(path)):
        desk.works()
        desk.works()

    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


def test_gcloud_logs_in_and_has_tokens_as_long_as_we_do(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("gcloud")
    desk.service.lifetime = 1  # so that it exchanges anew whenever it is asked
    credential = desk.wire()

    outcome = desk.gcloud("auth", "login", f"--cred-file={credential}")
    assert outcome.status == 0, outcome
    assert "Authenticated with external account credentials" in outcome.told
    for _ in range(2):
        outcome = desk.gcloud("auth", "print-access-token")
        assert (outcome.status, outcome.told) == (0, ""), outcome
        assert desk.service.opens(outcome.stdout.decode().strip())

    assert len(desk.gate.admitted) >= 3
    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


def test_gcloud_has_an_expired_token_renewed_and_tells_when_it_cannot_be(
    sit_down: Callable[..., Desk],
) -> None:
    desk = sit_down("gcloud", "--token-lifetime", str(SECONDS))
    desk.service.lifetime = 1
    credential = desk.wire()

    outcome = desk.gcloud("auth", "login", f"--cred-file={credential}")
    assert outcome.status == 0, outcome
    before = len(desk.gate.admitted)
    desk.wired.wait_until(desk.gate.admitted[-1].expires)
    outcome = desk.gcloud("auth", "print-access-token")
    assert outcome.status == 0, outcome
    assert len(desk.gate.admitted) > before
    assert not desk.gate.refused

    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    desk.wired.wait_until(desk.gate.admitted[-1].expires)
    outcome = desk.gcloud("auth", "print-access-token")
    assert outcome.status == 1
    assert "the key, password or session may be wrong" in outcome.told
