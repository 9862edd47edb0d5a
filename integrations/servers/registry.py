"""Docker's own registry: alone, behind a gate, or sending its callers to a token server of ours."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import subprocess
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

ISSUER = "token server"
AUDIENCE = "registry"

_TIMEOUT = 30.0  # seconds until the registry must listen
_LIFETIME = 60  # seconds, of a registry token: 60 is what clients assume at the least
# What is between a client and this server, and not for the registry; the length is counted anew.
_ALONE = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "authorization"}
_LISTENS = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


@contextlib.contextmanager
def running(
    program: str, folder: Path, certificate: Certificate | None = None, realm: str = ""
) -> Iterator[int]:
    """Run a registry on 127.0.0.1 for the time of a `with`; yields its port.

    Parameters: `program`, its path; `folder`, for its data, made here; `certificate`, to serve over
    TLS; `realm`, the URL of a token server, whose tokens `certificate` has signed.
    """
    folder.mkdir()
    config, log = folder / "config.json", folder / "log"
    config.write_text(json.dumps(_config(folder, certificate, realm)))  # JSON is YAML
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [program, "serve", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "OTEL_TRACES_EXPORTER": "none"},
            cwd=folder,
        )
    try:
        yield _port(process, log)
    finally:
        process.terminate()
        process.wait(_TIMEOUT)


def behind(gate: Gate, port: int) -> Callable[[Request], Answer]:
    """Return what hands on the requests of those whom `gate` admits to the registry at `port`."""

    def answer(request: Request) -> Answer:
        if gate.admit(request.headers.get("Authorization")) is None:
            return _refusal(gate, [("Docker-Distribution-Api-Version", "registry/2.0")])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers.items():
                if name.lower() not in _ALONE:
                    connection.putheader(name, value)
            # The body arrives whole here, whatever pieces the client sent it in.
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            found = connection.getresponse()
            length = [("Content-Length", found.headers["Content-Length"] or "0")]
            headers = [each for each in found.getheaders() if each[0].lower() not in _ALONE]
            body = found.read()
            return Answer(
                found.status, body, headers + (length if request.method == "HEAD" else [])
            )
        finally:
            connection.close()

    return answer


def tokens(gate: Gate, certificate: Certificate) -> Callable[[Request], Answer]:
    """Return a token server: registry tokens for those whom `gate` admits.

    Source: distribution, docs/spec/auth/token.md (GET with Basic) and oauth.md (POST with a refresh
    token, which is how clients hand over an identity token).
    """
    key = certificate.key.read_bytes()
    chain = [_der(certificate)]

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            asked = urllib.parse.parse_qs(request.body.decode())
            authorization = f"Bearer {''.join(asked.get('refresh_token', []))}"
        else:
            asked = urllib.parse.parse_qs(request.query)
            authorization = request.headers.get("Authorization", "")
        user = gate.admit(authorization)
        if user is None:
            return _refusal(gate, [])
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "iat": now,
            "nbf": now - 10,
            "exp": now + _LIFETIME,
            "jti": str(uuid.uuid4()),
            "access": [_access(scope) for scope in asked.get("scope", [])],
        }
        token = jwt.encode(claims, key, algorithm="RS256", headers={"x5c": chain})
        told = {"token": token, "access_token": token, "expires_in": _LIFETIME}
        return Answer(200, json.dumps(told).encode(), [("Content-Type", "application/json")])

    return answer


def _config(folder: Path, certificate: Certificate | None, realm: str) -> dict[str, object]:
    http_part: dict[str, object] = {
        "addr": "127.0.0.1:0",
        "relativeurls": True,  # it knows nothing of the name that its callers use
        "secret": "a secret for upload states",
    }
    if certificate:
        http_part["tls"] = {"certificate": str(certificate.chain), "key": str(certificate.key)}
    config: dict[str, object] = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": http_part,
    }
    if certificate and realm:
        config["auth"] = {
            "token": {
                "realm": realm,
                "service": AUDIENCE,
                "issuer": ISSUER,
                "rootcertbundle": str(certificate.authority),
            }
        }
    return config


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + _TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        found = _LISTENS.search(log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the registry does not listen: {log.read_text()}")


def _refusal(gate: Gate, headers: list[tuple[str, str]]) -> Answer:
    body = {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?", "detail": None}]}
    kind = ("Content-Type", "application/json")
    status = HTTPStatus.UNAUTHORIZED
    return Answer(status, json.dumps(body).encode(), [*gate.challenge, kind, *headers])


def _access(scope: str) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _der(certificate: Certificate) -> str:
    found = x509.load_pem_x509_certificate(certificate.chain.read_bytes())
    return base64.b64encode(found.public_bytes(serialization.Encoding.DER)).decode()
