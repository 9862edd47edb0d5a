"""Every scripted fault, over a real socket; and what the script refuses."""

from __future__ import annotations

import email.utils
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jwt as pyjwt
import pytest

from credhelper.sandbox.server import Sandbox, start
from credhelper.sandbox.signer import Signer

Ask = Callable[..., Any]
Script = Callable[..., None]
NOON = 1_800_000_000


@pytest.fixture
def script(ask: Ask) -> Script:
    def script(*faults: dict[str, Any]) -> None:
        reply = ask("POST", "/_sandbox/faults", body=list(faults))
        assert reply.status == 200, reply.body

    return script


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def sandbox(signer: Signer, clock: Any, waits: list[float]) -> Iterator[Sandbox]:
    """A sandbox that notes how long it would have waited, and does not wait."""
    with start(clock=clock, signer=signer, pause=waits.append) as running:
        yield running


def claims(token: str) -> dict[str, Any]:
    return dict(pyjwt.decode(token, options={"verify_signature": False}))


def counters(ask: Ask) -> Any:
    return ask("GET", "/_sandbox/stats").json


def connect(sandbox: Sandbox) -> socket.socket:
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=20)
    line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
    return line


# the queue


def test_faults_are_used_up_in_order(ask: Ask, script: Script) -> None:
    script({"status": 500}, {"status": 503})
    script({"status": 429})
    assert [ask("GET", "/v1/health").status for _ in range(4)] == [500, 503, 429, 200]


def test_a_fault_for_another_request_waits_for_it(ask: Ask, script: Script) -> None:
    script({"status": 500, "path": "/v1/tokens", "method": "delete"}, {"status": 503})
    assert ask("GET", "/v1/health").status == 503
    assert ask("POST", "/v1/tokens").status == 401
    assert ask("DELETE", "/v1/tokens").status == 500
    assert ask("DELETE", "/v1/tokens").status == 400


