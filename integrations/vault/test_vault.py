"""Vault's token helper, with the file beside this one, and a caller of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.vault.caller import HelperError, Vault

HERE = Path(__file__).parent
PLACEHOLDER = "vault.example.org"
SECRET = "/v1/secret/data/db"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine
HELPER = "/home/me/.local/bin/vault-token-credhelper"


@pytest.fixture
def open_server(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    def start(*options: str, file: str = ".vault", args: str = "") -> Guarded:
        server = guarded(
            *options,
            folder=HERE,
            placeholder=PLACEHOLDER,
            files={SECRET: b"{}"},
            shown=lambda headers: f"Bearer {headers.get('X-Vault-Token', '')}",
        )
        link = server.link(".local/bin/vault-token-credhelper")
        server.wired.place(HERE / "vault", file, {HELPER: f"{link}{args}"})
        return server

    return start


@pytest.mark.parametrize(("file", "prefix"), [(".vault", "VAULT"), (".bao", "BAO")])
def test_two_commands_read_with_one_token(
    open_server: Callable[..., Guarded], file: str, prefix: str
) -> None:
    server = open_server(file=file)
    assert [Vault(server, prefix).read(SECRET) for _ in range(2)] == [200, 200]
    assert server.wired.counted() == (1, 0)
    assert not server.gate.refused


@pytest.mark.parametrize("tool", ["vault", "bao"])
def test_setup_wires_it_up_and_takes_it_back(
    open_server: Callable[..., Guarded], tool: str
) -> None:
    server = open_server(file=f".{tool}")
    server.wired.unwire(f".{tool}", "token_helper")
    with server.wired.set_up(tool, "--service", f"https://{server.host}"):
        assert Vault(server, tool.upper()).read(SECRET) == 200
    assert server.wired.counted() == (1, 0)
    assert not server.gate.refused


def test_the_client_takes_a_path_and_no_options(open_server: Callable[..., Guarded]) -> None:
    server = open_server(args=" --profile work")
    with pytest.raises(HelperError, match="external helper path"):
        Vault(server)


def test_an_expired_token_is_renewed_by_the_next_command(
    open_server: Callable[..., Guarded],
) -> None:
    server = open_server("--token-lifetime", str(SECONDS))
    assert Vault(server).read(SECRET) == 200
    server.outlive()
    assert Vault(server).read(SECRET) == 200
    assert server.renewed_once()


def test_a_server_that_no_profile_names_is_asked_without_a_token(
    open_server: Callable[..., Guarded],
) -> None:
    server = open_server()
    server.host = server.host.replace("localhost", "127.0.0.1")
    assert Vault(server).read(SECRET) == 401
    assert [visit.admitted for visit in server.gate.visits] == [False]
    assert server.wired.counted() == (0, 0)


def test_a_login_is_refused_and_a_logout_does_nothing(open_server: Callable[..., Guarded]) -> None:
    vault = Vault(open_server())
    assert vault.read(SECRET) == 200
    with pytest.raises(HelperError, match="credhelper does not store tokens"):
        vault.log_in("hvs.somebody-elses")
    vault.log_out()
    assert vault.read(SECRET) == 200


def test_when_nobody_can_renew_the_command_quotes_our_reason(
    open_server: Callable[..., Guarded],
) -> None:
    server = open_server()
    server.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    with pytest.raises(HelperError, match="credhelper: error: "):
        Vault(server).read(SECRET)
    assert not server.gate.visits
