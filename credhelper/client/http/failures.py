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
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                why = printable(cause.verify_message)
                return Failure(
                    UnreachableError(
                        f"{way}: certificate verify failed: {why.rstrip('.')}", _CERTIFICATE_HINT
                    )
                )
            case socket.gaierror():
                what = f"could not resolve host of {proxy or origin}"
                return Failure(UnreachableError(what), unheard=True, transient=True)
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
                    UnreachableError(f"no {what} {way} within {waited:g} s"),
                    unheard=unheard,
                    transient=True,
                )
            case ssl.SSLError():
                why = (cause.reason or "handshake failed").replace("_", " ").lower()
                return Failure(UnreachableError(f"{way}: TLS failed: {why}"), transient=True)
            case OSError(errno=int()):
                why = reason(cause).lower()
                return Failure(UnreachableError(f"{way}: {why}"), unheard=unheard, transient=True)
            case OSError() if refusal := _TUNNEL.match(str(cause)):
                what = f"the proxy {proxy} refused to connect to {origin} ({refusal[1]})"
                busy = refusal[1].startswith("5")
                return Failure(UnreachableError(what), unheard=busy, transient=busy)
    return Failure(UnreachableError(f"the exchange with {way} failed"), unheard, transient=True)


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