def test_a_fault_applies_as_often_as_it_says(ask: Ask, script: Script) -> None:
    script({"status": 500, "times": 2})
    assert [ask("GET", "/v1/health").status for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("times", [0, "always"])
def test_a_lasting_fault_lasts_until_it_is_cleared(ask: Ask, script: Script, times: object) -> None:
    script({"status": 500, "times": times})
    assert [ask("GET", "/v1/health").status for _ in range(3)] == [500] * 3
    assert ask("GET", "/_sandbox/faults").json == [{"status": 500, "times": "always"}]
    assert ask("DELETE", "/_sandbox/faults").status == 204
    assert ask("GET", "/v1/health").status == 200
    assert ask("GET", "/_sandbox/faults").json == []


def test_what_is_queued_is_shown_counted_down(ask: Ask, script: Script) -> None:
    script({"delay": 1, "times": 3}, {"access-token": "x"})
    ask("GET", "/v1/health")
    shown = ask("GET", "/_sandbox/faults").json
    assert shown == [{"delay": 1, "times": 2}, {"access-token": "x", "times": 1}]


def test_the_sandboxs_own_doors_are_never_at_fault(ask: Ask, script: Script) -> None:
    script({"status": 500, "times": "always"})
    assert ask("GET", "/_sandbox/stats").status == 200
    assert ask("GET", "/.well-known/jwks.json").status == 200


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"statsu": 500}, "unknown member 'statsu'"),
        ({"status": "500"}, "status must be"),
        ({"status": 100}, "status must be"),
        ({"status": True}, "status must be"),
        ({"delay": -1}, "delay must be"),
        ({"delay": True}, "delay must be"),
        ({"delay": 1e300}, "delay must be"),
        ({"drip": "1"}, "drip must be"),
        ({"hang": "yes"}, "hang must be"),
        ({"hang": -1}, "hang must be"),
        ({"drop": 1}, "drop must be"),
        ({"truncated": "no"}, "truncated must be"),
        ({"huge": -1}, "huge must be"),
        ({"huge": 1.5}, "huge must be"),
        ({"huge": 10**11}, "huge must be"),
        ({"headers": ["a"]}, "headers must be"),
        ({"headers": {"a b": "c"}}, "headers must be"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers must be"),
        ({"headers": {"a": 1}}, "headers must be"),
        ({"redirect": "http://x\n"}, "redirect must be"),
        ({"content_type": 1}, "content_type must be"),
        ({"body": {}}, "body must be"),
        ({"access_token": None}, "access_token must be"),
        ({"body": "\ud800"}, "body must be"),
        ({"path": "v1"}, "path must be"),
        ({"method": "BREW"}, "method must be"),
        ({"times": -1}, "times must be"),
        ({"times": True}, "times must be"),
        ({"times": "ever"}, "times must be"),
        ({"date": "now"}, "date must be"),
        ({"body": "", "json": 1}, "body or json"),
        ({"access_token": "a", "access-token": "b"}, "given twice"),
        (7, "an object is expected"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_name(ask: Ask, fault: object, told: str) -> None:
    reply = ask("POST", "/_sandbox/faults", body=[{"status": 500}, fault])
    assert reply.status == 400
    assert reply.json["message"].startswith("fault 1: ")
    assert told in reply.json["message"]
    assert ask("GET", "/_sandbox/faults").json == []


def test_an_unknown_member_is_told_the_known_ones(ask: Ask) -> None:
    message = ask("POST", "/_sandbox/faults", body=[{"x": 1}]).json["message"]
    for name in ("status", "headers", "drip", "truncated", "content_type", "times"):
        assert name in message


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[" * 100_000])
def test_faults_that_are_no_list_are_refused(ask: Ask, body: bytes) -> None:
    assert ask("POST", "/_sandbox/faults", body=body).status == 400


# answers that are not the true ones


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 599])
def test_a_status_comes_with_a_faithful_error(
    sandbox: Sandbox, ask: Ask, script: Script, status: int
) -> None:
    script({"status": status, "headers": {"Retry-After": "7"}})
    reply = ask("POST", "/v1/tokens", key=sandbox.api_key)
    assert reply.status == status
    assert set(reply.json) == {"code", "message", "details"}
    assert reply.headers["Retry-After"] == "7"
    assert counters(ask)["created"] == 0


@pytest.mark.parametrize("path", ["/v1/tokens/details", "/v1/workgroups"])
@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_scripted_error_has_no_body_where_none_is_documented(
    ask: Ask, script: Script, path: str, status: int
) -> None:
    script({"status": status})
    reply = ask("GET", path)
    assert (reply.status, reply.body) == (status, b"")


def test_a_status_without_content_has_none(ask: Ask, script: Script) -> None:
    script({"status": 204})
    assert ask("GET", "/v1/health").body == b""


def test_a_redirect_names_its_target(ask: Ask, script: Script) -> None:
    script({"redirect": "http://elsewhere.example/x"}, {"redirect": "/y", "status": 307})
    replies = [ask("POST", "/v1/tokens") for _ in range(2)]
    assert [(reply.status, reply.headers["Location"]) for reply in replies] == [
        (302, "http://elsewhere.example/x"),
        (307, "/y"),
    ]


def test_a_body_is_sent_as_it_is_with_the_documented_status(ask: Ask, script: Script) -> None:
    script(
        {"body": "<html>nö</html>", "content-type": "text/html"},
        {"json": {"access_token": None}},
        {"json": None, "status": 200},
        {"body": ""},
    )
    first, second, third, fourth = (ask("POST", "/v1/tokens") for _ in range(4))
    assert (first.status, first.body.decode()) == (201, "<html>nö</html>")
    assert first.headers["Content-Type"] == "text/html"
    assert (second.status, second.json) == (201, {"access_token": None})
    assert second.headers["Content-Type"] == "application/json"
    assert (third.status, third.body) == (200, b"null")
    assert (fourth.status, fourth.body) == (201, b"")
    assert counters(ask)["created"] == 0


def test_a_huge_body_is_as_long_as_it_says(ask: Ask, script: Script) -> None:
    script({"huge": 300_000}, {"huge": 7}, {"huge": False})
    first, second, third = (ask("POST", "/v1/tokens") for _ in range(3))
    assert (first.status, len(first.body)) == (201, 300_000)
    assert set(first.json["access_token"]) == {"a"}
    assert len(second.body) == 7
    assert third.status == 401


def test_a_huge_body_may_be_left_unread(sandbox: Sandbox, ask: Ask, script: Script) -> None:
    script({"huge": True})
    with connect(sandbox) as line:
        assert b"Content-Length: 100000000\r\n" in line.recv(4096)
    assert ask("GET", "/v1/health").status == 200


# true answers, told badly


def test_a_truncated_answer_ends_early_although_the_deed_is_done(
    sandbox: Sandbox, ask: Ask, script: Script
) -> None:
    script({"truncated": True})
    with pytest.raises(http.client.IncompleteRead):
        ask("POST", "/v1/tokens", key=sandbox.api_key)
    assert counters(ask)["created"] == 1


def test_an_answer_without_a_body_can_be_truncated_too(ask: Ask, script: Script) -> None:
    script({"truncated": True})
    with pytest.raises(http.client.IncompleteRead):
        ask("GET", "/v1/tokens/details")


def test_an_answer_can_drip(ask: Ask, script: Script, waits: list[float]) -> None:
    script({"drip": 0.5})
    assert ask("GET", "/v1/health").status == 200
    assert len(waits) > 100
    assert set(waits) == {0.5}


def test_an_answer_can_be_late(ask: Ask, script: Script, waits: list[float]) -> None:
    script({"delay": 9})
    assert ask("GET", "/v1/health").status == 200
    assert waits == [9]


def test_an_answer_can_bear_the_wrong_content_type(
    sandbox: Sandbox, ask: Ask, script: Script
) -> None:
    script({"content_type": "text/plain"})
    reply = ask("POST", "/v1/tokens", key=sandbox.api_key)
    assert reply.token
    assert reply.headers.get_all("Content-Type") == ["text/plain"]


def test_an_extra_header_replaces_the_usual_one(ask: Ask, script: Script) -> None:
    script({"headers": {"server": "other", "X-More": "1"}})
    headers = ask("GET", "/v1/health").headers
    assert headers.get_all("Server") == ["other"]
    assert headers["X-More"] == "1"


# no answer at all


def test_a_dropped_connection_is_reset(sandbox: Sandbox, ask: Ask, script: Script) -> None:
    script({"drop": True})
    with connect(sandbox) as line, pytest.raises(ConnectionResetError):
        line.recv(1)
    assert counters(ask)["requests"] == 1


def test_a_hanging_connection_is_silent_until_its_time_is_over(
    sandbox: Sandbox, script: Script
) -> None:
    script({"hang": 0.05})
    with connect(sandbox) as line:
        assert line.recv(1) == b""


def test_a_connection_that_hangs_for_good_says_nothing(sandbox: Sandbox, script: Script) -> None:
    script({"hang": True})
    with connect(sandbox) as line:
        line.settimeout(0.1)
        with pytest.raises(TimeoutError):
            line.recv(1)


def test_stopping_ends_a_connection_that_hangs(signer: Signer, ask: Ask) -> None:
    doomed = start(signer=signer)
    ask("POST", "/_sandbox/faults", body=[{"hang": True}], to=doomed)
    with connect(doomed) as line:
        stopper = threading.Thread(target=doomed.stop, daemon=True)
        while ask("GET", "/_sandbox/stats", to=doomed).json["requests"] == 0:
            pass  # until the request has been taken, so that it is not the accept that is lost
        stopper.start()
        assert line.recv(1) == b""
        stopper.join(20)
    assert not stopper.is_alive()


# bent truths


def test_a_token_can_begin_in_the_future(sandbox: Sandbox, ask: Ask, script: Script) -> None:
    script({"nbf": 30})
    token = ask("POST", "/v1/tokens", key=sandbox.api_key).token
    assert (claims(token)["iat"], claims(token)["nbf"]) == (NOON, NOON + 30)
    assert ask("GET", "/protected", bearer=token).status == 401


@pytest.mark.parametrize("lifetime", [2, 0, -60])
def test_a_token_can_live_shortly_or_have_died_already(
    sandbox: Sandbox, ask: Ask, script: Script, lifetime: int
) -> None:
    script({"lifetime": lifetime})
    token = ask("POST", "/v1/tokens", key=sandbox.api_key).token
    assert claims(token)["exp"] == NOON + lifetime
    assert ask("GET", "/protected", bearer=token).status == (200 if lifetime > 0 else 401)


@pytest.mark.parametrize("skew", [7200, -7200])
def test_a_skewed_clock_shows_in_the_date_and_in_the_token(
    sandbox: Sandbox, ask: Ask, script: Script, skew: int
) -> None:
    script({"date": skew})
    reply = ask("POST", "/v1/tokens", key=sandbox.api_key)
    made = claims(reply.token)
    assert (made["iat"], made["nbf"], made["exp"]) == (
        NOON + skew,
        NOON + skew,
        NOON + skew + 86400,
    )
    date = email.utils.parsedate_to_datetime(reply.headers["Date"])
    assert date.timestamp() == NOON + skew


def test_a_token_can_be_told_wrong(sandbox: Sandbox, ask: Ask, script: Script) -> None:
    script({"access_token": "a.b.c"}, {"access-token": "", "status": 200})
    first, second = (ask("POST", "/v1/tokens", key=sandbox.api_key) for _ in range(2))
    assert (first.status, first.token) == (201, "a.b.c")
    assert (second.status, second.token) == (200, "")
    assert counters(ask)["created"] == 1


def test_a_refresh_can_answer_a_new_session_token(ask: Ask, script: Script, session: str) -> None:
    script({"rotate": True})
    body = {"access_token": session}
    new = ask("POST", "/v1/tokens:refresh", bearer=session, body=body).token
    assert new != session
    assert ask("POST", "/v1/tokens", bearer=session).status == 401
    assert ask("POST", "/v1/tokens", bearer=new).status == 201
