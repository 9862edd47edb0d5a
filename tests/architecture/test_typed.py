"""Every command that a reader is told to type is one: in README, docs, integrations and each help.

The name of each test is the command. `pytest tests/architecture/test_typed.py --collect-only -q`
lists them all; those in hints are listed by `tests/cli/test_hints.py`, which runs each.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from credhelper import protocols
from credhelper.cli.main import commands
from credhelper.core.model import Call
from credhelper.errors import CredhelperError, UsageError
from tests.support.commands import leaves

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "integrations").rglob("*.md"),
    ]
    if path.name != "commands.md"  # which is made of the helps
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# In a sentence: it may name a command without what that needs.
_INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*credhelper [^`\n]*)`")
_INDENTED = re.compile(r"(?<=\n\n)(?:    .*\n)+")
_SEPARATORS = {"|", "||", "&", "&&", ";", "(", ")", "{", "}"}
_REDIRECTIONS = (">", ">>", "<", "2>", ">/dev/null")
# A synopsis: what may be left out, or chosen.
_SYNOPSIS = re.compile(r"\[|\.\.\.|[a-z]\|[a-z]|…")
# What stands for something of the reader's own.
_FILL = {
    "COMMAND": "login",
    "DIR": "/tmp/d",
    "FILE": "/tmp/f",
    "ID": "fol.1",
    "KEY": "min_ttl",
    "NAME": "work",
    "OLD": "work",
    "PATH": "/tmp/p",
    "SERVICE": "https://git.example",
    "SHELL": "bash",
    "TOOL": "git",
    "URL": "https://git.example",
}


def _typed(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the words behind `credhelper` in each command of some lines of shell."""
    for written in text.replace("\\\n", " ").split("\n"):
        line = written
        if "$(credhelper" in written:
            line = re.sub(r'"?\$\(|\)"?', " ; ", written).replace('"', " ")
        words: list[str] = []
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            found = [*lexer, ";"]
        except ValueError:
            continue  # prose with an apostrophe
        for word in found:
            if word not in _SEPARATORS:
                words.append(word)
                continue
            if "credhelper" in words[:-1]:
                yield tuple(words[words.index("credhelper") + 1 :])
            words = []


def in_blocks() -> Iterator[tuple[str, ...]]:
    """Yield the commands in blocks of the pages."""
    for page in PAGES:
        text = page.read_text()
        for language, body in _FENCE.findall(text):
            if language == "sh":
                yield from _typed(body)
        for line in "".join(_INDENTED.findall(_FENCE.sub("", text))).split("\n"):
            if not _SYNOPSIS.search(line):
                yield from _typed(line)


def in_sentences() -> Iterator[tuple[str, ...]]:
    """Yield the commands in sentences and tables of the pages."""
    for page in PAGES:
        for line in _INLINE.findall(_FENCE.sub("", page.read_text())):
            if not _SYNOPSIS.search(line):
                yield from _typed(line)


def in_helps() -> Iterator[tuple[str, ...]]:
    """Yield the examples of all helps, those of the protocols among them."""
    helps = [context.command.help or "" for _, context in leaves()]
    helps += [group.help or "" for group in map(commands.commands.get, commands.commands) if group]
    helps += [protocols.load(name).__doc__ or "" for name in protocols.PROTOCOLS]
    for text in helps:
        for line in text.split("\n"):
            _, _, example = line.partition("To try it: ")
            if (line.startswith("  ") or example) and not _SYNOPSIS.search(line):
                yield from _typed(example or line.strip())


MENTIONED = {*in_sentences()} - {*in_blocks(), *in_helps()}
MISTYPED = {("gte",)}  # on purpose
TYPED = sorted({*in_blocks(), *in_sentences(), *in_helps()} - MISTYPED)


def test_there_is_much_to_look_at() -> None:
    assert len(TYPED) > 150
    assert len({*in_helps()}) > 60
    for known in (("login", "--api", "ica"), ("env",), ("setup", "git", "--check"), ("json",)):
        assert known in TYPED


def understand(words: list[str], *, mentioned: bool = False) -> None:
    """Have a command read by who would read it.

    Parameters: `mentioned`, it may lack what it needs. Raises UsageError, click.UsageError and
    KeyError.
    """
    command: click.Command = commands
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words[0]
        if name in protocols.PROTOCOLS and command is commands and name != "get":
            if words[1:2] and words[1] in protocols.PEOPLES.get(name, ()):
                command, words = command.commands[name], words[1:]
                continue
            if "--help" not in words:
                _spoken(name, words[1:])
                return
        command, words = command.commands[name], words[1:]
    try:
        if not isinstance(command, click.Group) or words:
            # With the program's settings: click keeps the option of a help that it has once made.
            command.make_context(command.name, words, **commands.context_settings)
    except click.exceptions.Exit:
        pass  # a help, or the version
    except click.MissingParameter:
        if not mentioned:
            raise


def _spoken(name: str, words: list[str]) -> None:
    try:
        protocols.load(name).parse(Call(f"credhelper {name}", words, b"", {}))
    except UsageError as error:
        # A sentence names a protocol by its first word alone.
        if words or "unknown option" in error.message:
            raise
    except CredhelperError:
        pass  # of the request, which is empty here


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_what_a_reader_is_told_to_type_is_understood(words: tuple[str, ...]) -> None:
    given = [_FILL.get(word, word) for word in words if word != "$@"]
    if words[0] == "NAME":
        given[0] = "git"  # of a protocol
    if words[:2] == ("setup", "NAME"):
        given[1] = "git"  # of a tool
    ends = (number for number, word in enumerate(given) if word.startswith(_REDIRECTIONS))
    understand(given[: next(ends, len(given))], mentioned=words in MENTIONED)


@pytest.mark.parametrize(
    "words",
    [
        ["lgoin"],
        ["login", "--nope"],
        ["setup", "no-such-tool"],
        ["get", "--format", "xml"],
        ["profile", "show", "a", "b"],
        ["git", "--nope", "get"],
        ["token", "create", "--nope"],
    ],
    ids=" ".join,
)
def test_what_is_no_command_is_found(words: list[str]) -> None:
    with pytest.raises((UsageError, click.UsageError, KeyError)):
        understand(words)


def test_the_shell_blocks_are_shell() -> None:
    blocks = [
        body for page in PAGES for told, body in _FENCE.findall(page.read_text()) if told == "sh"
    ]
    assert len(blocks) > 20
    for body in blocks:
        done = subprocess.run(["sh", "-n"], input=body, capture_output=True, text=True)
        assert done.returncode == 0, (body, done.stderr)
