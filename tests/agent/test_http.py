"""Requests at the endpoint as bytes: one is served, and all others are refused alike."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.agent import http
from credhelper.core.model import Secret

HOST = "127.0.0.1:40001"
TOKEN = "a-token-of-forty-characters-or-so_0123456"
GOOD = (
    f"GET /credentials HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {TOKEN}\r\nAccept: */*\r\n\r\n"
).encode()
# As the SDKs send them; the values of the others do not count.
SERVED = [
    GOOD,
    GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"),
    GOOD.replace(b"Host", b"hOsT").replace(b"Authorization", b"authorization"),
    GOOD.replace(b"Authorization: ", b"Authorization:"),
    GOOD.replace(b"Authorization: ", b"Authorization: \t ").replace(b"\r\nAccept", b" \r\nAccept"),
    GOOD.replace(b"\r\n\r\n", b"\r\nUser-Agent: aws-sdk-js/3 \xc3\xa4\r\n\r\n"),
    GOOD.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"),
    GOOD.replace(b"\r\n\r\n", b"\r\nsec-fetch-mode: cors\r\n\r\n"),  # node's fetch
    GOOD.replace(b"\r\n\r\n", b"\r\nX-Empty:\r\n\r\n"),
    GOOD.replace(b"*/*", b"a" * (8192 - len(GOOD) + 3)),
]
HEADER = b"\r\n\r\n"
REFUSED = {
    "another host, as after DNS rebinding": GOOD.replace(HOST.encode(), b"evil.example:40001"),
    "localhost": GOOD.replace(HOST.encode(), b"localhost:40001"),
    "another port": GOOD.replace(b"40001", b"40002"),
    "no port": GOOD.replace(b":40001", b""),
    "the host in another form": GOOD.replace(b"127.0.0.1", b"127.1"),
    "no host": GOOD.replace(f"Host: {HOST}\r\n".encode(), b""),
    "two hosts": GOOD.replace(HEADER, b"\r\nHost: evil.example\r\n\r\n"),
    "the same host twice": GOOD.replace(HEADER, f"\r\nHost: {HOST}\r\n\r\n".encode()),
    "no token": GOOD.replace(f"Authorization: {TOKEN}\r\n".encode(), b""),
    "an empty token": GOOD.replace(TOKEN.encode(), b""),
    "another token": GOOD.replace(TOKEN.encode(), b"guess"),
    "more than the token": GOOD.replace(TOKEN.encode(), f"{TOKEN}x".encode()),
    "less than the token": GOOD.replace(TOKEN.encode(), TOKEN[:-1].encode()),
    "a Bearer token": GOOD.replace(TOKEN.encode(), f"Bearer {TOKEN}".encode()),
    "the token twice": GOOD.replace(HEADER, f"\r\nAuthorization: {TOKEN}\r\n\r\n".encode()),
    "the token elsewhere": GOOD.replace(b"Authorization", b"X-Authorization"),
    "a token that is no text": GOOD.replace(TOKEN.encode(), b"\xff\xfe"),
    "a page of another site": GOOD.replace(HEADER, b"\r\nOrigin: https://evil.example\r\n\r\n"),
    "a page of no site": GOOD.replace(HEADER, b"\r\norigin: null\r\n\r\n"),
    "a form": GOOD.replace(b"GET", b"POST"),
    "a question before a request": GOOD.replace(b"GET", b"OPTIONS"),
    "HEAD": GOOD.replace(b"GET", b"HEAD"),
    "a method in small letters": GOOD.replace(b"GET", b"get"),
    "another path": GOOD.replace(b"/credentials", b"/"),
    "a path below": GOOD.replace(b"/credentials", b"/credentials/"),
    "a query": GOOD.replace(b"/credentials", b"/credentials?"),
    "a fragment": GOOD.replace(b"/credentials", b"/credentials#x"),
    "two slashes": GOOD.replace(b"/credentials", b"//credentials"),
    "an escape": GOOD.replace(b"/credentials", b"/%63redentials"),
    "dots": GOOD.replace(b"/credentials", b"/x/../credentials"),
    "a whole URL": GOOD.replace(b"/credentials", f"http://{HOST}/credentials".encode()),
    "a tunnel": GOOD.replace(b"GET /credentials", f"CONNECT {HOST}".encode()),
    "another version": GOOD.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /credentials\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a space more": GOOD.replace(b"GET ", b"GET  "),
    "a line before": b"\r\n" + GOOD,
    "a line that goes on": GOOD.replace(b"Accept:", b"Accept: a\r\n b"),
    "a token on a line that goes on": GOOD.replace(b"Authorization: ", b"Authorization:\r\n "),
    "a name with a space behind": GOOD.replace(b"Host:", b"Host :"),
    "a line without a colon": GOOD.replace(b"Accept: */*", b"Accept"),
    "a line without a name": GOOD.replace(b"Accept:", b":"),
    "a NUL in a value": GOOD.replace(b"*/*", b"\0"),
    "a NUL behind the token": GOOD.replace(TOKEN.encode(), f"{TOKEN}\0".encode()),
    "an escape character": GOOD.replace(b"*/*", b"\x1b[0m"),
    "DEL": GOOD.replace(b"*/*", b"\x7f"),
    "a line feed alone": GOOD.replace(b"\r\nAccept", b"\nAccept"),
    "line feeds alone": GOOD.replace(b"\r", b""),
    "a carriage return alone": GOOD.replace(b"*/*", b"a\rb"),
    "a carriage return too many": GOOD.replace(b"\r\nAccept", b"\r\r\nAccept"),
    "a body": GOOD + b"x",
    "another request behind": GOOD + GOOD,
    "a body that is announced": GOOD.replace(HEADER, b"\r\nContent-Length: 1\r\n\r\n"),
    "a body in chunks": GOOD.replace(HEADER, b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "lengths that differ": GOOD.replace(
        HEADER, b"\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"
    ),
    "a head one byte too long": GOOD.replace(b"*/*", b"a" * (8192 - len(GOOD) + 4)),
    "a head of 1 MiB": GOOD.replace(b"*/*", b"a" * (1 << 20)),
    "a line of 1 MiB": b"GET /" + b"a" * (1 << 20),
}


def judge(data: bytes) -> bool | None:
    return http.judge(data, HOST, Secret(TOKEN))


@pytest.mark.parametrize("request_", SERVED)
def test_a_request_of_an_sdk_is_served(request_: bytes) -> None:
    assert judge(request_) is True


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_request_is_refused(name: str) -> None:
    assert REFUSED[name] != GOOD
    assert judge(REFUSED[name]) is False


@pytest.mark.parametrize("request_", SERVED)
def test_a_request_that_comes_in_pieces_is_waited_for(request_: bytes) -> None:
    assert {judge(request_[:end]) for end in range(len(request_))} == {None}


@pytest.mark.parametrize("name", REFUSED)
def test_no_beginning_of_another_request_is_served(name: str) -> None:
    begun = REFUSED[name][:9000]
    served = [end for end in range(0, len(begun), 1 + len(begun) // 700) if judge(begun[:end])]
    # A request that is whole is served, whatever comes behind: that had not come yet.
    assert all(begun[:end] == GOOD for end in served)


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_never_served(data: bytes) -> None:
    assert not judge(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_byte_that_is_another_one_is_refused_or_means_nothing(at: int, byte: int) -> None:
    changed = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    if judge(changed):
        # Cases of names, the blank before a value, and what is said of types.
        assert changed.lower().replace(b"\t", b" ") == GOOD.lower() or at >= GOOD.index(b"Accept")


@pytest.mark.parametrize("reply", [http.REFUSAL, http.failure("503 X", "Code", 'a "b"\n')])
def test_an_answer_is_whole_and_no_browser_keeps_or_shares_it(reply: bytes) -> None:
    head, _, body = reply.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ") for line in head.split(b"\r\n")[1:])
    assert int(fields[b"Content-Length"]) == len(body)
    assert fields[b"Cache-Control"] == b"no-store"
    assert not any(name.startswith(b"Access-Control") for name in fields)
    assert set(json.loads(body)) == {"Code", "Message"}
