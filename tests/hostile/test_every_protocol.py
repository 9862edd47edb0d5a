"""What every protocol must survive, made of the questions in its transcripts: nobody is forgotten.

The numbers are the classes of input in `test_hostile.py`. All of it runs the real program. Where a
question is about another host, or is no question any more, no token may come, no request may reach
the API, and not a byte in the world may change. Of the long lists each protocol meets a sample, and
each entry meets several protocols; with `--thorough` all meet all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from credhelper import protocols
from credhelper.core.model import Call, Credential, Secret
from credhelper.core.service import parse
from credhelper.errors import CredhelperError
from tests.hostile.conftest import FIRST, LIFETIME, NAMED, asked, secrets_in
from tests.hostile.test_targets import CHANNELS
from tests.support import sampling
from tests.support.sandboxes import RunningSandbox
from tests.support.transcripts import OURS, QUESTIONS, STRANGER, TOLD, Question
from tests.support.worlds import World, snapshot, tokens_in

DOCUMENTS = [question for question in QUESTIONS if question.stdin.strip().startswith(b"{")]
_MODULES = Path(protocols.__file__).parent
_READS_TO_REFUSE = {"terraform"}  # what it reads is a token to store, and that fails
# Rows 18, 19, 21, 22, 31, 32: spellings that are not our host, whatever a careless parser says.
STRANGERS = [
    # who is the user, and who is the host
    f"{OURS}@{STRANGER}",
    f"{OURS}:x@{STRANGER}",
    f"{OURS}%2f@{STRANGER}",
    f"{OURS}\\@{STRANGER}",
    f"{OURS}\\{STRANGER}",
    f"{STRANGER}\\@{OURS}",
    f"{STRANGER}#@{OURS}",
    f"{STRANGER}?@{OURS}",
    f"{STRANGER}/@{OURS}",
    f"{STRANGER};@{OURS}",
    f"somebody@{OURS}@{STRANGER}",
    # what begins or ends like ours
    f"{OURS}.{STRANGER}",
    f"{OURS}-{STRANGER}",
    f"x{OURS}",
    f"www.{OURS}",
    f"x.{OURS}",
    f"{OURS}x",
    "ica-example",
    "icaXexample",
    "ica",
    "example",
    f"{STRANGER}/{OURS}",
    f"{STRANGER}//{OURS}",
    f"{STRANGER}?{OURS}",
    f"{STRANGER}#{OURS}",
    f"{STRANGER},{OURS}",
    f"*.{OURS}",
    "*",
    # dots, ports
    f"{OURS}.",
    f".{OURS}",
    "ica..example",
    f"{OURS}:8443",
    f"{OURS}:0443",
    f"{OURS}:00443",
    f"{OURS}:+443",
    f"{OURS}:4_43",
    f"{OURS}:65979",  # 443 in sixteen bits
    f"{OURS}:-1",
    f"{OURS}:443:443",
    f"{OURS}:443@{STRANGER}",
    f"{OURS}:\u0664\u0664\u0663",
    f"{OURS}:\uff14\uff14\uff13",
    # other alphabets, and what looks or folds like ours
    "ic\u0430.example",
    "\u0131ca.example",
    "ica\u3002example",
    "\uff49ca.example",
    "ica.ex\u00e4mple",
    f"{OURS}\u200b",
    f"\u202e{OURS}",
    "xn--ica-example",
    # escapes
    "ica%2eexample",
    "%69ca.example",
    f"{OURS}%00.{STRANGER}",
    f"{OURS}%0a.{STRANGER}",
    f"{OURS}%2e{STRANGER}",
    f"{OURS}%40{STRANGER}",
    # blanks, control bytes, several lines
    f"{OURS} .{STRANGER}",
    f" {OURS}",
    f"{OURS}\t.{STRANGER}",
    f"{OURS}\r.{STRANGER}",
    f"{OURS}\n.{STRANGER}",
    f"{OURS}\0.{STRANGER}",
    f"{OURS}\x7f",
    f"{OURS}\x1b[2K",
    f"{OURS}\x85.{STRANGER}",
    f"{OURS}\u2028.{STRANGER}",
    # addresses
    "127.0.0.1",
    "[::1]",
    "[ica.example]",
    "0x7f.1",
    "localhost",
]
# Row 18, 32: the other spellings of ours.
OURSELVES = [f"{OURS}:443", "ICA.EXAMPLE", "Ica.Example:443"]
# Rows 11, 37: schemes by which no token goes to any host but a loopback address.
SCHEMES = ["http", "HTTP", "ftp", "file", "grpc", "grpcs", "ssh", "ws", "wss", "data", "x-https"]


def spelled(question: Question, host: str) -> Iterator[Question]:
    """Yield the question about a host as it is, and escaped where it stands in a JSON string."""
    raw = question.about(host)
    if "\0" not in "".join([*raw.words, *raw.environ.values()]):
        yield raw
    escaped = question.stdin.replace(OURS.encode(), json.dumps(host)[1:-1].encode())
    if question in DOCUMENTS and escaped != raw.stdin:
        yield replace(question, stdin=escaped)


def mentions_a_scheme(question: Question) -> bool:
    return "https" in f"{question.words}{question.stdin!r}{question.environ}"


def by(question: Question, scheme: str) -> Question:
    return replace(
        question,
        words=[word.replace("https", scheme) for word in question.words],
        stdin=question.stdin.replace(b"https", scheme.encode()),
        environ={name: value.replace("https", scheme) for name, value in question.environ.items()},
    )


@pytest.fixture
def nothing_happens(shared_world: World, running_sandbox: RunningSandbox) -> Iterator[World]:
    """Give a world in which a token is held, and see that nothing of it is touched."""
    before = snapshot(shared_world.root)
    yield shared_world
    assert snapshot(shared_world.root) == before
    assert running_sandbox.stats()["requests"] == 0


def test_no_protocol_is_left_out_of_what_applies_to_it() -> None:
    asked: list[Any] = [parameter.values[0] for parameter in VARIABLES]
    told_in = {one.protocol for one in asked}
    written = {file.stem for file in (Path(__file__).parent / "cases").glob("*.toml")}
    for name in protocols.PROTOCOLS:
        source = (_MODULES / f"{protocols.PROTOCOLS[name][0]}.py").read_text()
        questions = TOLD[name].warm
        assert questions, name
        assert name in NAMED or questions[0].wants != "token"
        # What a module can read has to be among the questions in its transcripts.
        for mode in ("paragraph", "document", "lines"):
            if f'return "{mode}"' in source and name not in _READS_TO_REFUSE:
                assert mode in {question.reads for question in questions}, name
        assert all(question.stdin for question in questions if question.reads != "nothing")
        if "strict_json.read(call.stdin" in source:
            assert name in {question.protocol for question in DOCUMENTS}
        if "call.environ" in source and name not in told_in:
            told_elsewhere = name in written or name in {each.protocol for each in CHANNELS}
            assert told_elsewhere, f"{name} reads variables that none of its questions has"


# --- row 99: command lines that make no sense -----------------------------------------------------


@pytest.mark.parametrize("name", FIRST)
def test_a_command_line_that_makes_no_sense_gets_no_token(
    name: str, nothing_happens: World
) -> None:
    question = FIRST[name]
    for word in (
        "--no-such-option",
        "--profile",
        "-p",
        "--profile=",
        "--min-ttl=\uff11",
        "-\x1b[2J",
    ):
        outcome = asked(nothing_happens, replace(question, words=[*question.words, word]))
        assert not secrets_in(outcome.stdout), (word, outcome)
        assert outcome.stdout + outcome.stderr, "somebody has to be told"


# --- rows 18, 19, 21, 22, 31, 32, 34, 37: whose token it is ---------------------------------------


@pytest.mark.parametrize("start", ["cold", "fresh", "expired"])
@pytest.mark.parametrize("name", NAMED)
def test_a_stranger_is_told_nothing_in_the_protocols_own_words(
    name: str, start: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    if start != "cold":
        scratch_world.prepare()
    if start == "expired":
        scratch_world.age(LIFETIME + 60)
    running_sandbox.count_from_here()
    expected = TOLD[name].nothing
    assert expected is not None

    outcome = asked(scratch_world, FIRST[name].about(STRANGER))

    assert outcome.stdout.decode() == expected.stdout
    assert outcome.stderr.decode() == expected.stderr
    assert outcome.status == expected.status
    assert running_sandbox.stats()["requests"] == 0


@pytest.mark.parametrize("name", NAMED)
def test_no_spelling_of_another_host_gets_our_token(
    name: str, nothing_happens: World, request: pytest.FixtureRequest
) -> None:
    step = 1 if request.config.getoption("--thorough") else 4
    for host in sampling.part(STRANGERS, NAMED.index(name), step):
        for question in spelled(FIRST[name], host):
            outcome = asked(nothing_happens, question)
            assert not tokens_in(outcome.stdout), (host, outcome)
            assert outcome.status in (0, 1, 2, 3), (host, outcome)


@pytest.mark.parametrize("name", NAMED)
def test_other_spellings_of_our_host_are_ours(name: str, nothing_happens: World) -> None:
    (held,) = nothing_happens.held()
    for host in OURSELVES:
        outcome = asked(nothing_happens, FIRST[name].about(host))
        assert (outcome.status, outcome.token) == (0, held["token"]), host


@pytest.mark.parametrize(
    "name", [name for name, first in FIRST.items() if mentions_a_scheme(first)]
)
def test_no_other_scheme_gets_our_token(
    name: str, nothing_happens: World, request: pytest.FixtureRequest
) -> None:
    step = 1 if request.config.getoption("--thorough") else 2
    for scheme in sampling.part(SCHEMES, NAMED.index(name), step):
        outcome = asked(nothing_happens, by(FIRST[name], scheme))
        assert not tokens_in(outcome.stdout), (scheme, outcome)
        assert outcome.status in (0, 1, 2, 3), (scheme, outcome)


# --- rows 33, 101: documents that are none --------------------------------------------------------


def broken(document: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield documents that one parser may read as `document`, and another must not."""
    text = document.strip()
    member = re.search(rb'"(\w[\w-]*)":"([^"]*ica\.example[^"]*)"', text)
    assert member
    evil = member[0].replace(OURS.encode(), STRANGER.encode())
    for where in range(1, len(text), 7):
        yield f"cut at {where}", text[:where]
    yield "cut before its end", text[:-1]
    yield "a byte order mark", b"\xef\xbb\xbf" + text
    yield "UTF-16", text.decode().encode("utf-16")
    yield "UTF-32", text.decode().encode("utf-32")
    yield "CRLF", text + b"\r\n"
    yield "CR within", text.replace(b",", b",\r", 1) if b"," in text else b"\r" + text
    yield "a member twice, the stranger last", text.replace(member[0], member[0] + b"," + evil)
    yield "a member twice, the stranger first", text.replace(member[0], evil + b"," + member[0])
    escaped = b'"\\u00%02x' % member[1][0] + evil[2:]
    yield "a member twice, once escaped", text.replace(member[0], member[0] + b"," + escaped)
    yield "NaN", text[:-1] + b',"extra":NaN}'
    yield "Infinity", text[:-1] + b',"extra":-Infinity}'
    yield "half a character", text[:-1] + b',"extra":"\\ud800"}'
    yield "not UTF-8", text[:-1] + b',"extra":"\xff"}'
    yield "an overlong escape", text[:-1] + b',"extra":"\xc0\xaf"}'
    yield "a control byte", text[:-1] + b',"extra":"\x00"}'
    yield "a comment", b"/**/" + text
    yield "a comma too many", text[:-1] + b",}"
    yield "single quotes", text.replace(b'"', b"'")
    yield "a list around it", b"[" + text + b"]"
    yield "a string around it", json.dumps(text.decode()).encode()
    yield "two of them", text + text
    yield "two with a blank", text + b" " + text
    yield "words behind it", text + b" x"
    yield "nested without end", text[:-1] + b',"extra":' + b"[" * 50000 + b"}"
    yield "nested deeply", text[:-1] + b',"extra":' + b"[" * 500 + b"]" * 500 + b"}"
    yield "half a million digits", text[:-1] + b',"extra":' + b"1" * 500000 + b"}"
    yield "null", b"null"
    yield "a number", b"1"
    yield "an empty object", b"{}"
    yield "an empty list", b"[]"
    yield (
        "the value is a list",
        text.replace(member[2], b"@@").replace(b'"@@"', b'["' + member[2] + b'"]'),
    )
    yield "the value is an object", text.replace(b'"' + member[2] + b'"', b'{"a":1}')
    yield "the value is null", text.replace(b'"' + member[2] + b'"', b"null")
    yield "the value is a number", text.replace(b'"' + member[2] + b'"', b"1")
    yield "the value is true", text.replace(b'"' + member[2] + b'"', b"true")
    yield "the value is empty", text.replace(b'"' + member[2] + b'"', b'""')
    yield "the member is missing", text.replace(member[0], b'"extra":1')
    yield "the member in capitals", text.replace(member[1], member[1].upper())


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "question", DOCUMENTS, ids=lambda each: f"{each.protocol} {each.name}".strip()
)
def test_what_is_no_document_gets_no_token(
    question: Question, nothing_happens: World, request: pytest.FixtureRequest
) -> None:
    step = 1 if request.config.getoption("--thorough") else 3
    documents = list(broken(question.stdin))
    for what, stdin in sampling.part(documents, DOCUMENTS.index(question), step):
        outcome = asked(nothing_happens, replace(question, stdin=stdin))
        assert not tokens_in(outcome.stdout), (what, outcome)
        assert outcome.status in (0, 1, 2, 3), (what, outcome)


