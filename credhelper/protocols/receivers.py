"""Who will receive the token: the service on a command line, and the URLs that a caller names.

Where a caller names a URL that it sends the token to, that URL decides. A service on the command
line has to cover it.
"""

import credhelper
from credhelper.core import service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import credhelper.errors
    from credhelper.core.service import Service

_INDEXES = ("sparse+", "registry+")  # how Cargo writes the kind of an index before its URL


def wanted(text: str) -> "tuple[Service, dict[str, str]]":
    """Return the service that `text` names, and the echo for a text without a scheme.

    Raises RequestError.
    """
    return service.parse(text), {} if "://" in text else {"any_scheme": "1"}


def wanted_if_named(text: str | None) -> "tuple[Service | None, dict[str, str]]":
    """Return the same as `wanted`; no service, and nothing to echo, where there is no text."""
    return (None, {}) if text is None else wanted(text)


def possible(find: "Callable[..., Service]", *parts: str) -> "Service":
    """Return the service that `find` makes of `parts`, where callers ask about any address.

    Raises UnknownServiceError for an address that no profile can name: it is somebody else's.
    """
    try:
        return find(*parts)
    except credhelper.errors.RequestError as error:
        raise credhelper.errors.UnknownServiceError(error.message) from None


def of_index(url: str) -> str:
    """Return the URL in Cargo's `sparse+URL` or `registry+URL`."""
    for prefix in _INDEXES:
        url = url.removeprefix(prefix)
    return url


def receiver(
    text: str | None, urls: "Sequence[str]", where: str
) -> "tuple[Service | None, dict[str, str]]":
    """Return who will receive the token, and the echo that a request for it needs.

    Parameters:
    - text: the service on the command line.
    - urls: what that the caller tells in other ways, and sends the token to.
    - where: the name of the place where it tells them, for messages.

    Raises RequestError for two that differ, and what `service.receiver` and `agreed` do.
    """
    receivers = {service.receiver(url) for url in urls}
    if not receivers:
        return wanted_if_named(text)
    if len(receivers) > 1:
        raise credhelper.errors.RequestError(f"{where} name different servers", "unset one of them")
    return agreed(text, receivers.pop(), where)


def agreed(text: str | None, receiver: "Service", where: str) -> "tuple[Service, dict[str, str]]":
    """Return the same where the caller tells one receiver: that decides.

    What the command line names has to cover it, or is what lies behind a tunnel: this host's own
    address says nothing of who is at the other end. Raises RequestError.
    """
    if text is not None:
        named, echo = wanted(text)
        if covers(named, receiver, echo):
            return receiver, {}
        if receiver.host == "localhost" or service.is_loopback(receiver.host):
            return named, echo
        raise credhelper.errors.RequestError(
            f"the command line names {named}, but {where} {receiver}: that is who gets the token",
            "leave the service out, or name the same one",
        )
    return receiver, {}


def covers(named: "Service", receiver: "Service", echo: "Mapping[str, str]") -> bool:
    """Tell whether `receiver` lies below what the command line names (see `wanted` for `echo`)."""
    plain = named.on_plain_http() if echo else None
    return not {str(named), str(plain)}.isdisjoint(receiver.prefixes())


def of_output(
    text: str | None, index: str | None, host: str | None, where: str
) -> "tuple[Service | None, dict[str, str]]":
    """Return the same for a command that prints a token (`options.receiver_of_output`).

    Parameters:
    - text: the service on the command line, which may be Cargo's `{index_url}`.
    - index: the index that Cargo asks for.
    - host: the host or URL that mise asks for.
    - where: the name of the place where one of them is told, for messages.

    Raises as `receiver` does.
    """
    urls = [of_index(index)] if index else []
    if host:
        urls.append(host if "://" in host else f"https://{host}")
    return receiver(of_index(text) if text else text, urls, where)
