"""docker's library for Python, with the files beside this one.

There is no engine here: a stand-in takes the login that the library sends along, and goes to the
registry with it, as an engine does.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.docker.harbour import (
    HERE,
    IMAGE,
    MANIFEST,
    SECONDS,
    Harbour,
    digest,
    good,
)
from integrations.servers.certificates import Certificate
from integrations.servers.web import Answer, Request, serving
from tests.support.worlds import Outcome

PULL = """\
import sys
import docker

engine, authority, image = sys.argv[1:]
tls = docker.tls.TLSConfig(ca_cert=authority, verify=True)
client = docker.APIClient(base_url=engine, version="1.44", tls=tls)
try:
    for line in client.pull(image, stream=True, decode=True):
        print(line["status"])
except docker.errors.DockerException as error:
    sys.exit(str(error))
"""
LIST = """\
import docker

found = docker.auth.load_config().get_all_credentials()
for registry in sorted(found):
    print(registry, (found[registry] or {}).get("Username"))
"""
STORE = """\
import sys
import docker

store = docker.credentials.Store("credhelper")
print(store.list())
store.erase(sys.argv[1])
try:
    store.store(sys.argv[1], "me", "a password")
except docker.credentials.errors.StoreError as error:
    sys.exit(str(error))
"""


def engine(certificate: Certificate) -> Callable[[Request], Answer]:
    """Return an engine that pulls manifests. Source: the Engine API, `ImageCreate`."""
    context = ssl.create_default_context(cafile=certificate.authority)

    def answer(request: Request) -> Answer:
        assert request.path == "/v1.44/images/create", request
        asked = dict(urllib.parse.parse_qsl(request.query))
        host, _, name = asked["fromImage"].partition("/")
        headers = {"Accept": MANIFEST}
        login = request.headers.get("X-Registry-Auth")
        if login:
            told = json.loads(base64.urlsafe_b64decode(login))
            pair = f"{told['Username']}:{told['Password']}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        connection = http.client.HTTPSConnection(host, context=context, timeout=30)
        try:
            connection.request("GET", f"/v2/{name}/manifests/{asked['tag']}", headers=headers)
            found = connection.getresponse()
            found.read()
        finally:
            connection.close()
        kind = [("Content-Type", "application/json")]
        if found.status != 200:
            return Answer(500, b'{"message":"the registry wants a login"}', kind)
        status = {"status": f"Digest: {found.headers['Docker-Content-Digest']}"}
        return Answer(200, json.dumps(status).encode() + b"\n", kind)

    return answer


class Yard:
    """A harbour with an engine. Attributes: `harbour`."""

    def __init__(self, python: str, harbour: Harbour, authority: Path, port: int) -> None:
        self.harbour = harbour
        self._python = python
        self._told = (f"https://127.0.0.1:{port}", str(authority))

    def pull(self) -> Outcome:
        """Pull the image by way of the engine; prints its digest."""
        return self.run(PULL, *self._told, f"{self.harbour.host}/{IMAGE}")

    def run(self, program: str, *words: str) -> Outcome:
        """Run a program that uses the library."""
        return self.harbour.wired.run(self._python, "-W", "error", "-c", program, *words)


@pytest.fixture
def open_yard(
    open_harbour: Callable[..., Harbour], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Yard]]:
    python = client("docker-py")
    with ExitStack() as stack:

        def start(*options: str) -> Yard:
            port = stack.enter_context(serving(engine(certificate), certificate))
            return Yard(python, open_harbour(*options), certificate.authority, port)

        yield start


def test_an_image_is_pulled(open_yard: Callable[..., Yard], layout: Path) -> None:
    yard = open_yard()
    yard.harbour.wire()
    good(yard.harbour.push(layout))
    before = len(yard.harbour.gate.admitted)

    assert good(yard.pull()).decode() == f"Digest: {digest(layout)}\n"
    assert good(yard.pull()).decode() == f"Digest: {digest(layout)}\n"

    assert {visit.username for visit in yard.harbour.gate.admitted[before:]} == {"oauth2"}
    assert not yard.harbour.gate.refused
    assert yard.harbour.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_pull(
    open_yard: Callable[..., Yard], layout: Path
) -> None:
    yard = open_yard("--token-lifetime", str(SECONDS))
    yard.harbour.wire()
    good(yard.harbour.push(layout))

    yard.harbour.wired.wait_until(yard.harbour.gate.admitted[-1].expires)
    good(yard.pull())

    assert yard.harbour.wired.counted() == (2, 0)
    assert not yard.harbour.gate.refused


def test_a_registry_that_no_profile_names_gets_nothing(open_yard: Callable[..., Yard]) -> None:
    yard = open_yard()
    yard.harbour.wire()
    # The client still asks us about it, but the config names another.
    yard.harbour.wired.configure(HERE / "credhelper.toml", {})

    outcome = yard.pull()

    assert outcome.status == 1
    assert b"the registry wants a login" in outcome.stderr
    assert [visit.scheme for visit in yard.harbour.gate.visits] == [""]
    assert yard.harbour.wired.counted() == (0, 0)


def test_trouble_with_a_registry_that_is_ours_is_told(open_yard: Callable[..., Yard]) -> None:
    yard = open_yard()
    yard.harbour.wire()
    yard.harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    outcome = yard.pull()

    assert outcome.status == 1
    assert b"Credentials store error" in outcome.stderr
    assert b"answered 403" in outcome.stderr
    assert yard.harbour.gate.visits == []


def test_all_logins_for_a_build_are_found(open_yard: Callable[..., Yard]) -> None:
    yard = open_yard()
    yard.harbour.wire()

    assert good(yard.run(LIST)).decode() == f"{yard.harbour.host} oauth2\n"
    assert yard.harbour.wired.counted() == (1, 0)


def test_a_password_is_not_stored(open_yard: Callable[..., Yard]) -> None:
    yard = open_yard()
    yard.harbour.wire()

    outcome = yard.run(STORE, yard.harbour.host)

    assert outcome.stdout.decode() == f"{{'{yard.harbour.host}': 'oauth2'}}\n"
    assert outcome.status == 1
    assert b"credhelper does not store passwords" in outcome.stderr
