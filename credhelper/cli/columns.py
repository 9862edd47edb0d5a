"""Text in the columns of a terminal: how wide it is, and where a line of it may end."""

from __future__ import annotations

import os
import sys

LEAST = 40  # columns: a narrower terminal breaks lines itself
_USUAL = 80


def screen() -> int | None:
    """Return how many columns a line may have; None where nobody looks at stdout on a screen."""
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    if not on_terminal and not os.environ.get("COLUMNS"):
        return None
    return max(terminal(), LEAST)


def terminal() -> int:
    """Return the width that `COLUMNS` tells, or the terminal at stdout."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and 0 < len(told) < 6 and int(told):
        return int(told)
    try:
        # `shutil` does the same, and loads three libraries of compression.
        return os.get_terminal_size(1).columns or _USUAL
    except OSError:
        return _USUAL


def width(text: str) -> int:
    """Return the columns that `text` takes: East Asian wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    import unicodedata  # late: most text needs it not

    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )


def padded(text: str, columns: int) -> str:
    """Return `text` with blanks behind it, so that it takes at least `columns`."""
    return text + " " * (columns - width(text))


def wrapped(text: str, columns: int | None) -> list[str]:
    """Return `text` in lines of at most `columns`. A word that is wider has a line of its own."""
    if columns is None or width(text) <= columns:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer) <= columns or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
