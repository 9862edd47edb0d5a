"""Which profile may answer, and why none may."""

from __future__ import annotations

import hashlib
import runpy
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.broker import no_match
from credhelper.core import digest, lookup, service
from credhelper.core.model import Request
from credhelper.core.routes import Route, Routes, compiled
from credhelper.errors import (
    AmbiguousServiceError,
    CredhelperError,
    NotFoundError,
    PathRequiredError,
    RequestError,
    UnknownProfileError,
    UnknownServiceError,
)

SALT = "00" * 16


def route(
    name: str, *services: str, user: str = "", grant: str = "", username: str = "oauth2"
) -> Route:
    return Route(name, "r" * 32, "jwt", username, user, "https://ica", 0, grant, services)


def ask(
    text: str | None = None,
    *,
    profile: str | None = None,
    username: str | None = None,
    any_scheme: bool = False,
) -> Request:
    wanted = None if text is None else service.parse(text)
    echo = {"any_scheme": "1"} if any_scheme else None
    return Request("get", service=wanted, profile=profile, username=username, echo=echo)


def chosen(found: Routes, request: Request, terminal: str | None = None) -> str:
    """Return the profile's name, or the name of the error that says why there is none."""
    matched = lookup.match(found, request, terminal)
    if matched:
        return matched[0].profile
    return type(no_match.why(found, request, terminal, {})).__name__


ONE = compiled("", SALT, [route("a", "https://ica.example", "https://deep.example/team")])
TWO = compiled(
    "", SALT, [route("a", "https://h.example"), route("b", "https://h.example", user="bob")]
)
TWO_AND_DEFAULT = compiled("b", SALT, TWO.all())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://ica.example", "a"),
        ("https://ICA.example:443/any/path", "a"),
        ("https://ica.example:8443", "UnknownServiceError"),
        ("https://xica.example", "UnknownServiceError"),
        ("https://ica.example.evil.test", "UnknownServiceError"),
        ("https://evil.test/ica.example", "UnknownServiceError"),
        ("https://sub.ica.example", "UnknownServiceError"),
        ("https://ica-example", "UnknownServiceError"),
        ("https://deep.example/team", "a"),
        ("https://deep.example/team/project", "a"),
        ("https://deep.example/team-mate", "PathRequiredError"),
        ("https://deep.example/tea", "PathRequiredError"),
        ("https://deep.example/TEAM", "PathRequiredError"),
        ("https://deep.example", "PathRequiredError"),
        ("https://deep.example:444/team", "UnknownServiceError"),
    ],
)
def test_a_service_is_matched_exactly_or_not_at_all(text: str, expected: str) -> None:
    assert chosen(ONE, ask(text)) == expected


def test_the_most_specific_path_wins_and_alone() -> None:
    found = compiled(
        "origin",
        SALT,
        [
            route("origin", "https://h.example"),
            route("team", "https://h.example/team"),
            route("deep", "https://h.example/team/deep"),
        ],
    )
    for path, expected in (
        ("", "origin"),
        ("/teams", "origin"),
        ("/team", "team"),
        ("/team/x", "team"),
        ("/team/deep/x", "deep"),
    ):
        assert chosen(found, ask(f"https://h.example{path}")) == expected
    # The terminal's choice is among those that name the very path.
    assert chosen(found, ask("https://h.example/team"), "origin") == "team"


@pytest.mark.parametrize(
    ("found", "request_", "terminal", "expected"),
    [
        (TWO, ask("https://h.example"), None, "AmbiguousServiceError"),
        (TWO, ask("https://h.example"), "a", "a"),
        (TWO, ask("https://h.example"), "b", "b"),
        (TWO, ask("https://h.example"), "c", "AmbiguousServiceError"),
        (TWO, ask("https://h.example", username="bob"), None, "b"),
        (TWO, ask("https://h.example", username="a"), None, "a"),
        (TWO, ask("https://h.example", username="oauth2"), None, "AmbiguousServiceError"),
        (TWO, ask("https://h.example", username="eve"), "a", "NotFoundError"),
        (TWO, ask("https://h.example", profile="a"), "b", "a"),
        (TWO, ask("https://h.example", profile="c"), None, "UnknownProfileError"),
        (TWO, ask("https://else.example", profile="a"), None, "UnknownServiceError"),
        (TWO_AND_DEFAULT, ask("https://h.example"), None, "b"),
        (TWO_AND_DEFAULT, ask("https://h.example"), "a", "a"),
        (TWO_AND_DEFAULT, ask("https://h.example", username="a"), None, "a"),
    ],
)
def test_of_several_profiles_the_terminal_the_user_or_the_default_choose(
    found: Routes, request_: Request, terminal: str | None, expected: str
) -> None:
    assert chosen(found, request_, terminal) == expected


