"""What went wrong on the way, in words: libraries' exceptions to ours.

The text of a library's exception is never shown: it may hold the URL with its query.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from dataclasses import dataclass

import requests
import urllib3.exceptions as urllib3

from credhelper.core.text import printable
from credhelper.errors import MalformedAnswerError, TokenAPIError, UnreachableError, reason

NETWORK = (requests.RequestException, urllib3.HTTPError, http.client.HTTPException, OSError)

_BEFORE_SENDING = (urllib3.ConnectTimeoutError, urllib3.ProxyError)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")  # http.client has no type for it
_CERTIFICATE_HINT = (
    "is a captive portal or a re-signing proxy in between? its authority goes in ca_file"
)
_CLOCK_HINT = "is this machine's clock right? compare it with another's: date"
_URL_HINT = "is the url of the profile right? it names another host than the certificate"
_DIRECT_HINT = (
    "check the url of the profile, and whether this machine needs a proxy:"
    " export https_proxy=http://PROXY:PORT"
)
_PROXY_HINT = "check the proxy in https_proxy or all_proxy; no_proxy names hosts that need none"
PROXY_LOGIN_HINT = (
    "the proxy wants a user name and password: https_proxy=http://USER:PASSWORD@PROXY:PORT"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one attempt failed.

    Parameters:
    - error: what the caller would get.
    - unheard: whether the server certainly did nothing, so that any call may be made again.
    - transient: whether trying at once may help.
    """

    error: TokenAPIError
    unheard: bool = False
    transient: bool = False


def explain(error: BaseException, origin: str, proxy: str | None, waited: float) -> Failure:
    """Return what `error` means for a call to `origin`.

    Parameters:
    - proxy: its name without a password.
    - waited: seconds that a wait was given.
    """
    causes = _causes(error)
    way = f"{origin} through {proxy}" if proxy else origin
    unheard = any(isinstance(cause, _BEFORE_SENDING) for cause in causes)
    way_hint = hint_of_way(proxy is not None)
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                why = printable(cause.verify_message)
                return Failure(
                    UnreachableError(
                        f"{way}: certificate verify failed: {why.rstrip('.')}",
                        _certificate_hint(why),
                    )
                )
            case socket.gaierror():
                what = f"could not resolve host of {proxy or origin}"
                return Failure(UnreachableError(what, way_hint), unheard=True, transient=True)
            case http.client.IncompleteRead():
                return Failure(MalformedAnswerError(f"{way} sent a truncated answer"))
            case http.client.RemoteDisconnected():
                what = f"{way} closed the connection without an answer"
                return Failure(UnreachableError(what), transient=True)
            case http.client.HTTPException():
                return Failure(MalformedAnswerError(f"{way} sent an answer that is not HTTP"))
            case TimeoutError() | urllib3.TimeoutError():
                what = "connection to" if unheard else "answer from"
                return Failure(
                    UnreachableError(f"no {what} {way} within {waited:g} s", way_hint),
                    unheard=unheard,
                    transient=True,
                )
            case ssl.SSLError():
                why = (cause.reason or "handshake failed").replace("_", " ").lower()
                return Failure(UnreachableError(f"{way}: TLS failed: {why}"), transient=True)
            case OSError(errno=int()):
                why = reason(cause).lower()
                return Failure(
                    UnreachableError(f"{way}: {why}", way_hint), unheard=unheard, transient=True
                )
            case OSError() if refusal := _TUNNEL.match(str(cause)):
                what = f"the proxy {proxy} refused to connect to {origin} ({refusal[1]})"
                busy = refusal[1].startswith("5")
                hint = PROXY_LOGIN_HINT if refusal[1] == "407" else _PROXY_HINT
                return Failure(UnreachableError(what, hint), unheard=busy, transient=busy)
    return Failure(UnreachableError(f"the exchange with {way} failed"), unheard, transient=True)


def hint_of_way(proxied: bool) -> str:
    """Return what to look at when nothing comes back, directly or through a proxy."""
    return _PROXY_HINT if proxied else _DIRECT_HINT


def _certificate_hint(why: str) -> str:
    if "expired" in why or "not yet valid" in why:
        return _CLOCK_HINT
    return _URL_HINT if "mismatch" in why else _CERTIFICATE_HINT


def _causes(error: BaseException) -> list[BaseException]:
    """Return all that `error` wraps, the innermost first, and itself last."""
    found: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        outer = waiting.pop()
        if outer not in found:
            found.append(outer)
            inner = (
                *outer.args,
                getattr(outer, "reason", None),
                outer.__cause__,
                outer.__context__,
            )
            waiting += [each for each in inner if isinstance(each, BaseException)]
    return found[::-1]
