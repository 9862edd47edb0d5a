"""vault: addresses from the environment, and a token without a byte too many."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UnknownServiceError, UsageError
from credhelper.protocols import vault


def ask(*arguments: str, **environ: str) -> Request:
    return vault.parse(Call("vault-token-x", arguments or ("get",), b"", environ))


def test_it_never_reads() -> None:
    for arguments in (["get"], ["store"], ["erase"], [], ["--bad"]):
        assert vault.reads(arguments) == "nothing"


def test_a_programs_name_is_vaults() -> None:
    assert protocols.by_program("vault-token-helper") == "vault"
    assert protocols.by_program("vault-token-") is None


@pytest.mark.parametrize("name", vault.ADDRESSES)
def test_either_address_is_the_service(name: str) -> None:
    assert str(ask(**{name: "https://VAULT.example:8200/"}).service) == "https://vault.example:8200"
    assert str(ask(**{name: "https://vault.example/prefix"}).service) == (
        "https://vault.example/prefix"
    )


def test_an_empty_address_is_none() -> None:
    assert str(ask(BAO_ADDR="", VAULT_ADDR="https://a.example").service) == "https://a.example"
    assert str(ask(BAO_ADDR="").service) == vault.FALLBACK
    assert ask("get", "--profile", "x", BAO_ADDR="").service is None


def test_a_profile_does_not_silence_the_address() -> None:
    request = ask("get", "--profile", "x", VAULT_ADDR="https://a.example")
    assert (str(request.service), request.profile) == ("https://a.example", "x")


@pytest.mark.parametrize(
    "address",
    [
        *("https://u:pw@ica.example", "https://ica.example\\@evil.test", "ica.example:8200"),
        *("https://ica.example\n", "https://ica.example\t.evil.test", "https://ica.example:0443"),
        *("https://ica.example.", "https:///x", "//ica.example", "\udcffhttps://ica.example"),
    ],
)
def test_an_odd_address_is_refused(address: str) -> None:
    for name in vault.ADDRESSES:
        with pytest.raises(RequestError) as caught:
            ask(**{name: address})
        assert "pw" not in caught.value.message


@pytest.mark.parametrize("address", ["http://vault.example:8200", "unix:///run/vault.sock"])
def test_an_address_that_no_profile_can_name_has_no_token(address: str, talk: Any) -> None:
    with pytest.raises(UnknownServiceError):
        ask(VAULT_ADDR=address)
    reply = talk("vault", ["get"], environ={"VAULT_ADDR": address})
    assert (reply.stdout, reply.stderr, reply.status) == (b"", b"", 0)


@pytest.mark.parametrize(
    "arguments",
    [["get", "x"], ["GET"], [""], ["--token=x", "get"], ["store", "hvs.canary"], ["-p"]],
)
def test_what_makes_no_sense_is_wrong_use(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)


def test_erase_names_no_token() -> None:
    request = ask("erase", VAULT_ADDR="\n")
    assert (request.action, request.rejected, request.service) == ("erase", None, None)
    assert vault.render(request, False).stdout == b""


@given(st.text(min_size=1))
def test_the_answer_is_the_token_and_nothing_else(token: str) -> None:
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            vault.render(ask(), credential)
    else:
        assert vault.render(ask(), credential).stdout == token.encode()
