"""The sandbox's lists of projects: by cursor, by offset, with hidden ones, and many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credhelper.sandbox.server import Sandbox
from tests.sandbox.test_v2 import problem

Ask = Callable[..., Any]

PROJECTS = "/ica/rest/api/projects"


@pytest.fixture
def listed(ask: Ask, sandbox: Sandbox) -> Callable[[str], Any]:
    """Return a page of v2's projects, for a query."""
    return lambda query: ask("GET", f"{PROJECTS}?{query}", key=sandbox.api_key)


@pytest.fixture
def add(ask: Ask) -> Callable[..., None]:
    def add(*projects: dict[str, Any]) -> None:
        assert ask("POST", "/_sandbox/projects", body=list(projects)).status == 204

    return add


def names(page: Any) -> list[str]:
    return [item["name"] for item in page.json["items"]]


def walk(listed: Callable[[str], Any], query: str) -> tuple[list[str], list[int]]:
    """Return all names by cursor, and how many were left after each page."""
    found: list[str] = []
    left: list[int] = []
    token = ""
    while True:
        page = listed(f"{query}&pageToken={token}" if token else query)
        found += names(page)
        left.append(page.json["remainingRecords"])
        token = page.json["nextPageToken"]
        if not token:
            return found, left


def test_hidden_projects_are_listed_when_they_are_asked_for(listed: Callable[[str], Any]) -> None:
    assert names(listed("")) == names(listed("includeHiddenProjects=false")) == ["Alpha", "Beta"]
    assert names(listed("includeHiddenProjects=True")) == ["Alpha", "Beta", "Archive"]
    assert names(listed("includeHiddenProjects=true&search=arch")) == ["Archive"]
    assert names(listed("search=arch")) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_cursor_goes_over_all_of_them_once(
    listed: Callable[[str], Any], add: Callable[..., None], size: int
) -> None:
    add({"name": "Many", "times": 9}, {"name": "Shy", "hidden": True, "times": 3})
    found, left = walk(listed, f"pageSize={size}")
    assert found == ["Alpha", "Beta", *(f"Many {n}" for n in range(1, 10))]
    assert left == [max(0, 11 - size * (n + 1)) for n in range(len(left))]
    found, _ = walk(listed, f"pageSize={size}&search=SHY&includeHiddenProjects=true")
    assert found == ["Shy 1", "Shy 2", "Shy 3"]


def test_what_is_added_meanwhile_moves_nothing(
    listed: Callable[[str], Any], add: Callable[..., None]
) -> None:
    first = listed("pageSize=1").json
    add({"name": "Late"})
    assert names(listed(f"pageToken={first['nextPageToken']}")) == ["Beta", "Late"]


def test_an_offset_tells_how_many_there_are_and_gives_no_token(
    listed: Callable[[str], Any], add: Callable[..., None]
) -> None:
    add({"name": "Many", "times": 3})
    page = listed("pageOffset=1&pageSize=2")
    assert names(page) == ["Beta", "Many 1"]
    assert (page.json["nextPageToken"], page.json["totalItemCount"]) == ("", 5)
    assert listed("pageOffset=9").json["items"] == []


@pytest.mark.parametrize(
    "query",
    ["pageToken=x", "pageToken=%C3%A4", "pageToken=bm90aGluZw==", "pageOffset=0&pageToken=x"],
)
def test_a_token_that_was_not_given_is_refused(listed: Callable[[str], Any], query: str) -> None:
    problem(listed(query), 400)


def test_one_project_is_told_by_its_id(ask: Ask, sandbox: Sandbox, listed: Any) -> None:
    for one in listed("includeHiddenProjects=true").json["items"]:
        assert ask("GET", f"{PROJECTS}/{one['id']}", key=sandbox.api_key).json == one
    problem(ask("GET", f"{PROJECTS}/none", key=sandbox.api_key), 404)
    problem(ask("GET", f"{PROJECTS}/none"), 401)


def test_v1_lists_by_cursor_too(ask: Ask, jwt: str, add: Callable[..., None]) -> None:
    add({"name": "Many", "times": 1998})
    first = ask("GET", "/v1/projects", bearer=jwt).json
    token = first["nextPageToken"]
    last = ask("GET", f"/v1/projects?pageToken={token}", bearer=jwt).json
    assert [page["itemCount"] for page in (first, last)] == [1000, 1000]
    assert [len(page["items"]) for page in (first, last)] == [1000, 1000]
    assert (last["totalItemCount"], last["totalPageCount"]) == (2000, 2)
    assert "nextPageToken" not in last
    assert len({item["id"] for item in first["items"] + last["items"]}) == 2000


def test_thirty_thousand_are_made_with_one_request(
    listed: Callable[[str], Any], add: Callable[..., None], ask: Ask
) -> None:
    add({"name": "Many", "times": 30_000})
    assert listed("pageSize=1").json["remainingRecords"] == 30_001
    assert names(listed("search=many%2030000")) == ["Many 30000"]
    assert ask("DELETE", "/_sandbox/projects").status == 204
    assert names(listed("")) == ["Alpha", "Beta"]


@pytest.mark.parametrize(
    "sent",
    [
        *({}, "x", [5], [{}], [{"name": ""}], [{"name": 5}], [{"name": "a" * 256}]),
        *([{"name": "a", "hidden": 1}], [{"name": "a", "times": 0}], [{"name": "a", "times": "2"}]),
        *([{"name": "a", "times": True}], [{"name": "a", "times": 10**9}], [{"name": "a", "x": 1}]),
        [{"name": "a", "times": 60_000}, {"name": "b", "times": 60_000}],
    ],
)
def test_projects_that_make_no_sense_are_refused_as_a_whole(
    ask: Ask, listed: Callable[[str], Any], sent: object
) -> None:
    body = [{"name": "good"}, *sent] if isinstance(sent, list) else sent
    assert ask("POST", "/_sandbox/projects", body=body).status == 400
    assert names(listed("")) == ["Alpha", "Beta"]


def test_keys_for_aws_are_given_in_a_project_that_was_added(
    ask: Ask, sandbox: Sandbox, listed: Callable[[str], Any], add: Callable[..., None]
) -> None:
    add({"name": "New", "hidden": True})
    (found,) = listed("search=new&includeHiddenProjects=true").json["items"]
    path = f"{PROJECTS}/{found['id']}/data/fol.1:createTemporaryCredentials"
    assert ask("POST", path, key=sandbox.api_key).status == 200
