"""What the client sends, held against Illumina's own documents of the two APIs.

The client talks to the sandbox through a recorder. Nothing may go over the wire that the documents
do not have: a call, a parameter, a header, a body, a way to authorise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from credhelper.client import iap, iap_data, ica, ica_data
from credhelper.client.api import TokenSpec
from credhelper.client.authorization import KEY_FORMS, ApiKey, Authorization, Bearer, Password
from credhelper.client.http.transport import Transport
from credhelper.core.model import Secret
from credhelper.errors import RejectedError
from tests.cli.conftest import Person
from tests.support import swagger
from tests.support.recorder import Recorder
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

CALLS = swagger.calls()
MODULES = (iap, ica, iap_data, ica_data)
PARAMETERS: dict[str, Any] = {
    "client_id": "my-app",
    "domain": "acme & sons",
    "data": "a note",
    "scopes": ("A.READ", "B.WRITE"),
    "cwid": "workgroup-alpha",
    "cid": "project-alpha",
    "return_session_token": False,
}
PATHS = "/runs/42/", "/runs/42/reads.fastq.gz"
# What v2 does not have is refused before anything is sent.
NOT_SENT = {"ica.details", "ica.revoke", "ica.workgroups"}

Doings = dict[str, list[Callable[[], object]]]


@pytest.fixture
def doings(
    recorder: Recorder, running_sandbox: RunningSandbox, live: Callable[..., Transport]
) -> Doings:
    """Give this test every call of every client, in all the ways there are."""
    api = running_sandbox
    aside = iap.Client(live(api.url))
    key = ApiKey(Secret(api.api_key))
    password = Password(api.username, Secret(api.password))

    def session() -> Secret:
        return aside.create(key, TokenSpec(return_session_token=True)).value

    def jwt() -> Secret:
        return aside.create(key).value

    v2_jwt = ica.Client(live(api.url)).create(password).value
    words = (api.projects()["Alpha"], "fol.1")
    transport = live(recorder.url)
    v1 = iap.Client(transport, warn=lambda _: None)
    v2 = ica.Client(transport)
    folders, data = iap_data.Client(transport), ica_data.Client(transport)
    forms = [ApiKey(Secret(api.api_key), form, "anybody") for form in KEY_FORMS]
    grants: list[Authorization] = [*forms, password, Bearer(session())]
    own = Bearer(jwt())
    ways = (own, password, Bearer(session()))
    return {
        "iap.create": [
            *(partial(v1.create, way) for way in grants),
            *(
                partial(v1.create, key, TokenSpec(**{name: each}))
                for name, each in PARAMETERS.items()
            ),
            partial(v1.create, key, TokenSpec(**PARAMETERS)),
            partial(v1.create, key, TokenSpec(return_session_token=True)),
        ],
        "iap.details": [
            partial(v1.details, jwt()),
            partial(v1.details, session()),
            partial(v1.details, None, password),
        ],
        "iap.refresh": [
            partial(v1.refresh, session()),
            *(partial(v1.refresh, named, way) for way in ways for named in (session(), None)),
        ],
        "iap.revoke": [
            partial(v1.revoke, session()),
            partial(v1.revoke, jwt()),
            *(partial(v1.revoke, named, way) for way in ways for named in (jwt(), None)),
        ],
        "iap.projects": [partial(list, v1.projects(jwt()))],
        "iap.workgroups": [partial(list, v1.workgroups(session()))],
        "iap_data.exchange": [
            partial(folders.exchange, own.token, how, (word,), read_only=only)
            for how, word in (
                *((how, "one") for how in ("folder", "file", "volume")),
                *(("gds", f"gds://volume{path}") for path in PATHS),
            )
            for only in (True, False)
            if (how, only) != ("volume", True)  # no config gets there: there are no such keys
        ],
        "ica.create": [
            *(partial(v2.create, way) for way in (key, password, Bearer(session()))),
            partial(v2.create, password, TokenSpec(domain="acme & sons")),
        ],
        "ica.refresh": [partial(v2.refresh, v2_jwt)],
        "ica.projects": [
            partial(list, v2.projects(v2_jwt)),
            partial(list, v2.projects(v2_jwt, "Alpha")),
            partial(next, v2.projects(v2_jwt, words[0])),
        ],
        "ica_data.exchange": [
            partial(data.exchange, v2_jwt, how, (words[0], word), read_only=only)
            for how, word in (("data", words[1]), *(("path", path) for path in PATHS))
            for only in (True, False)
        ],
    }


def hold_to_the_documents(recorder: Recorder) -> set[str]:
    """Assert that all that was heard is documented, and return the names of the calls."""
    names = set()
    for asked, told in recorder.heard:
        call = swagger.call_of(CALLS, asked.method, asked.target)
        assert call is not None, (asked.method, asked.target)
        assert swagger.flaws_of_request(call, asked) == [], (asked.method, asked.target)
        assert swagger.flaws_of_answer(call, told) == [], (asked.method, asked.target)
        names.add(call.name)
    return names


METHODS = {
    f"{module.__name__.rpartition('.')[2]}.{method}"
    for module in MODULES
    for method, value in vars(module.Client).items()
    if callable(value) and not method.startswith("_")
}


@pytest.mark.parametrize("method", sorted(METHODS - NOT_SENT))
def test_what_the_client_sends_is_documented(
    doings: Doings, recorder: Recorder, method: str
) -> None:
    for do in doings[method]:
        with contextlib.suppress(RejectedError):
            do()
        asked, told = recorder.heard[-1]
        lacking = method in ("iap.refresh", "iap.revoke") and not asked.body
        # A call without a body is documented, and so is its refusal.
        assert told.status == 400 if lacking else told.status < 300
    # Data is looked up by its path before keys are asked for.
    lists = sum(
        asked.method == "GET" and "path" in asked.target.lower() for asked, _ in recorder.heard
    )
    assert len(recorder.heard) - lists == len(doings[method])
    assert lists == (2 * len(PATHS) if method.endswith("_data.exchange") else 0)
    assert hold_to_the_documents(recorder)


def test_each_parameter_of_create_is_sent_under_a_name_that_is_documented(
    doings: Doings, recorder: Recorder
) -> None:
    for do in doings["iap.create"]:
        do()
    create = next(call for call in CALLS if call.name == "POST /v1/tokens")
    sent = " ".join(asked.target for asked, _ in recorder.heard)
    assert [name for name in create.query if f"{name}=" not in sent] == []


@pytest.fixture
def person(tmp_path: Path, running_sandbox: RunningSandbox) -> Person:
    return Person(World(tmp_path), running_sandbox)


def lives(person: Person, recorder: Recorder, seconds: int, *logins: tuple[list[str], str]) -> None:
    """Let somebody log in in each way, use what tools use until it is renewed, and log out."""
    for words, secret in logins:
        assert person.types("login", "--url", recorder.url, *words, stdin=secret).status == 0
        for _ in range(2):
            assert person.token()
            assert person.world.run("aws").status == 0
            assert person.world.run("aws", "--format", "rclone").status == 0
            person.world.age(seconds)
        assert person.types("status", "--check").status == 0
        assert person.types("logout").status in (0, 5)  # v2 cannot revoke: then logout ends with 5


def test_what_the_whole_program_sends_to_v1_is_documented(
    person: Person, recorder: Recorder
) -> None:
    aws = ["--aws", "folder=fol.alpha"]
    named = [*aws, "--project", "Alpha", "--workgroup", "Alpha team"]
    by_password = [*aws, "--user", person.api.username]
    by_path = ["--aws", "path=gds://volume/runs/42/"]
    key, password = person.api.api_key, person.api.password
    lives(person, recorder, 2 * 86400, (named, key), (by_path, key), (by_password, password))
    assert hold_to_the_documents(recorder) == {
        "POST /v1/tokens",
        "GET /v1/tokens/details",
        "DELETE /v1/tokens",
        "GET /v1/projects",
        "GET /v1/workgroups",
        "GET /v1/folders",
        "PATCH /v1/folders/{folderId}",
    }


def test_what_the_whole_program_sends_to_v2_is_documented(
    person: Person, recorder: Recorder
) -> None:
    aws = ["--api", "ica", "--project", "Alpha", "--aws", "data=fol.1"]
    by_password = [*aws, "--user", person.api.username]
    by_id = ["--api", "ica", "--project", person.api.projects()["Beta"]]
    by_path = ["--project", "Alpha", "--aws", "path=/runs/42/reads.fastq.gz"]
    key, password = person.api.api_key, person.api.password
    lives(person, recorder, 50_000, (aws, key), (by_path, key), (by_password, password))
    words = ("login", "--profile", "other", "--url", recorder.url, *by_id)
    assert person.types(*words, stdin=key).status == 0
    data = "/ica/rest/api/projects/{projectId}/data/{dataId}"
    assert hold_to_the_documents(recorder) == {
        "POST /ica/rest/api/tokens",
        "POST /ica/rest/api/tokens:refresh",
        "GET /ica/rest/api/projects",
        "GET /ica/rest/api/projects/{projectId}",
        "GET /ica/rest/api/projects/{projectId}/data",
        f"POST {data}:createTemporaryCredentials",
    }
