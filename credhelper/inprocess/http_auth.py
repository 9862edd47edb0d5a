"""`auth=` for requests and httpx: a token at each request, and one more try after a 401.

A service that answers 401 has refused that very token. The token is rejected, and a new one is made
once for all requests that carried it. The request is sent once more if its body can be sent again.
A URL that the credentials do not cover gets no token, at any place in a chain of redirects.

Neither library is imported here: a program that uses one has imported it.
Source: requests' sessions.py and auth.py (HTTPDigestAuth), httpx's _auth.py and _client.py.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Generator
from operator import attrgetter
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from credhelper.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import httpx
    import requests  # noqa: TID251  # for types only
    from requests.auth import AuthBase  # noqa: TID251  # likewise

    class Tokens(Protocol):
        """What `Auth` asks of the credentials behind it."""

        def covers(self, url: str) -> bool: ...

        def token_for(self, url: str) -> str | None: ...

        async def atoken_for(self, url: str) -> str | None: ...

        def another(self, url: str, refused: str | None) -> str | None: ...

        async def aanother(self, url: str, refused: str | None) -> str | None: ...

    class Auth(AuthBase, httpx.Auth):
        """What `auth=` of requests and of httpx takes."""


_UNAUTHORIZED = 401
_HEADER = "Authorization"
# Without blanks, `\` and control characters, which parsers drop, escape or turn round.
_URL = frozenset(map(chr, range(0x21, 0x7F))) - {"\\"}

# The libraries' own base classes -> the class that is both.
_classes: dict[tuple[type, ...], type] = {}


def auth_of(credentials: Tokens) -> Auth:
    """Return the object for `auth=`, fit for those of requests and httpx that are imported."""
    bases = tuple(_bases())
    kind = _classes.get(bases)
    if kind is None:
        kind = _classes[bases] = type("Auth", (_Auth, *bases), {"__module__": __name__})
    made: Auth = kind(credentials)
    return made


def _bases() -> Generator[type, None, None]:
    for module, name in (("requests.auth", "AuthBase"), ("httpx", "Auth")):
        base = getattr(sys.modules.get(module), name, None)
        if base is not None:
            yield base


class _Auth:
    """What requests and httpx each call of an `auth`."""

    def __init__(self, credentials: Tokens) -> None:
        self._credentials = credentials

    def __repr__(self) -> str:
        return f"{self._credentials!r}.auth"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Auth) and other._credentials is self._credentials

    def __hash__(self) -> int:
        return hash(self._credentials)

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Tokens]]:
        # By the public attribute that made it: pickles outlive our own folders.
        return attrgetter("auth"), (self._credentials,)

    # --- requests ---------------------------------------------------------------------------------

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put a token on a prepared request, if it may have one. Raises CredhelperError."""
        if not hasattr(request, "register_hook"):
            raise UsageError(
                f"credentials.auth was asked for before {type(request).__module__} was imported",
                hint="import httpx first, or write auth=credentials.auth where it is used",
            )
        token = self._credentials.token_for(request.url or "")
        if token is not None:
            request.headers[_HEADER] = f"Bearer {token}"
        hook = _Hook(self._credentials, token)
        request.register_hook("response", hook)  # type: ignore[no-untyped-call]  # its stubs' gap
        return request

    # --- httpx ------------------------------------------------------------------------------------

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield the request with a token, and once more after a 401. Raises CredhelperError."""
        token = self._credentials.token_for(str(request.url))
        response = yield _with_token(request, token)
        refused = _refused(response, token)
        if refused is not None:
            again = self._credentials.another(str(refused.url), _carried(refused))
            if again is not None:
                yield _with_token(refused, again)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do what `sync_auth_flow` does, without blocking the event loop."""
        token = await self._credentials.atoken_for(str(request.url))
        response = yield _with_token(request, token)
        refused = _refused(response, token)
        if refused is not None:
            again = await self._credentials.aanother(str(refused.url), _carried(refused))
            if again is not None:
                yield _with_token(refused, again)


def _with_token(request: httpx.Request, token: str | None) -> httpx.Request:
    if token is not None:
        request.headers[_HEADER] = f"Bearer {token}"
    return request


