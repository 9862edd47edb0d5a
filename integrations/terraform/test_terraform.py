"""terraform, with the files beside this one, against a registry that checks the live token."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.module_registry import MODULE, TEXT, VERSION, behind
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.worlds import TIMEOUT, Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "terraform.example.org"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine
MAIN = 'module "ours" {{\n  source  = "{host}/{module}"\n  version = "{version}"\n}}\n'


class Site:
    """A registry with one module, and a user whose terraform is wired up for it.

    Attributes: `wired`; `gate`, what the server saw; `host`, as the user's files name the server:
    terraform wants a dot in it; `folder`, a configuration that needs the module.
    """

    def __init__(
        self, wired: Wired, terraform: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        port = stack.enter_context(serving(behind(self.gate), certificate))
        self.host = f"127.0.0.1:{port}"
        self.folder = wired.world.home / "configuration"
        self.folder.mkdir()
        text = MAIN.format(host=self.host, module=MODULE, version=VERSION)
        (self.folder / "main.tf").write_text(text)
        self._terraform = terraform
        wired.environ |= {
            "SSL_CERT_FILE": str(certificate.authority),
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_ARGS": "-no-color",
        }

    def wire(self, snippet: str = "terraformrc", service: str = "") -> None:
        """Put the files in place, as the README tells.

        Parameters: `service`, what the profile names instead of the host.
        """
        self.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: service or self.host})
        self.wired.place(HERE / snippet, ".terraformrc", {})
        assert self.wired.run("sh", "-e", str(HERE / "wire.sh")).status == 0

    def run(self, *words: str) -> Outcome:
        """Run terraform in the folder of the configuration."""
        return self.wired.run(self._terraform, *words, cwd=self.folder)

    def init(self) -> Outcome:
        """Fetch the module, as if for the first time."""
        shutil.rmtree(self.folder / ".terraform", ignore_errors=True)
        return self.run("init")

    def inits(self) -> None:
        """Fetch the module, which must be there afterwards."""
        outcome = self.init()
        assert outcome.status == 0, outcome
        assert (self.folder / ".terraform/modules/ours/main.tf").read_text() == TEXT

    def login(self) -> Outcome:
        """Log in with a token that somebody pastes: for that terraform wants a terminal."""
        ours, theirs = pty.openpty()
        os.write(ours, b"yes\na-token-of-somebodys\n")
        try:
            done = subprocess.run(
                [self._terraform, "login", self.host],
                stdin=theirs,
                capture_output=True,
                env=self.wired.environ,
                cwd=self.folder,
                timeout=TIMEOUT,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        self.wired.world.hold_to_silence(outcome)
        return outcome


@pytest.fixture
def open_site(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Site]]:
    terraform = client("terraform")
    with ExitStack() as stack:
        yield lambda *options: Site(wire(*options), terraform, certificate, stack)


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    return open_site()


@pytest.mark.parametrize("snippet", ["terraformrc", "terraformrc-profile"])
def test_a_module_is_fetched_twice_with_one_token(site: Site, snippet: str) -> None:
    site.wire(snippet)

    site.inits()
    site.inits()

    assert site.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in site.gate.visits} == {("Bearer", True)}


def test_an_expired_token_is_renewed_by_the_next_command(open_site: Callable[..., Site]) -> None:
    site = open_site("--token-lifetime", str(SECONDS))
    site.wire()

    site.inits()
    site.wired.wait_until(site.gate.admitted[-1].expires)
    site.inits()

    assert site.wired.counted() == (2, 0)
    assert not site.gate.refused


def test_a_registry_that_no_profile_names_gets_nothing(site: Site) -> None:
    site.wire(service=PLACEHOLDER)

    outcome = site.init()

    assert outcome.status == 1
    assert "failed to request discovery document: 401 Unauthorized" in outcome.told
    assert {visit.scheme for visit in site.gate.visits} == {""}
    assert site.wired.counted() == (0, 0)


def test_a_profile_for_a_path_never_answers_and_terraforms_log_says_why(site: Site) -> None:
    site.wire(service=f"{site.host}/below/a/path")
    site.wired.environ["TF_LOG"] = "warn"

    outcome = site.init()

    assert outcome.status == 1
    assert f"credhelper: error: only https://{site.host}/below/a/path is covered" in outcome.told
    assert {visit.scheme for visit in site.gate.visits} == {""}


def test_when_no_token_can_be_had_terraform_goes_on_without(site: Site) -> None:
    site.wire()
    site.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = site.init()

    assert outcome.status == 1
    assert "failed to request discovery document: 401 Unauthorized" in outcome.told
    assert "credhelper" not in outcome.told
    assert {visit.scheme for visit in site.gate.visits} == {""}

    site.wired.environ["TF_LOG"] = "warn"
    assert "credhelper: hint: the key, password or session may be wrong" in site.init().told


def test_a_revoked_token_is_replaced_after_a_logout(site: Site) -> None:
    site.wire()
    site.inits()
    site.wired.sandbox.revoke_all()

    for _ in range(2):
        assert "401 Unauthorized" in site.init().told
    assert site.wired.counted() == (1, 0)

    assert site.wired.run("credhelper", "logout").status == 0
    site.inits()
    assert site.wired.counted() == (2, 0)


def test_terraform_logout_changes_nothing_of_ours(site: Site) -> None:
    site.wire()
    site.inits()

    outcome = site.run("logout", site.host)

    assert outcome.status == 0, outcome
    assert b"has removed the stored API token" in outcome.stdout
    site.inits()
    assert site.wired.counted() == (1, 0)


def test_terraform_login_is_told_that_it_is_not_needed(site: Site) -> None:
    site.wire()
    site.inits()

    outcome = site.login()

    assert outcome.status == 1
    told = " ".join(outcome.told.replace("│", " ").split())
    assert "Failed to save API token" in told
    assert "credhelper does not store tokens" in told
    assert not (site.wired.world.home / ".terraform.d/credentials.tfrc.json").exists()
    site.inits()
    assert site.wired.counted() == (1, 0)


def test_setup_wires_terraform_up_and_takes_it_back(site: Site) -> None:
    site.wire()
    shutil.rmtree(site.wired.world.home / ".terraform.d")
    (site.wired.world.home / ".terraformrc").write_text("disable_checkpoint = true # as ever")

    with site.wired.set_up("terraform", "--service", site.host):
        site.inits()
        assert site.wired.counted() == (1, 0)
