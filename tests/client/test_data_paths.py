"""Data by its path, at both APIs: what is asked, what is sent, and what is not believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests_mock

from credhelper.client import iap_data, ica_data
from credhelper.client.http.transport import Transport
from credhelper.core.model import Secret, Token
from credhelper.errors import MalformedAnswerError, RejectedError
from tests.client.test_iap_data import KEYS
from tests.client.test_ica_data import FOR_RCLONE, JWT

BASE = "https://api.test"
PROJECTS = f"{BASE}/ica/rest/api/projects"
ODD = ["/a b/", "/a?b=c&d=e/", "/a#b/", "/100%/", "/a%2Fb/", "/ä/é/", "/日本/x", "/a+b/", "/a;b:c/"]


@pytest.fixture
def api() -> Any:
    with requests_mock.Mocker() as mocker:
        mocker.post(requests_mock.ANY, json={"rcloneTempCredentials": FOR_RCLONE})
        yield mocker


Exchange = Callable[..., Token]


@pytest.fixture
def v2(api: Any, transport: Callable[..., Transport], frozen: Any) -> Exchange:
    """Buy credentials of v2 for a path, where the list has `items`."""

    def bought(path: str, *items: object, **more: Any) -> Token:
        api.get(requests_mock.ANY, json={"items": list(items), **more})
        client = ica_data.Client(transport(), clock=frozen.clock)
        return client.exchange(Secret(JWT), "path", ("p-1", path), read_only=False)

    return bought


@pytest.fixture
def v1(api: Any, transport: Callable[..., Transport], frozen: Any) -> Exchange:
    """Buy credentials of v1 for a path, where the list has `items`, and the exchange `told`."""

    def bought(path: str, *items: object, told: dict[str, Any] | None = None) -> Token:
        api.get(requests_mock.ANY, json={"items": list(items)})
        access = {"awsS3TemporaryUploadCredentials": KEYS}
        api.patch(requests_mock.ANY, json={"objectStoreAccess": access, **(told or {})})
        client = iap_data.Client(transport(), clock=frozen.clock)
        return client.exchange(Secret(JWT), "gds", (f"gds://vol{path}",), read_only=False)

    return bought


def item(path: str, given_id: object = "fol.7", **changes: Any) -> dict[str, Any]:
    """Describe data of v2."""
    kind = "FOLDER" if path.endswith("/") else "FILE"
    details = {"path": path, "dataType": kind, "status": "AVAILABLE", **changes.pop("details", {})}
    return {"data": {"id": given_id, "details": details}, "projectId": "p-1", **changes}


def entry(path: str, given_id: object = "fol.7", **changes: Any) -> dict[str, Any]:
    """Describe a folder or file of v1."""
    return {"id": given_id, "path": path, "volumeName": "vol", **changes}


def asked(api: Any) -> dict[str, str]:
    """Return the parameters of the first request, as a server decodes them."""
    return dict(parse_qsl(urlsplit(api.request_history[0].url).query, keep_blank_values=True))


@pytest.mark.parametrize("path", ["/runs/42/", "/a.txt", *ODD])
def test_v2_is_asked_for_the_whole_path_and_then_for_the_data_of_that_id(
    v2: Exchange, api: Any, path: str
) -> None:
    v2(path, item(path))
    listed, bought = api.request_history
    assert listed.method == "GET"
    assert listed.url.partition("?")[0] == f"{PROJECTS}/p-1/data"
    assert asked(api) == {
        "filePath": path,
        "filePathMatchMode": "FULL_CASE_INSENSITIVE",
        "type": "FOLDER" if path.endswith("/") else "FILE",
        "pageSize": "100",
        "pageToken": "",
    }
    assert bought.url == f"{PROJECTS}/p-1/data/fol.7:createTemporaryCredentials"
    assert {one.headers["Authorization"] for one in (listed, bought)} == {f"Bearer {JWT}"}


@pytest.mark.parametrize("path", ["/runs/42/", "/a.txt", *ODD])
def test_v1_is_asked_for_the_path_in_its_volume_and_then_for_that_id(
    v1: Exchange, api: Any, path: str
) -> None:
    v1(path, entry(path), told={"id": "fol.7", "path": path, "volumeName": "vol"})
    listed, bought = api.request_history
    kinds = "folders" if path.endswith("/") else "files"
    assert (listed.method, bought.method) == ("GET", "PATCH")
    assert listed.url.partition("?")[0] == f"{BASE}/v1/{kinds}"
    assert asked(api) == {"volume.name": "vol", "path": path, "pageSize": "100"}
    assert bought.url == f"{BASE}/v1/{kinds}/fol.7?include=objectStoreAccess"


@pytest.mark.parametrize("path", ODD)
def test_what_means_something_in_a_url_is_sent_percent_encoded(
    v2: Exchange, v1: Exchange, api: Any, path: str
) -> None:
    for buy, one in ((v2, item(path)), (v1, entry(path))):
        api.reset_mock()
        buy(path, one)
        query = api.request_history[0].url.partition("?")[2]
        assert query.isascii()
        assert not set(query) & set("#/? ;'\"<>\\")


@pytest.mark.parametrize(
    "other",
    [
        item("/runs/42/", "fol.other", projectId="p-2"),
        item("/runs/42/", "fol.other", projectId=None),
        item("/runs/42/", "fol.other", details={"dataType": "FILE"}),
        item("/runs/42/", "fol.other", details={"status": "DELETING"}),
        item("/Runs/42/", "fol.other"),
        item("/runs/42", "fol.other"),
        item("/runs/42//", "fol.other"),
        item("/runs/421/", "fol.other"),
        item("/x/runs/42/", "fol.other"),
        {"data": {"id": "fol.other", "details": None}, "projectId": "p-1"},
        {"data": {"id": "fol.other"}, "projectId": "p-1"},
        {"data": None, "projectId": "p-1"},
        {"data": "fol.other", "projectId": "p-1"},
    ],
)
def test_v2s_word_for_something_else_is_not_taken(
    v2: Exchange, api: Any, other: dict[str, Any]
) -> None:
    with pytest.raises(RejectedError, match="there is no folder /runs/42/ in project p-1"):
        v2("/runs/42/", other)
    assert [one.method for one in api.request_history] == ["GET"]
    v2("/runs/42/", other, item("/runs/42/"))
    assert "/fol.7:" in api.request_history[-1].url


def test_the_case_of_a_projects_uuid_does_not_count(v2: Exchange, api: Any) -> None:
    v2("/a/", item("/a/", projectId="P-1"))
    assert "/fol.7:" in api.request_history[-1].url


@pytest.mark.parametrize(
    "other",
    [
        entry("/runs/42/", "fol.other", volumeName="volume"),
        entry("/runs/42/", "fol.other", volumeName=None),
        entry("/runs/42/", "fol.other", jobStatus="Deleting"),
        entry("/Runs/42/", "fol.other"),
        entry("/runs/42", "fol.other"),
        entry("/runs/421/", "fol.other"),
    ],
)
def test_v1s_word_for_something_else_is_not_taken(
    v1: Exchange, api: Any, other: dict[str, Any]
) -> None:
    with pytest.raises(RejectedError, match="there is no folder /runs/42/ in volume vol"):
        v1("/runs/42/", other)
    assert [one.method for one in api.request_history] == ["GET"]
    v1("/runs/42/", other, entry("/runs/42/"))
    assert "/folders/fol.7?" in api.request_history[-1].url


@pytest.mark.parametrize("buy", ["v1", "v2"])
def test_two_at_one_path_get_no_keys(request: pytest.FixtureRequest, api: Any, buy: str) -> None:
    make = entry if buy == "v1" else item
    with pytest.raises(RejectedError, match="there are 2 folders /a/ in"):
        request.getfixturevalue(buy)("/a/", make("/a/", "fol.1"), make("/a/", "fol.2"))
    assert [one.method for one in api.request_history] == ["GET"]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"id": "fol.8"}, "id"),
        ({"ID": "fol.8"}, "id"),
        ({"id": "fol.7", "path": "/runs/43/"}, "path"),
        ({"id": "fol.7", "path": "/runs/42/", "volumeName": "other"}, "volumename"),
    ],
)
def test_keys_for_another_folder_than_was_asked_for_are_refused(
    v1: Exchange, told: dict[str, Any], name: str
) -> None:
    with pytest.raises(MalformedAnswerError, match=f"with another {name} than that of") as caught:
        v1("/runs/42/", entry("/runs/42/"), told=told)
    assert KEYS["secret_Access_Key"] not in str(caught.value)
    assert v1("/runs/42/", entry("/runs/42/"), told={"id": "fol.7"})


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "may be wrong, revoked or expired"),
        (403, "of project p-1? Or name it by its id"),
        (404, "may the token's user list the data of project p-1?"),
    ],
)
def test_a_list_that_is_refused_is_told_with_the_next_step(
    api: Any, transport: Callable[..., Transport], status: int, hint: str
) -> None:
    api.get(requests_mock.ANY, status_code=status, json={"title": "No"})
    with pytest.raises(RejectedError, match=f"answered {status}") as caught:
        ica_data.Client(transport()).exchange(Secret(JWT), "path", ("p-1", "/a/"), read_only=False)
    assert hint in (caught.value.hint or "")
    assert len(api.request_history) == 1