def _refused(response: httpx.Response, token: str | None) -> httpx.Request | None:
    """Return the request to send again after a 401, or None.

    After redirects it is the last one, which was refused.

    Parameters:
    - token: what the first one was given.
    """
    request = response.request
    if response.status_code != _UNAUTHORIZED or not _replayable(request.stream):
        return None
    # The program put another authorization there: the 401 is about that one.
    return request if request.headers.get(_HEADER) in (None, f"Bearer {token}") else None


def _carried(request: httpx.Request) -> str | None:
    header = request.headers.get(_HEADER)
    return None if header is None else header.removeprefix("Bearer ")


def _replayable(stream: object) -> bool:
    if isinstance(stream, sys.modules["httpx"].ByteStream):
        return True
    # A multipart form reads its files from their beginning each time.
    fields = getattr(stream, "fields", None)
    return fields is not None and all(
        isinstance(file, str | bytes) or (hasattr(file, "seekable") and file.seekable())
        for file in (getattr(field, "file", b"") for field in fields)
    )


class _Hook:
    """What becomes of the responses to one request of requests, and to where it is redirected.

    Parameters:
    - credentials: give another token.
    - token: what the request was given, or None.
    """

    def __init__(self, credentials: Tokens, token: str | None) -> None:
        self._credentials = credentials
        self._token = token

    def __call__(self, response: requests.Response, **how: Any) -> requests.Response:
        if response.status_code == _UNAUTHORIZED:
            return self._again(response, how)
        self._before_redirect(response, response.request)
        return response

    def _again(self, response: requests.Response, how: dict[str, Any]) -> requests.Response:
        request = response.request
        connection = getattr(response, "connection", None)
        carried = request.headers.get(_HEADER)
        # The program put another authorization there: the 401 is about that one.
        if connection is None or carried not in (None, f"Bearer {self._token}"):
            return response
        if not _rewound(request):
            return response
        given = self._token if carried else None
        token = self._credentials.another(request.url or "", given)
        if token is None:
            return response
        cookies = sys.modules["requests.cookies"]
        response.content  # noqa: B018  # read, so that the connection can be used again
        response.close()
        retry = request.copy()
        jar: Any = getattr(retry, "_cookies")  # noqa: B009  # the stubs do not tell of it
        cookies.extract_cookies_to_jar(jar, request, response.raw)
        retry.prepare_cookies(jar)
        retry.headers[_HEADER] = f"Bearer {token}"
        answer: requests.Response = connection.send(retry, **how)
        answer.history.append(response)
        answer.request = retry
        self._token = token
        # It is the first request that a redirect is made from.
        request.headers[_HEADER] = f"Bearer {token}"
        self._before_redirect(answer, request)
        return answer

    def _before_redirect(
        self, response: requests.Response, request: requests.PreparedRequest
    ) -> None:
        """Take the token off `request` if where it is redirected to may not have it.

        requests takes it off for another host. It does not know that a service can be a path.
        """
        location = response.headers.get("location")
        if not response.is_redirect or location is None or self._token is None:
            return
        if request.headers.get(_HEADER) != f"Bearer {self._token}":
            return
        target = _target(response.url, location)
        if target is None or not self._credentials.covers(target):
            del request.headers[_HEADER]


def _target(url: str, location: str) -> str | None:
    """Return where requests goes from `url`; None for what it may read otherwise than we do."""
    try:
        # Header fields arrive as Latin-1, and are meant as UTF-8: see `get_redirect_target`.
        location = location.encode("latin-1").decode()
        parts = urlsplit(location)
        # With a scheme, or `//`, but no host: RFC 3986 has two readings, requests one of its own.
        hostless = not parts.netloc and (parts.scheme or location.startswith("//"))
        if hostless or not _URL.issuperset(location):
            return None
        return urljoin(url, location)
    except ValueError:
        return None


def _rewound(request: requests.PreparedRequest) -> bool:
    """Make the body ready to be sent once more; returns whether it can be."""
    body: Any = request.body  # a stream, too, whatever the stubs say
    if body is None or isinstance(body, str | bytes | bytearray):
        return True
    utils, exceptions = sys.modules["requests.utils"], sys.modules["requests.exceptions"]
    try:
        utils.rewind_body(request)
    except exceptions.UnrewindableBodyError:
        return False
    return True
