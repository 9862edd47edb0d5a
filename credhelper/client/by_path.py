"""The one thing that lies at a path, among what an API listed.

An API compares paths in its own way (v2 whatever their case, v1 by patterns), and may answer
anything. Here only the very same characters count, and two things at one path are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from credhelper.client.http.answers import Response
from credhelper.core.text import printable
from credhelper.errors import MalformedAnswerError, RejectedError

# Far more than one path has in all its spellings.
PAGE = 100
_MOST_PAGES = 10
_MOST_SHOWN = 3
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Listed(NamedTuple):
    """What an API says of a folder or file, unchecked. Parameters: `id`; `path`, in its words."""

    id: object
    path: object


def kind_of(path: str) -> str:
    """Return `folder` or `file`: what a path in the config names."""
    return "folder" if path.endswith("/") else "file"


def find(
    list_page: Callable[[str], Response],
    listed: Callable[[Mapping[str, object]], Listed | None],
    path: str,
    place: str,
) -> str:
    """Return the id of the folder or file at `path`.

    Parameters:
    - list_page: asks for one page by its token, which is "" for the first.
    - listed: reads one item of a page; None for one of another place or kind.
    - path: as `Listed` has it.
    - place: where that is, in words.

    Raises RejectedError if there is none or several, and MalformedAnswerError; what `list_page`
    raises, with a hint for a refusal.
    """
    found: dict[str, None] = {}
    others: dict[str, None] = {}
    page = ""
    for _ in range(_MOST_PAGES):
        try:
            answer = list_page(page)
        except RejectedError as error:
            if error.status in (403, 404):
                error.hint = f"may the token's user list the data of {place}? Or name it by its id"
            raise
        members = answer.members()
        items = members.get("items")
        if not isinstance(items, list):
            raise _malformed(answer, "without a list of items")
        for item in items:
            one = listed(item) if isinstance(item, dict) else None
            if one is None or not isinstance(one.path, str):
                continue
            if one.path != path:
                others[one.path] = None
            elif isinstance(one.id, str) and _ID.fullmatch(one.id):
                found[one.id] = None
            else:
                raise _malformed(answer, "with an id that is none")
        page = _next(answer, members.get("nextPageToken"))
        # v2 may tell a token on the last page as well.
        if not page or members.get("remainingRecords") == 0:
            return _one(list(found), list(others), path, place)
    raise RejectedError(
        f"more than {_MOST_PAGES * PAGE} things in {place} are listed for {printable(path)}",
        hint="name the data by its id, in the profile's aws",
    )


def _one(found: list[str], others: list[str], path: str, place: str) -> str:
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(found)[:_MOST_SHOWN])
        raise RejectedError(
            f"there are {len(found)} {kind_of(path)}s {printable(path)} in {place}",
            hint=f"name one by its id, in the profile's aws: {ids}",
        )
    folded = path.casefold()
    near = [printable(other) for other in others if other.casefold() == folded]
    if near:
        shown = ", ".join(near[:_MOST_SHOWN])
        hint = f"upper and lower case count: name it as it is called there, {shown}"
    else:
        hint = (
            "correct the path in the profile's aws (one that ends in / is a folder, any other a"
            " file), or name the data by its id"
        )
    raise RejectedError(f"there is no {kind_of(path)} {printable(path)} in {place}", hint=hint)


def _next(answer: Response, token: object) -> str:
    if token is None:
        return ""
    if not isinstance(token, str) or len(token) > 2000:
        raise _malformed(answer, "with a page token that is none")
    return token


def _malformed(answer: Response, what: str) -> MalformedAnswerError:
    return MalformedAnswerError(
        f"{answer.origin} answered {answer.status} to a question for data {what}",
        status=answer.status,
    )