# --- row 39: requests in the environment ----------------------------------------------------------


def told_in_variables() -> Iterator[tuple[Question, str]]:
    for question in QUESTIONS:
        for variable, value in question.environ.items():
            if OURS in value or value.strip().startswith("{"):
                yield question, variable


def named_elsewhere(question: Question) -> bool:
    """Tell whether the arguments say all that the variable would: it may be empty or missing."""
    return question.protocol == "kubectl" and "--service" in question.words


VARIABLES = [
    pytest.param(question, variable, id=f"{question.protocol} {question.name} {variable}")
    for question, variable in told_in_variables()
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("question", "variable"), VARIABLES)
def test_a_variable_that_makes_no_sense_gets_no_token(
    question: Question, variable: str, nothing_happens: World
) -> None:
    usual = question.environ[variable]
    values = ["", " ", "\n", "x", "https://", "://", "\x1b[2K", "\udcff", "a" * 100000]
    values += ["null", "[]", "{}", '{"kind":"x"}', usual[:-9], f"x{usual}"]
    if usual.strip().startswith("{") and OURS in usual:
        values += [
            os.fsdecode(value)
            for _, value in broken(usual.encode())
            if b"\0" not in value and len(value) < 100000  # no variable can hold those
        ]
    for value in values:
        if not value and named_elsewhere(question):
            continue
        changed = replace(question, environ={**question.environ, variable: value})
        outcome = asked(nothing_happens, changed)
        assert not secrets_in(outcome.stdout), (value[:200], outcome)
        assert outcome.status in (0, 1, 2, 3), (value[:200], outcome)


