"""Tokens for libica, the Python SDK of ICA: version 2.5 for v1, version 3 for v2 (Platform Core).

Both SDKs keep a token in a `Configuration` and have no notion of its end. v1's offers a hook that
it calls before each use; v2's reads an attribute. libica is imported only when v2's `Configuration`
is asked for without saying which.

Source: libica 2.5.0's libgds/configuration.py, libica 3.3's v3/configuration.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, overload

from credhelper.core.text import quoted
from credhelper.errors import UnknownServiceError
from credhelper.inprocess.credentials import Credentials

_V2_BASE = "/ica/rest"  # what v2's paths begin with
_HEADER = "Authorization"

Hook = Callable[[Any], None]


@overload
def refresh_api_key_hook(configuration: object, /) -> None: ...
@overload
def refresh_api_key_hook(
    *,
    profile: str | None = None,
    service: str | None = None,
    min_ttl: int = 0,
    refresh_before: int = 0,
) -> Hook: ...
def refresh_api_key_hook(
    configuration: object = None,
    /,
    *,
    profile: str | None = None,
    service: str | None = None,
    min_ttl: int = 0,
    refresh_before: int = 0,
) -> Hook | None:
    """Put a token into a v1 `Configuration`: `configuration.refresh_api_key_hook = this`.

    With keywords it returns the hook of that profile instead. The SDK calls its hook only where
    `api_key` has an `Authorization` already, even an empty one: `configuration` below sees to that.

    Parameters:
    - configuration: any of v1's; the others, as for `credhelper.Credentials`.

    Raises CredhelperError, also when `configuration.host` may not have the token.
    """
    if configuration is None:
        return _Hook(Credentials(profile, service, min_ttl, refresh_before))
    _DEFAULT(configuration)
    return None


def configuration(
    profile: str | None = None,
    service: str | None = None,
    min_ttl: int = 0,
    refresh_before: int = 0,
    *,
    sdk: ModuleType | None = None,
    credentials: Credentials | None = None,
    **settings: Any,
) -> Any:
    """Return a `Configuration` of the SDK that has a good token whenever it is asked for one.

    Parameters:
    - profile, service, min_ttl, refresh_before: as for `credhelper.Credentials`, or `credentials`
      in their place.
    - sdk: the module whose `Configuration` it is: `libica.openapi.libgds` and its like for v1,
      `libica.openapi.v2` for wrapica, by default `libica.openapi.v3`.
    - settings: for that `Configuration`, whose `host` is the profile's API unless it is among them.

    Raises CredhelperError, also when `host` may not have the token.
    """
    if credentials is None:
        credentials = Credentials(profile, service, min_ttl, refresh_before)
    kind = _v2() if sdk is None else sdk.Configuration
    # v1's has none: a token is an API key there.
    has_token = "access_token" in inspect.signature(kind).parameters
    host = settings.pop("host", None) or credentials.api() + (_V2_BASE if has_token else "")
    if not credentials.covers(host):
        raise _stranger(credentials, host)
    if has_token:
        return _with_live_token(kind, credentials)(host=host, **settings)
    made = kind(host=host, **settings)
    made.api_key.setdefault(_HEADER, "")
    made.refresh_api_key_hook = _Hook(credentials)
    return made


def _v2() -> Any:
    from libica.openapi import v3

    return v3.Configuration


class _Hook:
    """What v1's SDK calls before each use of a token, twice in a request."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, configuration: Any) -> None:
        configuration.api_key[_HEADER] = _token(self._credentials, configuration.host)
        configuration.api_key_prefix[_HEADER] = "Bearer"


_DEFAULT = _Hook(Credentials())


def _with_live_token(kind: Any, credentials: Credentials) -> Any:
    """Return v2's `Configuration`, with an `access_token` that is asked for at each use."""

    def access_token(self: Any) -> str:
        return _token(credentials, self.host)

    def refused(self: Any, value: str | None) -> None:
        if value is not None:
            raise AttributeError("access_token is credhelper's here: it changes by itself")

    members = {"access_token": property(access_token, refused), "__module__": kind.__module__}
    return type("Configuration", (kind,), members)


def _token(credentials: Credentials, host: str) -> str:
    token = credentials.token_for(host)
    if token is None:
        raise _stranger(credentials, host)
    return token


def _stranger(credentials: Credentials, host: str) -> UnknownServiceError:
    return UnknownServiceError(
        f"the token of {credentials!r} is not for {quoted(host)}",
        hint="give no host, which means the profile's API, or name it among the profile's services",
    )
