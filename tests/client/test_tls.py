"""Certificates that must not be believed, and authorities that must."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import certifi
import pytest
from requests.adapters import HTTPAdapter

from credhelper.client.authorization import ApiKey
from credhelper.client.http.transport import Transport
from credhelper.client.http.trust import context_for
from credhelper.client.iap import Client
from credhelper.core.model import Secret
from credhelper.errors import ConfigError, MalformedAnswerError, UnreachableError

KEY = ApiKey(Secret("the-api-key-CANARY"))
VARIABLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]

Make = Callable[..., Transport]


@pytest.fixture
def answer(wire: Any) -> Any:
    return wire.says(wire.answer(200, b'{"access_token":"opaque"}'))


@pytest.fixture
def hashed(authority: Any, tmp_path: Path) -> Path:
    """A folder of authorities as `openssl rehash` makes it."""
    folder = tmp_path / "hashed"
    folder.mkdir()
    # OpenSSL looks a certificate up by a hash of its canonical subject: UTF8String, lower case.
    text = b"credhelper test authority"
    name = b"\x06\x03\x55\x04\x03\x0c" + bytes([len(text)]) + text
    canonical = b"\x31" + bytes([len(name) + 2]) + b"\x30" + bytes([len(name)]) + name
    digest = hashlib.sha1(canonical).digest()[:4]
    target = folder / f"{int.from_bytes(digest, 'little'):08x}.0"
    target.write_bytes(authority.file.read_bytes())
    return folder


def created(transport: Transport) -> bool:
    return Client(transport).create(KEY).value == Secret("opaque")


def test_the_configured_authority_is_believed(
    serve: Any, live: Make, authority: Any, answer: Any
) -> None:
    server = serve(answer, authority.context())
    transport = live(server.url, ca_file=str(authority.file))

    assert created(transport)
    # No library has added its own.
    adapter: Any = transport._session.get_adapter(server.url)
    assert len(adapter._context.get_ca_certs()) == 1


@pytest.mark.parametrize("variable", VARIABLES[:3])
def test_each_variable_names_an_authority(
    serve: Any, live: Make, authority: Any, answer: Any, variable: str
) -> None:
    server = serve(answer, authority.context())

    assert created(live(server.url, environ={variable: str(authority.file)}))


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_may_name_a_folder(
    serve: Any, live: Make, authority: Any, answer: Any, hashed: Path, variable: str
) -> None:
    server = serve(answer, authority.context())

    assert created(live(server.url, environ={variable: str(hashed)}))


def test_the_folder_variable_may_name_several(
    serve: Any, live: Make, authority: Any, answer: Any, hashed: Path, tmp_path: Path
) -> None:
    server = serve(answer, authority.context())
    several = f"{tmp_path / 'missing'}:{tmp_path}:{hashed}"

    assert created(live(server.url, environ={"SSL_CERT_DIR": several}))


@pytest.mark.parametrize("first", range(4))
def test_the_first_that_is_set_decides(
    live: Make, authority: Any, tmp_path: Path, first: int
) -> None:
    missing = str(tmp_path / "missing.pem")
    environ = {
        variable: missing if index == first else str(authority.file)
        for index, variable in enumerate(VARIABLES)
        if index >= first
    }

    with pytest.raises(ConfigError, match=VARIABLES[first]) as caught:
        live("https://api.test", environ=environ)

    assert missing in str(caught.value)
    assert live("https://api.test", environ=environ, ca_file=str(authority.file))


def test_the_configured_authority_replaces_all_others(authority: Any) -> None:
    context = context_for(str(authority.file), {"SSL_CERT_FILE": "/missing"})

    [believed] = context.get_ca_certs()
    assert believed["subject"] == ((("commonName", "credhelper test authority"),),)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_without_a_choice_the_public_authorities_are_believed() -> None:
    context = context_for(None, {"SSL_CERT_FILE": ""})

    assert len(context.get_ca_certs()) > 50
    assert context_for(None, {}) is context


def test_an_authority_that_nobody_named_is_not_believed(
    serve: Any, live: Make, authority: Any, answer: Any
) -> None:
    server = serve(answer, authority.context())

    with pytest.raises(UnreachableError, match="certificate verify failed: unable to get local"):
        created(live(server.url))
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.parametrize(
    ("certificate", "why", "hint"),
    [
        ({"days": (-9, -2)}, "certificate has expired", "clock"),
        ({"days": (2, 9)}, "certificate is not yet valid", "clock"),
        ({"host": "evil.test"}, "IP address mismatch", "url of the profile"),
        ({"host": "127.0.0.2"}, "IP address mismatch", "url of the profile"),
        ({"self_signed": True}, "self-signed certificate", "ca_file"),
        ({"weak": True}, "EE certificate key too weak", "ca_file"),
    ],
)
def test_a_bad_certificate_is_refused_and_said_why(
    serve: Any,
    live: Make,
    authority: Any,
    answer: Any,
    certificate: dict[str, Any],
    why: str,
    hint: str,
) -> None:
    server = serve(answer, authority.context(**certificate))

    with pytest.raises(UnreachableError) as caught:
        created(live(server.url, ca_file=str(authority.file)))

    assert str(caught.value).startswith(f"{server.url}: certificate verify failed: {why}")
    assert caught.value.retryable
    assert hint in (caught.value.hint or "")
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.parametrize(
    "variable",
    ["PYTHONHTTPSVERIFY", "REQUESTS_VERIFY", "CURL_INSECURE", "SSL_NO_VERIFY", "GIT_SSL_NO_VERIFY"],
)
@pytest.mark.parametrize("value", ["0", "1", "false", "true"])
def test_no_variable_switches_the_checks_off(
    serve: Any,
    live: Make,
    authority: Any,
    answer: Any,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    server = serve(answer, authority.context(self_signed=True))

    with pytest.raises(UnreachableError, match="verify failed"):
        created(live(server.url, environ={variable: value}))


def test_session_keys_are_written_nowhere(
    serve: Any,
    live: Make,
    authority: Any,
    answer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    server = serve(answer, authority.context())

    assert created(
        live(server.url, ca_file=str(authority.file), environ={"SSLKEYLOGFILE": str(keys)})
    )
    assert not keys.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no certificates"),
        (b"nonsense", "holds no certificates"),
        (b"-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n", "holds no"),
        (None, "cannot be read: no such file"),
    ],
)
@pytest.mark.parametrize("source", ["ca_file", *VARIABLES])
def test_an_unusable_authority_is_named_with_who_named_it(
    live: Make, tmp_path: Path, content: bytes | None, why: str, source: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    named: dict[str, Any] = {"ca_file": str(file)}

    with pytest.raises(ConfigError, match=why) as caught:
        live(
            "https://api.test",
            **(named if source == "ca_file" else {"environ": {source: str(file)}}),
        )

    assert str(file) in str(caught.value)
    assert source in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b", "a\nb\x1b[2J", "x" * 5000])
def test_an_impossible_file_name_is_a_config_error(live: Make, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        live("https://api.test", ca_file=name)
    assert str(caught.value).isprintable()


def test_an_unreadable_authority_is_a_config_error(
    live: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", denied)

    with pytest.raises(ConfigError, match="cannot be read: permission denied"):
        live("https://api.test", ca_file=str(tmp_path / "ca.pem"))


def test_a_plain_loopback_url_needs_no_authorities(live: Make, serve: Any, answer: Any) -> None:
    server = serve(answer)

    assert created(live(server.url, environ={"SSL_CERT_FILE": "/missing"}))


def test_old_protocol_versions_are_refused(
    serve: Any, live: Make, authority: Any, answer: Any
) -> None:
    context = authority.context()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    server = serve(answer, context)

    with pytest.raises(UnreachableError, match="TLS failed"):
        created(live(server.url, ca_file=str(authority.file)))
    assert server.requests == []


def test_plain_text_where_tls_was_expected_is_unreachable(
    serve: Any, live: Make, authority: Any
) -> None:
    def greet(connection: Any, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = serve(greet)
    url = server.url.replace("http:", "https:")

    with pytest.raises((UnreachableError, MalformedAnswerError)) as caught:
        created(live(url, ca_file=str(authority.file), deadline=1.0))
    assert caught.value.retryable
    assert not any(b"CANARY" in request for request in server.requests)


def test_a_requests_that_takes_another_tls_context_is_refused_before_anything_is_sent(
    serve: Any, live: Make, authority: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As 2.32.2 does it: certifi's authorities, whatever the adapter was told.
    server = serve(answer, authority.context())
    real = HTTPAdapter.build_connection_pool_key_attributes

    def preloaded(*arguments: Any, **named: Any) -> Any:
        host, pool = real(*arguments, **named)
        return host, {**pool, "ssl_context": ssl.create_default_context()}

    monkeypatch.setattr(HTTPAdapter, "build_connection_pool_key_attributes", preloaded)
    with pytest.raises(ConfigError, match="does not check certificates as it is told") as caught:
        created(live(server.url, ca_file=str(authority.file)))
    assert "requests>=2.32.3" in (caught.value.hint or "")
    assert server.connections == 0


def test_a_requests_that_takes_pools_in_the_old_way_is_refused(live: Make) -> None:
    adapter: Any = live("https://api.test")._session.get_adapter("https://api.test")
    with pytest.raises(ConfigError, match="does not check certificates as it is told"):
        adapter.get_connection("https://api.test")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give what authorities are loaded from, in order."""
    found: list[Any] = []
    real = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *words: Any, **named: Any) -> None:
        found.append(words or tuple(named.values()))
        real(context, *words, **named)

    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", noted)
    return found


