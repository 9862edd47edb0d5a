"""Hosts as network namespaces: each with a hostname and a network of its own, over one bridge.

All of them, the bridge too, are in namespaces of the test: the machine's own network stays as it
is, and everything is gone when the processes that hold them end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

_NETWORK = "10.77.0"
BRIDGE = f"{_NETWORK}.1"  # its own address, where doors are
_BARE = ("unshare", "--net", "--uts")
_USERS = ("--user", "--map-root-user")
_HUB = f"""
ip link set lo up
ip link add bridge type bridge
ip address add {BRIDGE}/24 dev bridge
ip link set bridge up
echo; exec cat
"""
_HOST = """
hostname "$0"
echo; read -r _
ip link set lo up
ip address add "$1" dev eth0
ip link set eth0 up
echo; exec cat
"""
_TRIED = """
hostname x
ip link add one type bridge
ip link add two type veth peer name other
"""
# Gives the socket that listens to its parent: a socket stays in the network where it was made.
_LISTEN = """
import socket, sys
listener = socket.create_server((sys.argv[1], 0), backlog=128)
socket.send_fds(socket.socket(fileno=int(sys.argv[2])), [b"."], [listener.fileno()])
"""


class Bridge:
    """A bridge, to which hosts are plugged.

    Parameters: `stack`, which ends all of it. Skips the test where no namespaces are to be had.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._count = 1
        self._apart = _spaces()
        self._hub = self._held([*self._apart, "sh", "-ec", _HUB])

    def host(self, name: str) -> list[str]:
        """Plug another host in; return the words that run a program there.

        Parameters: `name`, its hostname.
        """
        self._count += 1
        address, there = f"{_NETWORK}.{self._count}/24", self._into(self._hub, uts=False)
        host = self._held([*there, *_BARE, "sh", "-ec", _HOST, name, address])
        port = f"port-{self._count}"
        pair = ["type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
        for words in (["add", port, *pair], ["set", port, "master", "bridge", "up"]):
            run(there, "ip", "link", *words)
        _say(host)
        return self._into(host)

    def door(self, port: int, context: ssl.SSLContext) -> int:
        """Open a port at the bridge's address that leads, without its TLS, to one of loopback."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            there = [*self._into(self._hub), sys.executable, "-c", _LISTEN, BRIDGE]
            number = theirs.fileno()
            subprocess.run([*there, str(number)], check=True, pass_fds=[number])
            _, (given,), _, _ = socket.recv_fds(ours, 1, 1)
        listener = socket.socket(fileno=given)
        loop = asyncio.new_event_loop()
        serving = loop.create_task(_serve(listener, port, context))
        thread = threading.Thread(target=_until_ended, args=(loop, serving))
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(lambda: loop.call_soon_threadsafe(serving.cancel))
        return int(listener.getsockname()[1])

    def _into(self, process: subprocess.Popen[bytes], *, uts: bool = True) -> list[str]:
        words = ["nsenter", "--target", str(process.pid), "--net", *(["--uts"] if uts else [])]
        return [*words, *(["--user", "--preserve-credentials"] if "--user" in self._apart else [])]

    def _held(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start what holds a namespace until its stdin ends, and wait until it is there."""
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environ()
        )
        self._stack.callback(process.communicate)
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n", words
        return process


def run(there: Sequence[str], *words: str) -> str:
    """Run a program of the system in a namespace; returns what it prints.

    Parameters: `there`, as `Bridge.host` returns it.
    """
    return subprocess.run(
        [*there, *words], env=_environ(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def _environ() -> dict[str, str]:
    # `ip` is where only root looks for programs.
    return {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LANG": "C.UTF-8"}


def _spaces() -> list[str]:
    """Return the words that run a program in namespaces of its own; skip the test without them."""
    tried = ["sh", "-ec", _TRIED]
    told = ""
    for more in ((), _USERS):
        words = [*_BARE, *more]
        try:
            done = subprocess.run([*words, *tried], capture_output=True, text=True, env=_environ())
        except FileNotFoundError as error:
            pytest.skip(f"no network namespaces are to be had here: {error}")
        if done.returncode == 0:
            return words
        told = told or done.stderr.strip()
    pytest.skip(f"no network namespaces are to be had here: {told}")


def _say(process: subprocess.Popen[bytes]) -> None:
    """Let a process go on that reads a line, and wait for its own."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"\n"


def _until_ended(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(serving)
    loop.close()


async def _serve(listener: socket.socket, port: int, context: ssl.SSLContext) -> None:
    """Hand on what comes in, for ever."""

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(hand_on, sock=listener, ssl=context)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()  # whoever hangs up has had all that it wanted
