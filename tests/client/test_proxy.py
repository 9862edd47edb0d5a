"""Proxies: which one, for whom, and what it gets to hear."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey
from credhelper.client.http.proxy import proxy_for
from credhelper.client.http.transport import Transport
from credhelper.client.iap import Client
from credhelper.core.model import Secret
from credhelper.core.service import parse
from credhelper.errors import ConfigError, UnreachableError

KEY = ApiKey(Secret("the-api-key-CANARY"))

Make = Callable[..., Transport]


@pytest.fixture
def api(serve: Any, wire: Any, authority: Any) -> Any:
    """The API as `https://api.test`, which only the proxy can find."""
    handler = wire.says(wire.answer(200, b'{"access_token":"opaque"}'))
    return serve(handler, authority.context("api.test"))


@pytest.fixture
def proxy(serve: Any, connect: Any) -> Any:
    """A proxy that leads every CONNECT to the API."""
    return serve(connect)


@pytest.fixture
def connect(api: Any) -> Any:
    """What such a proxy does."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def connect(connection: socket.socket, _: bytes) -> None:
        with socket.create_connection(("127.0.0.1", api.port)) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(onward, connection))
            back.start()
            pump(connection, onward)
            back.join()

    return connect


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_leads_to_the_api_and_hears_no_secret(
    api: Any, proxy: Any, live: Make, authority: Any, variable: str
) -> None:
    value = f"http://us%40er:p%3Aw@127.0.0.1:{proxy.port}"
    transport = live("https://api.test", environ={variable: value}, ca_file=str(authority.file))

    Client(transport).create(KEY, TokenSpec(cid="1"))

    [request] = proxy.requests
    assert request.startswith(b"CONNECT api.test:443 HTTP/1.")
    login = base64.b64encode(b"us@er:p:w")
    assert b"Proxy-Authorization: Basic " + login in request
    assert b"CANARY" not in request
    assert b"cid" not in request
    [inner] = api.requests
    assert b"X-API-Key: the-api-key-CANARY" in inner
    assert b"Proxy-Authorization" not in inner


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_a_proxy_may_speak_tls_itself(
    serve: Any, connect: Any, api: Any, live: Make, authority: Any, scheme: str
) -> None:
    proxy = serve(connect, authority.context())
    environ = {"https_proxy": f"{scheme}://127.0.0.1:{proxy.port}"}
    transport = live("https://api.test", environ=environ, ca_file=str(authority.file))

    Client(transport).create(KEY)
    Client(transport).create(KEY)

    assert (len(proxy.requests), len(api.requests)) == (1, 2)


def test_a_proxy_that_speaks_tls_is_checked_too(
    serve: Any, connect: Any, api: Any, live: Make, authority: Any
) -> None:
    proxy = serve(connect, authority.context("evil.test"))
    environ = {"https_proxy": f"https://127.0.0.1:{proxy.port}"}

    with pytest.raises(UnreachableError, match="certificate verify failed"):
        Client(live("https://api.test", environ=environ, ca_file=str(authority.file))).create(KEY)
    assert (proxy.requests, api.requests) == ([], [])


@pytest.mark.parametrize("kind", ["http", "https"])
def test_loopback_never_goes_through_a_proxy(
    serve: Any, wire: Any, live: Make, authority: Any, proxy: Any, kind: str
) -> None:
    handler = wire.says(wire.answer(200, b'{"access_token":"opaque"}'))
    server = serve(handler, authority.context() if kind == "https" else None)
    url = f"http://127.0.0.1:{proxy.port}"
    environ = {f"{name}_proxy": url for name in ("http", "https", "all")}
    environ |= {name.upper(): url for name in environ}

    Client(live(server.url, environ=environ, ca_file=str(authority.file))).create(KEY)

    assert (len(server.requests), proxy.connections) == (1, 0)


def test_the_environment_of_the_process_is_not_read(
    live: Make, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)

    with pytest.raises(UnreachableError, match=r"could not resolve host of https://api.test(\n|$)"):
        Client(live("https://api.test")).create(KEY)
    assert proxy.connections == 0