@pytest.mark.parametrize("source", ["ca_file", *VARIABLES[:3]])
def test_a_file_of_authorities_is_parsed_once_for_all_calls(
    live: Make, tmp_path: Path, authority: Any, loads: list[Any], source: str
) -> None:
    place = tmp_path / "ca.pem"
    place.write_bytes(authority.file.read_bytes())
    named: dict[str, Any] = {"environ": {source: str(place)}}
    if source == "ca_file":
        named = {"ca_file": str(place)}
    for host in ("one.test", "two.test", "one.test"):
        live(f"https://{host}", **named)
    assert len(loads) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the server has a thread
def test_threads_and_a_forked_child_share_a_context(
    serve: Any, live: Make, authority: Any, answer: Any, loads: list[Any]
) -> None:
    server = serve(answer, authority.context())
    assert created(live(server.url, ca_file=str(authority.file)))
    before = len(loads)
    with ThreadPoolExecutor(8) as pool:
        made = [
            pool.submit(lambda: created(live(server.url, ca_file=str(authority.file))))
            for _ in range(16)
        ]
    assert all(one.result() for one in made)
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if created(live(server.url, ca_file=str(authority.file))) else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(loads) == before


def rewritten(place: Path, data: bytes) -> None:
    place.write_bytes(data)


