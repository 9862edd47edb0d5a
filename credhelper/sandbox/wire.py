"""Requests and answers as plain data, and the wire form of credentials, parameters and errors."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import urllib.parse
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from credhelper.sandbox.account import TokenRequest
from credhelper.sandbox.call import Presented, RefusedError

MAX_PARAMETERS = 64
V1, V2 = APIS = "/v1/", "/ica/rest/"
_V2_MEDIA = "application/vnd.illumina.v3+json"
_BARE = ("/v1/tokens/details", "/v1/workgroups")


@dataclass(frozen=True, repr=False)
class Request:
    """One request. `path` is decoded and has no query; names in `headers` are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, repr=False)
class Response:
    """One answer. `headers` without Content-Length, Date and Server, which every answer has."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def split_target(target: str) -> tuple[str, str]:
    """Split a request target into the decoded path and the raw query.

    Raises `RefusedError` 400 for control characters and for bytes that are not UTF-8.
    """
    if not target.startswith("/"):
        # Absolute form, as sent to proxies: RFC 9112 says that every server takes it.
        _, _, rest = target.partition("://")
        target = "/" + rest.partition("/")[2]
    raw, _, query = target.partition("?")
    try:
        path = urllib.parse.unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise RefusedError(400, "the path is not UTF-8") from None
    if not path.isprintable():
        raise RefusedError(400, "the path holds a control character")
    return path, query


def presented(request: Request) -> Presented:
    """Decode a request's Authorization; the state checks it.

    Raises `RefusedError` 401 for an unknown scheme and for Basic that is not base64.
    """
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    value = value.strip()
    if not scheme:
        return Presented()
    if scheme.lower() == "bearer":
        return Presented(bearer=value)
    if scheme.lower() == "basic":
        return Presented(basic=_basic_text(value))
    raise RefusedError(401, "the Authorization scheme is neither Bearer nor Basic")


def grant(request: Request) -> Presented:
    """Decode the credentials of create_token: an API key, else the Authorization.

    With a key, the Authorization is ignored: real clients send an unrelated one beside the key.
    Raises `RefusedError` as `presented` does.
    """
    api_key = request.headers.get("x-api-key") or single(parameters(request), "api_key")
    return Presented(api_key=api_key) if api_key else presented(request)


def caller_v2(request: Request) -> Presented:
    """Decode the credentials of v2's other calls: the API key in its header, or the Authorization.

    Raises `RefusedError` as `presented` does.
    """
    api_key = request.headers.get("x-api-key")
    return Presented(api_key=api_key) if api_key else presented(request)


def asked(request: Request) -> TokenRequest:
    """Read create_token's query.

    Raises `RefusedError` 400 for a parameter that is given twice (except `scopes`), is not UTF-8 or
    holds control characters, and for a `returnSessionToken` that is not a boolean.
    """
    given = parameters(request)
    scopes = [scope.strip() for text in given.get("scopes", []) for scope in text.split(",")]
    session = (single(given, "returnSessionToken") or "false").lower()
    if session not in ("true", "false"):
        raise RefusedError(400, "returnSessionToken must be true or false")
    return TokenRequest(
        client_id=single(given, "clientId"),
        domain=single(given, "domain"),
        data=single(given, "data"),
        scopes=tuple(scope for scope in scopes if scope),
        cwid=single(given, "cwid"),
        cid=single(given, "cid"),
        session=session == "true",
    )


def parameters(request: Request) -> dict[str, list[str]]:
    """The query as name to values. Raises `RefusedError` 400 when it cannot be read."""
    try:
        pairs = urllib.parse.parse_qsl(
            request.query,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except (UnicodeDecodeError, ValueError):
        raise RefusedError(400, "the query cannot be read") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if not value.isprintable():
            raise RefusedError(400, f"{name!r} holds a control character")
        found.setdefault(name, []).append(value)
    return found


def access_token(request: Request) -> str:
    """Read an AccessTokenRequest body: `{"access_token": "..."}` in one of the JSON types.

    Raises `RefusedError`: 400 for a body without a token, 415 for another content type.
    """
    if not request.body.strip():
        raise RefusedError(400, "a body with an access_token is needed")
    found = json_body(request)
    token = found.get("access_token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        raise RefusedError(400, "access_token must be a non-empty string")
    return token


def json_body(request: Request) -> object:
    """Read a body in one of the JSON types. Raises `RefusedError`: 415 for another, 400."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media in ("application/json", "text/json") or (
        media.startswith("application/") and media.endswith("+json")
    )
    if not is_json:
        raise RefusedError(415, "the Content-Type is not JSON")
    return decode_json(request.body)


def decode_json(body: bytes) -> object:
    """Decode a JSON body. Raises `RefusedError` 400 when it is not JSON, or nested without end."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    return found


def json_response(status: int, value: Any, **headers: str) -> Response:
    """An answer with a JSON body."""
    body = json.dumps(value).encode()
    return Response(status, body, {"Content-Type": "application/json; charset=utf-8", **headers})


def value_response(status: int, value: Any, path: str) -> Response:
    """A success with a JSON body, in the media type of the path's API."""
    answer = json_response(status, value)
    if path.startswith(V2):
        answer.headers["Content-Type"] = _V2_MEDIA
    return answer


def token_body(path: str, token: str, instead: str | None = None) -> dict[str, str]:
    """The body with a token, as the path's API writes it; `instead`, the token of a fault."""
    token = token if instead is None else instead
    if path.startswith(V2):
        return {"token": token}
    return {"access_token": token, "token_type": "Bearer"}


def error_response(status: int, message: str = "", path: str = "", now: float = 0.0) -> Response:
    """An error as the path's API writes it; in v1, ErrorResponse `{code, message, details}`.

    Details and workgroups have errors without a body upstream, so they have none here. Parameters:
    `now`, seconds since 1970.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    if path in _BARE or status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return Response(status, headers=headers)
    code = "".join(char for char in phrase if char.isalnum())
    if path.startswith(V2):
        answer = json_response(status, _problem(status, phrase, message, now))
        headers["Content-Type"] = "application/problem+json"
    else:
        answer = json_response(status, {"code": code, "message": message or phrase, "details": []})
    return Response(status, answer.body, answer.headers | headers)


def _problem(status: int, title: str, detail: str, now: float) -> dict[str, Any]:
    """A Problem (RFC 7807) with what v2 adds to it."""
    moment = dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="seconds")
    occurrence = str(uuid.uuid4())
    return {
        "id": occurrence,
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail or title,
        # v2's document says that it is a URI, which a path is not.
        "instance": f"urn:uuid:{occurrence}",
        "parameters": {},
        "timestamp": moment.replace("+00:00", "Z"),
    }


def single(given: dict[str, list[str]], name: str) -> str | None:
    """The value of a parameter; None if it is missing or empty.

    Raises `RefusedError` 400 when there are several.
    """
    values = given.get(name, [])
    if len(values) > 1:
        raise RefusedError(400, f"{name} is given more than once")
    return values[0] if values and values[0] else None


def _basic_text(value: str) -> str:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(401, "the Basic credentials are not base64") from None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
