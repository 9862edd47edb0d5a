"""Servers that say too much, too little, too slowly, or stand in another's place."""

from __future__ import annotations

import base64
import gzip
import os
import socket
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Served, answer
from tests.support.worlds import TIMEOUT, World, snapshot

TOKEN = b'{"access_token":"abc.def.ghi","token_type":"Bearer"}'


def _header(request: bytes, name: bytes) -> list[bytes]:
    head = request.partition(b"\r\n\r\n")[0]
    return [
        line.partition(b":")[2].strip()
        for line in head.split(b"\r\n")[1:]
        if line.partition(b":")[0].lower() == name
    ]


def _point_at(world: World, sandbox: RunningSandbox, url: str, **members: Any) -> None:
    world.configure(url, sandbox.api_key, main=members)


def huge_token(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A token that no header would carry is refused; one that just fits is kept and served."""
    running_sandbox.fault({"access_token": "a" * 70000})
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "longer than 65535 characters" in outcome.told
    assert not scratch_world.held()
    for path in scratch_world.failures():
        path.unlink()
    running_sandbox.fault({"access_token": "a" * 65535})
    for _ in range(2):
        outcome = scratch_world.run("get")
        assert (outcome.status, outcome.stdout) == (0, b"a" * 65535 + b"\n")
    assert running_sandbox.stats()["requests"] == 2


def huge_keys(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """Keys that some SDK could not read, or that nobody could, are not kept."""
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"aws": {"folder": "fol.a"}}
    )
    for size, why in ((8100, "SDKs read no more than 8 KiB"), (70_000, "is longer than")):
        keys = {
            "access_Key_Id": "ASIAX",
            "secret_Access_Key": "secret",
            "session_Token": "t" * size,
        }
        answer = {"objectStoreAccess": {"awsS3TemporaryUploadCredentials": keys}}
        running_sandbox.fault({"path": "/v1/folders", "json": answer})
        outcome = scratch_world.run("aws")
        assert (outcome.status, outcome.stdout) == (5, b"")
        assert why in outcome.told
        assert "tttt" not in outcome.told
        assert [fields["kind"] for fields in scratch_world.held()] == ["jwt"]
        for path in scratch_world.failures():
            path.unlink()


def netrc(content: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """Whatever a netrc says, it is never opened, and no Authorization comes of it."""
    path = scratch_world.home / ".netrc"
    if content == "FIFO":
        os.mkfifo(path, 0o600)  # whoever opens it waits for ever
    else:
        path.write_text(content)
    served = Served(lambda connection, _: connection.sendall(answer(201, TOKEN)))
    try:
        _point_at(scratch_world, running_sandbox, served.url)
        outcome = scratch_world.run("get", environ={"NETRC": str(path)})
    finally:
        served.stop()
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"abc.def.ghi\n", b"")
    (request,) = served.requests
    assert _header(request, b"authorization") == []
    assert _header(request, b"x-api-key") == [running_sandbox.api_key.encode()]


def spellings_of_one_api(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A slash, a base path or capitals make no other API, and so no other token."""
    port = running_sandbox.url.rpartition(":")[2]
    tokens = set()
    for url in (
        running_sandbox.url,
        f"{running_sandbox.url}/",
        f"{running_sandbox.url}/v1",
        f"{running_sandbox.url}/v1/",
        f"{running_sandbox.url}/ica/rest",
        f"HTTP://127.0.0.1:{port}",
    ):
        _point_at(scratch_world, running_sandbox, url)
        tokens.add(scratch_world.get())
    assert len(tokens) == len(scratch_world.records()) == 1
    assert running_sandbox.stats()["requests"] == 1


def proxy_refuses(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A proxy gets its own password and the host's name: no key, and its password is not shown."""
    password = "proxy-password-hunter2"
    scratch_world.canaries.append(password)
    served = Served(lambda connection, _: connection.sendall(answer(403)))
    try:
        _point_at(scratch_world, running_sandbox, "https://ica.example")
        proxy = served.url.replace("://", f"://somebody:{password}@")
        outcome = scratch_world.run("get", environ={"HTTPS_PROXY": proxy})
    finally:
        served.stop()
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert f"the proxy {served.url} refused" in outcome.told
    assert len(served.requests) == 1
    assert served.requests[0].startswith(b"CONNECT ica.example:443 ")
    assert _header(served.requests[0], b"proxy-authorization")
    assert running_sandbox.api_key.encode() not in served.requests[0]


def _stop_after_a_visit(server: Served) -> None:
    end = time.monotonic() + TIMEOUT
    while not server.visits and time.monotonic() < end:
        time.sleep(0.05)
    server.stop()


def proxy_bypassed(no_proxy: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """What `no_proxy` names is reached directly: the proxy hears nothing."""
    direct = Served(lambda connection, _: None)
    proxy = Served(lambda connection, _: connection.sendall(answer(403)))
    try:
        _point_at(scratch_world, running_sandbox, f"https://localhost:{direct.port}")
        direct_only = no_proxy.replace("%PORT%", str(direct.port))
        # What speaks no TLS is hung up on: all that counts is who was visited.
        threading.Thread(target=_stop_after_a_visit, args=(direct,), daemon=True).start()
        environ = {"HTTPS_PROXY": proxy.url, "NO_PROXY": direct_only}
        outcome = scratch_world.run("get", environ=environ)
    finally:
        direct.stop()
        proxy.stop()
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert direct.visits >= 1
    assert proxy.visits == 0


def socks_without_library(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A SOCKS proxy needs a library; without it there is advice, and no way around the proxy."""
    if find_spec("socks"):
        pytest.skip("PySocks is installed here")
    password = "proxy-password-hunter2"
    scratch_world.canaries.append(password)
    _point_at(scratch_world, running_sandbox, "https://ica.example")
    proxy = f"socks5://somebody:{password}@127.0.0.1:1"
    outcome = scratch_world.run("get", environ={"ALL_PROXY": proxy})
    assert (outcome.status, outcome.stdout) == (6, b"")
    assert "SOCKS library" in outcome.told
    assert "requests[socks]" in outcome.told


def deep_answer(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """JSON that nests without end is no answer, and no traceback."""
    running_sandbox.fault({"status": 201, "body": "[" * 200000})
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert not scratch_world.held()


def endless_answer(kind: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """An answer without end is left off early, in little memory."""
    sent = 0

    def speak(connection: socket.socket, _: bytes) -> None:
        nonlocal sent
        start, more = {
            "headers": (b"HTTP/1.1 201 Created\r\n", b"X-More: and more\r\n" * 1000),
            "header": (b"HTTP/1.1 201 Created\r\nX-More: ", b"a" * 65536),
            "chunks": (
                b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"10000\r\n" + b"a" * 65536 + b"\r\n",
            ),
            "interim": (b"", b"HTTP/1.1 103 Early Hints\r\nX-More: and more\r\n\r\n" * 100),
            "gzip": (
                b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\n\r\n",
                gzip.compress(b"a" * 10_000_000),
            ),
        }[kind]
        connection.sendall(start)
        while sent < 256 * 1024 * 1024:
            connection.sendall(more)
            sent += len(more)

    served = Served(speak)
    try:
        _point_at(scratch_world, running_sandbox, served.url)
        outcome = scratch_world.run("get")
    finally:
        served.stop()
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert sent < 32 * 1024 * 1024
    assert not scratch_world.held()


def clocks_differ(
    seconds: int, words: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """A server whose clock differs: its tokens are judged by its clock, and status tells."""
    running_sandbox.fault({"date": seconds})
    before = time.time()
    token = scratch_world.get()
    (held,) = scratch_world.held()
    assert abs(int(held["skew"]) - seconds) <= 2
    for _ in range(2):
        assert scratch_world.get("--min-ttl", "86000") == token
    told = scratch_world.run("status")
    assert told.status == 0
    assert words.encode() in told.stdout
    assert running_sandbox.stats()["created"] == 1
    # Whoever asks is told the end by this host's clock.
    asked = b"protocol=https\nhost=ica.example\n"
    answered = scratch_world.run("git", "get", stdin=asked).stdout.decode()
    end = int(answered.rpartition("password_expiry_utc=")[2])
    assert abs(end - (before + 86400 - 10)) < 60


def short_life(lifetime: int, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A margin never eats more than half of a short life: a hundred calls, one token."""
    running_sandbox.fault({"lifetime": lifetime, "times": "always"})
    asked = b"protocol=https\nhost=ica.example\n"
    tokens = {scratch_world.get() for _ in range(50)}
    tokens |= {scratch_world.run("git", "get", stdin=asked).token for _ in range(50)}
    assert len(tokens) == 1
    assert running_sandbox.stats()["created"] == 1


def impossible_life(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """More life than new tokens have: an error that says so, and not a token for each try."""
    running_sandbox.fault({"lifetime": 60, "times": "always"})
    for _ in range(5):
        outcome = scratch_world.run("get", "--min-ttl", "300")
        assert (outcome.status, outcome.stdout) == (5, b"")
        assert "new ones live only 60 s" in outcome.told
    assert running_sandbox.stats()["created"] == 1


def slow_servers(tmp_path: Path, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """Silence, a byte a second, a stall in the body: one deadline over all of an answer."""

    def silent(connection: socket.socket, _: bytes) -> None:
        connection.recv(1)

    def dripping(connection: socket.socket, _: bytes) -> None:
        for byte in answer(201, TOKEN):
            connection.sendall(bytes([byte]))
            time.sleep(1)

    def stalling(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(201, TOKEN)[:-20])
        connection.recv(1)

    served = [Served(handler) for handler in (silent, dripping, stalling)]
    worlds, asking = [], []
    try:
        for number, server in enumerate(served):
            root = tmp_path / f"world-{number}"
            root.mkdir()
            worlds.append(World(root))
            worlds[-1].configure(server.url, running_sandbox.api_key)
            asking.append(worlds[-1].start("get"))
        # Meanwhile the profile of another API is answered at once.
        assert scratch_world.get()
        for world, process in zip(worlds, asking, strict=True):
            outcome = world.finish(process)
            assert (outcome.status, outcome.stdout) == (5, b"")
            assert "within 20 s" in outcome.told, outcome
            assert not world.held()
    finally:
        for server in served:
            server.stop()


def nobody_listens(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """The API is gone: a token that lives is served, with a warning; an expired one is not."""
    served = Served(lambda connection, _: connection.sendall(answer(201, TOKEN)))
    try:
        _point_at(scratch_world, running_sandbox, served.url)
        assert scratch_world.run("get").status == 0
    finally:
        served.stop()
    scratch_world.age(300 - 30)  # a token that does not tell is believed for five minutes
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (0, b"abc.def.ghi\n")
    assert outcome.told.startswith("credhelper: warning: could not renew profile main")
    scratch_world.age(60)
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (5, b"")


def definite_no(status: int, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """No is no: asked once, remembered for a moment, and other profiles are not touched."""
    key = scratch_world.root / "other-key"
    other = {"grant": {"file": str(key)}, "services": ["https://other.example"]}
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main={}, other=other)
    scratch_world.secret_file("other-key", running_sandbox.api_key)
    token = scratch_world.get("https://other.example")
    before = scratch_world.held()
    running_sandbox.fault({"status": status, "times": "always"})
    running_sandbox.count_from_here()
    for _ in range(3):
        outcome = scratch_world.run("get", "https://ica.example")
        assert (outcome.status, outcome.stdout) == (5, b"")
        assert f"answered {status}" in outcome.told
    assert running_sandbox.stats()["requests"] == 1
    assert scratch_world.held() == before
    assert scratch_world.get("https://other.example") == token


def echoed_key(how: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A server that echoes the key in another spelling: no spelling of it is shown."""
    key = running_sandbox.api_key
    spelled = {
        "upper": key.upper(),
        "base64": base64.b64encode(key.encode()).decode(),
        "hexadecimal": key.encode().hex(),
        "percent": "".join(f"%{byte:02X}" for byte in key.encode()),
    }[how]
    assert spelled not in (key, quote(key))
    running_sandbox.fault({"status": 401, "json": {"message": f"what is {spelled}?"}})
    scratch_world.canaries.append(spelled)
    outcome = scratch_world.run("get")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "answered 401" in outcome.told


def cookies(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A cookie is neither sent back nor kept anywhere."""
    served = Served(
        lambda connection, _: connection.sendall(
            answer(201, TOKEN, "Set-Cookie: tracked=yes-you-are; Path=/; Max-Age=99999")
        )
    )
    try:
        _point_at(scratch_world, running_sandbox, served.url)
        for _ in range(2):
            assert scratch_world.run("get").stdout == b"abc.def.ghi\n"
            scratch_world.age(90000)
    finally:
        served.stop()
    assert len(served.requests) == 2
    assert _header(served.requests[1], b"cookie") == []
    assert not any("tracked" in str(entry) for entry in snapshot(scratch_world.root).values())


def early_hints(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """Interim answers are passed over, whatever they hold."""
    hints = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
    )
    served = Served(lambda connection, _: connection.sendall(hints + answer(201, TOKEN)))
    try:
        _point_at(scratch_world, running_sandbox, served.url)
        outcome = scratch_world.run("get")
    finally:
        served.stop()
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"abc.def.ghi\n", b"")


def logout(
    fault: dict[str, Any],
    words: str,
    confirmed: bool,
    scratch_world: World,
    running_sandbox: RunningSandbox,
) -> None:
    """Whatever the server says to a logout, it is forgotten here; the status tells the rest."""
    scratch_world.prepare()
    if fault:
        running_sandbox.fault({"path": "/v1/tokens", "method": "DELETE", **fault})
    outcome = scratch_world.run("logout")
    assert (outcome.status == 0) is confirmed, outcome
    assert words.encode() in outcome.stdout
    assert not scratch_world.held()


def logout_without_an_answer(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A server that is silent: forgotten here all the same, after the call's own deadline."""
    scratch_world.prepare()
    running_sandbox.fault({"method": "DELETE", "hang": True, "times": "always"})
    outcome = scratch_world.run("logout")
    assert outcome.status == 5
    assert b"NOT confirmed" in outcome.stdout
    assert not scratch_world.held()