@pytest.mark.parametrize(("question", "variable"), VARIABLES)
def test_a_variable_that_is_missing_gets_no_token(
    question: Question, variable: str, nothing_happens: World
) -> None:
    rest = {name: value for name, value in question.environ.items() if name != variable}
    outcome = asked(nothing_happens, replace(question, environ=rest))
    assert bool(secrets_in(outcome.stdout)) == named_elsewhere(question)


# --- row 40: tokens that are none -----------------------------------------------------------------


@pytest.mark.parametrize("token", ["eyJh\neyJz.c2ln", "eyJh." + "e" * 70000 + ".c2ln"])
@pytest.mark.parametrize("name", FIRST)
def test_a_hostile_token_from_the_server_goes_nowhere(
    name: str, token: str, world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"access_token": token, "times": "always"})
    outcome = asked(world, FIRST[name])
    assert b"eyJ" not in outcome.stdout + outcome.stderr
    assert not secrets_in(outcome.stdout)
    assert not world.held()


@pytest.mark.parametrize(
    "token", ["a\nb", "a\r\nb", "a\0b", "\x1b[0m", "a\u2028b", "\x7f", "\ud800"]
)
@pytest.mark.parametrize("name", FIRST)
def test_a_hostile_token_from_the_disk_makes_no_second_line(name: str, token: str) -> None:
    question = FIRST[name]
    module = protocols.load(name)
    service = parse(f"https://{OURS}")
    stdin = question.stdin.removesuffix(b"\n") if question.reads == "lines" else question.stdin
    request = module.parse(Call("credhelper", question.words[1:], stdin, question.environ))
    values = ["eyJh.eyJz.c2ln", token]
    if question.wants == "aws":
        keys = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "Region", "Bucket", "Prefix"), "x")
        values = [json.dumps({**keys, "SessionToken": value}) for value in values]
    good, bad = (
        Credential(Secret(value), 1800000000, username="me", profile="p", service=service)
        for value in values
    )
    usual = module.render(request, good).stdout
    try:
        found = module.render(request, bad).stdout
    except (CredhelperError, UnicodeEncodeError):
        return
    # Handed over, then, in a protocol that can say it in letters that are plain.
    assert found.isascii()
    assert found.count(b"\n") == usual.count(b"\n")
    assert all(byte >= 0x20 for byte in found.replace(b"\n", b""))
