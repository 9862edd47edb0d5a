"""What three readers find in a netrc file: Python's, curl's (and git's, which is curl's) and go's.

They differ about quotes, comments and macros. Sources: Python's `netrc.py`; curl, `lib/netrc.c`;
`cmd/go/internal/auth/netrc.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# What a reader finds: words of an entry, the machine and the login first, or of a macro.
Found = list[tuple[str, ...]]

DEFAULT = "\0default"  # no file can hold this name of a machine
_MACRO = "\0macro"
_BLANKS = " \t\r\n"
_VALUES = ("login", "user", "account", "password")


class _Lexer:
    """Python's: a backslash takes the next character as it is, in quotes and outside."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def word(self) -> tuple[str, bool]:
        """Return the next word, "" at the end, and whether the line has ended since."""
        text, begin = self.text, self.at
        while self.at < len(text) and text[self.at] in _BLANKS:
            self.at += 1
        quoted = text[self.at : self.at + 1] == '"'
        self.at += quoted
        word = ""
        while self.at < len(text) and text[self.at] not in ('"' if quoted else _BLANKS):
            self.at += text[self.at] == "\\"
            word += text[self.at : self.at + 1]
            self.at += 1
        self.at += 1
        return word, "\n" in text[begin : self.at]

    def line(self) -> str:
        """Return the rest of the line, its end included."""
        begin = self.at
        self.at = self.text.find("\n", begin) + 1 or len(self.text)
        return self.text[begin : self.at]


def by_python(text: str) -> Found:
    """Return what Python's `netrc` finds. Raises ValueError for what it cannot read."""
    found: Found = []
    # It opens the file as text, so that each way to end a line is a line feed.
    lexer = _Lexer(text.replace("\r\n", "\n").replace("\r", "\n"))
    word, ended = lexer.word()
    while word:
        if word[0] == "#":
            if not ended and len(word) == 1:
                lexer.line()
            word, ended = lexer.word()
        elif word == "macdef":
            macro = [_MACRO, lexer.word()[0]]
            while (line := lexer.line()) != "\n":
                if not line:
                    raise ValueError("a macro does not end")
                macro.append(line)
            found.append(tuple(macro))
            word, ended = lexer.word()
        elif word in ("machine", "default"):
            machine = lexer.word()[0] if word == "machine" else DEFAULT
            if not machine:
                raise ValueError("a machine has no name")
            values, word, ended = _values_by_python(lexer)
            found.append((machine, *values))
        else:
            raise ValueError("a word is where an entry should begin")
    return found


def _values_by_python(lexer: _Lexer) -> tuple[tuple[str, str, str], str, bool]:
    """Return login, account and password of an entry, and the word behind it."""
    values = {"login": "", "account": "", "password": ""}
    while True:
        word, ended = lexer.word()
        if word.startswith("#"):
            if not ended:
                lexer.line()
        elif word in ("", "machine", "default", "macdef"):
            return (values["login"], values["account"], values["password"]), word, ended
        elif word in _VALUES:
            values["login" if word == "user" else word] = lexer.word()[0]
        else:
            raise ValueError("an entry holds a word that is not known")


def by_curl(text: str) -> Found:
    """Return what curl finds: an entry is known by its keywords, small or capital."""
    found: Found = []
    entry: dict[str, str] = {}
    wanted = ""
    for word in _words_of_curl(text):
        keyword = word.lower()
        if wanted:
            entry[wanted] = word
            wanted = ""
        elif keyword in ("machine", "default"):
            found += _entry(entry)
            entry = {} if keyword == "machine" else {"machine": DEFAULT}
            wanted = "machine" if keyword == "machine" else ""
        elif keyword in ("login", "password") and entry:
            wanted = keyword
    return found + _entry(entry)


def _entry(entry: dict[str, str]) -> Found:
    if not entry:
        return []
    return [(entry["machine"], entry.get("login", ""), entry.get("password", ""))]


def _words_of_curl(text: str) -> Iterator[str]:
    in_macro = False
    for line in text.split("\n"):
        if in_macro:
            in_macro = bool(line.strip())
            continue
        at = 0
        while True:
            at += len(line) - at - len(line[at:].lstrip(" \t\r"))
            if at == len(line) or line[at] == "#":
                break
            quoted = re.compile(r'"((?:[^"\\]|\\.)*)"').match(line, at)
            plain = re.compile(r"[^ \t\r]+").match(line, at)
            assert plain is not None  # noqa: S101  # for mypy: it is no blank
            word = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else plain[0]
            at = (quoted or plain).end()
            if word.lower() == "macdef":
                in_macro = True
                break
            yield word


def by_go(text: str) -> Found:
    """Return what go finds: words in pairs, line by line, without quotes or comments."""
    found: Found = []
    entry: dict[str, str] = {}
    in_macro = False
    for line in text.split("\n"):
        if in_macro:
            in_macro = line != ""
            continue
        words = line.split()
        for name, value in zip(words[::2], words[1::2], strict=False):
            if name == "machine":
                entry = {"machine": value}
            elif name in ("login", "password"):
                entry[name] = value
            in_macro = in_macro or name == "macdef"
            if len(entry) == 3:
                found.append((entry["machine"], entry["login"], entry["password"]))
                entry = {}
        if len(words) % 2 and words[-1] == "default":
            break
    return found


READERS: dict[str, Callable[[str], Found]] = {"Python": by_python, "curl": by_curl, "go": by_go}
