"""What every protocol must survive, made of the questions in its transcripts: nobody is forgotten.

The numbers are the classes of input in `test_hostile.py`. All of it runs the real program. Where a
question is about another host, or is no question any more, no token may come, no request may reach
the API, and not a byte in the world may change.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from credhelper import protocols
from credhelper.core.model import Call, Credential, Secret
from credhelper.core.service import parse
from credhelper.errors import CredhelperError
from tests.hostile.scenarios.processes import TALK
from tests.support.programs import INSTALLED
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Witness
from tests.support.transcripts import OURS, QUESTIONS, STRANGER, TOLD, Question
from tests.support.worlds import TIMEOUT, Outcome, World, snapshot, tokens_in

FIRST = {name: told.warm[0] for name, told in TOLD.items() if told.warm}
# Some are asked for no host, but by profile alone.
NAMED = [name for name, question in FIRST.items() if question.wants == "token"]
DIALOGUES = [name for name, question in FIRST.items() if question.reads == "lines"]
DOCUMENTS = [question for question in QUESTIONS if question.stdin.strip().startswith(b"{")]
LIFETIME = 86400
_MODULES = Path(protocols.__file__).parent
_READS_TO_REFUSE = {"terraform"}  # what it reads is a token to store, and that fails
_MEBIBYTE = 1024 * 1024
_MOST_MEMORY = 64 * _MEBIBYTE

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


def asked(world: World, question: Question) -> Outcome:
    """Ask as a tool does, and hold stderr to what its caller can bear."""
    outcome = world.run(*question.words, stdin=question.stdin, environ=question.environ)
    lines = outcome.told.split("\n")
    assert all(
        line.startswith(("credhelper: error: ", "credhelper: hint: ", "credhelper: warning: "))
        and line.isprintable()
        for line in lines[:-1]
    ), outcome
    assert lines[-1] == ""
    if getattr(protocols.load(question.protocol), "QUIET", False):
        assert not outcome.stderr
    return outcome


@pytest.fixture
def world(scratch_world: World) -> World:
    """Give this test a world whose profile has all that protocols hand over."""
    with scratch_world.config.open("a") as config:
        config.write('aws = { folder = "fol.a" }\n')
    return scratch_world


def secrets_in(data: bytes) -> set[bytes]:
    """Return the tokens in `data`, and the AWS credentials."""
    return {*tokens_in(data), *re.findall(rb'"SessionToken":"([^"]+)', data)}


def held(world: World, question: Question) -> set[bytes]:
    """Have the cache filled with what the question is answered; returns that."""
    outcome = asked(world, question)
    found = secrets_in(outcome.stdout)
    assert (outcome.status, outcome.stderr, len(found)) == (0, b"", 1), outcome
    return found


def leave(world: World, seconds: int) -> None:
    """Make all that is held so old that it lives on for `seconds`."""
    world.age(min(int(fields["expires"]) for fields in world.held()) - int(time.time()) - seconds)


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
    told_in = {parameter.values[0].protocol for parameter in VARIABLES}  # type: ignore[union-attr]
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
            assert name in written, f"{name} reads variables that none of its questions has"


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
        scratch_world.get()
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
def test_no_spelling_of_another_host_gets_our_token(name: str, nothing_happens: World) -> None:
    for host in STRANGERS:
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
def test_no_other_scheme_gets_our_token(name: str, nothing_happens: World) -> None:
    for scheme in SCHEMES:
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


@pytest.mark.parametrize(
    "question", DOCUMENTS, ids=lambda each: f"{each.protocol} {each.name}".strip()
)
def test_what_is_no_document_gets_no_token(question: Question, nothing_happens: World) -> None:
    for what, stdin in broken(question.stdin):
        outcome = asked(nothing_happens, replace(question, stdin=stdin))
        assert not tokens_in(outcome.stdout), (what, outcome)
        assert outcome.status in (0, 1, 2, 3), (what, outcome)


# --- row 39: requests in the environment ----------------------------------------------------------


def told_in_variables() -> Iterator[tuple[Question, str]]:
    for question in QUESTIONS:
        for variable, value in question.environ.items():
            if OURS in value or value.strip().startswith("{"):
                yield question, variable


VARIABLES = [
    pytest.param(question, variable, id=f"{question.protocol} {question.name} {variable}")
    for question, variable in told_in_variables()
]


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
    assert not secrets_in(outcome.stdout)


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


# --- rows 41, 42, 104: callers that go, and interpreters that talk --------------------------------


@pytest.mark.parametrize("start", ["cold", "fresh"])
@pytest.mark.parametrize("name", FIRST)
def test_a_caller_that_has_gone_is_a_quiet_failure(
    name: str, start: str, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    if start == "fresh":
        held(world, question)
    reader, writer = os.pipe()
    os.close(reader)
    process = world.start(*question.words, environ=question.environ, stdout=writer)
    os.close(writer)
    outcome = world.finish(process, question.stdin)
    assert (outcome.status, outcome.stderr) == (1, b"")
    # What was made is kept for the next caller.
    assert held(world, question) == held(world, question)
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.skipif(not INSTALLED, reason="only the installed program starts Python isolated")
@pytest.mark.parametrize("name", FIRST)
def test_what_python_is_told_to_tell_does_not_reach_the_caller(name: str, world: World) -> None:
    question = FIRST[name]
    loud = replace(question, environ={**question.environ, **TALK})
    cold = asked(world, loud)
    warm = asked(world, loud)
    quiet = asked(world, question)
    for outcome in (cold, warm, quiet):
        assert (outcome.status, outcome.stderr) == (0, b"")
        assert secrets_in(outcome.stdout) == secrets_in(quiet.stdout) != set()
        # How long it lives may be told in seconds from now.
        assert len(outcome.stdout) in range(len(quiet.stdout) - 2, len(quiet.stdout) + 3)
    strange = asked(world, loud.about(STRANGER))
    assert strange.stdout == asked(world, question.about(STRANGER)).stdout


@pytest.mark.parametrize("name", FIRST)
def test_trouble_is_told_without_a_token_or_a_traceback(
    name: str, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    running_sandbox.fault({"status": 503, "times": "always"})
    down = asked(world, question)
    nowhere = replace(question, environ={**question.environ, "CREDHELPER_CACHE_DIR": "/proc/none"})
    unwritable = asked(world, nowhere)
    world.config.write_text("default_profile = \n")
    spoilt = asked(world, question)
    world.config.unlink()
    missing = asked(world, question)
    for outcome in (down, unwritable, spoilt, missing):
        assert not secrets_in(outcome.stdout)
    # Somebody has to be told: in the answer, or on stderr.
    assert down.stdout + down.stderr
    assert spoilt.stdout + spoilt.stderr


@pytest.mark.parametrize("name", FIRST)
def test_what_lives_is_served_while_the_api_is_down(
    name: str, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    found = held(world, question)
    leave(world, 100)
    running_sandbox.count_from_here()
    running_sandbox.fault({"status": 503, "times": "always"})
    outcome = asked(world, question)
    assert (outcome.status, secrets_in(outcome.stdout)) == (0, found)


# --- rows 15, 16, 102: stdin without an end -------------------------------------------------------


# A document ends with stdin: see the next test.
@pytest.mark.parametrize(
    "question",
    [question for question in QUESTIONS if question.reads != "document"],
    ids=lambda each: f"{each.protocol} {each.name}".strip(),
)
def test_a_caller_that_leaves_stdin_open_is_answered(question: Question, world: World) -> None:
    usual = asked(world, question)
    process = world.start(*question.words, environ=question.environ)
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # what reads nothing may have answered already
        process.stdin.write(question.stdin)
    if question.reads == "lines":
        found = b""
        while not secrets_in(found):
            found += os.read(process.stdout.fileno(), 65536)
        assert secrets_in(found) == secrets_in(usual.stdout)
    else:
        process.wait(TIMEOUT)
    outcome = world.finish(process)
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert question.reads == "lines" or secrets_in(outcome.stdout) == secrets_in(usual.stdout)


def test_a_document_that_never_ends_is_given_up(scratch_world: World) -> None:
    scratch_world.get()
    before = snapshot(scratch_world.root)
    waiting = []
    for question in QUESTIONS:
        if question.reads == "document":
            process = scratch_world.start(*question.words, environ=question.environ)
            assert process.stdin is not None
            process.stdin.write(question.stdin[:-3])
            waiting.append(process)
    assert waiting
    for process in waiting:
        process.wait(TIMEOUT)
        outcome = scratch_world.finish(process)
        assert not tokens_in(outcome.stdout)
        assert b"no whole request came on stdin within 15 s" in outcome.stdout + outcome.stderr
    assert snapshot(scratch_world.root) == before


@pytest.mark.parametrize(
    "name", [name for name, question in FIRST.items() if question.reads == "nothing"]
)
def test_a_terminal_is_not_read_where_nothing_is(name: str, world: World) -> None:
    question = FIRST[name]
    found = held(world, question)
    primary, secondary = pty.openpty()
    process = world.start(*question.words, environ=question.environ, stdin=secondary)
    os.close(secondary)
    process.wait(TIMEOUT)
    outcome = world.finish(process)
    os.close(primary)
    assert (outcome.status, outcome.stderr, secrets_in(outcome.stdout)) == (0, b"", found)


@pytest.mark.parametrize("name", FIRST)
def test_a_gibibyte_is_not_read(name: str, world: World) -> None:
    question = FIRST[name]
    secrets = held(world, question)
    process = world.start(*question.words, environ=question.environ)
    assert process.stdin is not None
    chunk = b"a" * _MEBIBYTE
    # A dialogue reads on until the next line; what it must not do is keep it.
    most = (2 if question.reads == "lines" else 16) * _MOST_MEMORY
    peak = written = 0
    with suppress(BrokenPipeError):
        while written < most:
            written += process.stdin.write(chunk)
            with suppress(OSError):
                peak = max(peak, _peak_memory(process.pid))
    assert peak < _MOST_MEMORY
    if question.reads == "lines":
        outcome = world.finish(process, b"\n" + question.stdin)
        assert secrets_in(outcome.stdout) == secrets
        return
    process.stdin.close()
    process.stdin = None
    outcome = world.finish(process)
    assert written < 8 * _MEBIBYTE
    if question.reads == "nothing":
        assert (outcome.status, secrets_in(outcome.stdout)) == (0, secrets)
    else:
        assert not tokens_in(outcome.stdout)
        assert b"longer than 1048576 bytes" in outcome.stdout + outcome.stderr


def _peak_memory(pid: int) -> int:
    told = Path(f"/proc/{pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in told.splitlines())
    return int(lines.get("VmHWM", "0 kB").split()[0]) * 1024


# --- rows 102, 104: dialogues ---------------------------------------------------------------------


@pytest.mark.parametrize("name", DIALOGUES)
def test_ten_thousand_lines_get_as_many_answers_in_their_order(
    name: str, scratch_world: World
) -> None:
    token = scratch_world.get()
    question = FIRST[name]
    greeting = getattr(protocols.load(name), "GREETING", b"")
    both = question.stdin + question.about(STRANGER).stdin
    outcome = asked(scratch_world, replace(question, stdin=both * 5000))
    assert outcome.stdout.startswith(greeting)
    lines = outcome.stdout.removeprefix(greeting).splitlines()
    assert [tokens_in(line) for line in lines] == [[token.encode()], []] * 5000


@pytest.mark.parametrize("name", DIALOGUES)
def test_the_last_line_may_end_with_the_input(name: str, scratch_world: World) -> None:
    token = scratch_world.get()
    question = FIRST[name]
    whole = question.stdin.removesuffix(b"\n")
    assert asked(scratch_world, replace(question, stdin=whole)).token == token
    for where in range(1, len(whole), 11):
        outcome = asked(scratch_world, replace(question, stdin=whole[:where]))
        assert (outcome.status, tokens_in(outcome.stdout)) == (0, []), where


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_caller_that_goes_after_its_first_answer_ends_the_dialogue(
    name: str, scratch_world: World
) -> None:
    token = scratch_world.get()
    question = FIRST[name]
    reader, writer = os.pipe()
    process = scratch_world.start(*question.words, stdout=writer)
    os.close(writer)
    assert process.stdin is not None
    process.stdin.write(question.stdin)
    found = b""
    while not tokens_in(found):
        found += os.read(reader, 65536)
    os.close(reader)
    process.stdin.write(question.stdin)
    process.wait(TIMEOUT)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stderr) == (1, b"")
    assert scratch_world.get() == token


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("name", FIRST)
def test_a_signal_in_the_middle_of_a_renewal_lets_everything_go(
    name: str, number: signal.Signals, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    running_sandbox.fault({"delay": 30})
    process = world.start(*question.words, environ=question.environ)
    assert process.stdin is not None
    process.stdin.write(question.stdin)
    if question.reads != "lines":
        process.stdin.close()
        process.stdin = None
    end = time.monotonic() + TIMEOUT
    while running_sandbox.stats()["requests"] < 1 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(number)
    process.wait(TIMEOUT)
    outcome = world.finish(process)
    assert outcome.status == 128 + number
    assert not secrets_in(outcome.stdout)
    assert not world.held()
    assert held(world, question)


def test_strangers_are_not_visited(witness: Witness, scratch_world: World) -> None:
    scratch_world.get()
    host = witness.url.partition("://")[2]
    for name in NAMED:
        assert not tokens_in(asked(scratch_world, FIRST[name].about(host)).stdout)
    assert witness.visits == 0
