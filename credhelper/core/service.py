"""Services: what a credential is for. Parsed strictly, normalised, matched exactly.

A service is an origin with an optional path. Parsers disagree about odd URLs, and attackers use
that. So these are refused: userinfo, backslashes, queries, fragments, path parameters, escapes of
separators or of bytes that are not UTF-8, dot segments, control and non-ASCII characters, ports in
any spelling but the plain one.

Two services are the same when scheme, host and port are equal; one covers another when its path is
a prefix on a `/` boundary. There is no suffix or pattern matching.
"""

import credhelper
from credhelper.core.text import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_HEX = frozenset("0123456789abcdef:.")
_DIGITS = frozenset("0123456789abcdefABCDEF")
_PATH = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@/%"
)
_USER = _LABEL | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ.~+%")
_TRAPS = frozenset("/\\.%;")  # no escape may stand for these, or for what cannot be printed
# Characters that servers with best-fit tables, or with NFKC, turn into one of those traps.
_LOOKALIKES = (
    "\u037e\u2024\u2025\u2026\u2044\u2100\u2101\u2105\u2106\u2215\u2216\u2488\u2489\u248a\u248b\u248c"
    "\u248d\u248e\u248f\u2490\u2491\u2492\u2493\u2494\u2495\u2496\u2497\u2498\u2499\u249a\u249b\u29f5"
    "\u29f8\u33c2\u33c7\u33d8\ufe14\ufe19\ufe30\ufe52\ufe54\ufe68\ufe6a\uff05\uff0e\uff0f\uff1b\uff3c"
    "\U0001f100"
)
SHAPE = "write a service as https://HOST, https://HOST:PORT or https://HOST/PATH"
_LONGEST_SAID = 20
_MOST = 2048  # characters; a path of n segments has n prefixes, each to be looked up


class Service:
    """An origin with an optional path, in normal form.

    Parameters: `scheme` (`https` or `http`), `host` (lower case; an IPv6 literal in brackets),
    `port` (a number, always filled in), `path` (`""`, or `/...` without a final slash).
    """

    __slots__ = ("host", "path", "port", "scheme")

    def __init__(self, scheme: str, host: str, port: int, path: str = "") -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path

    @property
    def netloc(self) -> str:
        """`host`, with `:port` unless it is the scheme's own."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`."""
        return f"{self.scheme}://{self.netloc}"

    def __str__(self) -> str:
        return self.origin + self.path

    def __repr__(self) -> str:
        return f"Service({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Service) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def on_plain_http(self) -> "Service | None":
        """Return the http service in the same place; None unless it is a loopback address."""
        if self.scheme != "https" or not is_loopback(self.host):
            return None
        port = _DEFAULT_PORTS["http"] if self.port == _DEFAULT_PORTS["https"] else self.port
        return Service("http", self.host, port, self.path)

    def upto(self, prefix: str) -> "Service":
        """Return the service that `prefix`, one of `prefixes`, stands for."""
        return Service(self.scheme, self.host, self.port, prefix.removeprefix(self.origin))

    def prefixes(self) -> list[str]:
        """Return the configured services that would cover this one, most specific first."""
        found = []
        path = self.path
        while path:
            found.append(self.origin + path)
            path = path[: path.rindex("/")]
        return [*found, self.origin]


def parse(text: str) -> Service:
    """Return the service that `text` names: a URL, or `host[:port][/path]`.

    Raises RequestError for anything that two parsers could read differently, and for plain http to
    anything but a literal loopback address.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise _refused(f"service {_shown(text)} holds a blank, control or non-ASCII character")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "https", text
    netloc, slash, path = rest.partition("/")
    return build(scheme, netloc, slash + path)


def build(scheme: str, netloc: str, path: str = "") -> Service:
    """Return the service made of these parts, checked as by `parse`.

    Parameters: `scheme` (any case), `netloc` (`host[:port]`), `path` (with or without the leading
    slash). Raises RequestError.
    """
    scheme = scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise _refused(f"scheme {_shown(scheme)} is not supported: only https is")
    if len(netloc) + len(path) > _MOST:
        raise _refused(f"service {_shown(netloc)} is longer than {_MOST} characters")
    host, port = _split_netloc(netloc, scheme)
    if scheme == "http" and not is_loopback(host):
        raise _refused(
            f"plain http refused for {host}: tokens go over https only",
            hint=f"ask for https://{host} instead",
        )
    return Service(scheme, host, port, _normal_path(path))


def receiver(url: str) -> Service:
    """Return the service that a request to `url` goes to.

    Query and fragment are dropped. So is a path that two parsers could read differently: only a
    profile for the whole origin covers such a URL. Raises UnknownServiceError for what no profile
    can name: other schemes, plain http to anything but a
    literal loopback address; RequestError for an odd host or port, as `parse` does.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not url.isprintable() or " " in url:
        raise _refused(f"url {_shown(url)} has no scheme, or holds a blank or control character")
    scheme = scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise credhelper.errors.UnknownServiceError(f"nothing for scheme {_shown(scheme)}")
    netloc, slash, path = rest.replace("#", "?").partition("?")[0].partition("/")
    host = _split_netloc(netloc, scheme)[0]
    if scheme == "http" and not is_loopback(host):
        raise credhelper.errors.UnknownServiceError(
            f"nothing for plain http to {host}: tokens go over https only"
        )
    try:
        return build(scheme, netloc, slash + path)
    except credhelper.errors.RequestError:
        return build(scheme, netloc)


