"""Which proxy leads to an origin, by the environment variables that curl and requests honour."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from credhelper.core.model import Secret
from credhelper.core.service import Service, is_loopback
from credhelper.errors import ConfigError

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy.

    Parameters:
    - url: may hold a password.
    - name: the same without it.
    - secrets: the user name and password as they may be echoed.
    """

    url: Secret
    name: str
    secrets: tuple[Secret, ...]


def proxy_for(origin: Service, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that leads to `origin`, or None for a direct way.

    `https_proxy`, then `all_proxy`, lower case before upper, say which, unless `no_proxy` names the
    host: `*`, a name (its subdomains too, with or without a leading dot), `host:port`, an address
    or a CIDR block. A literal loopback address has no proxy, so plain http never meets one. Raises
    ConfigError for a URL that is no proxy's, and for SOCKS without its library.
    """
    if is_loopback(origin.host) or _bypassed(origin, _variable("no_proxy", environ)):
        return None
    for variable in ("https_proxy", "all_proxy"):
        if value := _variable(variable, environ):
            return _parse(value, variable)
    return None


def _variable(name: str, environ: Mapping[str, str]) -> str:
    # An empty lower-case variable switches the upper-case one off, as in curl.
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _bypassed(origin: Service, no_proxy: str) -> bool:
    return any(_covers(entry.strip().lower(), origin) for entry in no_proxy.split(","))


def _covers(entry: str, origin: Service) -> bool:
    if entry == "*":
        return True
    if entry.startswith("[") or entry.count(":") == 1:
        entry = entry.removesuffix(f":{origin.port}")
    host = origin.host.strip("[]")
    name = entry.removeprefix("*").removeprefix(".")
    if name and (host == name or host.endswith(f".{name}")):
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _parse(value: str, variable: str) -> Proxy:
    url = value if "://" in value else f"http://{value}"
    wrong = f"the proxy named by {variable} is not scheme://[user:password@]host[:port]"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ConfigError(wrong)
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ConfigError(wrong) from None
    scheme, host = split.scheme.lower(), split.hostname
    if scheme not in _SCHEMES or not host or split.query or split.fragment or split.path.strip("/"):
        raise ConfigError(wrong, hint=f"schemes are {', '.join(_SCHEMES)}")
    shown = f"[{host}]" if ":" in host else host
    name = f"{scheme}://{shown}" + (f":{port}" if port else "")
    if scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        raise ConfigError(
            f"the proxy {name}, named by {variable}, needs the SOCKS library",
            hint='install it beside credhelper: pip install "requests[socks]"',
        )
    secrets = tuple(
        Secret(form)
        for part in (split.username, split.password)
        for form in (part, unquote(part or ""))
        if form
    )
    # requests tells schemes apart in lower case only.
    return Proxy(Secret(scheme + url[len(scheme) :]), name, secrets)
