"""HTTP calls to one origin, each with a deadline over all of its attempts.

A secret goes to the configured origin or nowhere, and comes back in no message. `session` says what
requests may not do, `trust` and `proxy` say whom to trust and which way to go.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from urllib.parse import quote, urlencode

import requests

from credhelper.client.http import answers, failures
from credhelper.client.http.answers import PORTAL_HINT, Response
from credhelper.client.http.failures import Failure
from credhelper.client.http.proxy import proxy_for
from credhelper.client.http.session import new_session
from credhelper.client.http.trust import context_for
from credhelper.client.http.within import WORKER, within
from credhelper.core.flock import Allowance
from credhelper.core.model import Secret
from credhelper.core.service import parse
from credhelper.errors import ConfigError, MalformedAnswerError, RequestError, UnreachableError

DEADLINE = 20.0
LARGEST_ANSWER = 1 << 20

_CONNECT_TIMEOUT = 5.0
_ATTEMPTS = 3
_FIRST_PAUSE = 0.3
_CHUNK = 1 << 16
_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.response",
    "urllib3.util.retry",
)


class Transport:
    """Calls to one base URL.

    Parameters:
    - base_url: https, or http to a literal loopback address.
    - environ: where proxies and authorities may be named.
    - user_agent: how we name ourselves.
    - ca_file: the configured authorities.
    - deadline: seconds for a whole call with all its attempts.
    - allowance: what all calls of several transports may take together; None for no bound.
    - waiting: is open during each call; takes what is waited for, in words, and the seconds that
      the call may take.
    - clock: Unix seconds.
    - monotonic, sleep, jitter: for waiting; `jitter` gives 0 to 1.

    Raises ConfigError.
    """

    def __init__(
        self,
        base_url: str,
        *,
        environ: Mapping[str, str],
        user_agent: str,
        ca_file: str | None = None,
        deadline: float = DEADLINE,
        allowance: Allowance | None = None,
        waiting: Callable[[str, float], AbstractContextManager[None]] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        try:
            service = parse(base_url)
        except RequestError as error:
            raise ConfigError(f"the API's url is wrong: {error.message}") from None
        self.origin = service.origin
        self._base = str(service)
        self._deadline = self._limit = deadline
        self._allowance = allowance
        self._waiting = waiting or (lambda what, limit: nullcontext())
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._jitter = jitter
        self._proxy = proxy_for(service, environ)
        context = context_for(ca_file, environ) if service.scheme == "https" else None
        self._session = new_session(user_agent, context, self._proxy)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_not_ours)

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, object] | None = None,
        secrets: Sequence[Secret] = (),
        idempotent: bool = False,
    ) -> Response:
        """Return the answer (2xx) to one call, within the deadline.

        Parameters:
        - path: after the base URL.
        - headers, query: beside our own.
        - body: sent as JSON.
        - secrets: all that must not come back in a message.
        - idempotent: whether the call may be made again when an earlier one may have been heard.

        Raises UnreachableError, RateLimitedError, RejectedError or MalformedAnswerError;
        ConfigError for values that cannot travel.
        """
        try:
            request = self._prepared(method, path, headers or {}, query, body)
        finally:
            del headers, query, body  # tools that report errors record what is in a frame
        hidden = (*secrets, *(self._proxy.secrets if self._proxy else ()))
        began = self._monotonic()
        if self._allowance is not None:
            self._limit = min(self._deadline, self._allowance.left)
        try:
            with self._waiting(f"waiting for {self.origin}", self._limit):
                return self._called(request, began + self._limit, hidden, idempotent=idempotent)
        finally:
            if self._allowance is not None:
                self._allowance.spend(self._monotonic() - began)

    def _called(
        self,
        request: requests.PreparedRequest,
        ends: float,
        hidden: Sequence[Secret],
        *,
        idempotent: bool,
    ) -> Response:
        attempt = 1
        while True:
            outcome = self._within(ends, lambda: self._exchange(request, ends, hidden))
            if isinstance(outcome, Response):
                return outcome
            pause = _FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + self._jitter())
            pause = max(pause, outcome.error.retry_after or 0)
            again = outcome.unheard or (outcome.transient and idempotent)
            if not again or attempt == _ATTEMPTS or self._monotonic() + pause >= ends:
                raise outcome.error
            self._sleep(pause)
            attempt += 1

    def _prepared(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]],
        body: Mapping[str, object] | None,
    ) -> requests.PreparedRequest:
        try:
            encoded = urlencode(query, quote_via=quote)
            data = None
            if body is not None:
                data = json.dumps(dict(body)).encode("ascii")
                headers = {**headers, "Content-Type": "application/json"}
            url = f"{self._base}{path}" + (f"?{encoded}" if encoded else "")
            return self._session.prepare_request(
                requests.Request(method, url, headers=dict(headers), data=data)
            )
        except UnicodeEncodeError:
            raise ConfigError("a parameter of the call is not valid Unicode text") from None
        finally:
            encoded, url, data = "", "", None
            del headers, query, body

    def _within(self, ends: float, work: Callable[[], Response | Failure]) -> Response | Failure:
        try:
            done = within(ends - self._monotonic(), work)
        except RuntimeError:
            what = f"could not ask {self.origin}: no more threads may be started"
            return Failure(UnreachableError(what))
        return done or self._too_late()

    def _too_late(self) -> Failure:
        what = f"no answer from {self.origin} within {self._limit:.3g} s"
        return Failure(UnreachableError(what, failures.hint_of_way(self._proxy is not None)))

    def _exchange(
        self, request: requests.PreparedRequest, ends: float, hidden: Sequence[Secret]
    ) -> Response | Failure:
        left = ends - self._monotonic()
        if left <= 0:
            return self._too_late()
        sent = self._clock()
        try:
            response = self._session.send(
                request,
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT_TIMEOUT, left), left),
            )
        except failures.NETWORK as error:
            return self._explained(error, ends)
        received = self._clock()
        try:
            if not 200 <= response.status_code < 300:
                return self._refusal(response, hidden)
            try:
                body = self._body(response)
            except MalformedAnswerError as error:
                return Failure(error)
            except failures.NETWORK as error:
                return self._explained(error, ends)
        finally:
            with suppress(*failures.NETWORK):
                response.close()
        skew = answers.skew(response.headers.get("Date"), sent, received)
        return Response(self.origin, response.status_code, body, skew)

    def _refusal(self, response: requests.Response, hidden: Sequence[Secret]) -> Failure:
        # The status is the news. What else was said is welcome, if it can be read.
        try:
            body = self._body(response)
        except (MalformedAnswerError, *failures.NETWORK):
            body = b""
        request = response.request
        return answers.refusal(
            f"{request.method} {self.origin}{request.path_url.partition('?')[0]}",
            response.status_code,
            response.headers,
            body,
            hidden=hidden,
            now=self._clock(),
        )

    def _body(self, response: requests.Response) -> bytes:
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            raise self._unusable(response, "a content encoding that we did not ask for")
        body = bytearray()
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise self._unusable(response, f"more than {LARGEST_ANSWER} bytes")
        return bytes(body)

    def _unusable(self, response: requests.Response, what: str) -> MalformedAnswerError:
        status = response.status_code
        return MalformedAnswerError(
            f"{self.origin} answered {status} with {what}", PORTAL_HINT, status=status
        )

    def _explained(self, error: Exception, ends: float) -> Failure:
        late = self._monotonic() >= ends
        return failures.explain(
            error,
            self.origin,
            self._proxy.name if self._proxy else None,
            round(self._limit, 1) if late else _CONNECT_TIMEOUT,
        )


def _not_ours(record: logging.LogRecord) -> bool:
    # urllib3 logs request lines with their query, and headers that it cannot parse.
    return record.threadName != WORKER
