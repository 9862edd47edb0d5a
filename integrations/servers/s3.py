"""An S3 that takes live session tokens alone: moto's, behind a gate that asks the sandbox.

Run by the Python of the client `moto`: `python s3.py SANDBOX_URL [SECONDS]`. It makes the sandbox's
bucket, prints the port that it listens on, and serves until its stdin ends. SECONDS is how long the
answer to each request about an object takes.

moto checks no keys. The gate checks all that AWS does: that the keys are known and alive, that the
session token is theirs, that the request is signed with their secret (AWS Signature Version 4), and
that they are for this part of the bucket, and may write if something is written. It shares no code
with credhelper. `GET /_gate/visits` tells who came.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/]+)/(?P<scope>\d{8}/[^/]+/s3/aws4_request), *"
    r"SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_READS = ("GET", "HEAD")

Start = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Refused(Exception):
    """What AWS would say. Parameters: its status line and its code."""

    def __init__(self, status: str, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Gate:
    """A WSGI application in front of another.

    Parameters: `app`, moto; `sandbox`, its URL; `bucket`; `delay`, seconds.
    """

    def __init__(self, app: App, sandbox: str, bucket: str, delay: float) -> None:
        self._app = app
        self._sandbox = sandbox
        self._bucket = bucket
        self._delay = delay
        self._visits: list[dict[str, Any]] = []
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Let a request through to moto, or refuse it as AWS would."""
        if environ["PATH_INFO"] == "/_gate/visits":
            start("200 OK", [("Content-Type", "application/json")])
            with self._lock:
                return [json.dumps(self._visits).encode()]
        visit = {
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "key": "",
            "code": "",
        }
        try:
            visit["key"] = self._admit(environ)
        except Refused as error:
            visit["code"] = error.code
            text = f"<Error><Code>{error.code}</Code><Message>refused at the gate</Message></Error>"
            start(error.status, [("Content-Type", "application/xml"), ("Connection", "close")])
            return [text.encode()]
        finally:
            with self._lock:
                self._visits.append(visit)
        if environ["PATH_INFO"].strip("/").count("/"):
            time.sleep(self._delay)
        return self._app(environ, start)

    def _admit(self, environ: dict[str, Any]) -> str:
        """Return the id of the keys that a request may pass with."""
        told = _CREDENTIAL.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
        if told is None:
            raise Refused("403 Forbidden", "AccessDenied")
        with urllib.request.urlopen(f"{self._sandbox}/_sandbox/aws", timeout=30) as answer:
            alive = {one["accessKeyId"]: one for one in json.load(answer)}
        with self._lock:
            self._seen |= alive.keys()
            known = told["key"] in self._seen
        keys = alive.get(told["key"])
        if keys is None:
            if known:
                raise Refused("400 Bad Request", "ExpiredToken")
            raise Refused("403 Forbidden", "InvalidAccessKeyId")
        if environ.get("HTTP_X_AMZ_SECURITY_TOKEN") != keys["sessionToken"]:
            raise Refused("403 Forbidden", "InvalidToken")
        if not hmac.compare_digest(
            _signature(environ, told, keys["secretAccessKey"]), told["signature"]
        ):
            raise Refused("403 Forbidden", "SignatureDoesNotMatch")
        if not self._allowed(environ, keys):
            raise Refused("403 Forbidden", "AccessDenied")
        return told["key"]

    def _allowed(self, environ: dict[str, Any], keys: dict[str, Any]) -> bool:
        bucket, _, name = environ["PATH_INFO"].lstrip("/").partition("/")
        if bucket != self._bucket or (keys["readOnly"] and environ["REQUEST_METHOD"] not in _READS):
            return False
        if not name:
            name = parse_qs(environ["QUERY_STRING"]).get("prefix", [""])[0]
        return bool(name.startswith(keys["prefix"]))


def _signature(environ: dict[str, Any], told: re.Match[str], secret: str) -> str:
    """Return how a request is signed with `secret`: AWS Signature Version 4, in the header."""
    path, _, query = environ["RAW_URI"].partition("?")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    names = told["headers"].split(";")
    headers = "".join(f"{name}:{' '.join(_header(environ, name).split())}\n" for name in names)
    canonical = "\n".join(
        [
            environ["REQUEST_METHOD"],
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            told["headers"],
            environ["HTTP_X_AMZ_CONTENT_SHA256"],
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    moment, scope = environ["HTTP_X_AMZ_DATE"], told["scope"]
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _header(environ: dict[str, Any], name: str) -> str:
    plain = name.upper().replace("-", "_")
    return str(environ.get(f"HTTP_{plain}", environ.get(plain, "")))


def main(sandbox: str, delay: str = "0") -> None:
    """Serve until stdin ends."""
    from moto.server import create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server
    from werkzeug.test import Client

    class Silent(WSGIRequestHandler):  # type: ignore[misc]  # not installed where mypy runs
        def log(self, *_: object) -> None:
            """Nothing is logged."""

    bucket = "sandbox-bucket"
    app = create_backend_app("s3")
    assert Client(app).put(f"/{bucket}", base_url="http://127.0.0.1").status_code == 200
    gate = Gate(app, sandbox, bucket, float(delay))
    server = make_server("127.0.0.1", 0, gate, threaded=True, request_handler=Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