def _unknown(*_: object, **__: object) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


@pytest.mark.parametrize(("status", "attempts"), [(407, 1), (403, 1), (404, 1), (502, 3), (503, 3)])
def test_a_proxy_that_refuses_is_named_without_its_password(
    serve: Any, wire: Any, live: Make, status: int, attempts: int
) -> None:
    server = serve(wire.says(wire.answer(status, b"PROXYSECRET", "X: PROXYSECRET")))
    environ = {"https_proxy": f"http://me:PROXYSECRET@127.0.0.1:{server.port}"}

    with pytest.raises(UnreachableError, match=str(status)) as caught:
        Client(live("https://api.test", environ=environ)).create(KEY)

    assert f"http://127.0.0.1:{server.port}" in str(caught.value)
    assert "https://api.test" in str(caught.value)
    assert "PROXYSECRET" not in f"{caught.value} {caught.value!r} {caught.value.hint}"
    assert server.connections == attempts


def test_a_proxy_that_is_not_there_is_named_without_its_password(live: Make) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        environ = {"https_proxy": f"http://me:PROXYSECRET@127.0.0.1:{port}"}

        with pytest.raises(UnreachableError, match="connection refused") as caught:
            Client(live("https://api.test", environ=environ)).create(KEY)

    assert f"through http://127.0.0.1:{port}" in str(caught.value)
    assert "PROXYSECRET" not in f"{caught.value} {caught.value!r} {caught.value.hint}"


def test_a_proxy_that_hangs_does_not_hold_the_deadline_up(serve: Any, live: Make) -> None:
    server = serve(lambda connection, _: connection.recv(1))
    environ = {"https_proxy": f"http://127.0.0.1:{server.port}"}

    with pytest.raises(UnreachableError, match=r"within 0\.3 s"):
        Client(live("https://api.test", environ=environ, deadline=0.3)).create(KEY)


def test_a_portal_behind_a_proxy_has_the_wrong_certificate(
    api: Any, proxy: Any, live: Make, authority: Any
) -> None:
    environ = {"https_proxy": f"http://127.0.0.1:{proxy.port}"}

    with pytest.raises(UnreachableError, match="Hostname mismatch"):
        Client(live("https://other.test", environ=environ, ca_file=str(authority.file))).create(KEY)
    assert api.requests == []


def test_the_proxys_password_is_hidden_where_the_api_echoes_it(
    wire: Any, live: Make, authority: Any, api: Any, proxy: Any
) -> None:
    api._handler = wire.says(wire.answer(400, b'{"message":"via PROXYSECRET"}'))
    environ = {"https_proxy": f"http://me:PROXYSECRET@127.0.0.1:{proxy.port}"}

    with pytest.raises(Exception, match=r"via \*\*\*"):
        Client(live("https://api.test", environ=environ, ca_file=str(authority.file))).create(KEY)


def name(origin: str, **environ: str) -> str | None:
    found = proxy_for(parse(origin), environ)
    return found.name if found else None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"https_proxy": ""}, None),
        ({"https_proxy": " "}, None),
        ({"http_proxy": "http://p:1"}, None),
        ({"HTTP_PROXY": "http://p:1"}, None),
        ({"https_proxy": "http://p:1"}, "http://p:1"),
        ({"https_proxy": "p:1"}, "http://p:1"),
        ({"https_proxy": "p"}, "http://p"),
        ({"https_proxy": "HTTP://P:1/"}, "http://p:1"),
        ({"https_proxy": "https://p"}, "https://p"),
        ({"https_proxy": "http://[::1]:3128"}, "http://[::1]:3128"),
        ({"https_proxy": "http://u:s@p:1"}, "http://p:1"),
        ({"https_proxy": "u:s@p:1"}, "http://p:1"),
        ({"https_proxy": "http://lower", "HTTPS_PROXY": "http://upper"}, "http://lower"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://upper"}, None),
        ({"https_proxy": "http://own", "all_proxy": "http://all"}, "http://own"),
        ({"HTTPS_PROXY": "http://own", "all_proxy": "http://all"}, "http://own"),
        ({"https_proxy": "", "all_proxy": "http://all"}, "http://all"),
    ],
)
def test_the_variables_choose_a_proxy(environ: dict[str, str], expected: str | None) -> None:
    assert name("https://api.test", **environ) == expected


