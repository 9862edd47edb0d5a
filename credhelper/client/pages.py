"""Lists that an API gives page by page, each with a token for the next one: read within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from credhelper.client.http.answers import Response
from credhelper.core.digest import sha256
from credhelper.errors import MalformedAnswerError

# A tenant of v2 has up to 30,000 projects. What has no end must not keep us for ever.
MOST_PAGES = 2000
MOST_ITEMS = 200_000


def named(page_behind: Callable[[str], Response]) -> Iterator[tuple[str, str]]:
    """Yield the id and the name, "" for none, of each item; a page is asked for when it is needed.

    Parameters:
    - page_behind: asks for the page behind a token, "" for the first.

    Raises what `page_behind` does; MalformedAnswerError for a list without end.
    """
    token, count = "", 0
    seen: set[str] = set()  # digests: a server may give tokens of any size
    for _ in range(MOST_PAGES):
        answer = page_behind(token)
        page = answer.members()
        items = page.get("items")
        for item in items if isinstance(items, list) else ():
            yield from identified(item)
            count += 1
        more = page.get("nextPageToken")
        if not isinstance(more, str) or not more:
            return
        token, digest = more, sha256(more.encode("utf-8", "surrogatepass"))
        if digest in seen:
            raise _endless(answer, "the token of a page came twice")
        if count > MOST_ITEMS:
            raise _endless(answer, f"more than {MOST_ITEMS} items")
        seen.add(digest)
    raise _endless(answer, f"more than {MOST_PAGES} pages")


def identified(item: object) -> Iterator[tuple[str, str]]:
    """Yield the id and the name, "" for none, of an item that has an id; else nothing."""
    if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]:
        name = item.get("name")
        yield item["id"], name if isinstance(name, str) else ""


def _endless(answer: Response, why: str) -> MalformedAnswerError:
    return MalformedAnswerError(
        f"{answer.origin} gave a list without end: {why}", status=answer.status
    )
