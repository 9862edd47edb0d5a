"""Targets for what servers, stores, agents and their callers send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from credhelper.agent import http
from credhelper.broker import remote
from credhelper.client import claims, iap, iap_data, ica, ica_data
from credhelper.client.authorization import ApiKey
from credhelper.client.http import answers
from credhelper.client.http.answers import Response
from credhelper.core import record
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.errors import ConfigError, CredhelperError, MalformedAnswerError, TokenAPIError
from credhelper.fleet import payload, redis_store, seal
from credhelper.fleet.store import StoreError
from tests.fuzz.target import Target, text_of

_NOW = 1_800_000_000.0
_ORIGIN = "https://api.example"
_SECRET = "canary-S3cr3t-of-the-call"  # made up, and looked for
_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE4MDAwMDM2MDAsImlhdCI6MTc5OTk5OTk5OX0.c2ln"
_LAST = 253402300799
_MOST_LISTED = 50
_WORDS = b'{" ":" "," } [ ] null 1e999 NaN -1 \\ud800 true "items" "nextPageToken" "id"'.split()
_WORDS += b'"name" "access_token" "token" "version" "error" "expires_in" "exp" "iat"'.split()
_AWS = b"objectStoreAccess awsTempCredentials rcloneTempCredentials config type region".split()
_AWS += b"awsS3TemporaryUploadCredentials expirationDate filePathPrefix access_Key_Id".split()


def targets() -> Iterator[Target]:
    """Yield the targets of this module."""
    for name, ask in _CALLS.items():
        yield Target(f"answer-{name}", _answer(ask), _ANSWERS[name], [*_WORDS, *_AWS])
    yield Target("refusal", _refusal, _REFUSALS, [b"Date: ", b"Retry-After: ", _SECRET.encode()])
    yield Target("claims", _claims, [json.dumps(each).encode() for each in _CLAIMS], _WORDS)
    yield Target("token", _token, [_JWT.encode(), b"ps-" + b"a" * 40], [b".", b"e30", b"="])
    yield Target("agent-http", _http, _REQUESTS, [b"\r\n", b"Host: ", b"Origin: x", b": "])
    yield Target("agent-answer", _agent, _AGENTS, _WORDS)
    yield Target("fleet-value", _value, _VALUES, b"ahead= token= expires= class= -".split())
    yield Target("fleet-seal", _sealed, [seal.Ring(Secret(_KEY)).seal(b"x", ["a"])], [b"\1"])
    yield Target("fleet-key", _key, [_KEY.encode(), f"{_KEY}\n{_KEY}".encode()], [b"\n", b"="])
    yield Target("fleet-look", _look, _LOOKS, [b"null", b"[]", b"9" * 30, b"-1", b'"x"', b"1.5"])


# --- answers of the Tokens APIs -------------------------------------------------------------------


class _Answering:
    """In the place of a transport: it answers each call with the same body."""

    origin = _ORIGIN

    def __init__(self, body: bytes) -> None:
        self._body = body

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, object] | None = None,
        secrets: Sequence[Secret] = (),
        idempotent: bool = False,
    ) -> Response:
        """Return the answer."""
        return Response(_ORIGIN, 200, self._body, 0)


def _answer(ask: Callable[[Any], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            found = ask(_Answering(data))
        except (TokenAPIError, ConfigError) as error:
            assert _SECRET not in f"{error.message}{error.hint}"
            assert "\n" not in error.message
        else:
            if isinstance(found, Token):
                _plausible(found)

    return run


def _plausible(token: Token) -> None:
    value = token.value.reveal()
    assert value
    assert value.isprintable()
    assert 0 <= token.expires_at <= _LAST + 86400
    record.encode(record.fields_of(token, profile="p", grant="", host="h"))


def _clock() -> float:
    return _NOW


def _iap(answering: Any) -> iap.Client:
    return iap.Client(answering, clock=_clock, warn=lambda _: None)


def _ica(answering: Any) -> ica.Client:
    return ica.Client(answering, clock=_clock, warn=lambda _: None)


_SESSION = Secret("ps-" + "a" * 40)
_HELD = Secret(_JWT)
_CALLS: dict[str, Callable[[Any], object]] = {
    "iap-create": lambda sent: _iap(sent).create(ApiKey(Secret(_SECRET))),
    "iap-refresh": lambda sent: _iap(sent).refresh(_SESSION),
    "iap-details": lambda sent: claims.identity(_iap(sent).details(_HELD)),
    "iap-projects": lambda sent: list(islice(_iap(sent).projects(_HELD), _MOST_LISTED)),
    "iap-workgroups": lambda sent: list(islice(_iap(sent).workgroups(_HELD), _MOST_LISTED)),
    "iap-data": lambda sent: iap_data.Client(sent, clock=_clock).exchange(
        _HELD, "folder", ("fol.1",), read_only=False
    ),
    "iap-data-path": lambda sent: iap_data.Client(sent, clock=_clock).exchange(
        _HELD, "gds", ("gds://vol/runs/42/",), read_only=True
    ),
    "ica-create": lambda sent: _ica(sent).create(ApiKey(Secret(_SECRET))),
    "ica-refresh": lambda sent: _ica(sent).refresh(_HELD),
    "ica-projects": lambda sent: list(islice(_ica(sent).projects(_HELD), _MOST_LISTED)),
    "ica-data": lambda sent: ica_data.Client(sent, clock=_clock).exchange(
        _HELD, "data", ("p1", "fil.1"), read_only=False
    ),
    "ica-data-path": lambda sent: ica_data.Client(sent, clock=_clock).exchange(
        _HELD, "path", ("p1", "/runs/42/"), read_only=True
    ),
}
_ITEMS = b'{"items":[{"id":"1","name":"a"},{"id":"2"}],"nextPageToken":""}'
_V1_KEYS = (
    b'{"id":"fol.1","objectStoreAccess":{"awsS3TemporaryUploadCredentials":{"access_Key_Id":"ASIAX",'
    b'"secret_Access_Key":"s","session_Token":"t","region":"us-east-1","bucketName":"b","keyPrefix":"k",'
    b'"expirationDate":"2027-01-15T09:00:00Z"}}}'
)
_V2_KEYS = (
    b'{"awsTempCredentials":{"accessKey":"ASIAX","secretKey":"s","sessionToken":"t","region":"r",'
    b'"bucket":"b","objectPrefix":"o","expirationTime":"2027-01-15T09:00:00Z"}}'
)
_RCLONE = (
    b'{"rcloneTempCredentials":{"config":{"type":"s3","access_key_id":"ASIAX","secret_access_key":"s",'
    b'"session_token":"t","region":"r"},"filePathPrefix":"b/p","expirationTime":"2027-01-15T09:00:00Z"}}'
)
_ANSWERS = {
    "iap-create": [b'{"access_token":"%s"}' % _JWT.encode(), b"<html>", b"[]", b""],
    "iap-refresh": [b'{"access_token":"ps-%s"}' % (b"b" * 40)],
    "iap-details": [b'{"uid":"1","name":"a","mem":{"cid:1":null},"exp":1800003600}'],
    "iap-projects": [_ITEMS, b'{"items":[],"nextPageToken":"x"}'],
    "iap-workgroups": [_ITEMS],
    "iap-data": [_V1_KEYS],
    "iap-data-path": [
        b'{"items":[{"id":"fol.1","path":"/runs/42/","volumeName":"vol"}]}',
        _V1_KEYS.replace(b"Upload", b""),
    ],
    "ica-create": [b'{"token":"%s"}' % _JWT.encode()],
    "ica-refresh": [b'{"token":"%s"}' % _JWT.encode()],
    "ica-projects": [_ITEMS],
    "ica-data": [_V2_KEYS, _RCLONE],
    "ica-data-path": [
        b'{"items":[{"projectId":"p1","data":{"id":"fol.1","details":{"dataType":"FOLDER",'
        b'"path":"/runs/42/"}}}]}'
    ],
}
_REFUSALS = [
    b"401\nDate: Fri, 15 Jan 2027 08:00:00 GMT\n\n" + b'{"code":"X","message":"no"}',
    b"429\nRetry-After: 30\n\n",
    b"302\nLocation: x\n\n<html>",
    b"503\nRetry-After: Fri, 15 Jan 2027 08:00:30 GMT\n\n"
    + json.dumps({"title": _SECRET, "detail": _SECRET[::-1]}).encode(),
]


def _refusal(data: bytes) -> None:
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    status = int(first) if first.isascii() and first.isdigit() and len(first) == 3 else 400
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    found = answers.refusal(
        "GET x", status, headers, body, hidden=[Secret(_SECRET)], now=_NOW
    ).error
    told = f"{found.message}{found.hint}"
    assert _SECRET not in told, "the server's echo of a secret was passed on"
    assert told.isprintable()
    assert found.retry_after is None or 0 <= found.retry_after <= 86400
    assert isinstance(answers.skew(headers.get("Date"), _NOW, _NOW + 1), int)


# --- tokens ---------------------------------------------------------------------------------------

_CLAIMS = [
    {"exp": 1_800_003_600, "iat": 1_800_000_000, "nbf": 1_800_000_000, "uid": "1"},
    {"exp": 1.5, "aud": ["a", 1], "mem": {"cid:1": "x"}, "scope": "a,b", "gty": "api_key"},
]


def _claims(data: bytes) -> None:
    import base64

    middle = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    _token(f"e30.{middle}.c2ln".encode())


def _token(data: bytes) -> None:
    text = text_of(data)
    if text is None:
        return
    found = claims.payload(text)
    if found is not None:
        for shown in claims.identity(found).values():
            assert shown.isprintable()
        claims.made_by_key(text)
    for kind in (JWT, SESSION):
        for skew in (0, 100_000, -100_000):
            try:
                token = claims.token_from(
                    text, kind=kind, now_local=_NOW, skew=skew, session_lifetime=3600
                )
                claims.refuse_dead(token, _NOW)
            except MalformedAnswerError as error:
                assert text not in error.message or len(text) < 8
            else:
                _plausible(token)


# --- the agent and its callers --------------------------------------------------------------------

_HOST, _OURS = "127.0.0.1:4711", "canary-0123456789"
_REQUEST = f"GET /credentials HTTP/1.1\r\nHost: {_HOST}\r\nAuthorization: {_OURS}\r\n\r\n".encode()
_REQUESTS = [
    _REQUEST,
    _REQUEST.replace(b"\r\n\r\n", b"\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n"),
    _REQUEST.replace(b"Host", b"Origin: https://evil.test\r\nHost"),
]


def _http(data: bytes) -> None:
    token = Secret(_OURS)
    found = http.judge(data, _HOST, token)
    assert found in (True, False, None)
    if found:
        assert _OURS.encode() in data
        assert b"\norigin:" not in data.lower(), "a browser was served"
        # What is served whole was not refused in pieces.
        for end in range(0, len(data), 1 + len(data) // 16):
            assert http.judge(data[:end], _HOST, token) is None
    elif found is False:
        assert http.judge(data + b"x", _HOST, token) is not True


_AGENTS = [
    b'{"version":2,"kind":"jwt","token":"t","expires_in":60,"refresh_in":30,"username":"u",'
    b'"profile":"p","api":"https://a.example","variables":"ICA","project":"","service":"https://b.test"}',
    b'{"version":2,"kind":"aws","aws":{"AccessKeyId":"a"},"expires_in":1,"refresh_in":1,"username":"",'
    b'"profile":"p","api":"","variables":"","project":""}',
    b'{"version":2,"error":{"code":"unknown_service","message":"no","retryable":false,"hint":"x"}}',
]


def _agent(data: bytes) -> None:
    try:
        found = remote._members("/run/agent", data)
    except CredhelperError:
        return
    try:
        made = remote.credential(found, _NOW)
    except (KeyError, TypeError, CredhelperError):
        return  # as `get` has it
    assert made.kind in ("jwt", "session", "aws")


# --- a fleet --------------------------------------------------------------------------------------

_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
_VALUES = [
    payload.pack({"kind": "jwt", "token": "t", "expires": "1800003600", "skew": "5"}, 2.0),
    payload.pack_failure(TokenAPIError("no", status=401), _NOW, 5.0, "f"),
    f"{record.HEADER}\nclass=RateLimitedError\nstatus=429\nuntil=1800000005000\nfrom=f\n".encode(),
]


def _value(data: bytes) -> None:
    body = data[: data.rfind(b"\n", 0, -1) + 1]
    for whole in (data, body + record.end(body), data + record.end(data)):
        fields = payload.unpack(whole, 1.5, "h")
        if fields is not None:
            assert fields["token"]
            payload.spread(fields, _NOW, 0.5)
            record.held_in({**fields, "grant": ""}, "", "h")
        failure = payload.unpack_failure(whole, _NOW, 1.0)
        if failure is not None:
            assert isinstance(failure[0], TokenAPIError)
            assert failure[0].message.isprintable()
            assert failure[2] <= 61


def _sealed(data: bytes) -> None:
    ring = seal.Ring(Secret(_KEY))
    for bound in (["a"], ["b"], ["a", ""]):
        opened = ring.open(data, bound)
        assert opened is None or (opened, bound) == (b"x", ["a"]), "opened what nobody sealed"


def _key(data: bytes) -> None:
    text = text_of(data)
    if text is None:
        return
    try:
        ring = seal.Ring(Secret(text))
    except ConfigError as error:
        assert all(line not in error.message for line in text.split("\n") if len(line) > 8)
    else:
        assert ring.open(ring.seal(b"x", ["a"]), ["a"]) == b"x"


_NOW = 1_800_000_000.0
_LOOKS = [b'[1,"v","f",0,1800000000000,1,0]', b"[0,null,null,0,1,0,0]"]


def _look(data: bytes) -> None:
    """Take the data, JSON, for what a store answered: bytes, numbers, lists and nothing."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        found = redis_store._looked(_as_redis(document), _NOW)
    except StoreError:
        return
    assert found.generation >= 0


def _as_redis(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return [_as_redis(item) for item in value[:20]]
    return value