@pytest.mark.parametrize(
    ("no_proxy", "origin", "direct"),
    [
        ("*", "https://api.test", True),
        (" * ", "https://api.test", True),
        ("other, *", "https://api.test", True),
        ("*", "https://10.1.2.3", True),
        ("", "https://api.test", False),
        (",,", "https://api.test", False),
        ("api.test", "https://api.test", True),
        ("API.TEST", "https://api.test", True),
        ("test", "https://api.test", True),
        (".test", "https://api.test", True),
        ("*.test", "https://api.test", True),
        (".api.test", "https://api.test", True),
        ("pi.test", "https://api.test", False),
        (".", "https://api.test", False),
        ("api.test.evil", "https://api.test", False),
        ("a.api.test", "https://api.test", False),
        ("x, api.test ,y", "https://api.test", True),
        ("api.test:443", "https://api.test", True),
        ("api.test:8443", "https://api.test:8443", True),
        ("api.test:443", "https://api.test:8443", False),
        (".test:443", "https://api.test", True),
        ("api.test:", "https://api.test", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("10.1.2.3:443", "https://10.1.2.3", True),
        ("10.1.2.3:444", "https://10.1.2.3", False),
        ("10.1.2.0/24", "https://10.1.2.3", True),
        ("10.1.2.9/24", "https://10.1.2.3", True),
        ("10.1.3.0/24", "https://10.1.2.3", False),
        ("10.0.0.0/99", "https://10.1.2.3", False),
        ("10.1.2", "https://10.1.2.3", False),
        ("0.0.0.0/0", "https://api.test", False),
        ("fe80::1", "https://[fe80::1]", True),
        ("[fe80::1]", "https://[fe80::1]", True),
        ("[fe80::1]:443", "https://[fe80::1]", True),
        ("[fe80::1]:444", "https://[fe80::1]", False),
        ("fe80::/10", "https://[fe80::1]", True),
        ("fe80:0::1", "https://[fe80::1]", True),
        ("fd00::/8", "https://[fe80::1]", False),
    ],
)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy_names_hosts_to_reach_directly(
    no_proxy: str, origin: str, direct: bool, variable: str
) -> None:
    found = name(origin, https_proxy="http://p:1", **{variable: no_proxy})

    assert found == (None if direct else "http://p:1")


@pytest.mark.parametrize(
    "value",
    ["http://", "http://u:CANARY@", "ftp://u:CANARY@p", "http://u:CANARY@p:x", "http://u:CANARY@p:99999",
     "http://u:CANARY@p/path", "http://u:CANARY@p?x", "http://u:CANARY@p#x", "http://[u:CANARY",
     "http://u:CANARY@p\r\nX: y", "http://u:CANARY@p y", "http://u:CANARY@\u0440", "://CANARY",
     "http://u:CANARY@p\\@q", "file:///CANARY", "direct://CANARY@x"],
)  # fmt: skip
def test_a_proxy_that_is_none_is_a_config_error_without_its_value(value: str) -> None:
    with pytest.raises(ConfigError, match="https_proxy") as caught:
        name("https://api.test", https_proxy=value)

    assert "CANARY" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h", "SOCKS5"])
def test_a_socks_proxy_without_its_library_says_what_to_install(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match="all_proxy") as caught:
        name("https://api.test", ALL_PROXY=f"{scheme}://u:CANARY@p:1080")

    assert "requests[socks]" in (caught.value.hint or "")
    assert "CANARY" not in f"{caught.value} {caught.value.hint}"


def test_a_proxy_prints_without_its_password() -> None:
    found = proxy_for(parse("https://api.test"), {"https_proxy": "http://u:CANARY@p:1"})

    assert found
    assert "CANARY" not in repr(found)
    assert found.url == Secret("http://u:CANARY@p:1")