def without_user(url: str) -> tuple[str, str | None]:
    """Return `url` without the user name before its host, and that name, or None without one.

    Raises RequestError for a password in it, and for a name that could hide where the host begins.
    """
    scheme, separator, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    user, at, host = netloc.partition("@")
    if not separator or not at:
        return url, None
    name = _unescaped(user) if _USER.issuperset(user) else None
    if not name:
        raise _refused(f"service {_shown(netloc)} holds a password, or an odd user name")
    return f"{scheme}://{host}{slash}{path}", name


def is_loopback(host: str) -> bool:
    """Tell whether `host` is a literal loopback address: 127.0.0.0/8 or [::1], not a name."""
    if host == "[::1]":
        return True
    octets = host.split(".")
    return (
        len(octets) == 4
        and octets[0] == "127"
        and all(_plain_number(octet, 255) for octet in octets)
    )


def _split_netloc(netloc: str, scheme: str) -> tuple[str, int]:
    if "@" in netloc:
        raise _refused(f"service {_shown(netloc)} holds a user name or password")
    netloc = netloc.lower() if netloc.isascii() else netloc
    if netloc.startswith("["):
        host, bracket, port = netloc.partition("]")
        host += bracket
        if not bracket or not _HEX.issuperset(host[1:-1]) or host.count(":") < 2:
            raise _refused(f"host {_shown(netloc)} is not an IPv6 literal")
        if port and not port.startswith(":"):
            raise _refused(f"host {_shown(netloc)} is not a host with an optional port")
        port, has_port = port[1:], bool(port)
    else:
        host, colon, port = netloc.partition(":")
        has_port = bool(colon)
        labels = host.split(".")
        if not host or len(host) > 253 or not all(0 < len(label) < 64 for label in labels):
            raise _refused(f"host {_shown(netloc)} is empty, too long or ends in a dot")
        if not all(map(_plain_label, labels)):
            raise _refused(f"host {_shown(netloc)} is not a plain host name")
    if not has_port:
        return host, _DEFAULT_PORTS[scheme]
    if port == "0" or not _plain_number(port, 65535):
        raise _refused(f"port {_shown(port)} of {host} is not a plain number")
    return host, int(port)


def _plain_number(text: str, most: int) -> bool:
    # The length first: int() takes signs, blanks, underscores and other scripts' digits.
    return (
        0 < len(text) < 6
        and text.isascii()
        and text.isdigit()
        and str(int(text)) == text
        and int(text) <= most
    )


def _normal_path(path: str) -> str:
    if not path or path == "/":
        return ""
    # A `;` begins parameters: some servers cut them off, and read `..;` as `..`.
    if not _PATH.issuperset(path):
        raise _refused(
            f"path {_shown(path)} holds a query, a fragment, parameters or an odd character"
        )
    read = _unescaped(path) if "%" in path else path
    if read is None:
        raise _refused(f"path {_shown(path)} hides a separator or a dot behind an escape")
    # Also blanks: Windows drops blanks and dots at the end of a name.
    if not all(part.strip(". ") for part in read.removeprefix("/").removesuffix("/").split("/")):
        raise _refused(f"path {_shown(path)} has empty or dot segments")
    return "/" + path.removeprefix("/").removesuffix("/")


def _plain_label(label: str) -> bool:
    # A program that gets a host with a leading hyphen reads it as an option.
    return _LABEL.issuperset(label) and label[0] != "-" and label[-1] != "-"


def _unescaped(path: str) -> str | None:
    """Return `path` without its escapes, or None if they hide what another parser could find."""
    head, *escapes = path.split("%")
    data = head.encode()
    for escape in escapes:
        digits = escape[:2]
        if len(digits) != 2 or not _DIGITS.issuperset(digits) or chr(int(digits, 16)) in _TRAPS:
            return None
        data += bytes.fromhex(digits) + escape[2:].encode()
    try:
        text = data.decode()  # strict: some parsers read an overlong `%c0%ae` as a dot
    except UnicodeDecodeError:
        return None
    odd = not text.isprintable() or any(char in _LOOKALIKES for char in text)
    return None if odd else text


def _shown(text: str) -> str:
    # People paste passwords into URLs, before an @ or in a query: no message shows either.
    if "@" in text:
        text = f"***@{text.rpartition('@')[2]}"
    head, mark, _ = text.replace("#", "?").partition("?")
    if len(head) > _LONGEST_SAID and "." not in head and "/" not in head:
        return "***"  # no host that anybody has: it may be a key
    return quoted(head) + ("..." if mark else "")


def _refused(message: str, hint: str = SHAPE) -> "credhelper.errors.RequestError":
    return credhelper.errors.RequestError(message, hint)
