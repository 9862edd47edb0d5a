"""What an API lists, and the one thing in it that lies at a path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from credhelper.client import by_path
from credhelper.client.by_path import Listed
from credhelper.client.http.answers import Response
from credhelper.errors import MalformedAnswerError, RejectedError

Find = Callable[..., str]


def listed(item: Mapping[str, object]) -> Listed:
    return Listed(item.get("id"), item.get("path"))


def find(*pages: object, path: str = "/runs/42/", asked: list[str] | None = None) -> str:
    """Find `path` in what an API answers, page by page."""
    left = list(pages)

    def list_page(token: str) -> Response:
        if asked is not None:
            asked.append(token)
        body = left.pop(0) if len(left) > 1 else left[0]
        text = body if isinstance(body, str) else json.dumps(body)
        return Response("https://api.test", 200, text.encode(), 0)

    return by_path.find(list_page, listed, path, "project p-1")


def page(*items: object, **more: Any) -> dict[str, Any]:
    return {"items": list(items), **more}


def one(given_id: object = "fol.1", path: object = "/runs/42/") -> dict[str, object]:
    return {"id": given_id, "path": path}


def test_the_one_with_the_very_same_path_is_it() -> None:
    others = [one(f"fol.x{n}", other) for n, other in enumerate(("/Runs/42/", "/runs/42", "/a/"))]
    assert find(page(*others, one("fol.right"))) == "fol.right"
    assert find(page(one("a", "/ä/"), one("b", "/a\u0308/")), path="/ä/") == "a"


@pytest.mark.parametrize("order", [1, -1])
def test_two_at_one_path_are_refused_and_named(order: int) -> None:
    both = [one("fol.1"), one("fol.2")][::order]
    with pytest.raises(RejectedError, match=r"there are 2 folders /runs/42/ in project p-1") as no:
        find(page(*both))
    assert "fol.1, fol.2" in (no.value.hint or "")
    with pytest.raises(RejectedError, match="there are 2"):
        find(page(both[0], nextPageToken="n"), page(both[1]))
    assert find(page(one("fol.1"), one("fol.1"))) == "fol.1"


def test_nothing_there_is_told_with_the_path_and_the_place() -> None:
    with pytest.raises(RejectedError, match="no folder /runs/42/ in project p-1") as no:
        find(page())
    assert "ends in / is a folder" in (no.value.hint or "")
    with pytest.raises(RejectedError, match="no file /runs/42 in project p-1"):
        find(page(), path="/runs/42")


def test_another_case_is_not_it_and_is_told() -> None:
    with pytest.raises(RejectedError) as no:
        find(page(one("fol.1", "/Runs/42/"), one("fol.2", "/RUNS/42/")))
    assert (
        no.value.hint
        == "upper and lower case count: name it as it is called there, /Runs/42/, /RUNS/42/"
    )


def test_what_a_server_calls_a_path_moves_no_cursor() -> None:
    with pytest.raises(RejectedError) as no:
        find(page(one("fol.1", "/A\u200b\x1b[2J/")), path="/a\u200b\x1b[2j/")
    assert f"{no.value}{no.value.hint}".isprintable()


@pytest.mark.parametrize(
    "given_id",
    [None, 5, "", "a/b", "..", "fol.1?x", "fol.1#", "fol 1", "fol.1\n", "é", "x" * 200, []],
)
def test_an_id_that_would_lead_elsewhere_is_refused(given_id: object) -> None:
    with pytest.raises(MalformedAnswerError, match="an id that is none"):
        find(page(one(given_id)))


@pytest.mark.parametrize(
    "body",
    ["<html>log in</html>", "", "null", "[]", "5", "{}", '{"items":null}', '{"items":{}}',
     '{"items":"x"}', '{"items":[],"nextPageToken":5}', '{"items":[],"nextPageToken":{}}',
     json.dumps({"items": [], "nextPageToken": "x" * 2001})],
)  # fmt: skip
def test_an_answer_that_is_no_list_is_malformed(body: str) -> None:
    with pytest.raises(MalformedAnswerError):
        find(body)


@pytest.mark.parametrize(
    "item", [None, 5, "fol.1", [], {}, {"path": 5}, {"path": None}, {"id": "x"}]
)
def test_an_item_that_says_nothing_is_passed_over(item: object) -> None:
    assert find(page(item, one("fol.right"), item)) == "fol.right"


def test_all_pages_are_asked_for_and_only_by_their_tokens() -> None:
    asked: list[str] = []
    pages = page(nextPageToken="b"), page(one(), nextPageToken="c"), page(nextPageToken="")
    assert find(*pages, asked=asked) == "fol.1"
    assert asked == ["", "b", "c"]


def test_nothing_remaining_ends_it_whatever_token_is_told() -> None:
    asked: list[str] = []
    assert find(page(one(), nextPageToken="again", remainingRecords=0), asked=asked) == "fol.1"
    assert asked == [""]


def test_a_list_without_end_is_given_up() -> None:
    asked: list[str] = []
    with pytest.raises(RejectedError, match="more than 1000 things") as no:
        find(page(one(), nextPageToken="again"), asked=asked)
    assert len(asked) == 10
    assert "by its id" in (no.value.hint or "")


def test_ten_thousand_in_other_spellings_are_looked_through() -> None:
    many = [one(f"fol.{n}", f"/runs/42/{n}/") for n in range(10_000)]
    assert find(page(*many, one("fol.right"))) == "fol.right"
    with pytest.raises(RejectedError, match="no folder"):
        find(page(*many))
