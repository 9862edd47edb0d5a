"""A shared credentials file of AWS in which one section is ours: everything else stays as it is.

Our section bears a mark, a comment that names the access key below it. A section of that name
without it is somebody else's. The new text is read back as two readers of such files read it. If
one of them would find another section, or miss one, the file is left as it is.

Sources: botocore's configloader.py; parseIni of the SDK for JavaScript; "Shared config and
credentials files" in the AWS SDKs' guide.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Mapping

from credhelper.core.text import printable, rfc3339
from credhelper.errors import RequestError
from credhelper.setup.draft import Draft
from credhelper.setup.formats import ini, sections

# What a reader finds: the names, in lower case, and values of each section.
Found = dict[str, dict[str, str]]

_NAMES = {
    "aws_access_key_id": "AccessKeyId",
    "aws_secret_access_key": "SecretAccessKey",
    "aws_session_token": "SessionToken",
}
_ID = "aws_access_key_id"
# Readers differ about quotes, brackets, backslashes and the signs of comments in a value.
_PLAIN = re.compile(r"[!$%&()*+,./0-9:<=>?@A-Z^_a-z{|}~-]+")
_MARK = re.compile(r"# credhelper: (\S+) of profile (\S+), until \S+")
_PAIR = re.compile(r"(\w+)[ \t]*[=:][ \t]*(\S*)")
_COMMENT = re.compile(r"(?:^|\s)[;#]")
_ELSEWHERE = "write to a file of its own: --to FILE"


def with_section(before: str, profile: str, keys: Mapping[str, str], expires_at: int) -> str:
    """Return a credentials file whose section `profile` holds these keys.

    Parameters:
    - before: the file, as it is; "" for none.
    - profile: a name in the config, and of the section.
    - keys: members of an AWS credential, as `credential_process` names them.
    - expires_at: Unix seconds.

    Raises RequestError where the section is somebody else's, or a reader would not find the file as
    it should.
    """
    entry = {name: keys.get(member, "") for name, member in _NAMES.items()}
    if not all(_PLAIN.fullmatch(value) for value in entry.values()):
        raise RequestError(
            "an AWS key is empty, or holds a character that readers of such a file differ about"
        )
    if profile == configparser.DEFAULTSECT:
        raise RequestError(
            f"some readers take what is in [{profile}] for a part of every section",
            hint="give the profile another name",
        )
    there = {reader: _read(before, reader) for reader in READERS}
    for found in there.values():
        _refuse_blanks(found, profile)
    if len({bool(found.get(profile)) for found in there.values()}) > 1:
        raise _not_ours(profile)  # to some readers it is there, to others a part of a value
    mark = f"# credhelper: {entry[_ID]} of profile {profile}, until {rfc3339(expires_at)}"
    lines = [mark, *(f"{name} = {value}" for name, value in entry.items())]
    after = _spliced(before, profile, lines)
    for reader, old in there.items():
        new = _read(after, reader)
        if new != {**old, profile: {**old.get(profile, {}), **entry}}:
            raise RequestError(
                "some readers would find other sections of the file changed: left alone",
                hint=_ELSEWHERE,
            )
    return after


def by_botocore(text: str) -> Found:
    """Return what botocore finds, and all that reads INI as Python. Raises ValueError."""
    # It opens the file as text, so that each way to end a line is a line feed.
    return ini.sections_in(text.replace("\r\n", "\n").replace("\r", "\n"))


def by_javascript(text: str) -> Found:
    """Return what the SDK for JavaScript finds, and all that reads a line at a time."""
    found: Found = {}
    section: str | None = None
    outer = ""
    for line in text.split("\n"):
        said = _COMMENT.split(line, maxsplit=1)[0].strip()
        if said[:1] == "[" and said[-1:] == "]":
            section, outer = said[1:-1], ""
            found.setdefault(section, {})
            continue
        name, sign, value = (part.strip() for part in said.partition("="))
        if section is None or not name or not sign:
            continue
        if not value:
            outer = f"{name.lower()}."
            continue
        if line[:1].strip():
            outer = ""
        found[section][outer + name.lower()] = value
    return found


READERS: tuple[Callable[[str], Found], ...] = (by_botocore, by_javascript)


def _read(text: str, reader: Callable[[str], Found]) -> Found:
    if text.startswith("\ufeff"):
        raise RequestError(
            "the file begins with a byte order mark, which AWS's tools do not read: left alone",
            hint="save it as UTF-8 without a byte order mark",
        )
    try:
        return reader(text)
    except ValueError as error:
        raise RequestError(
            f"AWS's tools cannot read the file ({error}): left alone", hint=_ELSEWHERE
        ) from None


def _refuse_blanks(found: Found, profile: str) -> None:
    """Refuse blanks in the header of our section: some readers take them for a part of the name."""
    for section, values in found.items():
        if values and section != profile and section.strip() == profile:
            raise _not_ours(section)


def _not_ours(section: str) -> RequestError:
    return RequestError(
        f"another program wrote the section [{printable(section)}] of the file, or has changed its"
        " key: left alone",
        hint=f"remove [{printable(section)}] if you no longer want it, or {_ELSEWHERE}",
    )


def _spliced(before: str, profile: str, lines: list[str]) -> str:
    draft = Draft(before)
    header = f"[{profile}]"
    found = [one for one in sections.each(before, ini.DIALECT) if one[0].header == header]
    try:
        if not found:
            _append(draft, [header, *lines])
            return draft.text
        opening, body = found[0]
        ours = _lines_of_ours(before, profile, body)
        at = ours[0].start if ours else opening.end
        draft.insert_lines(at, lines)
        further = len(draft.text) - len(before)
        ends = {at, *(line.end for line in ours)}
        for line in reversed(ours):
            # A last line without a line end takes the one above with it, but not somebody else's.
            start, end = line.start + further, line.end + further
            if line.start in ends:
                draft.remove_lines(start, end)
            else:
                draft.splice(start, end, "")
    except ValueError as error:
        raise RequestError(f"{error}: the file is left alone", hint=_ELSEWHERE) from None
    return draft.text


def _append(draft: Draft, lines: list[str]) -> None:
    last = draft.text.removesuffix("\n").rpartition("\n")[2]
    lead = [""] if last.strip() else []
    if draft.text and not draft.text.endswith("\n"):
        draft.splice(len(draft.text), len(draft.text), draft.line_end)
    draft.insert_lines(len(draft.text), [*lead, *lines])


def _lines_of_ours(text: str, profile: str, body: list[sections.Line]) -> list[sections.Line]:
    """Return which lines of a section we wrote. Raises RequestError if it is somebody else's."""
    marks = {line: found for line in body if (found := _MARK.fullmatch(line.text))}
    pairs = {}
    for line in body:
        # Not an indented one: it is part of the value above.
        pair = _PAIR.match(text, line.start, line.end)
        if pair and pair[1].lower() in _NAMES:
            pairs[line] = pair
    keys = {pair[2] for pair in pairs.values() if pair[1].lower() == _ID}
    marked = {mark[1] for mark in marks.values() if mark[2] == profile}
    if any(line.says for line in body) and not (len(keys) == 1 and keys <= marked):
        raise _not_ours(profile)
    return [line for line in body if line in marks or line in pairs]
