"""A session of requests that decides nothing by itself.

It follows no redirect, reads no netrc, keeps no cookies, asks for no content encoding, and takes
authorities and proxies from its caller, never from the environment.
"""

from __future__ import annotations

import ssl
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from credhelper.client.http.connection import POOLS
from credhelper.client.http.proxy import Proxy
from credhelper.errors import ConfigError


def new_session(
    user_agent: str, context: ssl.SSLContext | None, proxy: Proxy | None
) -> requests.Session:
    """Return a session of requests for one origin.

    Parameters:
    - user_agent: how we name ourselves.
    - context: what checks certificates, None for http.
    - proxy: the proxy that the environment names for this origin, if any.
    """
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
    )
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.proxies = {"https": proxy.url.reveal()} if proxy else {}
    adapter = _Adapter(context)
    session.adapters.clear()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _Adapter(HTTPAdapter):
    """The stock adapter with our connections and our TLS context, and no other."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        if proxy in self.proxy_manager:
            return self.proxy_manager[proxy]
        named["ssl_context"] = self._context
        if proxy.startswith("https:"):
            named["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, **named)
        if not proxy.startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def get_connection_with_tls_context(self, *args: Any, **named: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **named)
        if pool.scheme == "https" and pool.conn_kw.get("ssl_context") is not self._context:
            raise _too_old()
        return pool

    def get_connection(self, *args: Any, **named: Any) -> Any:
        raise _too_old()  # before 2.32.2, all calls came this way

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        # The stock method would add certifi's authorities to those that the user chose.
        conn.cert_reqs = "CERT_REQUIRED"


def _too_old() -> ConfigError:
    # 2.32.2, for one, believed certifi whatever was passed in.
    return ConfigError(
        f"requests {requests.__version__} does not check certificates as it is told",
        hint="python3 -m pip install 'requests>=2.32.3', where credhelper is installed",
    )


class _Session(requests.Session):
    """The stock session, to which no answer is a redirect."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        # Even without following it, the stock session reads a redirect's whole body.
        return None
