"""Errors of the network and of a login name the next step: url, proxy, clock, region, and so on."""

from __future__ import annotations

import socket
import ssl
import traceback
from pathlib import Path

import pytest
import requests

from credhelper.client.http import answers, failures
from credhelper.errors import CredhelperError, LoginRequiredError
from tests.cli.conftest import Person
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

ORIGIN, PROXY = "https://api.example", "http://proxy.example:3128"


def hint(error: BaseException, proxy: str | None = None) -> str:
    return failures.explain(error, ORIGIN, proxy, 5).error.hint or ""


def certificate(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = message
    return error


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(-2, "unknown"),
        ConnectionRefusedError(111, "refused"),
        TimeoutError(),
        OSError(101, "network is unreachable"),
    ],
)
def test_a_network_that_does_not_answer_leads_to_url_and_proxy(error: Exception) -> None:
    assert "https_proxy=" in hint(error)
    assert "the url of the profile" in hint(error)
    assert "check the proxy in https_proxy" in hint(error, PROXY)
    assert "no_proxy" in hint(error, PROXY)


@pytest.mark.parametrize(
    ("status", "step"), [("407", "user name and password"), ("403", "no_proxy")]
)
def test_a_proxy_that_refuses_is_named_with_what_it_wants(status: str, step: str) -> None:
    error = requests.ConnectionError(OSError(f"Tunnel connection failed: {status} No"))
    assert step in hint(error, PROXY)


@pytest.mark.parametrize(
    ("message", "step"),
    [
        ("certificate has expired", "clock"),
        ("certificate is not yet valid", "clock"),
        ("Hostname mismatch, certificate is not valid for 'api.example'.", "url of the profile"),
        ("unable to get local issuer certificate", "ca_file"),
        ("self-signed certificate in certificate chain", "ca_file"),
    ],
)
def test_a_certificate_leads_to_clock_url_or_authority(message: str, step: str) -> None:
    assert step in hint(certificate(message))


@pytest.mark.parametrize(("ours", "way"), [(-4000, "behind"), (4000, "ahead of")])
def test_a_401_with_clocks_apart_leads_to_the_clock(ours: int, way: str) -> None:
    headers = {"Date": "Tue, 01 Dec 2026 02:00:00 GMT"}
    at = 1796090400 + ours
    error = answers.refusal("POST x", 401, headers, b"", hidden=(), now=at).error
    assert error.hint == f"set this machine's clock: it is 4000 s {way} the server's"
    near = answers.refusal("POST x", 401, headers, b"", hidden=(), now=1796090410).error
    assert "region" in (near.hint or "")


def test_a_refused_login_names_region_and_domain(person: Person) -> None:
    outcome = person.types("login", "--url", person.api.url, stdin="wrong-key")
    assert outcome.status == 5
    assert f"region or domain (now --url {person.api.url} and no --domain)" in outcome.told
    outcome = person.types("login", "--url", person.api.url, "--domain", "acme", stdin="wrong-key")
    assert f"(now --url {person.api.url} and --domain acme)" in outcome.told


def test_a_traceback_shows_the_hint_once_and_as_it_is_now() -> None:
    error = LoginRequiredError("nobody is logged in", "credhelper login")
    shown = "".join(traceback.format_exception(error))
    assert shown.count("hint: credhelper login\n") == 1
    error.hint = "credhelper login --profile dev"
    shown = "".join(traceback.format_exception(error))
    assert shown.count("hint: ") == 1
    assert "hint: credhelper login --profile dev\n" in shown
    error.hint = None
    assert "hint" not in "".join(traceback.format_exception(error))
    assert "hint" not in "".join(traceback.format_exception(CredhelperError("no")))


@pytest.fixture
def person(tmp_path: Path, running_sandbox: RunningSandbox) -> Person:
    """Give this test somebody with an account at the sandbox, and nothing configured."""
    return Person(World(tmp_path), running_sandbox)
