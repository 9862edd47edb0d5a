"""A netrc with comments, macros and quotes keeps all other entries, as others than we read it."""

from __future__ import annotations

import base64
import netrc as pythons
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from credhelper.errors import RequestError
from credhelper.tokenfile import netrc, netrc_readers

HOST, TOKEN = "files.example", "t0k.en"
ENTRY = f"machine {HOST}\nlogin oauth2\npassword {TOKEN}"
QUICK = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def read(text: str, folder: Path) -> dict[str, tuple[str, ...]] | None:
    """Return what Python's own reader finds, None if it cannot read it."""
    path = folder / "netrc"
    path.write_text(text)
    try:
        return {name: tuple(entry) for name, entry in pythons.netrc(str(path)).hosts.items()}
    except pythons.NetrcParseError:
        return None


@pytest.mark.parametrize(
    "before",
    [
        "machine a.example login me password pw # machine git.example login oauth2 password old\n",
        f"machine a.example login me password pw # machine {HOST} login oauth2 password old\n",
        f"machine {HOST} login oauth2 # mine\n  password OLD # c\nmachine o login a password b\n",
        f"machine {HOST} # work\n  login oauth2\n  password OLD\nmachine o login a password b\n",
        f"machine o login a password b\nmacdef x\nmachine {HOST} login oauth2 password p\n\n",
        f"machine {HOST} login oauth2 password OLD\nmacdef x\nput a\n\nmachine o password b\n",
        f'machine o login a password "b \\" machine {HOST} login oauth2"\n',
        f'machine "{HOST}" login "oauth2" password "OLD"\nmachine o login a password b\n',
        f"machine {HOST}\n\tlogin oauth2\n\tpassword OLD\n\n#end\n# machine x password y\n",
        "machine o login a password b#c\n",
    ],
)
def test_all_other_entries_and_comments_stay(before: str, tmp_path: Path) -> None:
    there = read(before, tmp_path)
    assert there is not None
    after = netrc.with_entry(before, ENTRY)
    found = read(after, tmp_path)
    assert found is not None
    assert found.pop(HOST) == ("oauth2", "", TOKEN)
    there.pop(HOST, None)
    assert found == there
    assert [line.partition("#")[1:] for line in before.split("\n") if "#" in line] == [
        line.partition("#")[1:] for line in after.split("\n") if "#" in line
    ]
    assert netrc.with_entry(after, ENTRY) == after


@pytest.mark.parametrize(
    "before",
    [
        # A password that some read in the next line, and a comment that some take for one.
        f"machine {HOST} login oauth2 password\n #x\nmachine o login a password b\n",
        f"machine {HOST} login oauth2 password\nmachine o login a password b\n",
        # To curl and go no end of a macro; to Python none of a quote.
        'machine o login a password "b\n',
        "machine o login # password b\n",
        f"machine {HOST} user oauth2 password OLD\nmachine o login a password b\n",
    ],
)
def test_what_readers_would_take_apart_differently_is_left_alone(before: str) -> None:
    with pytest.raises(RequestError) as error:
        netrc.with_entry(before, ENTRY)
    assert error.value.hint


_PIECES = some.sampled_from(
    [
        "machine a", "machine b", f"machine {HOST}", "default", "login me", "login oauth2",
        "user oauth2", "password pw", 'password "p w"', 'password "machine"', "password #p",
        "account x", "# c", "#c machine z password q", "macdef m\nput x\nmachine b", "\n", "\n\n",
        "  ", "\t", "\r\n", "password", "x", '"', "\\", "machine",
    ]
)  # fmt: skip


@QUICK
@given(some.lists(_PIECES, max_size=14), some.booleans())
@example(["macdef m\nput x\nmachine b", "\r\n"], False)
def test_any_netrc_keeps_its_entries_or_is_left_alone(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], spaced: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    before = (" " if spaced else "\n").join(pieces)
    there = read(before, folder)
    try:
        by_us: netrc_readers.Found | None = netrc_readers.by_python(before)
    except ValueError:
        by_us = None
    assert (by_us is None) == (there is None)
    if there is not None and by_us is not None:
        entries = {"default" if one[0] == netrc_readers.DEFAULT else one[0]: one for one in by_us}
        assert {name: there[name] for name in there} == {
            name: one[1:] for name, one in entries.items() if name[0] != "\0"
        }
    try:
        after = netrc.with_entry(before, ENTRY)
    except RequestError:
        return
    found = read(after, folder)
    if there is not None:
        assert found is not None
        for name, one in there.items():
            assert name == HOST or found[name] == one
    for reader in (netrc_readers.by_curl, netrc_readers.by_go):
        assert (HOST, "oauth2", TOKEN) in reader(after)


class _Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        told = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.wfile.write(base64.b64decode(told))

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.skipif(shutil.which("curl", path="/usr/bin") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "before",
    [
        "machine a login me password pw # machine b login x password old\n"
        "machine b login c password q\n",
        "machine a login me password pw\nmacdef x\nmachine b login c password q\n\n",
        'machine a login "m e" password "p\\"w"\n\n# machine b password x\ndefault login d\n',
        f"machine {HOST} login oauth2 # mine\n  password OLD\nmachine a login me password pw\n",
    ],
)
def test_curl_sends_to_others_what_it_sent_before(before: str, tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    with HTTPServer(("127.0.0.1", 0), _Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()

        def sent(host: str, text: str) -> bytes:
            path.write_text(text)
            words = ["/usr/bin/curl", "-q", "-sS", "--noproxy", "*", "--netrc-file", str(path)]
            words += ["--connect-to", f"::127.0.0.1:{server.server_port}", f"http://{host}/"]
            return subprocess.run(words, capture_output=True, timeout=60, check=False).stdout

        after = netrc.with_entry(before, ENTRY)
        assert sent(HOST, after) == f"oauth2:{TOKEN}".encode()
        for host in ("a", "b", "c"):
            assert sent(host, after) == sent(host, before)
        server.shutdown()
