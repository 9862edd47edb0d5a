"""What a grant may give as a ready token: a JWT that says when it ends, of the profile's API."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from credhelper.config.profile import READY, Grant, Profile
from credhelper.core.model import Secret, Token
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError
from credhelper.renewal import ready_token
from tests.support.jwts import jwt

NOW = 1_800_000_000
LIVES = {"exp": NOW + 600}
APS2 = "https://aps2.platform.illumina.com"
USE1 = "https://use1.platform.illumina.com"
ISSUER = "https://platform.login.illumina.com"
FILE = Grant("file", ("/run/secrets/ica",))


def read(text: str, where: Mapping[str, str] | None = None, grant: Grant = FILE) -> Token:
    api, url = (where or {}).get("api", "iap"), (where or {}).get("url", APS2)
    profile = Profile(name="rotated", api=api, url=url, auth=READY, grant=grant)
    return ready_token.token_in(Secret(text), profile, grant, NOW)


@pytest.mark.parametrize(
    ("claims", "where"),
    [
        ({"aud": "iap-aps2"}, {}),
        ({"aud": ["other", "iap-aps2"]}, {}),
        ({"aud": "iap-use1"}, {"url": USE1}),
        ({"aud": "iap-use1"}, {"url": "https://private.example"}),
        ({"aud": "iap-use1"}, {"url": "http://127.0.0.1:8080"}),
        ({"aud": "ica"}, {"api": "ica", "url": "https://ica.illumina.com"}),
        ({"aud": ["ica", "iap-use1"]}, {"api": "ica", "url": "https://ica.illumina.com"}),
        ({"aud": ["ica", "iap-aps2"]}, {}),
        ({"iss": ISSUER}, {}),
        ({"iss": "platform.login.illumina.com"}, {}),
        ({"aud": "something", "iss": ISSUER}, {}),
        ({}, {}),
        ({"aud": "", "iss": None}, {}),
        ({"aud": []}, {}),
    ],
)
def test_a_token_of_the_profiles_api_is_taken(
    claims: dict[str, object], where: dict[str, str]
) -> None:
    token = read(jwt(**LIVES, **claims), where)
    assert (token.expires_at, token.assumed) == (NOW + 600, False)


@pytest.mark.parametrize(
    ("claims", "where", "why"),
    [
        ({"aud": "iap-use1"}, {}, "is for iap-use1"),
        ({"aud": "iap-aps2"}, {"url": USE1}, "is for iap-aps2"),
        ({"aud": "ica"}, {}, "is for ica"),
        ({"aud": "iap-aps2"}, {"api": "ica"}, "is for iap-aps2"),
        ({"aud": "ica", "iss": ISSUER}, {}, "is for ica"),
        ({"aud": "sts.amazonaws.com"}, {}, "is for sts.amazonaws.com"),
        ({"aud": ["a", 7]}, {}, "is for a, 7"),
        ({"iss": "https://accounts.google.com"}, {}, "was issued by https://accounts.google.com"),
        ({"iss": "https://illumina.com.evil.example"}, {}, "was issued by"),
        ({"iss": "https://evilillumina.com"}, {}, "was issued by"),
        ({"iss": "https://[illumina.com"}, {}, "was issued by"),
        ({"iss": 7}, {}, "was issued by 7"),
        ({"aud": "a\u0007b"}, {}, "is for a\\x07b"),
    ],
)
def test_a_token_of_something_else_is_refused(
    claims: dict[str, object], where: dict[str, str], why: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(jwt(**LIVES, **claims), where)
    assert why in caught.value.message
    assert caught.value.message.startswith(
        "the token of profile rotated, from file /run/secrets/ica,"
    )
    assert "api and url" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["ps-0123456789abcdef", "0123abcd", "a.b", "a.b.c.d.e", "eyJh.eyJi.", "..", "bnVsbA.bnVsbA.YQ"],
)
def test_what_is_no_jwt_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert "is not a JWT" in caught.value.message
    assert text not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("exp", [None, "1800000600", True, -1, [], 1e300])
def test_a_jwt_that_does_not_say_when_it_ends_is_refused(exp: object) -> None:
    claims = {} if exp is None else {"exp": exp}
    with pytest.raises(ConfigError, match="has no exp"):
        read(jwt(**claims))


@pytest.mark.parametrize("ago", [0, 1, 86400])
def test_a_token_that_is_over_names_when_and_where(ago: int) -> None:
    with pytest.raises(LoginRequiredError) as caught:
        read(jwt(exp=NOW - ago))
    assert "ended at 2027-01-1" in caught.value.message
    assert "gives a new one to file /run/secrets/ica" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("grant", "private"),
    [
        (FILE, True),
        (Grant("env", ("TOKEN",)), True),
        (Grant("command", ("vault", "read")), False),
        (Grant("keyring", ("ica", "me")), False),
    ],
)
def test_only_the_failure_of_a_program_is_told_to_others(grant: Grant, private: bool) -> None:
    with pytest.raises(CredhelperError) as caught:
        read("no token", grant=grant)
    assert caught.value.private is private


def test_a_clock_that_is_behind_the_maker_is_found_out() -> None:
    token = read(jwt(exp=NOW + 3600, iat=NOW + 300))
    assert token.skew == 300
