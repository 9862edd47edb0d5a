"""`auth=` with the real requests and the real httpx, against APIs on loopback."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import credhelper
from credhelper import Credentials
from tests.support.guarded import Guarded
from tests.support.programs import python_environment
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

httpx = pytest.importorskip("httpx", reason="needs httpx: pip install 'credhelper[test]'")

Send = Callable[..., int]


def with_requests(credentials: Credentials, method: str, url: str, **how: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = credentials.auth
        return session.request(method, url, timeout=30, **how).status_code


def with_httpx(credentials: Credentials, method: str, url: str, **how: Any) -> int:
    with httpx.Client(
        auth=credentials.auth, follow_redirects=True, trust_env=False, timeout=30
    ) as client:
        status: int = client.request(method, url, **_in_httpx(how)).status_code
        return status


def with_httpx_async(credentials: Credentials, method: str, url: str, **how: Any) -> int:
    async def main() -> int:
        async with httpx.AsyncClient(
            auth=credentials.auth, follow_redirects=True, trust_env=False, timeout=30
        ) as client:
            status: int = (await client.request(method, url, **_in_httpx(how))).status_code
            return status

    return asyncio.run(main())


def _in_httpx(how: dict[str, Any]) -> dict[str, Any]:
    data = how.get("data")
    if data is not None and not isinstance(data, dict):
        return {**{name: value for name, value in how.items() if name != "data"}, "content": data}
    return how


@pytest.fixture(
    params=[with_requests, with_httpx, with_httpx_async], ids=lambda each: each.__name__
)
def send(request: pytest.FixtureRequest) -> Send:
    """Give this test each way to send a request, one after the other."""
    way: Send = request.param
    return way


def bearer(token: str) -> str:
    return f"Bearer {token}"


def test_a_request_carries_the_token(credentials: Credentials, api: Guarded, send: Send) -> None:
    assert send(credentials, "GET", f"{api.url}/x?y=1") == 200
    assert api.headers() == [bearer(credentials.token())]


def test_a_refused_token_is_replaced_and_the_request_sent_once_more(
    credentials: Credentials, api: Guarded, send: Send, running_sandbox: RunningSandbox
) -> None:
    first = credentials.token()
    api.refused.add(bearer(first))
    assert send(credentials, "GET", f"{api.url}/x") == 200
    second = credentials.token()
    assert second != first
    assert api.headers() == [bearer(first), bearer(second)]
    assert running_sandbox.stats()["created"] == 2
    assert send(credentials, "GET", f"{api.url}/x") == 200
    assert len(api.seen) == 3


def test_a_second_refusal_is_the_callers(
    credentials: Credentials, api: Guarded, send: Send, running_sandbox: RunningSandbox
) -> None:
    api.refuse_all = True
    assert send(credentials, "GET", f"{api.url}/x") == 401
    assert len(set(api.headers())) == len(api.seen) == 2
    # A new token was made just now: so the next refusal is, too.
    assert send(credentials, "GET", f"{api.url}/x") == 401
    assert len(api.seen) == 3
    assert running_sandbox.stats()["created"] == 2


def test_a_token_that_somebody_else_replaced_is_not_replaced_again(
    credentials: Credentials, api: Guarded, send: Send, running_sandbox: RunningSandbox
) -> None:
    first = credentials.token()
    api.refused.add(bearer(first))
    answer = api._answer

    def meanwhile(connection: Any, request: bytes) -> None:
        if not api.seen:
            assert credentials.reject(first)
            credentials.token()
        answer(connection, request)

    api._served._handler = meanwhile
    assert send(credentials, "GET", f"{api.url}/x") == 200
    assert running_sandbox.stats()["created"] == 2


BODIES: list[tuple[str, Callable[[], dict[str, Any]], bytes]] = [
    ("bytes", lambda: {"data": b"body"}, b"body"),
    ("text", lambda: {"data": "body"}, b"body"),
    ("json", lambda: {"json": {"a": 1}}, b'"a"'),
    ("form", lambda: {"data": {"a": "1"}}, b"a=1"),
    ("file in a form", lambda: {"files": {"a": ("name", io.BytesIO(b"body"))}}, b"body"),
]


@pytest.mark.parametrize(
    ("body", "part"), [each[1:] for each in BODIES], ids=[b[0] for b in BODIES]
)
def test_a_body_is_sent_again_whole(
    credentials: Credentials,
    api: Guarded,
    send: Send,
    body: Callable[[], dict[str, Any]],
    part: bytes,
) -> None:
    api.refused.add(bearer(credentials.token()))
    assert send(credentials, "POST", f"{api.url}/x", **body()) == 200
    first, second = api.seen
    assert first.body == second.body
    assert part in first.body


def test_requests_sends_a_bytearray_again(credentials: Credentials, api: Guarded) -> None:
    api.refused.add(bearer(credentials.token()))
    assert with_requests(credentials, "PUT", f"{api.url}/x", data=bytearray(b"body")) == 200
    assert [seen.body for seen in api.seen] == [b"body", b"body"]


def test_requests_rewinds_a_file_to_where_it_was(credentials: Credentials, api: Guarded) -> None:
    api.refused.add(bearer(credentials.token()))
    file = io.BytesIO(b"skipped body")
    file.seek(8)
    assert with_requests(credentials, "PUT", f"{api.url}/x", data=file) == 200
    assert [seen.body for seen in api.seen] == [b"body", b"body"]


def _pieces() -> Iterator[bytes]:
    yield b"bo"
    yield b"dy"


async def _pieces_async() -> AsyncIterator[bytes]:
    for piece in _pieces():
        yield piece


class _Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation("seek")

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")


@pytest.mark.parametrize(
    ("send", "body"),
    [
        (with_requests, lambda: {"data": _pieces()}),
        (with_requests, lambda: {"data": _Unseekable(b"body")}),
        (with_httpx, lambda: {"data": _pieces()}),
        (with_httpx, lambda: {"data": io.BytesIO(b"body")}),
        (with_httpx, lambda: {"files": {"a": ("name", _Unseekable(b"body"))}}),
        (with_httpx_async, lambda: {"data": _pieces_async()}),
    ],
)
def test_a_body_that_is_gone_is_not_sent_again(
    credentials: Credentials, api: Guarded, send: Send, body: Callable[[], dict[str, Any]]
) -> None:
    first = credentials.token()
    api.refused.add(bearer(first))
    assert send(credentials, "POST", f"{api.url}/x", **body()) == 401
    assert api.headers() == [bearer(first)]
    assert b"body" in api.seen[0].body
    # Nothing was made that nobody would have used.
    assert credentials.token() == first


def test_a_redirect_to_a_stranger_carries_nothing(
    credentials: Credentials, api: Guarded, open_api: Callable[[], Guarded], send: Send
) -> None:
    stranger = open_api()
    stranger.refused.clear()
    api.redirects["/x"] = (302, f"{stranger.url}/y")
    assert send(credentials, "GET", f"{api.url}/x") == 200
    assert api.headers() == [bearer(credentials.token())]
    assert stranger.headers() == [""]


def test_a_stranger_that_answers_401_after_a_redirect_gets_nothing_either(
    credentials: Credentials, api: Guarded, open_api: Callable[[], Guarded], send: Send
) -> None:
    stranger = open_api()
    first = credentials.token()
    api.redirects["/x"] = (307, f"{stranger.url}/y")
    assert send(credentials, "GET", f"{api.url}/x") == 401
    assert stranger.headers() == [""]
    assert credentials.token() == first


def test_a_stranger_gets_nothing_at_first_hand(
    credentials: Credentials,
    open_api: Callable[[], Guarded],
    send: Send,
    running_sandbox: RunningSandbox,
) -> None:
    stranger = open_api()
    assert send(credentials, "GET", f"{stranger.url}/y") == 401
    assert stranger.headers() == [""]
    assert running_sandbox.stats()["created"] == 0


def test_a_stranger_that_redirects_here_is_told_nothing_and_the_request_gets_through(
    credentials: Credentials, api: Guarded, open_api: Callable[[], Guarded], send: Send
) -> None:
    stranger = open_api()
    stranger.refused.clear()
    stranger.redirects["/y"] = (302, f"{api.url}/x")
    assert send(credentials, "GET", f"{stranger.url}/y") == 200
    assert stranger.headers() == [""]
    assert api.headers()[-1] == bearer(credentials.token())


def test_a_redirect_within_the_service_carries_the_token(
    credentials: Credentials, api: Guarded, send: Send
) -> None:
    api.redirects["/x"] = (302, "/y")
    assert send(credentials, "GET", f"{api.url}/x") == 200
    assert api.headers() == [bearer(credentials.token())] * 2


@pytest.mark.parametrize(
    "target",
    [
        *("/other", "/team/../other", "/teams", "/team/%2e%2e/other", "../other", "%2e%2e/other"),
        *("/team/..;/other", "/team/%c0%ae%c0%ae/other", "/team/%252e%252e/other", "..\\other"),
        # a scheme without a host, which requests takes for a path from the root
        *("http:evil/x", "http:/evil/x", "http:///evil/x", "HTTP:evil", "http:?x", "///x"),
        *("http:team/../z", "/team/x y/../../z", "/team/\t../z", "/te\u00c3\u00a4m"),
    ],
)
def test_requests_carries_no_token_out_of_a_services_path(
    scratch_world: World, running_sandbox: RunningSandbox, api: Guarded, target: str
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"services": [f"{api.url}/team"]}
    )
    credentials = Credentials(environ=scratch_world.environ)
    api.redirects["/team/x"] = (302, target)
    assert with_requests(credentials, "GET", f"{api.url}/team/x") in (200, 401)
    first, behind = api.seen[0], api.seen[1:]
    assert first.authorization == bearer(credentials.token())
    assert behind
    # What is sent below the path all the same (requests has its own way to read it) may carry it.
    for seen in behind:
        plain = seen.target.startswith("/team/") and "." not in seen.target
        assert seen.authorization == "" or plain


@pytest.mark.parametrize("target", ["y", "/team/y?z=http:evil", "./y", "//{host}/team/y"])
def test_requests_carries_the_token_within_a_services_path(
    scratch_world: World, running_sandbox: RunningSandbox, api: Guarded, target: str
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"services": [f"{api.url}/team"]}
    )
    credentials = Credentials(environ=scratch_world.environ)
    api.redirects["/team/x"] = (302, target.format(host=api.url.partition("://")[2]))
    assert with_requests(credentials, "GET", f"{api.url}/team/x") == 200
    assert api.headers() == [bearer(credentials.token())] * 2


def test_a_refused_token_is_replaced_also_behind_a_redirect(
    credentials: Credentials, api: Guarded, send: Send
) -> None:
    first = credentials.token()
    answer = api._answer

    def revoked_in_between(connection: Any, request: bytes) -> None:
        if api.seen:
            api.refused.add(bearer(first))
        answer(connection, request)

    api._served._handler = revoked_in_between
    api.redirects["/x"] = (303, "/y")
    assert send(credentials, "POST", f"{api.url}/x", data=b"body") == 200
    second = credentials.token()
    # The POST was done: only what was refused is sent again.
    assert [(seen.method, seen.target, seen.authorization) for seen in api.seen] == [
        ("POST", "/x", bearer(first)),
        ("GET", "/y", bearer(first)),
        ("GET", "/y", bearer(second)),
    ]


def test_a_redirect_after_a_refusal_carries_the_new_token(
    credentials: Credentials, api: Guarded, send: Send
) -> None:
    first = credentials.token()
    api.refused.add(bearer(first))
    api.redirects["/x"] = (302, "/y")
    assert send(credentials, "GET", f"{api.url}/x") == 200
    second = credentials.token()
    assert api.headers() == [bearer(first), bearer(second), bearer(second)]


def test_a_refusal_of_somebody_elses_authorization_is_left_alone(
    credentials: Credentials, api: Guarded, running_sandbox: RunningSandbox
) -> None:
    with requests.Session() as session:
        session.trust_env = False
        prepared = session.prepare_request(
            requests.Request("GET", f"{api.url}/x", auth=credentials.auth)
        )
        prepared.headers["Authorization"] = "Bearer mine"
        api.refused.add("Bearer mine")
        assert session.send(prepared, timeout=30).status_code == 401
    assert api.headers() == ["Bearer mine"]
    assert running_sandbox.stats()["created"] == 1


def test_cookies_of_a_refusal_are_kept_and_the_history_is_told(
    credentials: Credentials, api: Guarded
) -> None:
    first = credentials.token()
    api.refused.add(bearer(first))
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{api.url}/x", auth=credentials.auth, timeout=30)
        assert session.cookies["seen"] == "1"
    assert [each.status_code for each in answer.history] == [401]
    assert answer.request.headers["Authorization"] == bearer(credentials.token())


def test_a_request_that_was_prepared_long_ago_gets_through(
    credentials: Credentials, api: Guarded
) -> None:
    first = credentials.token()
    with requests.Session() as session:
        session.trust_env = False
        prepared = session.prepare_request(
            requests.Request("GET", f"{api.url}/x", auth=credentials.auth)
        )
        api.refused.add(bearer(first))
        credentials.reject(first)
        assert session.send(prepared, timeout=30).status_code == 200
        assert session.send(prepared, timeout=30).status_code == 200
    second = credentials.token()
    assert api.headers() == [bearer(first), bearer(second), bearer(second)]


def test_what_keeps_a_token_away_is_raised_before_anything_is_sent(
    credentials: Credentials, api: Guarded, send: Send, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 403, "path": "/v1/tokens", "times": "always"})
    with pytest.raises(credhelper.errors.RejectedError):
        send(credentials, "GET", f"{api.url}/x")
    assert api.seen == []


def test_auth_is_what_the_two_libraries_know_as_one(credentials: Credentials) -> None:
    auth = credentials.auth
    assert isinstance(auth, requests.auth.AuthBase)
    assert isinstance(auth, httpx.Auth)
    assert auth == credentials.auth
    assert type(auth) is type(credentials.auth)


LATE = """
import sys
import credhelper
credentials = credhelper.Credentials(service="https://ica.example")
auth = credentials.auth
assert "requests" not in sys.modules and "httpx" not in sys.modules
import {first}
{use}
"""


def test_an_auth_from_before_the_import_of_httpx_says_so(scratch_world: World) -> None:
    use = """
try:
    httpx.get("https://ica.example", auth=auth)
except credhelper.errors.UsageError as error:
    assert "httpx" in str(error) and "credentials.auth" in error.hint
else:
    raise AssertionError
assert isinstance(credentials.auth, httpx.Auth)
"""
    _run(scratch_world, LATE.format(first="httpx", use=use))


def test_an_auth_from_before_the_import_of_requests_works(
    scratch_world: World, running_sandbox: RunningSandbox, api: Guarded
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"services": [api.url]}
    )
    use = f"assert requests.get('{api.url}/x', auth=auth, timeout=30).status_code == 200"
    _run(
        scratch_world,
        LATE.replace("https://ica.example", api.url).format(first="requests", use=use),
    )
    assert len(api.seen) == 1


def _run(world: World, program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**world.environ, **python_environment()},
        cwd=Path("/"),
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
