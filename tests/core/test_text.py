"""Text on the way out: held to the modules that it stands in for."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core import text as encode
from credhelper.errors import CredhelperError

ANY = st.text(st.characters())  # surrogates too


@given(ANY)
def test_a_json_string_is_what_json_makes_of_it(text: str) -> None:
    literal = encode.json_string(text)
    assert json.loads(literal) == json.loads(json.dumps(text))
    assert literal.isascii()
    assert literal.isprintable()


@pytest.mark.parametrize(
    "text", ["", "a", '"', "\\", "\n", "\x00", "\x7f", "é", "\u2028", "\U0001f511"]
)
def test_a_json_string_is_short_where_it_can_be(text: str) -> None:
    assert len(encode.json_string(text)) <= len(json.dumps(text)) + 5 * (text == "\x7f")


@given(st.dictionaries(ANY, ANY))
def test_a_json_object_is_one_line_in_the_order_given(members: dict[str, str]) -> None:
    line = encode.json_object({name: encode.json_string(value) for name, value in members.items()})
    assert line.isprintable()
    assert json.loads(line) == json.loads(json.dumps(members))
    assert list(json.loads(line)) == list(json.loads(json.dumps(members)))


@given(st.integers(0, 253402300799))
def test_a_time_is_what_datetime_makes_of_it(seconds: int) -> None:
    expected = datetime.fromtimestamp(seconds, UTC).strftime("%m-%dT%H:%M:%SZ")
    text = encode.rfc3339(seconds)
    assert text[5:] == expected
    assert int(text[:4]) == datetime.fromtimestamp(seconds, UTC).year


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1970-01-01T00:00:00Z"),
        (253402300799, "9999-12-31T23:59:59Z"),
        (253402300800, "9999-12-31T23:59:59Z"),
        (10**30, "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_that_no_reader_knows_is_moved_to_the_end(seconds: int, text: str) -> None:
    assert encode.rfc3339(seconds) == text


@given(ANY)
def test_printable_text_moves_no_cursor(text: str) -> None:
    assert encode.printable(text).isprintable()
    if text.isprintable():
        assert encode.printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("\x07", "\\x07"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202egnp", "\\u202egnp"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\x9b31m", "\\x9b31m"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("zoë", "zoë"),
    ],
)
def test_what_moves_a_cursor_or_a_direction_is_escaped(text: str, shown: str) -> None:
    assert encode.printable(text) == shown
    assert encode.complaint(text, text) == (
        f"credhelper: error: {shown}\ncredhelper: hint: {shown}\n".encode()
    )


def test_a_complaint_without_a_hint_is_one_line() -> None:
    assert encode.complaint("no") == b"credhelper: error: no\n"
    assert encode.complaint("no", "") == b"credhelper: error: no\n"


@given(ANY, st.one_of(st.none(), ANY))
def test_a_complaint_is_as_many_lines_as_it_has_parts(message: str, hint: str | None) -> None:
    said = encode.complaint(message, hint)
    assert said.count(b"\n") == (2 if hint else 1)
    assert b"\r" not in said


def test_a_long_text_is_quoted_in_part() -> None:
    assert encode.quoted("a" * 100) == f"'{'a' * 100}'"
    assert encode.quoted("a" * 101) == f"'{'a' * 100}'..."
    assert encode.quoted("\x1b" * 5, most=2) == "'\\x1b\\x1b'..."


@given(ANY)
def test_one_line_is_one_line_to_every_reader(text: str) -> None:
    try:
        line = encode.one_line(text, "token")
    except CredhelperError as error:
        assert str(error) == "the token is empty or holds a control character: not handed over"
    else:
        assert line == text
        assert line.splitlines() == [text]
        assert line.encode().split(b"\n") == [text.encode()]


@pytest.mark.parametrize("word", ["t", "se/cr+et", "to/ke+n==", "https://x.example:8443/a"])
def test_a_word_that_no_shell_changes_stays_bare(word: str) -> None:
    assert encode.shell_word(word) == word


@pytest.mark.parametrize("word", ["", "=", "==", "=ls", "a:=ls", "a=b", "~", "a b", "$x", "*", "ä"])
def test_a_word_that_some_shell_changes_is_quoted(word: str) -> None:
    assert encode.shell_word(word) == f"'{word}'"


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "ksh"])
def test_each_shell_reads_back_what_was_quoted(shell: str) -> None:
    program = which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    words = ["=ls", "a:=ls==", "~root", "a:~", "$(exit)", "it's", "a;b&c", "%1", "==", "t=="]
    lines = [f"export W{n}={encode.shell_word(word)}" for n, word in enumerate(words)]
    lines += [f"printf '%s\\n' \"$W{n}\"" for n in range(len(words))]
    done = subprocess.run([program, "-c", "\n".join(lines)], capture_output=True, timeout=60)
    assert (done.stdout.decode().split("\n")[:-1], done.stderr) == (words, b"")


_UNPRINTABLE = ("e\x1b[2Jf", "a\nb", "\u202egpj.exe", "\udcff", "%s\t\\n$(exit)`'\"!", "-\x7f")


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "ksh"])
def test_a_command_that_was_shown_still_names_what_cannot_be_printed(shell: str) -> None:
    program = which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    words = [*_UNPRINTABLE, *(["end\n"] if shell != "sh" else [])]
    shown = encode.complaint("x", encode.command("printf", "%s\\0", *words)).decode()
    line = shown.split("hint: ")[1].removesuffix("\n")
    assert line.isprintable()
    done = subprocess.run([program, "-c", line], capture_output=True, timeout=60)
    read = [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]
    assert (read, done.stderr) == (words, b"")


def test_a_shell_that_cannot_read_a_line_feed_at_the_end_finds_no_other_file() -> None:
    word = encode.shell_word("folder\n")
    done = subprocess.run(["sh", "-c", f"printf %s {word}"], capture_output=True, timeout=60)
    assert done.stdout != b"folder"
