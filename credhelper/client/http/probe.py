"""One look at a server, step by step: its name, the way to it, its certificate, and its clock.

No secret is sent: the request has no header that says who asks, and the password of a proxy goes to
that proxy alone.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from credhelper.client.http import answers, failures
from credhelper.client.http.proxy import Proxy, proxy_for
from credhelper.client.http.trust import context_for
from credhelper.client.http.within import within
from credhelper.core.service import Service, parse
from credhelper.errors import CredhelperError, MalformedAnswerError, UnreachableError

_LIMIT = 5.0  # seconds for each step


@dataclass(frozen=True)
class Seen:
    """What a server showed.

    Parameters: `status` of its answer; `kind`, its content type; `skew`, its clock minus ours in
    seconds.
    """

    status: int
    kind: str
    skew: int


def way(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to the server at `url`, None for a direct way. Raises ConfigError."""
    return proxy_for(parse(url), environ)


def resolve(url: str, proxy: Proxy | None) -> str:
    """Return the host that must be found first, the proxy's or the server's, once it is found.

    Raises UnreachableError.
    """
    host, port = _first(parse(url), proxy)

    def work() -> bool:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return True

    try:
        found = within(_LIMIT, work)
    except (OSError, UnicodeError):
        of_proxy = f" of the proxy {proxy.name}" if proxy else ""
        hint = "check the url of the profile, and the network (VPN, DNS) of this machine"
        raise UnreachableError(
            f"could not resolve host {host}{of_proxy}",
            hint=failures.hint_of_way(True) if proxy else hint,
        ) from None
    if not found:
        raise UnreachableError(
            f"no answer about host {host} within {_LIMIT:g} s",
            hint=failures.hint_of_way(proxy is not None),
        )
    return host


def connect(url: str, proxy: Proxy | None) -> str:
    """Return `host:port` of what was reached first. Raises UnreachableError."""
    host, port = _first(parse(url), proxy)
    try:
        socket.create_connection((host, port), _LIMIT).close()
    except OSError as error:
        failure = failures.explain(error, f"{host}:{port}", None, _LIMIT).error
        failure.hint = failures.hint_of_way(proxy is not None)
        raise failure from None
    return f"{host}:{port}"


def trusted(ca_file: str | None, environ: Mapping[str, str]) -> str:
    """Return in words whose authorities are believed. Raises ConfigError for what is unreadable."""
    context_for(ca_file, environ)
    if ca_file:
        return f"{ca_file} (ca_file)"
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    named = next((name for name in names if environ.get(name)), "")
    return f"{environ[named]} ({named})" if named else "certifi's authorities"


def certificate(
    url: str, proxy: Proxy | None, ca_file: str | None, environ: Mapping[str, str]
) -> str:
    """Return who signed the certificate of the https server at `url`, once it is believed.

    Raises UnreachableError, and ConfigError for authorities.
    """
    service = parse(url)
    connection = _connection(service, proxy, context_for(ca_file, environ))
    try:
        connection.connect()
        if not isinstance(connection.sock, ssl.SSLSocket):
            raise UnreachableError(f"{service.origin} does not speak TLS")
        return f"{connection.sock.version()}, a certificate by {_issuer(connection.sock)}"
    except failures.NETWORK as error:
        raise _explained(error, service, proxy) from None
    finally:
        connection.close()


def exchange(
    url: str,
    path: str,
    proxy: Proxy | None,
    ca_file: str | None,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> Seen:
    """Return what the server answers to a GET of `path`, by nobody in particular.

    Parameters: `clock`, Unix seconds.

    Raises UnreachableError, MalformedAnswerError, and ConfigError for authorities.
    """
    service = parse(url)
    context = context_for(ca_file, environ) if service.scheme == "https" else None
    connection = _connection(service, proxy, context)
    try:
        sent = clock()
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        skew = answers.skew(answer.getheader("Date"), sent, clock())
        return Seen(answer.status, answer.getheader("Content-Type", ""), skew)
    except failures.NETWORK as error:
        raise _explained(error, service, proxy) from None
    finally:
        connection.close()


def _explained(error: Exception, service: Service, proxy: Proxy | None) -> CredhelperError:
    if isinstance(error, http.client.HTTPException):
        return MalformedAnswerError(f"{service.origin} sent an answer that is not HTTP")
    return failures.explain(error, service.origin, proxy.name if proxy else None, _LIMIT).error


def _connection(
    service: Service, proxy: Proxy | None, context: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    host, port = _first(service, proxy)
    if context is None:
        return http.client.HTTPConnection(host, port, timeout=_LIMIT)
    connection = http.client.HTTPSConnection(host, port, timeout=_LIMIT, context=context)
    if proxy:
        split = urlsplit(proxy.url.reveal())
        headers = {}
        if split.username:
            who = f"{unquote(split.username)}:{unquote(split.password or '')}"
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(who.encode()).decode()
        connection.set_tunnel(service.host.strip("[]"), service.port, headers)
    return connection


def _issuer(sock: ssl.SSLSocket) -> str:
    names = {}
    for pairs in (sock.getpeercert() or {}).get("issuer", ()):
        for pair in pairs if isinstance(pairs, tuple) else ():
            if isinstance(pair, tuple) and len(pair) == 2:
                names[pair[0]] = str(pair[1])
    return names.get("organizationName") or names.get("commonName") or "an authority without a name"


def _first(service: Service, proxy: Proxy | None) -> tuple[str, int]:
    """Return the host and port that are connected to first."""
    if proxy is None:
        return service.host.strip("[]"), service.port
    split = urlsplit(proxy.url.reveal())
    default = {"http": 80, "https": 443}.get(split.scheme, 1080)
    return split.hostname or "", split.port or default
