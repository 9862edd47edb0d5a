"""Data by its path: both APIs' lists, the tree that others change, and what opens a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credhelper.sandbox.account import v2_id
from credhelper.sandbox.server import Sandbox

Ask = Callable[..., Any]
PROJECT = v2_id("project-alpha")
V2 = f"/ica/rest/api/projects/{PROJECT}/data"
V1 = "volume.name=volume"
FOLDERS, FILE = ["/runs/", "/runs/42/"], "/runs/42/reads.fastq.gz"


@pytest.fixture
def paths_v2(sandbox: Sandbox, ask: Ask) -> Callable[[str], list[str]]:
    def listed(query: str) -> list[str]:
        answer = ask("GET", f"{V2}?{query}", key=sandbox.api_key).json
        assert {item["projectId"] for item in answer["items"]} <= {PROJECT}
        return [item["data"]["details"]["path"] for item in answer["items"]]

    return listed


@pytest.fixture
def paths_v1(ask: Ask, jwt: str) -> Callable[[str, str], list[str]]:
    def listed(kinds: str, query: str) -> list[str]:
        answer = ask("GET", f"/v1/{kinds}?{V1}&{query}", bearer=jwt).json
        return [item["path"] for item in answer["items"]]

    return listed


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("", [*FOLDERS, FILE]),
        ("type=FOLDER", FOLDERS),
        ("type=FILE", [FILE]),
        ("filePath=/runs/42/", ["/runs/42/", FILE]),
        ("filePath=/RUNS/42/", ["/runs/42/", FILE]),
        ("filePath=/RUNS/42/&filePathMatchMode=FULL_CASE_INSENSITIVE", ["/runs/42/"]),
        ("filePath=/runs/42&filePathMatchMode=FULL_CASE_INSENSITIVE", []),
        ("filePath=/runs/&filePath=/nowhere/&filePathMatchMode=FULL_CASE_INSENSITIVE", ["/runs/"]),
    ],
)
def test_v2_lists_what_matches_whatever_the_case(
    paths_v2: Callable[[str], list[str]], query: str, paths: list[str]
) -> None:
    assert paths_v2(query) == paths


@pytest.mark.parametrize(
    ("kinds", "query", "paths"),
    [
        ("folders", "", FOLDERS),
        ("files", "", [FILE]),
        ("folders", "path=/runs/42/", ["/runs/42/"]),
        ("folders", "path=/Runs/42/", []),
        ("folders", "path=/runs/*", FOLDERS),
        ("folders", "path=/nowhere/,/runs/", ["/runs/"]),
        ("files", "path=/runs/42/*", [FILE]),
        ("files", "path=/runs/42/", []),
    ],
)
def test_v1_lists_exact_paths_and_patterns(
    paths_v1: Callable[[str, str], list[str]], kinds: str, query: str, paths: list[str]
) -> None:
    assert paths_v1(kinds, query) == paths


def test_both_list_by_pages(sandbox: Sandbox, ask: Ask, jwt: str) -> None:
    found, token = [], ""
    for left in (2, 1, 0):
        query = f"pageSize=1&pageToken={token}"
        page = ask("GET", f"{V2}?{query}", key=sandbox.api_key).json
        assert (page["remainingRecords"], page["totalItemCount"]) == (left, 3)
        found += [item["data"]["details"]["path"] for item in page["items"]]
        token = page["nextPageToken"]
    assert (found, token) == ([*FOLDERS, FILE], "")
    first = ask("GET", f"/v1/folders?{V1}&pageSize=1", bearer=jwt).json
    again = f"/v1/folders?{V1}&pageSize=1&pageToken={first['nextPageToken']}"
    second = ask("GET", again, bearer=jwt).json
    assert [one["items"][0]["path"] for one in (first, second)] == FOLDERS
    assert "nextPageToken" not in second


@pytest.mark.parametrize(
    "query",
    ["filename=a", "parentFolderPath=/", "filePathMatchMode=EXACT", "type=folder", "pageSize=x",
     "pageToken=x", "pageSize=-1"],
)  # fmt: skip
def test_a_filter_that_is_not_applied_is_refused(sandbox: Sandbox, ask: Ask, query: str) -> None:
    assert ask("GET", f"{V2}?{query}", key=sandbox.api_key).status == 400


def test_who_may_list(sandbox: Sandbox, ask: Ask, jwt: str, session: str) -> None:
    assert ask("GET", V2, bearer=jwt).status == 401  # of v1
    assert ask("GET", V2).status == 401
    assert ask("GET", V2.replace(PROJECT, "other"), key=sandbox.api_key).status == 404
    assert ask("GET", f"/v1/folders?{V1}", bearer=session).status == 401
    assert ask("GET", f"/v1/folders?{V1}", key=sandbox.api_key).status == 401
    assert ask("POST", f"/v1/folders?{V1}", bearer=jwt).status == 405
    assert ask("POST", V2, key=sandbox.api_key).status == 405


def test_what_is_found_has_keys_and_says_where_it_lies(ask: Ask, jwt: str) -> None:
    (one,) = ask("GET", f"/v1/folders?{V1}&path=/runs/42/", bearer=jwt).json["items"]
    found = ask(
        "PATCH", f"/v1/folders/{one['id']}?include=objectStoreAccess", bearer=jwt, body={}
    ).json
    assert {name: found[name] for name in ("id", "volumeName", "path", "name")} == {
        "id": one["id"],
        "volumeName": "volume",
        "path": "/runs/42/",
        "name": "42",
    }
    (keys,) = ask("GET", "/_sandbox/aws").json
    assert keys["prefix"] == f"volume/{one['id']}/"


def test_others_add_move_and_delete_data(ask: Ask, paths_v2: Callable[[str], list[str]]) -> None:
    def change(given_id: str, path: str | None) -> None:
        body = [{"id": given_id, "place": PROJECT, "path": path}]
        told = ask("POST", "/_sandbox/data", body=body)
        assert told.json == ask("GET", "/_sandbox/data").json

    change("fol.new", "/a/")
    assert paths_v2("filePath=/a") == ["/a/"]
    change("fol.new", "/b/")
    change("fol.twin", "/b/")
    assert paths_v2("filePath=/a") == []
    assert paths_v2("filePath=/b") == ["/b/", "/b/"]
    change("fol.twin", None)
    change("fol.nobody", None)
    assert paths_v2("filePath=/b") == ["/b/"]


@pytest.mark.parametrize(
    "body",
    [{}, 5, [5], [{}], [{"id": "a"}], [{"id": "a", "place": "b", "path": "c"}],
     [{"id": 5, "place": "b", "path": "/c"}], [{"id": "a", "place": "", "path": "/c"}],
     [{"id": "a", "place": "b", "path": "/" + "x" * 1024}],
     [{"id": "a", "place": "b", "path": "/c", "kind": "file"}]],
)  # fmt: skip
def test_a_change_that_makes_no_sense_changes_nothing(ask: Ask, body: object) -> None:
    before = ask("GET", "/_sandbox/data").json
    first = [{"id": "fol.new", "place": PROJECT, "path": "/a/"}]
    told = first + body if isinstance(body, list) else body
    assert ask("POST", "/_sandbox/data", body=told).status == 400
    assert ask("GET", "/_sandbox/data").json == before


def test_only_its_own_call_opens_an_upload_session(sandbox: Sandbox, ask: Ask) -> None:
    keys = {"credentialsFormat": "RCLONE"}
    told = ask("POST", f"{V2}/fol.1:createTemporaryCredentials", key=sandbox.api_key, body=keys)
    assert "uploadSessionId" not in told.json["rcloneTempCredentials"]
    assert ask("GET", "/_sandbox/data").json["uploadSessions"] == []
    told = ask("POST", f"{V2}/fol.1/folderUploadSessions", key=sandbox.api_key)
    assert told.status == 201
    named = told.json["tempCredentials"]["rcloneTempCredentials"]["uploadSessionId"]
    (session,) = ask("GET", "/_sandbox/data").json["uploadSessions"]
    assert session["id"] == named == told.json["id"]
    assert (session["data"], session["project"]) == ("fol.1", PROJECT)