@pytest.mark.parametrize(
    ("found", "profile", "terminal", "expected"),
    [
        (ONE, None, None, "a"),
        (ONE, None, "x", "UnknownProfileError"),
        (ONE, "x", "a", "UnknownProfileError"),
        (TWO, None, None, "RequestError"),
        (TWO, None, "b", "b"),
        (TWO, "a", "b", "a"),
        (TWO_AND_DEFAULT, None, None, "b"),
        (compiled("", SALT, []), None, None, "NotFoundError"),
    ],
)
def test_without_a_service_the_profile_the_terminal_or_the_default_choose(
    found: Routes, profile: str | None, terminal: str | None, expected: str
) -> None:
    assert chosen(found, ask(profile=profile), terminal) == expected


def test_a_profile_that_does_not_name_the_service_never_answers_for_it() -> None:
    found = compiled("b", SALT, [route("a", "https://h.example"), route("b", "https://i.example")])
    for terminal in (None, "b"):
        assert chosen(found, ask("https://h.example"), terminal) == "a"
        assert (
            chosen(found, ask("https://h.example", profile="b"), terminal) == "UnknownServiceError"
        )


def test_a_caller_without_a_scheme_gets_loopback_http_after_https() -> None:
    plain = compiled("", SALT, [route("plain", "http://127.0.0.1:5000")])
    both = compiled("", SALT, [*plain.all(), route("tls", "https://127.0.0.1:5000")])
    assert chosen(plain, ask("127.0.0.1:5000", any_scheme=True)) == "plain"
    assert chosen(both, ask("127.0.0.1:5000", any_scheme=True)) == "tls"
    assert chosen(plain, ask("127.0.0.1:5000")) == "UnknownServiceError"
    assert chosen(plain, ask("localhost:5000", any_scheme=True)) == "UnknownServiceError"


def errors() -> list[CredhelperError]:
    asked = [
        (TWO, ask("https://h.example"), None),
        (TWO, ask("https://h.example", username="e\x1b[2Jve\u202e"), None),
        (TWO, ask(profile="x\x1b[2J"), None),
        (TWO, ask(), None),
        (ONE, ask("https://deep.example"), None),
        (ONE, ask("https://other.example"), None),
        (compiled("", SALT, []), ask("https://other.example"), None),
        (compiled("", SALT, []), ask(), None),
    ]
    return [no_match.why(*each, {}) for each in asked]


def test_every_reason_names_the_next_step_and_is_printable() -> None:
    kinds = {type(error) for error in errors()}
    assert kinds == {
        AmbiguousServiceError,
        NotFoundError,
        RequestError,
        PathRequiredError,
        UnknownProfileError,
        UnknownServiceError,
    }
    for error in errors():
        assert error.message.isprintable()
        assert (error.hint or "").isprintable()
        assert not error.message.endswith(".")
        assert error.hint


def test_two_terminals_with_two_keys_have_two_records() -> None:
    one = route("a", grant="env:KEY")
    names = {lookup.record_of(TWO, one, {"KEY": key})[0] for key in ("k1", "k2", "", "k1\n", "kä")}
    assert len(names) == 5
    assert all(name.startswith("r" * 32 + "-") and len(name) == 49 for name in names)
    assert not any("k1" in name for name in names)


def test_another_salt_gives_another_name() -> None:
    one = route("a", grant="env:KEY")
    salted = compiled("", "11" * 16, [])
    assert lookup.record_of(TWO, one, {"KEY": "k"}) != lookup.record_of(salted, one, {"KEY": "k"})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", "r" * 32),
        ("a:" + "r" * 32 + "-0123", "r" * 32 + "-0123"),
        ("b:" + "r" * 32 + "-0123", "r" * 32),
        ("a:" + "s" * 32 + "-0123", "r" * 32),
        ("a:" + "r" * 32 + "-/../../etc/passwd", "r" * 32),
        ("a:../x", "r" * 32),
        ("a", "r" * 32),
    ],
)
def test_a_child_of_exec_is_told_its_record_and_no_other(told: str, expected: str) -> None:
    one = route("a", grant="env:KEY")
    assert lookup.record_of(TWO, one, {"CREDHELPER_RECORD": told}) == (expected, "")


@given(st.binary(max_size=300))
def test_our_digest_is_sha_256(data: bytes) -> None:
    assert digest.sha256(data) == hashlib.sha256(data).hexdigest()


def test_our_digest_is_sha_256_where_the_interpreter_has_none_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("_sha256", "_sha2"):
        monkeypatch.setitem(sys.modules, module, None)  # importing it fails
    without = runpy.run_path(digest.__file__)
    assert without["_sha256"] is hashlib.sha256
    assert without["sha256"](b"abc") == digest.sha256(b"abc")
