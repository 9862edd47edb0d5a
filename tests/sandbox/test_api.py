"""Every documented status, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest

from credhelper.sandbox.account import FOREIGN_PROJECT, TENANT
from credhelper.sandbox.server import Sandbox, start
from credhelper.sandbox.signer import Signer

Ask = Callable[..., Any]
JSON_TYPES = [
    "application/json-patch+json",
    "application/json",
    "text/json",
    "application/anything+json",
    "application/json; charset=utf-8",
]


def claims(token: str) -> dict[str, Any]:
    return dict(pyjwt.decode(token, options={"verify_signature": False}))


def counters(ask: Ask) -> Any:
    return ask("GET", "/_sandbox/stats").json


def is_error(reply: Any, status: int) -> bool:
    return (
        reply.status == status
        and set(reply.json) == {"code", "message", "details"}
        and isinstance(reply.json["message"], str)
        and reply.json["details"] == []
    )


# create


def test_a_key_is_exchanged_for_a_signed_jwt(sandbox: Sandbox, ask: Ask) -> None:
    reply = ask("POST", "/v1/tokens", key=sandbox.api_key)
    assert reply.status == 201
    assert reply.json["token_type"] == "Bearer"
    key_set = pyjwt.PyJWKSet.from_dict(ask("GET", "/.well-known/jwks.json").json)
    header = pyjwt.get_unverified_header(reply.token)
    assert header["alg"] == "RS256"
    made = pyjwt.decode(
        reply.token,
        key_set[header["kid"]].key,
        algorithms=["RS256"],
        audience="iap-aps2",
        issuer="https://platform.login.illumina.com",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert {"exp", "nbf", "iat", "iss", "sub", "jti", "aud", "tid", "mem", "acl"} <= set(made)
    assert isinstance(made["mem"], dict)
    assert made["exp"] - made["iat"] == 86400
    assert "=" not in reply.token
    assert counters(ask)["created"] == 1


def test_every_parameter_reaches_the_jwt(sandbox: Sandbox, ask: Ask) -> None:
    query = (
        "clientId=app&domain=lab&data=a%20note&scopes=A.B,C.D%2CE.F&cwid=wg-1&cid=pr-1"
        "&returnSessionToken=False&unknown=1"
    )
    made = claims(ask("POST", f"/v1/tokens?{query}", key=sandbox.api_key).token)
    assert made["azp"] == "app"
    assert made["domain"] == "lab"
    assert made["session"] == {"data": "a note"}
    assert made["scope"] == "A.B,C.D,E.F"
    assert made["mem"] == {"cid:pr-1": "*"}
    assert made["acl"] == ["cid:pr-1", f"tid:{made['tid']}", "wid:wg-1"]


def test_what_was_not_asked_for_is_not_claimed(jwt: str) -> None:
    assert "session" not in claims(jwt)
    assert not any(name.startswith("cid:") for name in claims(jwt)["mem"])


@pytest.mark.parametrize("yes", ["true", "True", "TRUE"])
def test_a_session_token_is_opaque(sandbox: Sandbox, ask: Ask, yes: str) -> None:
    reply = ask("POST", f"/v1/tokens?returnSessionToken={yes}", key=sandbox.api_key)
    assert reply.status == 201
    assert "." not in reply.token


def test_the_obsolete_query_key_still_works(sandbox: Sandbox, ask: Ask) -> None:
    assert ask("POST", f"/v1/tokens?api_key={sandbox.api_key}").status == 201
    assert is_error(ask("POST", "/v1/tokens?api_key=wrong"), 401)


@pytest.mark.parametrize("form", ["{key}", "{key}:", "anything:{key}", "{username}:{password}"])
def test_basic_comes_as_key_or_password(sandbox: Sandbox, ask: Ask, form: str) -> None:
    basic = form.format(key=sandbox.api_key, username=sandbox.username, password=sandbox.password)
    assert ask("POST", "/v1/tokens", basic=basic).status == 201


@pytest.mark.parametrize("unrelated", ["Bearer nonsense", "Basic !!!", "Digest x", "Bearer"])
def test_a_valid_key_wins_beside_an_unrelated_authorization(
    sandbox: Sandbox, ask: Ask, unrelated: str
) -> None:
    headers = {"Authorization": unrelated}
    assert ask("POST", "/v1/tokens", key=sandbox.api_key, headers=headers).status == 201


def test_a_wrong_key_is_refused_even_beside_a_good_authorization(ask: Ask, session: str) -> None:
    assert is_error(ask("POST", "/v1/tokens", key="wrong", bearer=session), 401)


def test_an_empty_key_header_is_no_key(ask: Ask, session: str) -> None:
    assert ask("POST", "/v1/tokens", key="", bearer=session).status == 201


def test_a_session_mints_tokens(ask: Ask, session: str) -> None:
    reply = ask("POST", "/v1/tokens?cid=project-alpha", bearer=session)
    assert claims(reply.token)["mem"] == {"cid:project-alpha": "*"}
    assert counters(ask) == {
        "requests": 2,
        "created": 1,
        "minted": 1,
        "refreshed": 0,
        "revoked": 0,
        "details": 0,
        "exchanged": 0,
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ***"},
        {"Authorization": "Basic YQ"},
        {"Authorization": "Basic /////w=="},
        {"Authorization": "Digest username=x"},
        {"Authorization": "nonsense"},
        {"X-API-Key": "wrong"},
    ],
)
def test_create_needs_a_good_grant(ask: Ask, headers: dict[str, str]) -> None:
    reply = ask("POST", "/v1/tokens", headers=headers)
    assert is_error(reply, 401)
    assert reply.json["code"] == "Unauthorized"
    assert counters(ask)["created"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "returnSessionToken=maybe",
        "cid=a&cid=b",
        "cid=a%20b",
        "data=%00",
        "data=%FF",
        "&".join(f"a{number}=1" for number in range(100)),
    ],
)
def test_create_refuses_parameters_that_make_no_sense(
    sandbox: Sandbox, ask: Ask, query: str
) -> None:
    assert is_error(ask("POST", f"/v1/tokens?{query}", key=sandbox.api_key), 400)


def test_create_for_somebody_elses_project_is_forbidden(sandbox: Sandbox, ask: Ask) -> None:
    reply = ask("POST", f"/v1/tokens?cid={FOREIGN_PROJECT}", key=sandbox.api_key)
    assert is_error(reply, 403)


def test_create_takes_the_content_type_of_a_body_that_is_not_there(
    sandbox: Sandbox, ask: Ask
) -> None:
    headers = {"Content-Type": "application/json"}
    assert ask("POST", "/v1/tokens", key=sandbox.api_key, headers=headers).status == 201


# details


def test_details_tell_whose_token_it_is(sandbox: Sandbox, ask: Ask) -> None:
    token = ask("POST", "/v1/tokens?cwid=workgroup-alpha&domain=lab", key=sandbox.api_key).token
    reply = ask("GET", "/v1/tokens/details", bearer=token)
    assert reply.status == 200
    assert reply.json == {
        "uid": "user-sandbox",
        "name": "Sandbox User",
        "username": sandbox.username,
        "currentWorkgroup": {
            "id": "workgroup-alpha",
            "name": "Alpha team",
            "description": "Workgroup Alpha team of the sandbox",
        },
        "tid": TENANT,
        "acls": [f"tid:{TENANT}", "uid:user-sandbox", "wid:workgroup-alpha"],
        "domain": {"id": "domain-lab", "name": "lab"},
    }
    assert counters(ask)["details"] == 1


def test_details_take_a_session_and_basic_too(sandbox: Sandbox, ask: Ask, session: str) -> None:
    assert ask("GET", "/v1/tokens/details", bearer=session).status == 200
    basic = f"{sandbox.username}:{sandbox.password}"
    assert ask("GET", "/v1/tokens/details", basic=basic).status == 200


def test_details_refuse_without_a_body(ask: Ask) -> None:
    reply = ask("GET", "/v1/tokens/details", bearer="nonsense")
    assert (reply.status, reply.body) == (401, b"")
    assert counters(ask)["details"] == 0


def test_an_expired_token_has_no_details(ask: Ask, jwt: str, clock: Any) -> None:
    clock.now += 86400
    assert ask("GET", "/v1/tokens/details", bearer=jwt).status == 401


# refresh


@pytest.mark.parametrize("media", JSON_TYPES)
def test_refresh_takes_all_four_json_types(ask: Ask, session: str, media: str) -> None:
    reply = ask(
        "POST",
        "/v1/tokens:refresh",
        bearer=session,
        body=b'{"access_token": "%s", "more": 1}' % session.encode(),
        headers={"Content-Type": media},
    )
    assert (reply.status, reply.token) == (201, session)
    assert counters(ask)["refreshed"] == 1


def test_refresh_keeps_a_session_alive(ask: Ask, session: str, clock: Any) -> None:
    for _ in range(3):
        clock.now += 3000
        body = {"access_token": session}
        assert ask("POST", "/v1/tokens:refresh", bearer=session, body=body).status == 201
    assert ask("POST", "/v1/tokens", bearer=session).status == 201


def test_refresh_of_an_idle_session_is_refused(ask: Ask, session: str, clock: Any) -> None:
    clock.now += 3600
    reply = ask("POST", "/v1/tokens:refresh", bearer=session, body={"access_token": session})
    assert is_error(reply, 401)
    assert "can no longer be refreshed" in reply.json["message"]


def test_refresh_may_be_authorised_by_others(
    sandbox: Sandbox, ask: Ask, session: str, jwt: str
) -> None:
    body = {"access_token": session}
    assert ask("POST", "/v1/tokens:refresh", bearer=jwt, body=body).status == 201
    assert ask("POST", "/v1/tokens:refresh", basic=sandbox.api_key, body=body).status == 201
    assert is_error(ask("POST", "/v1/tokens:refresh", body=body), 401)
    assert is_error(ask("POST", "/v1/tokens:refresh", bearer="nonsense", body=body), 401)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"null",
        b"{}",
        b"[]",
        b'"text"',
        b'{"access_token": null}',
        b'{"access_token": ""}',
        b'{"access_token": 7}',
        b"{",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_body_without_a_token_is_a_bad_request(
    ask: Ask, session: str, method: str, body: bytes
) -> None:
    path = "/v1/tokens:refresh" if method == "POST" else "/v1/tokens"
    headers = {"Content-Type": "application/json"}
    assert is_error(ask(method, path, bearer=session, body=body, headers=headers), 400)


def test_a_jwt_cannot_be_refreshed(ask: Ask, jwt: str) -> None:
    reply = ask("POST", "/v1/tokens:refresh", bearer=jwt, body={"access_token": jwt})
    assert is_error(reply, 400)


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type_is_refused(ask: Ask, session: str, media: str) -> None:
    body = b'{"access_token": "%s"}' % session.encode()
    reply = ask(
        "POST",
        "/v1/tokens:refresh",
        bearer=session,
        body=body,
        headers={"Content-Type": media},
    )
    assert is_error(reply, 415)


def test_an_escaped_colon_is_a_colon(ask: Ask, session: str) -> None:
    body = {"access_token": session}
    assert ask("POST", "/v1/tokens%3Arefresh", bearer=session, body=body).status == 201


# revoke


def test_revoke_answers_nothing_and_the_token_is_dead(ask: Ask, jwt: str) -> None:
    for _ in range(2):
        reply = ask("DELETE", "/v1/tokens", bearer=jwt, body={"access_token": jwt})
        assert (reply.status, reply.body) == (204, b"")
    assert ask("GET", "/v1/tokens/details", bearer=jwt).status == 401
    assert ask("GET", "/protected", bearer=jwt).status == 401
    assert counters(ask)["revoked"] == 2


def test_revoking_a_session_ends_it_and_its_tokens(ask: Ask, session: str) -> None:
    minted = ask("POST", "/v1/tokens", bearer=session).token
    assert ask("DELETE", "/v1/tokens", bearer=minted, body={"access_token": session}).status == 204
    assert is_error(ask("POST", "/v1/tokens", bearer=session), 401)
    assert ask("GET", "/v1/tokens/details", bearer=minted).status == 401


def test_revoke_refuses_what_it_cannot_judge(ask: Ask, jwt: str) -> None:
    assert is_error(ask("DELETE", "/v1/tokens", body={"access_token": jwt}), 401)
    assert is_error(ask("DELETE", "/v1/tokens", bearer=jwt, body={"access_token": "alien"}), 400)
    assert counters(ask)["revoked"] == 0


# neighbours


def test_projects_want_a_user_jwt(ask: Ask, jwt: str, session: str) -> None:
    page = ask("GET", "/v1/projects", bearer=jwt).json
    assert [item["id"] for item in page["items"]] == ["project-alpha", "project-beta"]
    assert {"id", "name", "urn", "owner"} <= set(page["items"][0])
    assert page["totalPageCount"] == 1
    assert is_error(ask("GET", "/v1/projects", bearer=session), 401)


def test_workgroups_want_a_session(ask: Ask, jwt: str, session: str) -> None:
    items = ask("GET", "/v1/workgroups", bearer=session).json["items"]
    assert [item["id"] for item in items] == ["workgroup-alpha"]
    refused = ask("GET", "/v1/workgroups", bearer=jwt)
    assert (refused.status, refused.body) == (401, b"")


def test_health_asks_for_nothing(ask: Ask) -> None:
    reply = ask("GET", "/v1/health")
    assert (reply.status, reply.json["status"], reply.json["details"][0]["status"]) == (200, 2, 2)


def test_the_protected_resource_knows_the_caller_and_never_tells_the_token(
    ask: Ask, jwt: str
) -> None:
    by_bearer = ask("GET", "/protected", bearer=jwt)
    by_basic = ask("GET", "/protected", basic=f"any name:{jwt}")
    assert by_bearer.json["uid"] == by_basic.json["uid"] == "user-sandbox"
    assert (by_bearer.json["scheme"], by_basic.json["scheme"]) == ("bearer", "basic")
    assert by_basic.json["basicUser"] == "any name"
    assert jwt.encode() not in by_bearer.body + by_basic.body


def test_the_protected_resource_challenges_strangers(
    sandbox: Sandbox, ask: Ask, session: str
) -> None:
    basic = f"{sandbox.username}:{sandbox.password}"
    for given in ({}, {"bearer": session}, {"basic": basic}, {"key": sandbox.api_key}):
        reply = ask("GET", "/protected", **given)
        assert is_error(reply, 401)
        assert reply.headers["WWW-Authenticate"] == 'Basic realm="sandbox"'


def test_an_unknown_path_and_a_wrong_method_are_told_in_the_apis_words(ask: Ask) -> None:
    assert is_error(ask("GET", "/v1/nothing"), 404)
    assert is_error(ask("GET", "/"), 404)
    refused = ask("PUT", "/v1/tokens")
    assert is_error(refused, 405)
    assert refused.headers["Allow"] == "POST, DELETE"
    assert is_error(ask("BREW", "/v1/health"), 405)
    assert ask("HEAD", "/v1/health").status == 405


def test_revoke_all_forgets_everything(ask: Ask, jwt: str, session: str) -> None:
    assert ask("POST", "/_sandbox/revoke-all").status == 204
    assert ask("GET", "/protected", bearer=jwt).status == 401
    assert ask("POST", "/v1/tokens", bearer=session).status == 401


def test_only_requests_to_the_api_are_counted(ask: Ask) -> None:
    for path in ("/_sandbox/stats", "/_sandbox/nothing", "/.well-known/jwks.json"):
        ask("GET", path)
    assert counters(ask)["requests"] == 0
    for path in ("/v1/health", "/nothing", "/protected"):
        ask("GET", path)
    assert counters(ask)["requests"] == 3


# the server itself


def test_latency_makes_every_v1_request_wait_side_by_side(ask: Ask, signer: Signer) -> None:
    together = threading.Barrier(20, timeout=30)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        together.wait()  # breaks, and fails the test, unless all twenty are here at once

    replies: list[Any] = []
    with start(latency=0.2, pause=pause, signer=signer) as slow:
        askers = [
            threading.Thread(
                target=lambda: replies.append(ask("GET", "/v1/health", to=slow)), daemon=True
            )
            for _ in range(20)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(40)
        assert ask("GET", "/protected", to=slow).status == 401
    assert [reply.status for reply in replies] == [200] * 20
    assert waited == [0.2] * 20


def test_two_requests_share_one_connection(raw: Callable[[bytes], bytes]) -> None:
    heard = raw(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    assert heard.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_the_sandbox_listens_on_loopback_only(sandbox: Sandbox) -> None:
    assert sandbox.url.startswith("http://127.0.0.1:")


def test_the_sandbox_does_not_show_its_secrets(sandbox: Sandbox) -> None:
    assert sandbox.api_key not in repr(sandbox)
    assert sandbox.password not in repr(sandbox)


def test_stopping_twice_is_stopping_once(signer: Signer) -> None:
    running = start(signer=signer)
    running.stop()
    running.stop()


@pytest.mark.parametrize(
    "numbers",
    [
        {"port": 65536},
        {"port": -1},
        {"token_lifetime": 0.5},
        {"token_lifetime": 90 * 86400 + 1},
        {"token_lifetime": float("nan")},
        {"session_lifetime": 0},
        {"session_lifetime": float("inf")},
        {"aws_lifetime": 0},
        {"aws_lifetime": float("nan")},
        {"latency": -1},
        {"latency": float("nan")},
    ],
)
def test_numbers_out_of_range_are_refused_by_name(numbers: dict[str, float]) -> None:
    name = next(iter(numbers)).replace("_", "-")
    with pytest.raises(ValueError, match=f"--{name} must be"):
        start(**numbers)  # type: ignore[arg-type] # the names are spelt as the options are
