"""Ask msal, with msal-extensions' cache in a file: `python peers_msal.py CACHE UPSTREAM [first]`.

Run it with the Python that has both. `first` puts an account with a refresh token into the cache.
"""

from __future__ import annotations

import sys
import urllib.parse
import urllib.request
from typing import Any

import msal  # type: ignore[import-not-found] # in an environment of its own
from msal_extensions import (  # type: ignore[import-not-found] # likewise
    FilePersistence,
    PersistedTokenCache,
)

SCOPES = ["read"]


class Answer:
    """What msal wants of an answer. Parameters: `text`, the body."""

    status_code = 200

    def __init__(self, text: str) -> None:
        self.text = text
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        """All is well."""


class Client:
    """What msal wants of a client for HTTP. Parameters: `url`, the upstream."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, url: str, **_: object) -> Answer:
        """Return the answer to a GET of the path of `url`."""
        return self._answer(url, None)

    def post(self, url: str, data: Any = None, **_: object) -> Answer:
        """Return the answer to a POST of the form `data`."""
        return self._answer(url, urllib.parse.urlencode(data or {}).encode())

    def close(self) -> None:
        """Do nothing."""

    def _answer(self, url: str, data: bytes | None) -> Answer:
        path = urllib.parse.urlsplit(url).path
        with urllib.request.urlopen(self._url + path, data) as answer:
            return Answer(answer.read().decode())


def main() -> None:
    """Print the token."""
    cache, upstream, *first = sys.argv[1:]
    app = msal.PublicClientApplication(
        "client",
        authority="https://login.example.org/tenant",
        instance_discovery=False,
        http_client=Client(upstream),
        token_cache=PersistedTokenCache(FilePersistence(cache)),
    )
    if first:
        told = app.acquire_token_by_refresh_token("first", SCOPES)
    else:
        (account,) = app.get_accounts()
        told = app.acquire_token_silent(SCOPES, account=account)
    print(told["access_token"])


main()
