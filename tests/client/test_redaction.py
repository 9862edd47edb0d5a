"""Secrets that a server echoes, in every spelling that it may choose."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.client.http.answers import refusal
from credhelper.client.http.redaction import redacted
from credhelper.core.model import Secret

SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.lower,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="").lower(),
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    lambda text: text.encode().hex(),
    json.dumps,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: base64.b64encode(f"{text}:".encode()).decode(),
    lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
    lambda text: base64.b64encode(f"us:{text}".encode()).decode(),
    lambda text: base64.b64encode(f"usr:{text}".encode()).decode(),
    lambda text: text.encode().decode("latin-1"),
    lambda text: text[: len(text) // 2 + 1],
    lambda text: text[len(text) // 2 - 1 :],
]

telling = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=18, max_size=60)


@pytest.mark.parametrize("spelling", range(len(SPELLINGS)))
@pytest.mark.parametrize(
    "secret", ["s3cr3t-K3Y/with+odd=chars~", "pässwörd-mit-ümläuten", 'quo"te\\back slash%41']
)
def test_a_secret_is_hidden_in_every_spelling(secret: str, spelling: int) -> None:
    spelt = SPELLINGS[spelling](secret)
    shown = redacted(f"<{spelt}>", [Secret(secret)])

    assert "***" in shown
    assert not any(spelt[i : i + 8] in shown for i in range(len(spelt) - 8))


@given(telling, st.sampled_from(SPELLINGS), st.text(max_size=20), st.text(max_size=20))
def test_no_spelling_reaches_an_error_message(
    secret: str, spelling: Callable[[str], str], before: str, after: str
) -> None:
    spelt = spelling(secret)
    body = json.dumps(
        {"code": f"{before}{spelt}", "message": f"{spelt}{after}", "details": [spelt]}
    )
    for status in (302, 400, 429, 503):
        failure = refusal(
            "POST https://api.test/v1/tokens",
            status,
            {},
            body.encode(),
            hidden=[Secret(secret)],
            now=0,
        )
        told = f"{failure!r} {failure.error!r} {failure.error} {failure.error.hint}"
        assert spelt not in told
        assert secret not in told


@pytest.mark.parametrize("offset", range(18))
def test_a_secret_cut_short_leaves_nothing_telling(offset: int) -> None:
    shown = redacted("." * offset + "SECRET-OF-18-CHARS" * 300, [Secret("SECRET-OF-18-CHARS")])

    assert not set(shown) - set(".*")


def test_a_short_secret_is_hidden_whole() -> None:
    assert redacted("pin 1234, pin 12", [Secret("1234")]) == "pin ***, pin 12"


def test_what_holds_no_secret_stays_as_it_was() -> None:
    text = "the quick brown fox, und die Vögel"

    assert redacted(text, [Secret("something-else-entirely"), Secret("")]) == text
    assert redacted("", [Secret("something")]) == ""
    assert redacted(text, []) == text


def test_a_jwt_that_nobody_told_us_of_is_hidden_too() -> None:
    text = "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl is not yours"
    assert redacted(text, []) == "token *** is not yours"
