"""The canonical form of a config's URLs: one spelling for one origin, so one record on disk."""

from __future__ import annotations

from credhelper.core import service
from credhelper.core.service import Service
from credhelper.errors import RequestError

_BASE_PATHS = ("", "/v1", "/ica/rest")


def origin(text: str) -> str:
    """Return the origin of the Tokens API that `text` names, for example `https://ica.example`.

    A final slash and the APIs' own base paths (`/v1`, `/ica/rest`) are dropped. Raises ValueError,
    without `text`, for anything that could be read as another host.
    """
    if "://" not in text:
        raise ValueError("expected a URL that begins with https://")
    found = canonical(text)
    if found.path not in _BASE_PATHS:
        raise ValueError("expected https://HOST or https://HOST:PORT, without a path")
    return found.origin


def canonical(text: str) -> Service:
    """Return the service that `text` names, with an IPv6 literal in its one canonical form.

    Raises ValueError, without what could be a password or a token in `text`.
    """
    if "@" in text:
        raise ValueError("must not hold a user name or password")
    if "?" in text or "#" in text:
        raise ValueError("must not hold a query or a fragment")
    try:
        return service.parse(_with_canonical_ipv6(text))
    except RequestError as error:
        raise ValueError(error.message) from error


def _with_canonical_ipv6(text: str) -> str:
    before, opening, rest = text.partition("[")
    literal, closing, after = rest.partition("]")
    if not opening or not closing:
        return text
    import ipaddress

    try:
        address = ipaddress.IPv6Address(literal)
    except ValueError:
        raise ValueError("expected an IPv6 address between the brackets") from None
    if address.scope_id or address.ipv4_mapped:
        raise ValueError("expected an IPv6 address without a zone, and not one that wraps IPv4")
    return f"{before}[{address.compressed}]{after}"
