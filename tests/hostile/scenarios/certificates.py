"""Servers whose certificate is not right, and authorities of the user's own."""

from __future__ import annotations

import ssl
from typing import Any

from tests.hostile.scenarios.api import TOKEN
from tests.support.certificates import Authority
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Served, answer
from tests.support.worlds import World

_SWITCHES = {
    "PYTHONHTTPSVERIFY": "0",
    "REQUESTS_CA_BUNDLE": "",
    "CURL_CA_BUNDLE": "",
    "GIT_SSL_NO_VERIFY": "1",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "CREDHELPER_INSECURE": "1",
}


def wrong_certificate(
    kind: str, start: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """A certificate that is not right ends the call before the key is sent; no switch helps."""
    authority = Authority(scratch_world.root)
    context = authority.context(kind)
    good = authority.context("right")
    served = Served(lambda connection, _: connection.sendall(answer(201, TOKEN)), good)
    try:
        members: dict[str, Any] = {}
        if kind != "self-signed":
            members = {"ca_file": str(authority.path)}
        url = f"https://localhost:{served.port}"
        scratch_world.configure(url, running_sandbox.api_key, main=members)
        environ = {"SSL_CERT_FILE": str(authority.path)}
        if start == "stale":
            assert scratch_world.run("get", environ=environ).stdout == b"abc.def.ghi\n"
            scratch_world.age(300 - 30)
        heard = len(served.requests)
        served.present(context)
        outcome = scratch_world.run("get", environ=_SWITCHES)
    finally:
        served.stop()
    assert len(served.requests) == heard
    if start == "stale":
        assert (outcome.status, outcome.stdout) == (0, b"abc.def.ghi\n")
        assert outcome.told.startswith("credhelper: warning: ")
    else:
        assert (outcome.status, outcome.stdout) == (5, b"")
    assert "certificate" in outcome.told or "TLS failed" in outcome.told


def own_authority(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """An authority of the user's own is honoured, from the config or from SSL_CERT_FILE."""
    authority = Authority(scratch_world.root)
    context = authority.context("right")
    served = Served(lambda connection, _: connection.sendall(answer(201, TOKEN)), context)
    url = f"https://localhost:{served.port}"
    try:
        scratch_world.configure(url, running_sandbox.api_key)
        by_variable = scratch_world.run("get", environ={"SSL_CERT_FILE": str(authority.path)})
        assert by_variable.stdout == b"abc.def.ghi\n", by_variable
        scratch_world.age(90000)
        scratch_world.configure(url, running_sandbox.api_key, main={"ca_file": str(authority.path)})
        by_config = scratch_world.run("get")
        assert by_config.stdout == b"abc.def.ghi\n", by_config
        scratch_world.age(90000)
        scratch_world.configure(url, running_sandbox.api_key)
        neither = scratch_world.run("get", environ={"SSL_CERT_FILE": "/there/is/none.pem"})
    finally:
        served.stop()
    assert neither.status > 0
    assert neither.stdout == b""
    assert len(served.requests) == 2


def tls_alert(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A server that breaks off the handshake: a token that lives is served, with a warning."""
    authority = Authority(scratch_world.root)
    served = Served(
        lambda connection, _: connection.sendall(answer(201, TOKEN)), authority.context("right")
    )
    try:
        url = f"https://localhost:{served.port}"
        scratch_world.configure(url, running_sandbox.api_key, main={"ca_file": str(authority.path)})
        assert scratch_world.run("get").stdout == b"abc.def.ghi\n"
        scratch_world.age(300 - 30)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.present(old)  # without a certificate it can only alert
        outcome = scratch_world.run("get")
    finally:
        served.stop()
    assert (outcome.status, outcome.stdout) == (0, b"abc.def.ghi\n")
    assert "TLS failed" in outcome.told
