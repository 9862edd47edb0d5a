"""`auth=` for requests and httpx: a token at each request, and one more try after a 401.

A service that answers 401 has refused that very token. The token is rejected, and a new one is made
once for all requests that carried it. The request is sent once more if its body can be sent again.
A URL that the credentials do not cover gets no token, at any place in a chain of redirects.

Neither library is imported here: a program that uses one has imported it.
Source: httpx's _auth.py and _client.py; for requests, see `requests_hook`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Generator
from operator import attrgetter
from typing import Any, Protocol

from credhelper.errors import UsageError
from credhelper.inprocess import requests_hook
from credhelper.inprocess.requests_hook import HEADER, UNAUTHORIZED

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
    """The methods that requests and httpx call."""

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

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put a token on a prepared request, if it may have one. Raises CredhelperError."""
        if not hasattr(request, "register_hook"):
            raise UsageError(
                f"credentials.auth was asked for before {type(request).__module__} was imported",
                hint="import httpx first, or write auth=credentials.auth where it is used",
            )
        token = self._credentials.token_for(request.url or "")
        if token is not None:
            request.headers[HEADER] = f"Bearer {token}"
        hook = requests_hook.Hook(self._credentials, token)
        request.register_hook("response", hook)  # type: ignore[no-untyped-call]  # its stubs' gap
        return request

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
        request.headers[HEADER] = f"Bearer {token}"
    return request


def _refused(response: httpx.Response, token: str | None) -> httpx.Request | None:
    """Return the request to send again after a 401, or None.

    After redirects that is the last request, which was refused.

    Parameters:
    - token: the token of the first request.
    """
    request = response.request
    if response.status_code != UNAUTHORIZED or not _replayable(request.stream):
        return None
    # The program put another authorization there: the 401 is about that one.
    return request if request.headers.get(HEADER) in (None, f"Bearer {token}") else None


def _carried(request: httpx.Request) -> str | None:
    header = request.headers.get(HEADER)
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
