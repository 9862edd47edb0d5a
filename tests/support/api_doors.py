"""A door to a sandbox at which one refresh can be held: before it is heard, or with its answer."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.sandboxes import RunningSandbox

_PATIENCE = 60.0
REQUEST, ANSWER = "request", "answer"
_HOPS = ("host", "connection", "transfer-encoding")


class Door:
    """A door to a sandbox. Attributes: `url`; `heard`, the refreshes that the sandbox was asked.

    `hold` has the next refresh held: `REQUEST`, before the sandbox hears it; `ANSWER`, when it has
    answered. `held` is set while one is; `let_go` lets it go on, `drop` hangs up on it. `answered`
    is set once an answer was sent.
    """

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.held, self.answered = threading.Event(), threading.Event()
        self.heard = 0
        self._hold = ""
        self._go_on = threading.Event()
        self._dropped = False
        door, upstream = self, sandbox.url.partition("://")[2]

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True  # who asked is gone

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                refresh = self.path.partition("?")[0].endswith(":refresh")
                if refresh and not door._passes(REQUEST):
                    self.close_connection = True
                    return
                connection = http.client.HTTPConnection(upstream, timeout=_PATIENCE)
                headers = {
                    name: text for name, text in self.headers.items() if name.lower() not in _HOPS
                }
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                told = answer.read()
                connection.close()
                door.heard += refresh
                if refresh and not door._passes(ANSWER):
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, text in answer.getheaders():
                    if name.lower() not in (*_HOPS, "content-length"):
                        self.send_header(name, text)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)
                if refresh:
                    door.answered.set()

            do_GET = do_DELETE = do_POST  # noqa: N815  # as its base class names them

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self, what: str) -> None:
        """Hold the next refresh: `REQUEST` or `ANSWER`."""
        self.held.clear()
        self._go_on.clear()
        self._dropped, self._hold = False, what

    def wait(self) -> None:
        """Wait until a refresh is held."""
        assert self.held.wait(_PATIENCE), "no refresh came"

    def let_go(self) -> None:
        """Let the refresh that is held go on."""
        self._go_on.set()

    def drop(self) -> None:
        """Hang up on the refresh that is held."""
        self._dropped = True
        self._go_on.set()

    def stop(self) -> None:
        """Close the door."""
        self.drop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _passes(self, what: str) -> bool:
        """Hold what is to be held here; tell whether it goes on."""
        if self._hold != what:
            return True
        self._hold = ""
        self.held.set()
        assert self._go_on.wait(_PATIENCE)
        return not self._dropped
