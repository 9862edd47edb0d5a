"""What `auth=` does for requests: one more try after a 401, and no token for a redirect elsewhere.

Source: requests' sessions.py and auth.py (HTTPDigestAuth).
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urljoin, urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import requests  # noqa: TID251  # for types only

    from credhelper.inprocess.http_auth import Tokens

UNAUTHORIZED = 401
HEADER = "Authorization"
# Without blanks, `\` and control characters, which parsers drop, escape or turn round.
_URL = frozenset(map(chr, range(0x21, 0x7F))) - {"\\"}


class Hook:
    """Looks at the responses to one request: tries again after a 401, and watches redirects.

    Parameters:
    - credentials: gives another token.
    - token: what the request carries, or None.
    """

    def __init__(self, credentials: Tokens, token: str | None) -> None:
        self._credentials = credentials
        self._token = token

    def __call__(self, response: requests.Response, **how: Any) -> requests.Response:
        """Return the response that requests goes on with: this one, or that of another try."""
        if response.status_code == UNAUTHORIZED:
            return self._again(response, how)
        self._before_redirect(response, response.request)
        return response

    def _again(self, response: requests.Response, how: dict[str, Any]) -> requests.Response:
        request = response.request
        connection = getattr(response, "connection", None)
        carried = request.headers.get(HEADER)
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
        jar: Any = getattr(retry, "_cookies")  # noqa: B009  # the stubs lack it
        cookies.extract_cookies_to_jar(jar, request, response.raw)
        retry.prepare_cookies(jar)
        retry.headers[HEADER] = f"Bearer {token}"
        answer: requests.Response = connection.send(retry, **how)
        answer.history.append(response)
        answer.request = retry
        self._token = token
        # requests builds a redirect from the first request.
        request.headers[HEADER] = f"Bearer {token}"
        self._before_redirect(answer, request)
        return answer

    def _before_redirect(
        self, response: requests.Response, request: requests.PreparedRequest
    ) -> None:
        """Take the token off `request` if the target of its redirect may not have it.

        requests takes it off for another host, but does not know that a service can be a path.
        """
        location = response.headers.get("location")
        if not response.is_redirect or location is None or self._token is None:
            return
        if request.headers.get(HEADER) != f"Bearer {self._token}":
            return
        target = _target(response.url, location)
        if target is None or not self._credentials.covers(target):
            del request.headers[HEADER]


def _target(url: str, location: str) -> str | None:
    """Return the URL that requests follows; None for one that it may read in another way."""
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
