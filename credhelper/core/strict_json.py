"""JSON from a tool, the API or a person's file, read strictly.

Two parsers must not read one document differently: so repeated members and NaN are refused; from a
tool, lone surrogates and carriage returns, too. `json` is loaded late: the plain objects that most
tools send are read without it.
"""

import credhelper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import credhelper.errors

_DEEPEST = 32
_LONGEST_NUMBER = 32  # digits that a tool may send; int() takes quadratic time
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}
_MARKS = "{}:, \t\n" + "".join(_WORDS)  # all characters that stand outside of plain strings


def read(data: bytes, what: str) -> dict[str, object]:
    """Return the members of the one JSON object in `data`.

    Parameters: `what`, the name of the document for the error (`line`, `request`). Raises
    RequestError, which never carries the document: it may hold a token.
    """
    if b"\r" in data:
        raise credhelper.errors.RequestError(
            f"the {what} holds a carriage return: lines end in LF alone"
        )
    if _too_deep(data):
        raise credhelper.errors.RequestError(f"the {what} nests deeper than {_DEEPEST} levels")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        reason = "is not UTF-8"
    else:
        document = _plain(text)
        if document is not None:
            return document
        document, reason = _parsed(text)
        if document is not None:
            return document
    # Raised out here, so that no exception carries the document.
    raise credhelper.errors.RequestError(f"the {what} {reason}")


def _plain(text: str) -> dict[str, object] | None:
    """Return the members of an object made of plain ASCII strings, objects, true, false and null.

    None for everything else, valid or not: then json reads it.
    """
    if not text.isascii() or "\\" in text:
        return None
    # Without escapes, quotes only begin and end strings: so marks and strings alternate.
    pieces = text.split('"')
    if len(pieces) % 2 == 0 or not "".join(pieces[1::2]).isprintable():
        return None
    tokens: list[str] = []
    for number, piece in enumerate(pieces):
        if number % 2:
            tokens.append(f'"{piece}')
        elif piece.strip(_MARKS):
            return None
        else:
            apart = piece
            for mark in "{}:,":
                apart = apart.replace(mark, f" {mark} ")
            tokens += apart.split()
    tokens.reverse()
    try:
        found = _members(tokens) if tokens.pop() == "{" else None
    except LookupError:
        return None
    return None if tokens else found


def _members(tokens: list[str]) -> dict[str, object]:
    """Return the members of the opened object. Raises LookupError if it is not plain.

    Parameters: `tokens`, the last one first; those of the object are removed.
    """
    found: dict[str, object] = {}
    mark = ","
    while mark == ",":
        name = tokens.pop()
        if name[0] != '"' or name[1:] in found or tokens.pop() != ":":
            raise LookupError
        value = tokens.pop()
        if value[0] == '"':
            found[name[1:]] = value[1:]
        else:
            found[name[1:]] = _members(tokens) if value == "{" else _WORDS[value]
        mark = tokens.pop()
    if mark != "}":
        raise LookupError
    return found


def _parsed(text: str) -> tuple[dict[str, object] | None, str]:
    """Return the members, or else what is wrong."""
    try:
        document = value(text, _short_number)
        if "\\u" in text:
            import json

            # An escape can be a lone surrogate, which cannot be encoded.
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None, "holds half a character: a lone surrogate"
    except ValueError as error:
        return None, str(error)
    return (document, "") if isinstance(document, dict) else (None, "is not a JSON object")


def value(text: str, integer: "Callable[[str], int]" = int) -> object:
    """Return the JSON value that `text` spells.

    Parameters: `integer`, makes a number of its digits. Raises ValueError, whose text continues a
    sentence after the document's name, and never shows a part of it.
    """
    import json

    try:
        found: object = json.loads(
            text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=integer
        )
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        wrong = f"is not one JSON object: parsing stopped at {line}column {error.colno}"
    except RecursionError:
        wrong = "nests without end"
    else:
        return found
    # Raised out here, so that no exception carries the document.
    raise ValueError(wrong)


def _too_deep(data: bytes) -> bool:
    # The parser recurses, so depth is checked first; most documents have few brackets.
    if data.count(b"{") + data.count(b"[") <= _DEEPEST:
        return False
    depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            if depth > _DEEPEST:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("names a member twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"holds {name}, which is not JSON")


def _short_number(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"holds a number of more than {_LONGEST_NUMBER} digits")
    return int(digits)
