"""One profile's tokens as an object: for HTTP clients that ask at every request.

Each URL is checked against the allowed hosts, in one place (`_source_for`). A method that may wait
(for the disk, another process, the Tokens API) has a twin that is awaited.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import credhelper
from credhelper.core.lookup import SOCKET
from credhelper.core.service import parse, receiver
from credhelper.errors import NotFoundError, RequestError
from credhelper.inprocess import allowed_hosts, memo, tokens
from credhelper.inprocess.environ import ENVIRON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.inprocess.http_auth import Auth

T = TypeVar("T")
# Profile, service, least life, when to renew: what `get_token` takes.
_Source = tuple[str | None, str | None, int, int]


class Credentials:
    """The tokens of one profile, for the hosts that may have them.

    Parameters: as for `credhelper.get_token`. With `service`, the token goes there and below, and
    nowhere else. Without, it goes to the services that the profile names, and to the API that it
    comes from. No file is read before a token is needed. Raises RequestError for an invalid
    `service`, and TypeError for an argument of another type. Safe in threads and after
    a fork; uses no signals; can be pickled.
    """

    __module__ = "credhelper"  # where users find it: pickles outlive our own folders

    __slots__ = (
        "__weakref__",
        "_clock",
        "_environ",
        "_service",
        "min_ttl",
        "profile",
        "refresh_before",
        "service",
    )

    def __init__(
        self,
        profile: str | None = None,
        service: str | None = None,
        min_ttl: int = 0,
        refresh_before: int = 0,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        tokens.hold_to_types(profile, service, min_ttl, refresh_before)
        self.profile = profile
        self.service = service
        self.min_ttl = min_ttl
        self.refresh_before = refresh_before
        self._environ = ENVIRON if environ is None else environ
        self._clock = clock
        self._service = None if service is None else str(parse(service))

    def __repr__(self) -> str:
        return f"Credentials(profile={self.profile!r}, service={self.service!r})"

    def __reduce__(self) -> tuple[type[Credentials], _Source]:
        if self._environ is not ENVIRON:
            raise TypeError("credentials with an environment of their own are not pickled")
        return Credentials, self._source(self.profile, self.service)

    def __deepcopy__(self, copied: object) -> Credentials:
        return self  # it is never changed

    def token(self) -> str:
        """Return a token. Raises CredhelperError."""
        return tokens.get_token(
            self.profile,
            self.service,
            self.min_ttl,
            self.refresh_before,
            environ=self._environ,
            clock=self._clock,
        )

    async def atoken(self) -> str:
        """Return a token, without blocking the event loop. Raises CredhelperError."""
        return await self._token_of(self._source(self.profile, self.service))

    def api(self) -> str:
        """Return the origin of the API that the token comes from. Raises CredhelperError."""
        return tokens.api_of(self.profile, self.service, environ=self._environ, clock=self._clock)

    def reject(self, refused: str) -> bool:
        """Forget the token `refused`, which a service answered with 401, if it is the one we hold.

        Returns whether it was forgotten. Not revoked. Rejects lead to one new token in ten seconds
        at most: the next one may be the same. Raises CredhelperError.
        """
        return tokens.reject(
            refused, self.profile, self.service, environ=self._environ, clock=self._clock
        )

    def covers(self, url: str) -> bool:
        """Tell whether the token may go to `url`. Raises CredhelperError.

        It may not go over plain http, except to a literal loopback address, nor to a URL that two
        parsers could read differently.
        """
        return self._source_for(url, allowed_hosts.look) is not None

    def token_for(self, url: str) -> str | None:
        """Return a token for a request to `url`, or None if it may have none.

        Raises CredhelperError when it may have one, and there is none to be had.
        """
        source = self._source_for(url, allowed_hosts.look)
        if source is None:
            return None
        return tokens.get_token(*source, environ=self._environ, clock=self._clock)

    async def atoken_for(self, url: str) -> str | None:
        """Return what `token_for` does, without blocking the event loop."""
        source = self._source_for(url, allowed_hosts.remembered)
        if source is None:
            looking = lambda: self._source_for(url, allowed_hosts.look)  # noqa: E731  # one line is enough
            source = await self._single_flight(looking, self._key("source", url))
        return None if source is None else await self._token_of(source)

    def another(self, url: str, refused: str | None) -> str | None:
        """Return a token for `url` after the service there answered 401 to `refused`.

        That token is rejected, and a new one is made, unless that has just been done. None if there
        is no other: then the 401 is final.

        Parameters:
        - refused: None if the request went without a token.

        Raises CredhelperError.
        """
        source = self._source_for(url, allowed_hosts.look)
        if source is None:
            return None
        if refused is not None:
            tokens.reject(refused, *source[:2], environ=self._environ, clock=self._clock)
        token = tokens.get_token(*source, environ=self._environ, clock=self._clock)
        return None if token == refused else token

    async def aanother(self, url: str, refused: str | None) -> str | None:
        """Return what `another` does, without blocking the event loop."""
        return await self._single_flight(
            lambda: self.another(url, refused), self._key("another", url, refused)
        )

    def headers(self, url: str | None = None) -> dict[str, str]:
        """Return the headers that carry a token; none if `url` is given and may not have it."""
        token = self.token() if url is None else self.token_for(url)
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    async def aheaders(self, url: str | None = None) -> dict[str, str]:
        """Return what `headers` does, without blocking the event loop."""
        token = await (self.atoken() if url is None else self.atoken_for(url))
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    @property
    def auth(self) -> Auth:
        """What `auth=` of requests and of httpx takes: `requests.get(url, auth=credentials.auth)`.

        It is made for those of the two that are imported when it is asked for.
        """
        with credhelper.importing():
            from credhelper.inprocess import http_auth

        return http_auth.auth_of(self)

    def _source_for(self, url: str, may_have: Callable[..., str | None]) -> _Source | None:
        """Return profile, service and least life of the token that may go to `url`, or None."""
        tokens.hold_to_text("url", url)
        try:
            target = receiver(url)
        except (NotFoundError, RequestError):
            return None
        if self._service is not None:
            covered = self._service in target.prefixes()
            return self._source(self.profile, self.service) if covered else None
        if self._environ.get(SOCKET):
            # An agent knows who may have which token: it is asked for each target.
            found = tokens.served(target, self.profile, environ=self._environ, clock=self._clock)
            return self._source(self.profile, str(target)) if found else None
        # By this name, even if the environment changes meanwhile.
        profile = may_have(target, self.profile, self._environ, self._clock)
        return None if profile is None else self._source(profile, None)

    def _source(self, profile: str | None, service: str | None) -> _Source:
        return (profile, service, self.min_ttl, self.refresh_before)

    async def _token_of(self, source: _Source) -> str:
        known = memo.remembered(*source, self._environ, self._clock, False)
        if known is not None:
            return known
        _load_single_flight()
        from credhelper.inprocess import single_flight

        key = (*source, id(self._environ))
        if single_flight.going_on(key):
            # Like threads: while one renews, the others get the token that still lives.
            known = memo.remembered(*source, self._environ, self._clock, True)
            if known is not None:
                return known
        return await single_flight.run(
            lambda: tokens.get_token(*source, environ=self._environ, clock=self._clock), key
        )

    async def _single_flight(self, work: Callable[[], T], key: tuple[object, ...]) -> T:
        _load_single_flight()
        from credhelper.inprocess import single_flight

        return await single_flight.run(work, key)

    def _key(self, *what: object) -> tuple[object, ...]:
        return (*self._source(self.profile, self.service), id(self._environ), *what)


def _load_single_flight() -> None:
    # It imports asyncio, which a caller that awaits has imported already.
    if "credhelper.inprocess.single_flight" not in sys.modules:
        with credhelper.importing():
            from credhelper.inprocess import single_flight  # noqa: F401  # that it is loaded is the point
