"""Servers that misbehave on loopback, certificates to misbehave with, and a clock that obeys."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests_mock as mocking
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from credhelper.client.http.transport import Transport
from credhelper.errors import CredhelperError, TokenAPIError

Handler = Callable[[socket.socket, bytes], None]


class Served:
    """A loopback server: where it is and what it heard."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._handler = handler
        self._context = context
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while request := read_request(connection):
                self.requests.append(request)
                self._handler(connection, request)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Return one request with its body; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Wire:
    """What servers say."""

    @staticmethod
    def answer(status: int = 200, body: bytes = b"", *headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def says(self, *answers: bytes) -> Handler:
        """Return a handler that gives these answers in turn, the last one for ever."""
        waiting = list(answers)

        def handle(connection: socket.socket, _: bytes) -> None:
            connection.sendall(waiting.pop(0) if len(waiting) > 1 else waiting[0])

        return handle

    @staticmethod
    def reset(connection: socket.socket, _: bytes = b"") -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def start(handler: Handler, context: ssl.SSLContext | None = None) -> Served:
        running.append(Served(handler, context))
        return running[-1]

    yield start
    for served in running:
        served.close()


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def frozen() -> Time:
    return Time()


@pytest.fixture
def transport(frozen: Time) -> Callable[..., Transport]:
    """A transport to `url` whose clocks stand still, in an empty environment."""

    def make(url: str = "https://api.test", **named: Any) -> Transport:
        settings: dict[str, Any] = {
            "environ": {},
            "user_agent": "credhelper/test",
            "clock": frozen.clock,
            "monotonic": frozen.clock,
            "sleep": frozen.sleep,
            "jitter": lambda: 0.5,
        }
        return Transport(url, **(settings | named))

    return make


@pytest.fixture
def live() -> Callable[..., Transport]:
    """A transport to `url` in real time that does not wait between attempts."""

    def make(url: str, **named: Any) -> Transport:
        settings: dict[str, Any] = {
            "environ": {},
            "user_agent": "credhelper/test",
            "deadline": 10.0,
            "sleep": lambda _: None,
        }
        return Transport(url, **(settings | named))

    return make


class Authority:
    """A certificate authority on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("credhelper test authority")
        self._certificate = self._signed(self._name, self._key.public_key(), ca=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(_pem(self._certificate))

    def context(
        self,
        host: str = "127.0.0.1",
        *,
        days: tuple[int, int] = (-1, 1),
        self_signed: bool = False,
        weak: bool = False,
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate for `host`, valid from and to these days."""
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        key = (
            rsa.generate_private_key(65537, 1024)
            if weak
            else ec.generate_private_key(ec.SECP256R1())
        )
        certificate = self._signed(
            _name(host), key.public_key(), host=host, days=days, signer=key if self_signed else None
        )
        place = self._folder / f"{certificate.serial_number}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        place.write_bytes(_pem(certificate) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if weak:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.load_cert_chain(place)
        return context

    def _signed(
        self,
        subject: x509.Name,
        public: Any,
        *,
        host: str | None = None,
        days: tuple[int, int] = (-1, 1),
        ca: bool = False,
        signer: Any = None,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer else self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=days[0]))
            .not_valid_after(now + dt.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if host:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_alternative(host)]), False
            )
        return builder.sign(signer or self._key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def mocked() -> Iterator[mocking.Mocker]:
    """Give what answers in place of the network."""
    with mocking.Mocker() as mocker:
        yield mocker


def shown_of(error: CredhelperError) -> str:
    """Return all that an error may show."""
    return f"{error} {error!r} {error.hint} {error.__context__!r} {error.__cause__!r}"


def fails(kind: type[TokenAPIError], call: Callable[[], object]) -> TokenAPIError:
    """Return the error of `call`, which shows neither a secret nor a query."""
    with pytest.raises(kind) as caught:
        call()
    shown = f"{caught.value} {caught.value!r} {caught.value.hint}"
    assert "CANARY" not in shown
    assert "?" not in str(caught.value)
    assert str(caught.value).isprintable()
    return caught.value
