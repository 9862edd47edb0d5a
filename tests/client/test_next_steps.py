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
from tests.cli.hints import hints
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
    assert near.hint == answers.WRONG_SECRET


_V1, _V2 = "https://aps2.platform.illumina.com", "https://ica.illumina.com"


def test_a_refused_key_leads_to_the_region_the_domain_and_the_other_api(person: Person) -> None:
    login = "credhelper login --profile default"
    outcome = person.types("login", "--url", person.api.url, stdin="wrong-key")
    assert outcome.status == 5
    (told,) = hints(outcome.told)
    assert told.split("; ") == [
        "the key, password or session may be wrong, revoked or expired",
        f"if it is for another region than {person.api.url}: {login} --url {_V1}",
        f"if it is for a domain: {login} --domain NAME",
        f"if it is for ICA v2: {login} --api ica --url {_V2}",
    ]
    outcome = person.types("login", "--url", person.api.url, "--domain", "acme", stdin="wrong-key")
    assert f"; if it is for another domain than acme: {login} --domain NAME;" in outcome.told
    outcome = person.types("login", "--url", person.api.url, "--api", "ica", stdin="wrong-key")
    assert "another region" not in outcome.told
    assert f"; if it is for ICA v1: {login} --api iap --url {_V1}\n" in outcome.told


def test_a_get_that_is_refused_leads_to_commands_that_work_as_printed(person: Person) -> None:
    key = person.world.secret_file("it", "wrong-key")
    words = ("--url", person.api.url, "--grant-file", str(key))
    person.types("profile", "add", "default", *words)
    outcome = person.world.run("get")
    assert outcome.status == 5
    _, region, domain, api = hints(outcome.told)[0].split("; ")
    key.write_text(person.api.api_key)
    for hint, value in ((region, _V1), (domain, "NAME"), (api, _V2)):
        typed = hint.partition(": ")[2].replace(
            value, person.api.url if value != "NAME" else "demo"
        )
        assert person.types(*typed.split()[1:]).status == 0, typed


def test_variables_that_configure_are_named_where_a_key_is_refused(person: Person) -> None:
    environ = {"CREDHELPER_API_KEY": "wrong-key", "CREDHELPER_URL": person.api.url}
    (told,) = hints(person.world.run("get", environ=environ).told)
    assert told.split("; ")[1:] == [
        f"if it is for another region than {person.api.url}: export CREDHELPER_URL={_V1}",
        f"if it is for ICA v2: export CREDHELPER_API=ica CREDHELPER_URL={_V2}",
    ]


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