def replaced(place: Path, data: bytes) -> None:
    beside = place.with_suffix(".new")
    beside.write_bytes(data)
    beside.replace(place)


def restored(place: Path, data: bytes) -> None:
    """As a backup is put back: with the times, and the size, of the file before it."""
    was = place.stat()
    beside = place.with_suffix(".new")
    beside.write_bytes(data + b"\n" * (was.st_size - len(data)))
    os.utime(beside, ns=(was.st_atime_ns, was.st_mtime_ns))
    beside.replace(place)


def linked(place: Path, data: bytes) -> None:
    beside = place.with_suffix(".new")
    beside.write_bytes(data)
    place.unlink()
    place.symlink_to(beside)


@pytest.mark.parametrize("change", [rewritten, replaced, restored, linked])
@pytest.mark.parametrize("source", ["ca_file", *VARIABLES[:3]])
def test_authorities_that_change_on_disk_are_noticed(
    authority: Any, tmp_path: Path, change: Callable[[Path, bytes], None], source: str
) -> None:
    place = tmp_path / "ca.pem"
    place.write_bytes(Path(certifi.where()).read_bytes())
    named, environ = (str(place), {}) if source == "ca_file" else (None, {source: str(place)})
    first = context_for(named, environ)
    assert context_for(named, environ) is first
    change(place, authority.file.read_bytes())
    [believed] = context_for(named, environ).get_ca_certs()
    assert believed["subject"] == ((("commonName", "credhelper test authority"),),)
    place.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        context_for(named, environ)


def test_a_folder_of_authorities_is_read_anew(hashed: Path, loads: list[Any]) -> None:
    # OpenSSL keeps what it has found there in the context: a removed authority would stay.
    for _ in range(2):
        context_for(str(hashed), {})
    assert len(loads) == 2


def test_a_program_with_many_authorities_keeps_few(
    authority: Any, tmp_path: Path, loads: list[Any]
) -> None:
    for number in range(40):
        place = tmp_path / f"{number}.pem"
        place.write_bytes(authority.file.read_bytes())
        context_for(str(place), {})
    context_for(str(tmp_path / "39.pem"), {})
    assert len(loads) == 40
    context_for(str(tmp_path / "0.pem"), {})
    assert len(loads) == 41
