"""Targets for each protocol: a call with its words, variables and stdin, and where it leads.

An input is a head, RS, and stdin. The head is words with US between them; one that begins with `$`
is a variable, `$NAME=value`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from credhelper import protocols
from credhelper.core import lookup, service
from credhelper.core.model import Call, Credential, Reply, Request, Secret
from credhelper.errors import CredhelperError
from tests.fuzz.known_routes import ROUTES
from tests.fuzz.target import Target
from tests.support.transcripts import FILES, OURS, QUESTIONS, STRANGER, Question

if TYPE_CHECKING:
    from credhelper.protocols import Protocol

_HEAD_END, _WORD_END = b"\x1e", b"\x1f"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.canary-c2ln"  # made up, and looked for
# Somebody named our host, and nothing stands beside it that would make another one of it.
_NAMED = re.compile(rb"(?<![\w.-])%b(?::443)?(?![\w.@%%:\\-])" % re.escape(OURS.encode()), re.I)
_ACTIONS = {
    *("get", "store", "erase", "list", "forget", "capability", "version", "message", "ignored"),
}
_MOST_LINES = 8


def targets() -> Iterator[Target]:
    """Yield a target for each protocol."""
    for name in protocols.PROTOCOLS:
        yield Target(f"protocol-{name}", _run(protocols.load(name)), _seeds(name), _words(name))


def packed(question: Question) -> bytes:
    """Return a question as an input."""
    head = [*question.words[1:], *(f"${name}={value}" for name, value in question.environ.items())]
    return _WORD_END.join(map(os.fsencode, head)) + _HEAD_END + question.stdin


def unpacked(data: bytes) -> tuple[list[str], dict[str, str], bytes]:
    """Return the words, variables and stdin of an input."""
    head, _, stdin = data.partition(_HEAD_END)
    words: list[str] = []
    environ = {"HOME": "/home/ann"}
    # As a process is given them: a NUL ends each.
    for word in [one.partition(b"\0")[0] for one in head.split(_WORD_END)] if head else []:
        name, equals, value = os.fsdecode(word[1:]).partition("=")
        if word[:1] == b"$" and name and equals:
            environ[name] = value
        else:
            words.append(os.fsdecode(word))
    return words, environ, stdin


def _run(protocol: Protocol) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        words, environ, stdin = unpacked(data)
        mode = protocol.reads(words)
        assert mode in ("nothing", "paragraph", "document", "lines")
        given: dict[str, Secret] = {}
        pieces = stdin.split(b"\n")[:_MOST_LINES] if mode == "lines" else [stdin]
        for piece in pieces if mode != "nothing" else [b""]:
            call = Call("credhelper", words, piece, environ, given)
            try:
                request = protocol.parse(call)
            except CredhelperError as error:
                _refused(protocol, error, None)
            else:
                told = [*words, *(f"{name}={value}" for name, value in environ.items())]
                _judge(protocol, request, os.fsencode("\n".join(told)) + b"\n" + piece)

    return run


def _judge(protocol: Protocol, request: Request, told: bytes) -> None:
    assert request.action in _ACTIONS
    assert 0 <= request.min_ttl <= 315_360_000
    named = request.service
    if named is not None:
        assert named.scheme == "https" or service.is_loopback(named.host)
        assert service.parse(str(named)) == named
    if request.action != "get":
        return
    matched = lookup.match(ROUTES, request, None)
    if matched is None:
        _refused(protocol, CredhelperError("no"), request)
        return
    route, by = matched
    if named is not None:
        assert set(named.prefixes()) & set(route.services), "a token for a host that none names"
        if route.profile == "main" and b"\\u" not in told:
            assert _NAMED.search(told), "a token for our host, which the call does not name"
    keys = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": TOKEN}
    token = Secret(json.dumps(keys) if request.wants == "aws" else TOKEN)
    answer = Credential(
        token, 1_800_000_000, username="oauth2", profile=route.profile, url=route.url, service=by
    )
    try:
        reply = protocol.render(request, answer)
    except CredhelperError as error:
        _refused(protocol, error, request)
        return
    assert TOKEN.encode() not in reply.stderr
    _plain(reply)


def _refused(protocol: Protocol, error: CredhelperError, request: Request | None) -> None:
    assert TOKEN not in f"{error.message}{error.hint}"
    reply = protocol.refuse(error, request)
    assert TOKEN.encode() not in reply.stdout + reply.stderr
    _plain(reply)


def _plain(reply: Reply) -> None:
    """Hold a reply to its kind: bytes, a status of a program, and no terminal's commands."""
    assert isinstance(reply.stdout, bytes)
    assert isinstance(reply.stderr, bytes)
    assert 0 <= reply.status < 128
    for code in (*range(9), 11, 12, *range(14, 32), 127):
        assert code not in reply.stderr, "a control byte on a terminal"


def _seeds(name: str) -> list[bytes]:
    asked = [each for each in QUESTIONS if each.protocol == name]
    found = [packed(each.about(host)) for each in asked for host in (OURS, f"{OURS}:443", STRANGER)]
    for told in FILES[name].get("dialogue", []):
        words = [name, *told.get("arguments", [])]
        stdin = "".join(map(str, told.get("stdin", ""))).lstrip("\n").encode()
        environ = {key: str(value) for key, value in told.get("environ", {}).items()}
        found.append(packed(Question(name, words, stdin, environ, set())))
    return list(dict.fromkeys(found))


def _words(name: str) -> list[bytes]:
    found = {OURS.encode(), STRANGER.encode(), _WORD_END, _HEAD_END, b"\r\n"}
    found |= {*b"https:// http:// :443 @ \\ %2f --profile main --service --min-ttl".split()}
    for seed in _seeds(name):
        found |= {word for word in re.split(rb'[\x1e\x1f\n=,:{}"]', seed) if 2 < len(word) < 40}
    return sorted(found)
