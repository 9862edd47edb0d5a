"""What a token says about itself, and what it may not say."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.client import claims
from credhelper.core.model import JWT, SESSION, Token
from credhelper.errors import MalformedAnswerError

if TYPE_CHECKING:
    from credhelper.core.model import Kind

NOW = 1_800_000_000


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(payload: object) -> str:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"{encoded(b'{}')}.{encoded(raw)}.{encoded(b'signature')}"


def token(value: object, *, kind: Kind = JWT, skew: int = 0) -> Token:
    return claims.token_from(
        value, kind=kind, now_local=NOW + 0.9, skew=skew, session_lifetime=3600
    )


def test_a_jwt_tells_its_times() -> None:
    got = token(jwt({"exp": NOW + 86400, "nbf": NOW + 5, "iat": NOW}), skew=7)

    assert (got.issued_at, got.expires_at, got.not_before) == (NOW + 7, NOW + 86400, NOW + 5)
    assert (got.kind, got.skew, got.assumed) == (JWT, 7, False)


def test_an_integral_float_is_a_time() -> None:
    assert token(jwt(b'{"exp": 1.8e9, "nbf": 1799999999.0}')).expires_at == 1_800_000_000


def test_a_time_between_two_seconds_errs_on_the_safe_side() -> None:
    got = token(jwt(b'{"exp": 1800000000.9, "nbf": 1799999999.1}'))
    assert (got.expires_at, got.not_before, got.assumed) == (1_800_000_000, 1_800_000_000, False)


@pytest.mark.parametrize(
    "exp",
    ["true", "false", '"1900000000"', "1e400", "-1", "-0.5", "253402300800", "253402300800.5",
     "9" * 400, "null", "[1900000000]", "{}", "-1e400"],
)  # fmt: skip
def test_an_expiry_that_is_no_time_is_assumed_instead(exp: str) -> None:
    got = token(jwt(f'{{"exp": {exp}, "nbf": {exp}}}'.encode()))

    assert (got.expires_at, got.assumed) == (NOW + claims.ASSUMED_LIFETIME, True)
    assert got.not_before == 0


def test_an_opaque_token_lives_for_the_assumed_time() -> None:
    got = token("opaque", skew=-60)

    assert (got.issued_at, got.expires_at) == (NOW - 60, NOW - 60 + claims.ASSUMED_LIFETIME)
    assert got.assumed


def test_a_session_lives_as_long_as_the_administrator_lets_it_idle() -> None:
    for text in ("psToken", jwt({"exp": NOW + 5})):
        got = token(text, kind=SESSION, skew=10)

        assert (got.issued_at, got.expires_at) == (NOW + 10, NOW + 10 + 3600)
        assert (got.assumed, got.kind) == (True, SESSION)


@pytest.mark.parametrize(
    "value",
    [None, 5, 1.5, True, [], {}, b"bytes", "", "null", "NULL", "None", "undefined", "Undefined",
     "a b", "a\nb", "a\rb", "a\x00b", "a\tb", 'a"b', "a'b", "a`b", "a\\b", "a\x7fb", "a\x1bb",
     "añb", "a\u202eb", "\ufeffabc", "abc ", " abc", "abc\n", "٣", "a" * 65536, "\ud800"],
)  # fmt: skip
def test_what_cannot_be_a_token_is_refused(value: object) -> None:
    for kind in (JWT, SESSION):
        with pytest.raises(MalformedAnswerError) as caught:
            token(value, kind=kind)
        assert str(caught.value).isascii()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("flaw", ["\n", "\x00", " ", '"', "é", "a" * 65535])
def test_a_refused_token_is_not_repeated(flaw: str) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        token(f"CANARY{flaw}CANARY")

    assert "CANARY" not in repr(caught.value)


def test_the_longest_token_is_taken() -> None:
    assert token("a" * 65535).value.reveal() == "a" * 65535


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.b", "e30.e30.e30.e30", "e30..e30", ".e30.e30", "e30.e30.", "e30.e30=.e30",
     "e30.e3 0.e30", "e30.e3\n0.e30", "e30.e3!0.e30", "e30.e30\n.e30", "e30.ey+I.e30",
     "e30.e31.e30", "e30.e.e30", "e30.é30.e30", "e30.e30.e3", "e30.e30 .e30", "e3O=.e30.e30"],
)  # fmt: skip
def test_what_is_not_strictly_a_jwt_has_no_claims(text: str) -> None:
    assert claims.payload(text) is None


@pytest.mark.parametrize(
    "raw",
    [b"[]", b"null", b'"x"', b"1", b"", b"{", b'{"a":1,"a":2}', b'{"x":{"a":1,"a":1}}',
     b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":"\xff"}', b"\xef\xbb\xbf{}",
     b'{"a":1} {}', '{"a":1}'.encode("utf-16"), b'{"a":' + b"[" * 30000, b"{'a':1}",
     b'{"a":' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_a_payload_that_two_parsers_could_read_differently_is_none(raw: bytes) -> None:
    assert claims.payload(jwt(raw)) is None


def test_both_characters_that_base64url_has_of_its_own_are_read() -> None:
    text = jwt({"name": "ÿþ?>~~~ûïÿ"})

    assert {"-", "_"} & set(text)
    assert claims.payload(text) == {"name": "ÿþ?>~~~ûïÿ"}


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_every_object_comes_back_as_it_was_signed(members: dict[str, Any]) -> None:
    assert claims.payload(jwt(members)) == members


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert claims.payload(text) is None or text.isascii()


@given(st.binary(max_size=60))
def test_no_payload_breaks_the_reader(raw: bytes) -> None:
    got = token(jwt(raw))

    assert got.expires_at > 0 or not got.assumed


def test_identity_shows_text_and_numbers_and_nothing_else() -> None:
    shown = claims.identity(
        {
            "uid": "u-1",
            "sub": 7,
            "name": "Zoë",
            "tid": None,
            "cid": True,
            "cwid": 1.5,
            "aud": ["iap-aps2", {"x": 1}, None, "ica"],
            "mem": {"cid:1": {"role": "admin"}, "cid:2": None},
            "scope": "a,b",
            "exp": 5,
        }
    )

    assert shown == {
        "uid": "u-1",
        "sub": "7",
        "name": "Zoë",
        "aud": "iap-aps2, ica",
        "mem": "cid:1, cid:2",
        "scope": "a,b",
    }


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202egnp", "\x07", "a\x00"])
def test_identity_moves_no_cursor(text: str) -> None:
    for value in (text, [text], {text: 1}):
        assert claims.identity({"name": value})["name"].isprintable()


def test_identity_is_short() -> None:
    assert len(claims.identity({"scope": "x" * 10_000})["scope"]) == 200
    assert claims.identity({"sub": 10**5000}) == {}


@pytest.mark.parametrize("skew", [-NOW, -86400 * 365, 86400 * 365, 4102444800 - NOW])
def test_one_wrong_date_neither_lengthens_nor_ends_a_life(skew: int) -> None:
    got = token(jwt({"iat": NOW, "exp": NOW + 60}), skew=skew)
    assert got.expires_at - got.skew == NOW + 60
    assert got.expires_at - got.issued_at == 60


@pytest.mark.parametrize("ahead", [-86400 * 30, -3600, 3600, 86400 * 30])
def test_a_clock_of_ours_that_is_wrong_is_measured_by_the_date(ahead: int) -> None:
    got = token(jwt({"iat": NOW - ahead, "exp": NOW - ahead + 60}), skew=-ahead)
    assert got.expires_at - got.skew == NOW + 60


def test_without_a_time_of_issue_a_date_is_believed_for_a_day_at_most() -> None:
    assert token(jwt({"exp": NOW + 60}), skew=-NOW).skew == 0
