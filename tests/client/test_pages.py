"""Lists page by page: to their end, one page when it is needed, and never for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count, islice

import pytest

from credhelper.client import pages
from credhelper.client.http.answers import Response
from credhelper.errors import MalformedAnswerError

Page = Callable[[str], Response]


class Server:
    """A server of pages. Parameters: `pages`, each a JSON value. Attributes: `asked`, tokens."""

    def __init__(self, made: Iterator[object]) -> None:
        self.asked: list[str] = []
        self._pages = made

    def __call__(self, token: str) -> Response:
        self.asked.append(token)
        return Response("https://api.test", 200, json.dumps(next(self._pages)).encode(), 0)


def page(*names: str, more: object = "") -> dict[str, object]:
    return {"items": [{"id": name, "name": name.upper()} for name in names], "nextPageToken": more}


def test_a_page_is_asked_for_when_it_is_needed() -> None:
    server = Server(iter([page("a", "b", more="1"), page("c", more="2"), page("d")]))
    found = pages.named(server)
    assert server.asked == []
    assert list(islice(found, 2)) == [("a", "A"), ("b", "B")]
    assert server.asked == [""]
    assert list(found) == [("c", "C"), ("d", "D")]
    assert server.asked == ["", "1", "2"]


def test_an_empty_page_is_not_the_end_and_a_short_one_neither() -> None:
    server = Server(iter([page(more="1"), page("a", more="2"), page(more="3"), page("b")]))
    assert list(pages.named(server)) == [("a", "A"), ("b", "B")]


@pytest.mark.parametrize("more", ["", None, 5, [], {}, False])
def test_anything_but_a_token_ends_the_list(more: object) -> None:
    server = Server(iter([page("a", more=more)]))
    assert list(pages.named(server)) == [("a", "A")]


def test_thirty_thousand_items_are_read_and_none_is_kept() -> None:
    tokens = iter(range(1, 1000))
    made = (
        page(*(f"{n}-{m}" for m in range(200)), more=str(next(tokens)) if n < 149 else "")
        for n in range(150)
    )
    server = Server(made)
    assert sum(1 for _ in pages.named(server)) == 30_000
    assert len(server.asked) == 150


@pytest.mark.parametrize("period", [1, 2, 7])
def test_a_token_that_comes_again_is_seen(period: int) -> None:
    server = Server(page("a", more=f"t{n % period}") for n in count())
    with pytest.raises(MalformedAnswerError) as told:
        list(pages.named(server))
    assert "a list without end: the token of a page came twice" in told.value.message
    assert len(server.asked) == period + 1


def test_pages_without_end_are_left() -> None:
    server = Server(page(more=str(n)) for n in count())
    with pytest.raises(MalformedAnswerError, match=f"more than {pages.MOST_PAGES} pages"):
        list(pages.named(server))
    assert len(server.asked) == pages.MOST_PAGES


def test_items_without_end_are_left() -> None:
    names = [str(n) for n in range(10_000)]
    server = Server(page(*names, more=str(n)) for n in count())
    with pytest.raises(MalformedAnswerError, match=f"more than {pages.MOST_ITEMS} items"):
        list(pages.named(server))
    assert len(server.asked) == pages.MOST_ITEMS // len(names) + 1


def test_what_follows_what_was_found_is_not_asked_for() -> None:
    server = Server(page(str(n), more="again") for n in count())
    assert next(pages.named(server)) == ("0", "0")
    assert server.asked == [""]
