"""Text for output, without `json` and `datetime`.

Each of the two costs a good part of a warm get, and what protocols print needs neither.
"""

import time

import credhelper

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors


_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z: RFC 3339 has no year 10000
# Within a word none of these means more than itself, to a shell or in an env file.
BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+/:@%,=")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_string(text: str) -> str:
    """Return `text` as a JSON string literal in ASCII (RFC 8259 section 7)."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_escape, text))}"'


def without_numbers(message: str) -> str:
    """Return what a warning shares with the next one of the same trouble: not the seconds in it."""
    return "".join(one for one in message if not one.isdigit())


def json_object(members: dict[str, str]) -> str:
    """Return a JSON object on one line; `members` maps names to values that are JSON already."""
    return "{" + ",".join(f"{json_string(name)}:{value}" for name, value in members.items()) + "}"


def rfc3339(seconds: int) -> str:
    """Return Unix `seconds` as UTC in RFC 3339, for example `2026-01-02T03:04:05Z`.

    A time outside of 1970 to 9999 becomes the nearest end, so that there is always a date.
    """
    moment = time.gmtime(min(max(seconds, 0), _LAST_SECOND))
    year, month, day, hour, minute, second = moment[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def printable(text: str) -> str:
    """Return `text` with all characters escaped that could control a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def quoted(text: str, most: int = 100) -> str:
    """Return `text` between single quotes, `printable`, and cut after `most` characters."""
    return f"'{printable(text[:most])}'" + ("..." if len(text) > most else "")


def one_line(text: str, what: str) -> str:
    """Return `text` if a reader of lines sees exactly one line in it.

    Parameters: `what`, the name of the value for the error. Raises CredhelperError for anything
    that is not printable: the value comes from a server, a file or a disk, and a line break in it
    could add an attribute.
    """
    if not text or not text.isprintable():
        raise credhelper.errors.CredhelperError(
            f"the {what} is empty or holds a control character: not handed over"
        )
    return text


def shell_word(text: str) -> str:
    """Return `text` as one word of a POSIX shell, between single quotes where it needs them.

    What cannot be printed is spelled out: a hint is escaped before it is shown, and a word with an
    escape in it would be another one.
    """
    if not text.isprintable():
        return _spelled(text)
    # zsh looks for a program wherever an equals sign begins a word, or follows a colon.
    inner = text.rstrip("=")
    if inner and BARE.issuperset(text) and "=" not in inner:
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def command(*words: str) -> str:
    """Return the command of these `words`, as a person can paste it, whatever they hold."""
    return " ".join(map(shell_word, words))


def export(variable: str, value: str) -> str:
    """Return the command that sets `variable` for what a shell starts."""
    return f"export {variable}={shell_word(value)}"


def complaint(message: str, hint: str | None = None, kind: str = "error") -> bytes:
    """Return the stderr lines of an error or a warning (`kind`), with the next step if known."""
    lines = f"credhelper: {kind}: {printable(message)}\n"
    if hint:
        lines += f"credhelper: hint: {printable(hint)}\n"
    return lines.encode()


def _spelled(text: str) -> str:
    spelled = "".join(char if char in BARE and char not in "%-" else _octal(char) for char in text)
    # `$(...)` drops line feeds at the end: a shell that does not know $'...' then finds nothing,
    # where it would find another file.
    return f"$'{spelled}'" if text.endswith("\n") else f"\"$(printf '{spelled}')\""


def _octal(char: str) -> str:
    # A lone surrogate from DC80 to DCFF is a byte that is not UTF-8.
    code = ord(char)
    data = bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else char.encode("utf-8", "replace")
    return "".join(f"\\{byte:03o}" for byte in data)


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if " " <= char <= "~":
        return char
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
