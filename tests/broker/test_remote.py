"""Asking an agent: what comes back that is no answer, and how an agent's errors are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from credhelper import errors
from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core.model import Request
from credhelper.errors import CredhelperError
from tests.agent.agents import impostor

GOOD = {
    "version": 2,
    "token": "canary-token",
    "token_type": "Bearer",
    "expires_at": "2026-12-01T00:00:00Z",
    "expires_in": 100,
    "refresh_in": 50,
    "profile": "main",
    "username": "u",
    "kind": "jwt",
    "api": "https://ica.example",
    "variables": "ICA",
    "project": "",
}


def ask(path: Path, **environ: str) -> Any:
    said: list[str] = []
    context = Context(
        {"CREDHELPER_SOCKET": str(path), **environ}, warn=lambda message, hint: said.append(message)
    )
    return answer.get(context, Request("get"))


def answered(tmp_path: Path, data: bytes, **environ: str) -> Any:
    with impostor(tmp_path / "socket", data) as path:
        return ask(path, **environ)


def test_a_good_answer_is_a_credential(tmp_path: Path) -> None:
    found = answered(tmp_path, json.dumps(GOOD).encode() + b"\n")
    assert found.token.reveal() == "canary-token"


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in GOOD if name not in ("token_type", "expires_at")),
        *({name: 7} for name in ("token", "profile", "username", "kind", "api", "variables")),
        *({"expires_in": bad} for bad in ("100", -1, 1.5, True)),
        *({"service": bad} for bad in ("no service", 7, "https://a@b", "http://x.example")),
        *({"kind": bad} for bad in ("", "JWT", "password", "aws")),
        {"error": "text"},
        {"error": []},
    ],
)
def test_an_answer_that_is_none_is_told_and_not_shown(
    tmp_path: Path, change: dict[str, object]
) -> None:
    data = json.dumps({**GOOD, **change}).encode() + b"\n"
    if change == {"version": None}:
        data = json.dumps({k: v for k, v in GOOD.items() if k != "version"}).encode() + b"\n"
    with pytest.raises(CredhelperError) as caught:
        answered(tmp_path, data)
    assert caught.value.code == "malformed_answer"
    assert str(tmp_path / "socket") in caught.value.message
    assert "canary" not in f"{caught.value!r} {caught.value.hint}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[]\n", b"{}\n", b"\xff\xfe\n", b"{" * 100 + b"\n"],
)
def test_somebody_else_at_the_socket_is_told_as_such(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CredhelperError) as caught:
        answered(tmp_path, data)
    assert caught.value.exit_status == 5


def test_each_error_comes_back_as_what_it_was(tmp_path: Path) -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, CredhelperError)
    ]
    assert len(kinds) > 15
    for kind in kinds:
        if kind.code == "busy":
            continue  # asked again for ten seconds: see test_agent_peers
        inner = {"code": kind.code, "message": "no", "retryable": kind.retryable, "hint": "do it"}
        with pytest.raises(CredhelperError) as caught:
            answered(tmp_path / ".", json.dumps({"version": 2, "error": inner}).encode() + b"\n")
        (tmp_path / "socket").unlink()
        assert caught.value.code == kind.code
        assert caught.value.exit_status == kind.exit_status
        assert caught.value.retryable is kind.retryable
        there = kind.code in ("config", "login_required", "cache", "lock_timeout")
        hint = "where the agent runs: do it" if there else "do it"
        assert (caught.value.message, caught.value.hint) == ("no", hint)


def test_an_error_of_a_later_version_is_a_plain_one(tmp_path: Path) -> None:
    inner = {"code": "from_the_future", "message": "no", "retryable": True}
    with pytest.raises(CredhelperError) as caught:
        answered(tmp_path, json.dumps({"version": 2, "error": inner}).encode() + b"\n")
    assert (type(caught.value), caught.value.retryable) == (CredhelperError, True)


def test_the_terminals_profile_counts_where_no_service_is_named(tmp_path: Path) -> None:
    asked: list[bytes] = []
    with impostor(tmp_path / "socket", json.dumps(GOOD).encode() + b"\n", asked) as path:
        ask(path, CREDHELPER_PROFILE="dev")
    assert json.loads(asked[0])["profile"] == "dev"


def test_the_terminals_profile_chooses_among_several_for_one_service(tmp_path: Path) -> None:
    inner = {"code": "ambiguous_service", "message": "two", "retryable": False}
    first = json.dumps({"version": 2, "error": inner}).encode() + b"\n"
    asked: list[bytes] = []
    from credhelper.core import service

    with impostor(tmp_path / "socket", first, asked) as path, pytest.raises(CredhelperError):
        environ = {"CREDHELPER_SOCKET": str(path), "CREDHELPER_PROFILE": "dev"}
        context = Context(environ, warn=lambda message, hint: None)
        answer.get(context, Request("get", service=service.parse("https://ica.example")))
    assert [json.loads(line).get("profile") for line in asked] == ["dev", None]
