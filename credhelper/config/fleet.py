"""The fleet in the config: the store that hosts share tokens through, and this host's part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from credhelper.config import grant_table
from credhelper.config.profile import Grant
from credhelper.config.table import Mistake, Table
from credhelper.core.service import is_loopback

KEYS = ("store", "password", "key", "ca_file", "lead", "timeout", "plain")
SERVER, SENTINEL, CLUSTER, UNIX = "server", "sentinel", "cluster", "unix"
VARIABLES = {
    "store": "CREDHELPER_FLEET_STORE",
    "key": "CREDHELPER_FLEET_KEY",
    "password": "CREDHELPER_FLEET_PASSWORD",
    "ca_file": "CREDHELPER_FLEET_CA_FILE",
    "lead": "CREDHELPER_FLEET_LEAD",
}
SECRETS = (VARIABLES["key"], VARIABLES["password"])

_SCHEMES = {
    "redis": (SERVER, False),
    "rediss": (SERVER, True),
    "redis+sentinel": (SENTINEL, False),
    "rediss+sentinel": (SENTINEL, True),
    "redis+cluster": (CLUSTER, False),
    "rediss+cluster": (CLUSTER, True),
}
_PORTS = {SERVER: 6379, SENTINEL: 26379, CLUSTER: 6379}
_SHAPE = (
    "expected rediss://USER@HOST:PORT, rediss+sentinel://USER@HOST:PORT,HOST:PORT/NAME,"
    " rediss+cluster://USER@HOST:PORT or unix:///PATH"
)
_FALSE, _TRUE = ("0", "false", "no", "off"), ("", "1", "true", "yes", "on")
_MOST_SECONDS = 10
_MOST_DATABASES = 2**16


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is.

    Parameters:
    - kind: `server`, `sentinel`, `cluster` or `unix`.
    - hosts: of each server or Sentinel, with its port.
    - tls: whether it is reached through TLS.
    - user: of its ACL, or "".
    - database: its number.
    - name: what Sentinels call the primary, or the socket's path.
    """

    kind: str
    hosts: tuple[tuple[str, int], ...]
    tls: bool
    user: str
    database: int = 0
    name: str = ""

    def __str__(self) -> str:
        if self.kind == UNIX:
            return f"unix://{self.name}"
        hosts = ",".join(
            f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.hosts
        )
        more = "" if self.kind == SERVER else f"+{self.kind}"
        return f"redis{'s' if self.tls else ''}{more}://{hosts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A fleet, and this host's part in it.

    Parameters:
    - store: where tokens are shared.
    - key: where the fleet's key lies, which seals them.
    - password: where the store's password lies, or None.
    - ca_file: absolute, the authority of the store's certificate, or None.
    - lead: whether this host may make tokens.
    - timeout: seconds for one call of the store.
    - plain: whether a store on another host may be reached without TLS.
    """

    store: Address
    key: Grant
    password: Grant | None = None
    ca_file: str | None = None
    lead: bool = True
    timeout: int = 2
    plain: bool = False


def read(values: object, expand: Callable[[str], str]) -> Fleet:
    """Return the fleet that the table `values` describes.

    Parameters: `expand`, makes a path absolute or raises ValueError. Raises Mistake.
    """
    table = Table(values, ("fleet",))
    table.only(KEYS)
    plain = table.flag("plain")
    store = table.checked("store", lambda text: text)
    if store is None:
        raise table.wrong("store", f"missing: {_SHAPE}")
    if "key" not in table:
        raise table.wrong(
            "key", "missing: the fleet's key seals what is shared", "credhelper fleet key --help"
        )
    try:
        address = address_of(store, plain=plain)
    except ValueError as error:
        raise table.wrong("store", str(error)) from None
    return Fleet(
        store=address,
        key=grant_table.read(table, "key", "fleet", expand),
        password=grant_table.read(table, "password", "fleet", expand)
        if "password" in table
        else None,
        ca_file=table.checked("ca_file", expand),
        lead=table.flag("lead") if "lead" in table else True,
        timeout=table.seconds("timeout", 2, least=1, most=_MOST_SECONDS),
        plain=plain,
    )


def from_environment(environ: Mapping[str, str]) -> Fleet | None:
    """Return the fleet that variables describe; None where they name no store. Raises Mistake."""
    store = environ.get(VARIABLES["store"], "").strip()
    if not store:
        return None
    try:
        address = address_of(store, plain=False)
    except ValueError as error:
        raise Mistake(("fleet", "store"), str(error)) from None
    ca_file = environ.get(VARIABLES["ca_file"], "")
    if ca_file and not ca_file.startswith("/"):
        raise Mistake(("fleet", "ca_file"), "expected an absolute path")
    password = VARIABLES["password"]
    return Fleet(
        store=address,
        key=Grant("env", (VARIABLES["key"],)),
        password=Grant("env", (password,)) if environ.get(password) else None,
        ca_file=ca_file or None,
        lead=leads(environ),
    )


def leads(environ: Mapping[str, str]) -> bool:
    """Tell whether the variables let this host make tokens. Raises Mistake."""
    word = environ.get(VARIABLES["lead"], "").strip().lower()
    if word not in _FALSE + _TRUE:
        raise Mistake(("fleet", "lead"), "expected 1 or 0")
    return word in _TRUE


def address_of(text: str, *, plain: bool) -> Address:
    """Return the address that a URL names.

    Parameters:
    - plain: whether TLS may be missing off this host.

    Raises ValueError, without what could be a password in `text`.
    """
    from urllib.parse import unquote  # late: most configs have no fleet

    scheme, separator, rest = text.partition("://")
    if scheme == UNIX:
        if not rest.startswith("/") or "@" in rest or "?" in rest or "#" in rest:
            raise ValueError("expected unix:///PATH, an absolute path")
        return Address(UNIX, (), False, "", 0, rest)
    if scheme not in _SCHEMES or not separator:
        raise ValueError(_SHAPE)
    kind, tls = _SCHEMES[scheme]
    netloc, _, path = rest.partition("/")
    user, at, places = netloc.rpartition("@")
    if ":" in user:
        raise ValueError("must not hold a password: name its place with password = { file = ... }")
    if any(char in rest for char in "?#\\ ") or (at and not user):
        raise ValueError(_SHAPE)
    found = tuple(_host(one, _PORTS[kind]) for one in places.split(","))
    if kind == SERVER and len(found) > 1:
        raise ValueError("expected one host; several go with +sentinel or +cluster")
    if not tls and not plain and not all(is_here(host) for host, _ in found):
        raise ValueError(
            "without TLS only this host may be named (127.0.0.1): begin it with rediss, or set"
            " plain = true"
        )
    name = ""
    if kind == SENTINEL:
        name, _, path = path.partition("/")
        if not name:
            raise ValueError("expected the primary's name behind the Sentinels, as in /mymaster")
    return Address(kind, found, tls, unquote(user), _database(path, kind), unquote(name))


def _host(text: str, port: int) -> tuple[str, int]:
    from urllib.parse import urlsplit

    try:
        found = urlsplit(f"//{text}")
        host, number = found.hostname or "", found.port or port
    except ValueError:
        raise ValueError(_SHAPE) from None
    if not host or not host.isascii() or not host.isprintable() or found.path:
        raise ValueError(_SHAPE)
    return host, number


def is_here(host: str) -> bool:
    """Tell whether a host is this machine's own loopback."""
    return is_loopback(f"[{host}]" if ":" in host else host)


def _database(text: str, kind: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or int(text[:9]) >= _MOST_DATABASES:
        raise ValueError("expected the number of a database behind the host, or nothing")
    if kind == CLUSTER and int(text):
        raise ValueError("a cluster has database 0 alone")
    return int(text)
