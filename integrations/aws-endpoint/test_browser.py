"""A hostile page in a real browser against the endpoint's port: it reads nothing, by any way."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.agent.conftest import FOR
from tests.agent.endpoints import Running
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

HERE = Path(__file__).parent
PAGE = HERE / "hostile.html"
# All names are this machine: what an attacker's own name server answers in the end.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * 127.0.0.1",
)


class Site:
    """A hostile web site on loopback. Attributes: `port`; `told`, what its page reported."""

    def __init__(self, text: str, stack: ExitStack) -> None:
        self.told: dict[str, str] | None = None
        self._reported = threading.Event()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(text.encode())

            def do_POST(self) -> None:
                site.told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()
                site._reported.set()

            def log_message(self, *words: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(server.server_close)
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        self.port: int = server.server_address[1]

    def report(self) -> dict[str, str]:
        """Return what each way of the page came to."""
        assert self._reported.wait(60), "the page reported nothing"
        assert self.told is not None
        return self.told


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    sandbox = RunningSandbox()
    world = World(tmp_path)
    world.configure(sandbox.url, sandbox.api_key, main=FOR)
    found = Running(world)
    yield found
    found.finish()
    sandbox.stop()


@pytest.fixture
def chromium(tmp_path: Path) -> list[str]:
    """Give this test the words that start a browser."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")
    return [program, *OPTIONS, f"--user-data-dir={tmp_path / 'chromium'}"]


@pytest.mark.parametrize("knows", [False, True], ids=["a guess", "the token itself"])
def test_a_page_of_another_site_reads_nothing(
    running: Running, chromium: list[str], knows: bool
) -> None:
    token = running.token if knows else "guess"
    text = PAGE.read_text().replace("ENDPOINT", running.uri).replace("TOKEN", token)
    with ExitStack() as stack:
        site = Site(text, stack)
        browser = subprocess.Popen(
            [*chromium, f"http://evil.example:{site.port}/"], stderr=subprocess.DEVNULL
        )
        stack.callback(browser.wait)
        stack.callback(browser.terminate)
        told = site.report()
    assert set(told) == {"plain", "no-cors", "with the token", "script", "image", "frame"}
    for way, what in told.items():
        assert "ASIA" not in what and "SecretAccessKey" not in what, way
        assert what.startswith("nothing"), (way, what)
    assert running.keys()[0] == 200


def test_a_name_that_was_bound_to_the_endpoint_is_refused(
    running: Running, chromium: list[str]
) -> None:
    # The page's origin is the endpoint's port, so the browser would let a script read the answer.
    words = [*chromium, "--dump-dom", f"http://evil.example:{running.port}/credentials"]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=60).stdout
    assert "AccessDenied" in shown
    assert "SecretAccessKey" not in shown
    assert running.keys()[0] == 200
