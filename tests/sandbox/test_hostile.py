"""What a client should not send: the sandbox answers in its API's words, or hangs up."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable

import pytest

from credhelper.sandbox.server import Sandbox

Raw = Callable[[bytes], bytes]
HEAD = b"POST /v1/tokens:refresh HTTP/1.1\r\nHost: x\r\n"


def statuses(heard: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: +1\r\n\r\nx", 400),
        (HEAD + b"Content-Length: 1_0\r\n\r\n", 400),
        (HEAD + b"Content-Length: x\r\n\r\n", 400),
        (HEAD + b"Content-Length:\r\n\r\n", 400),
        (HEAD + b"Content-Length: \xb2\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (HEAD + b"Content-Length: 1048577\r\n\r\n", 413),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET /%ff HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/health%00 HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/%0d%0aX:y HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n", 400),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_once(raw: Raw, sent: bytes, status: int) -> None:
    heard = raw(sent)
    assert statuses(heard) == [status]
    assert b'"details": []' in heard
    assert b"Connection: close\r\n" in heard


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Content-Length: 1048577", 413),
        (b"Content-Length: x", 400),
        (b"Transfer-Encoding: chunked", 501),
        (b"A: " + b"b" * 70_000, 431),
    ],
)
def test_v2_refuses_what_makes_no_sense_in_its_own_words(
    raw: Raw, line: bytes, status: int
) -> None:
    heard = raw(b"POST /ica/rest/api/tokens?tenant=x HTTP/1.1\r\n" + line + b"\r\n\r\n")
    assert statuses(heard) == [status]
    assert b"\r\nContent-Type: application/problem+json\r\n" in heard
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["timestamp"] == "2027-01-15T08:00:00Z"


def test_a_body_cut_short_is_not_answered(raw: Raw) -> None:
    assert raw(HEAD + b"Content-Length: 10\r\n\r\nshort") == b""


def test_an_oversized_body_is_refused_before_it_has_come(sandbox: Sandbox) -> None:
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    size = 8 << 20
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(HEAD + f"Content-Length: {size}\r\n\r\n".encode())
        line.sendall(b"x" * size)
        line.shutdown(socket.SHUT_WR)
        assert statuses(line.recv(4096)) == [413]


def test_a_body_of_exactly_the_limit_is_read(raw: Raw, session: str) -> None:
    text = b'{"access_token": "%s"}' % session.encode()
    text += b" " * ((1 << 20) - len(text))
    sent = HEAD + b"Content-Type: text/json\r\nAuthorization: Bearer %s\r\n" % session.encode()
    assert statuses(raw(sent + b"Content-Length: 1048576\r\n\r\n" + text)) == [201]


def test_a_client_that_leaves_before_its_line_is_over_is_not_answered(raw: Raw) -> None:
    assert raw(b"") == b""
    assert raw(b"GET /v1/hea") == b""


def test_the_absolute_form_of_a_target_is_understood(raw: Raw) -> None:
    assert statuses(raw(b"GET http://any.example/v1/health HTTP/1.1\r\n\r\n")) == [200]
    assert statuses(raw(b"GET http://any.example HTTP/1.1\r\n\r\n")) == [404]


def test_an_expected_continue_is_given(raw: Raw, session: str) -> None:
    body = b'{"access_token": "%s"}' % session.encode()
    head = HEAD + b"Expect: 100-continue\r\nContent-Type: text/json\r\n"
    head += b"Authorization: bearer %s\r\nContent-Length: %d\r\n\r\n" % (
        session.encode(),
        len(body),
    )
    assert statuses(raw(head + body)) == [100, 201]


def test_an_old_client_gets_its_connection_closed(raw: Raw) -> None:
    heard = raw(b"GET /v1/health HTTP/1.0\r\n\r\nGET /v1/health HTTP/1.0\r\n\r\n")
    assert statuses(heard) == [200]


def test_a_head_answer_has_no_body(raw: Raw) -> None:
    heard = raw(b"HEAD /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert statuses(heard) == [405]
    assert heard.endswith(b"\r\n\r\n")


def test_nothing_is_said_on_stderr(raw: Raw, capfd: pytest.CaptureFixture[str]) -> None:
    raw(b"nonsense\r\n\r\n")
    raw(HEAD + b"Content-Length: 10\r\n\r\nshort")
    assert capfd.readouterr() == ("", "")


def test_headers_and_body_come_in_one_write(sandbox: Sandbox) -> None:
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        for _ in range(20):
            line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = line.recv(1 << 16).partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length
            assert len(body) == int(length[1])
