"""A stand-in for what other tools ask for tokens: STS, ECR and an OpenID provider, on loopback.

It counts each call that makes a token. A proxy as well: whoever asks it for https gets this server,
with a certificate of its own.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "t" * 1000
HOSTS = ("api.ecr.us-east-1.amazonaws.com",)
_ROLE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/b</Arn>
</AssumedRoleUser><Credentials><AccessKeyId>AKIAPEER</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>{token}</SessionToken><Expiration>{ends}</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""


class Upstream:
    """The server. Parameters: `folder`, for its certificate; `latency`, seconds, for each token.

    Attributes: `url`, http; `authority`, the certificate's file; `calls`, tokens made so far;
    `life`, seconds that a token of the OpenID provider lives; `open`, whether it answers at all.
    """

    def __init__(self, folder: Path, latency: float) -> None:
        self.latency = latency
        self.calls = 0
        self.life = 3600
        self.open = threading.Event()
        self.open.set()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.socket.listen(512)
        port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{port}"
        self.authority = folder / f"upstream-{port}.pem"
        self._context = _certificate(self.authority)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def made(self) -> None:
        """Count a token, after the time that making it takes."""
        with self._lock:
            self.calls += 1
        time.sleep(self.latency)
        self.open.wait()

    def secured(self, handler: BaseHTTPRequestHandler) -> None:
        """Go on with TLS on the connection of `handler`."""
        handler.connection = self._context.wrap_socket(handler.connection, server_side=True)
        handler.rfile = handler.connection.makefile("rb")
        handler.wfile = handler.connection.makefile("wb", buffering=0)

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.upstream.secured(self)

    def do_GET(self) -> None:
        base = "https://login.example.org" if "/tenant/" in self.path else self.upstream.url
        endpoints = {
            "issuer": f"{base}/tenant/v2.0" if "/tenant/" in self.path else base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "device_authorization_endpoint": f"{base}/device",
            "scopes_supported": ["openid", "offline_access"],
            "grant_types_supported": ["refresh_token", "authorization_code"],
            "response_types_supported": ["code"],
        }
        self._answer(json.dumps(endpoints), "application/json")

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.upstream.made()
        ends = datetime.now(UTC) + timedelta(hours=12)
        if b"Action=AssumeRole" in asked:
            text = _ROLE.format(token=TOKEN, ends=ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
            self._answer(text, "text/xml")
        elif "X-Amz-Target" in self.headers:
            data = {
                "authorizationToken": base64.b64encode(f"AWS:{TOKEN}".encode()).decode(),
                "expiresAt": ends.timestamp(),
                "proxyEndpoint": "https://123456789012.dkr.ecr.us-east-1.amazonaws.com",
            }
            self._answer(json.dumps({"authorizationData": [data]}), "application/x-amz-json-1.1")
        else:
            now = int(time.time())
            claims = {
                "iss": "https://login.example.org/tenant/v2.0",
                "aud": "client",
                "sub": "me",
                "exp": now + 36000,
                "iat": now,
                "tid": "tenant",
                "preferred_username": "me",
            }
            told = {
                "access_token": TOKEN,
                "token_type": "Bearer",
                "expires_in": self.upstream.life,
                "scope": "read openid offline_access",
                "refresh_token": "again",
                "id_token": f"{_b64({'alg': 'none'})}.{_b64(claims)}.",
                "client_info": _b64({"uid": "me", "utid": "tenant"}),
            }
            self._answer(json.dumps(told), "application/json")

    def _answer(self, text: str, kind: str) -> None:
        body = text.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)  # in one write: two would wait for each other

    def log_message(self, *_: object) -> None:
        pass


def _b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _certificate(path: Path) -> ssl.SSLContext:
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=upstream", "-addext", f"subjectAltName={names}"]
    words += ["-keyout", f"{path}.key", "-out", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, f"{path}.key")
    return context
