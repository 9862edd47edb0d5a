"""The nouns: secrets that do not print, and plain things with slots."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core.model import Call, Credential, Listing, Reply, Request, Secret, Token

ANY = st.text(st.characters())


def test_a_secret_prints_as_stars_however_it_is_printed() -> None:
    secret = Secret("canary")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", "%s" % secret]  # noqa: UP031  # every way counts
    assert shown == ["***"] * 6
    assert "canary" not in repr([secret]) + repr({"a": secret}) + str((secret,))
    assert secret.reveal() == "canary"


def test_a_secret_is_not_written_by_accident() -> None:
    secret = Secret("canary")
    for write in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert "canary" not in str(caught.value)


def test_a_secret_is_no_key_and_has_no_dict() -> None:
    with pytest.raises(TypeError):
        hash(Secret("x"))
    assert not hasattr(Secret("x"), "__dict__")


def test_a_secret_in_a_traceback_stays_a_secret() -> None:
    secret = Secret("canary")
    try:
        raise ValueError(secret)
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert "canary" not in "".join(list(told.format())[-1:])
        assert "canary" not in repr(error)


@given(ANY, ANY)
def test_secrets_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one) == Secret(one)


def test_a_secret_is_not_equal_to_its_text() -> None:
    assert Secret("x") != "x"
    assert Secret("x")
    assert not Secret("")


def test_half_a_character_compares_without_an_error() -> None:
    assert Secret("\ud800") != Secret("\udfff")
    assert Secret("\ud800") == Secret("\ud800")


@pytest.mark.parametrize(
    "thing",
    [
        Call("p", [], b"", {}),
        Request("get"),
        Credential(Secret("canary"), 0, username="u", profile="p"),
        Listing([]),
        Reply(),
        Token(Secret("canary"), kind="jwt", issued_at=0, expires_at=0),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_noun_is_plain(thing: object) -> None:
    assert not hasattr(thing, "__dict__")
    assert "canary" not in repr(thing)
    with pytest.raises(AttributeError):
        thing.surprise = 1  # type: ignore[attr-defined]  # that is the point


def test_a_request_asks_for_nothing_that_it_was_not_told() -> None:
    request = Request("get")
    assert (request.service, request.profile, request.username, request.rejected) == (None,) * 4
    assert (request.min_ttl, request.margin, request.echo) == (0, 60, {})


def test_a_reply_is_silence_unless_told() -> None:
    assert (Reply().stdout, Reply().stderr, Reply().status) == (b"", b"", 0)
