"""One TOML table, read key by key; a mistake names its place and what was expected.

Messages never show a value: a value in the wrong place may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from credhelper.core.text import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.toml_lines import Place

LONGEST_SAID = 20  # characters of an unknown word: a key or token has more
_MOST_CHARACTERS = 1024
_MOST_ITEMS = 1000
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SECRET = re.compile(
    "(x_?)?api_?key|key|jwt|pat|(access|refresh|session|ps)_?token|secret|value|credentials?"
    "|pass(word|wd|phrase)?",
)

GRANT_HINT = (
    "put the secret into a file of its own, chmod 600 it, and write grant = { file ="
    ' "~/.config/credhelper/NAME.key" }, or name a variable: grant = { env = "NAME" }'
)


class Mistake(Exception):
    """A mistake in the config.

    Parameters: `place`, the keys that lead to it; `message`, what was expected; `hint`, or None.
    """

    def __init__(self, place: Place, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Table:
    """A table of a TOML file.

    Parameters: `values`, as tomllib gave it; `place`, where it stands. Every method raises Mistake.
    """

    def __init__(self, values: object, place: Place) -> None:
        if not isinstance(values, dict):
            raise Mistake(place, "expected a table")
        self.values: dict[str, Any] = values
        self.place = place

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def wrong(self, key: str, message: str, hint: str | None = None) -> Mistake:
        """Return the mistake `message` at `key`."""
        return Mistake((*self.place, key), message, hint)

    def only(self, known: Collection[str], elsewhere: Collection[str] = ()) -> None:
        """Refuse every key but `known`; `elsewhere` are the keys of a profile."""
        for key in self.values:
            if key in known:
                continue
            if _SECRET.fullmatch(re.sub("[^a-z]+", "_", key.lower())):
                raise self.wrong(key, "this file must not hold a secret", GRANT_HINT)
            if key in elsewhere:
                raise self.wrong(key, "belongs in a profile", "write it below [profiles.NAME]")
            raise self.wrong(key, "unknown key" + nearest(key, known))

    def text(self, key: str) -> str | None:
        """Return the text at `key`, or None."""
        return None if key not in self else plain(self.values[key], (*self.place, key))

    def texts(self, key: str) -> list[tuple[str, Place]]:
        """Return the list of texts at `key`, each with its place; empty when there is none."""
        place: Place = (*self.place, key)
        items = self.values.get(key, [])
        if not isinstance(items, list) or len(items) > _MOST_ITEMS:
            raise Mistake(place, 'expected a list of texts, as in ["one", "two"]')
        return [(plain(item, (*place, i)), (*place, i)) for i, item in enumerate(items)]

    def flag(self, key: str) -> bool:
        """Return the boolean at `key`; False when there is none."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "expected true or false")
        return value

    def choice(self, key: str, choices: Collection[str]) -> str:
        """Return the word at `key`, one of `choices`; the first of them when there is none."""
        value = self.values.get(key, next(iter(choices)))
        if isinstance(value, str) and value in choices:
            return value
        near = nearest(value, choices) if isinstance(value, str) else ""
        raise self.wrong(key, f"expected {one_of(choices)}{near}")

    def seconds(self, key: str, default: int, *, least: int, most: int) -> int:
        """Return the seconds at `key`: a whole number, or a text like `90s`, `10m`, `2h`, `1d`."""
        value = self.values.get(key, default)
        if isinstance(value, str) and (parts := _DURATION.fullmatch(value)):
            value = int(parts[1]) * _UNITS[parts[2]]
        if type(value) is not int or not least <= value <= most:
            message = f"expected seconds from {least} to {most}, as a whole number or like '10m'"
            raise self.wrong(key, message)
        return value

    def checked(self, key: str, check: Callable[[str], str]) -> str | None:
        """Return what `check` makes of the text at `key`; its ValueError becomes a Mistake."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return check(value)
        except ValueError as error:
            raise self.wrong(key, str(error)) from error


def plain(value: object, place: Place, *, empty: bool = False) -> str:
    """Return `value` if it is a text without control characters and blanks around it.

    Parameters: `empty`, whether an empty text is allowed. Raises Mistake.
    """
    if not isinstance(value, str):
        raise Mistake(place, "expected a text between quotes")
    if len(value) > _MOST_CHARACTERS:
        raise Mistake(place, f"expected at most {_MOST_CHARACTERS} characters")
    if value and not value.isprintable():
        raise Mistake(place, "holds a control character or an invisible one")
    if not empty and not value:
        raise Mistake(place, "expected a text, not an empty one", "leave the key out")
    if value != value.strip():
        raise Mistake(place, "has blanks at its beginning or end")
    return value


def nearest(word: str, known: Collection[str]) -> str:
    """Return `; did you mean '...'?` when a known word is near, else nothing."""
    near = near_to(word, known)
    return f"; did you mean '{near}'?" if near else ""


def near_to(word: str, known: Collection[str]) -> str:
    """Return the known word that is nearest to `word`; "" where none is near."""
    from difflib import SequenceMatcher, get_close_matches

    word = word[:100].lower()

    def nearness(one: str) -> tuple[float, bool]:
        # Two letters that changed places are likelier than another letter.
        return SequenceMatcher(None, one, word).ratio(), sorted(one) == sorted(word)

    near = sorted(get_close_matches(word, known, 5))  # the first of those that are equally near
    return max(near, key=nearness, default="")


def said(word: str, *, plain: bool = False) -> str:
    """Return an unknown word for a message; without a long one, which may be a secret.

    Parameters: `plain`, without quotes.
    """
    if len(word) > LONGEST_SAID:
        return "of that name (not repeated here: it may be a secret)"
    return printable(word) if plain else quoted(word)


def one_of(choices: Collection[str]) -> str:
    """Return `choices` as words of a sentence."""
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def dotted(place: Place) -> str:
    """Return `place` as TOML spells it, with the index of a list's item in brackets."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE.fullmatch(part) and len(part) < 65 else quoted(part)
            text += f".{key}" if text else key
    return text
