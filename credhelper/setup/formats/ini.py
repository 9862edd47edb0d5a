"""INI files, as Python's configparser and its kin read them."""

from __future__ import annotations

import configparser
import re

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, sections
from credhelper.setup.plan import Entry


def _headers(text: str) -> set[int]:
    """Return where the lines begin that `configparser` reads as headers.

    A line that is indented more than the name above it continues that name's value.
    """
    found = set()
    name_at: int | None = None
    for start, end in line_spans(text):
        line = text[start:end]
        said = line.strip()
        if not said or said[0] in "#;":
            continue
        indent = len(line) - len(line.lstrip())
        if name_at is not None and indent > name_at:
            continue
        is_header = said[0] == "[" and "]" in said
        name_at = None if is_header else indent
        found |= {start} if is_header else set()
    return found


_TWICE = (configparser.DuplicateSectionError, configparser.DuplicateOptionError)
DIALECT = sections.Dialect(
    lambda at: f"[{at[0]}]", lambda name, value: f"{name} = {value}", _headers, blank=True
)


def leaves(text: str) -> list[Leaf]:
    """See `formats`. The case of a name does not count."""
    found = sections_in(text)
    return [
        ((section, name), value)
        for section, values in found.items()
        for name, value in values.items()
    ]


def sections_in(text: str, *, strict: bool = True) -> dict[str, dict[str, str]]:
    """Return the names, in lower case, and values of each section.

    Parameters: `strict`, refuse what stands twice, instead of taking the last. Raises ValueError
    for a text that is not INI.
    """
    parser = configparser.RawConfigParser(default_section="\0", interpolation=None, strict=strict)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        what = "it is there twice" if isinstance(error, _TWICE) else "it is not INI"
        raise ValueError(f"line {line}: {what}" if line else what) from None
    return {section: dict(parser.items(section)) for section in parser.sections()}


def says(entry: Entry) -> list[Leaf]:
    """See `formats`. Refuses also what only some readers take for a comment."""
    (section,) = entry.at
    if section != section.strip() or not re.fullmatch(r"[^\[\]]+", section):
        raise ValueError(f"it has no way to write the section {section}")
    for name, value in entry.values:
        if not re.fullmatch(r"[^\s=:\[\]#;](?:[^=:]*[^\s=:])?", name):
            raise ValueError(f"it has no way to write the name {name}")
        if value != value.strip() or re.search(r"(?:^|\s)[#;]", value):
            raise ValueError(f"it has no way to write this for {name}: {value}")
    return [((section, name.lower()), value) for name, value in entry.values]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    sections.put(draft, entry, DIALECT, made)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    return sections.take(draft, entry, DIALECT, made)
