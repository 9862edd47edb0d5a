"""Record names: the same for what gives the same token, different for all else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.config.identity import (
    aws_name,
    record_name,
    session_name,
    shared_session,
    visible_grant,
)
from credhelper.config.profile import Grant, Profile, Resource
from credhelper.core import service
from credhelper.core.model import JWT, SESSION

BASE = Profile(
    name="dev",
    url="https://ica.example",
    grant=Grant("env", ("KEY",)),
    user="ada",
    domain="acme",
    cid="c1",
    cwid="w1",
    scopes=("read", "write"),
    client_id="app",
    data="note",
)

# A small alphabet makes texts that nearly collide likely.
text = st.text("ab1:,\x00", max_size=3)
optional = st.none() | text
grants = st.builds(
    Grant,
    st.sampled_from(["env", "file", "command", "keyring"]),
    st.lists(text, min_size=1, max_size=3).map(tuple),
)
profiles = st.builds(
    Profile,
    name=st.sampled_from(["a", "b"]),
    url=st.sampled_from(["https://a", "https://b"]),
    auth=st.sampled_from(["api-key", "password", "session"]),
    grant=st.none() | grants,
    user=optional,
    domain=optional,
    cid=optional,
    cwid=optional,
    scopes=st.lists(text, max_size=3).map(tuple),
    client_id=optional,
    data=optional,
    keep_session=st.booleans(),
)


def session_of(profile: Profile) -> tuple[Any, ...]:
    grant = profile.grant
    words = (grant.how, *grant.words) if grant else ("login", profile.name)
    names = ("api", "url", "auth", "user", "domain", "client_id", "data")
    return (words, *(getattr(profile, name) for name in names))


def token_of(profile: Profile) -> tuple[Any, ...]:
    token = (profile.cid, profile.cwid, frozenset(profile.scopes), profile.keep_session)
    return session_of(profile) + token


@given(profiles, profiles)
def test_two_names_are_equal_exactly_when_the_identities_are(one: Profile, two: Profile) -> None:
    equal = token_of(one) == token_of(two)
    assert (record_name(one, kind=JWT) == record_name(two, kind=JWT)) == equal
    assert (session_name(one) == session_name(two)) == (session_of(one) == session_of(two))


@given(profiles, st.data())
def test_a_small_change_anywhere_is_another_record(profile: Profile, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(["user", "domain", "cid", "cwid", "client_id", "data"]))
    change: dict[str, Any] = {field: data.draw(optional)}
    other = replace(profile, **change)
    equal = getattr(profile, field) == getattr(other, field)
    assert (record_name(profile, kind=JWT) == record_name(other, kind=JWT)) == equal


ORDER = ("user", "domain", "client_id", "data", "cid", "cwid")


@pytest.mark.parametrize(("left", "right"), list(pairwise(ORDER)))
def test_characters_that_move_to_the_neighbouring_field_change_the_name(
    left: str, right: str
) -> None:
    whole = getattr(BASE, left) + getattr(BASE, right)
    splits: list[dict[str, Any]] = [
        {left: whole[:cut], right: whole[cut:]} for cut in range(len(whole) + 1)
    ]
    splits += [{left: None, right: whole}, {left: whole, right: None}]
    names = {record_name(replace(BASE, **split), kind=JWT) for split in splits}
    assert len(names) == len(splits)


@pytest.mark.parametrize(
    "words",
    [
        ("pass", "show", "key"),
        ("pass", "show key"),
        ("pass show", "key"),
        ("pass", "show", "key", ""),
        ("pass", "", "show", "key"),
        ("pass", "key", "show"),
    ],
)
def test_each_division_of_a_command_into_words_is_its_own_grant(words: tuple[str, ...]) -> None:
    names = {
        record_name(replace(BASE, grant=Grant("command", given)), kind=JWT)
        for given in {("pass", "show", "key"), words}
    }
    assert len(names) == len({("pass", "show", "key"), words})


def test_a_last_word_of_the_grant_is_not_the_first_optional_field() -> None:
    one = replace(BASE, grant=Grant("keyring", ("s", "yes", "x")), user=None)
    two = replace(BASE, grant=Grant("keyring", ("s",)), user="x")
    assert session_name(one) != session_name(two)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "prod"},
        {"services": (service.parse("git.example"),)},
        {"username": "x-token"},
        {"min_ttl": 600},
        {"refresh_before": 600},
        {"session_lifetime": 60},
        {"ca_file": "/ca.pem"},
        {"api_key_as": "basic"},
        {"scopes": ("write", "read")},
        {"scopes": ("write", "read", "read")},
        {"grant": Grant("env", ("KEY",), allow_readable=True, timeout=3.0)},
        {"token": SESSION},
    ],
)
def test_what_does_not_change_the_token_does_not_change_the_name(change: dict[str, Any]) -> None:
    other = replace(BASE, **change)
    assert record_name(other, kind=JWT) == record_name(BASE, kind=JWT)
    assert session_name(other) == session_name(BASE)


@pytest.mark.parametrize(
    "change",
    [{"cid": "c2"}, {"cwid": None}, {"scopes": ()}, {"scopes": ("read,write",)}],
)
def test_several_tokens_hang_on_one_session(change: dict[str, Any]) -> None:
    other = replace(BASE, **change)
    assert record_name(other, kind=JWT) != record_name(BASE, kind=JWT)
    assert session_name(other) == session_name(BASE)


def test_the_kinds_and_the_session_never_share_a_record() -> None:
    bare = Profile(name="dev", grant=Grant("env", ("KEY",)))
    names = {record_name(bare, kind=JWT), record_name(bare, kind=SESSION), session_name(bare)}
    assert len(names) == 3


def test_a_session_that_login_made_belongs_to_its_profile() -> None:
    one = Profile(name="a", auth="session")
    two = Profile(name="b", auth="session")
    assert session_name(one) != session_name(two)
    assert record_name(one, kind=JWT) != record_name(two, kind=JWT)


def test_a_session_that_hosts_share_is_kept_apart() -> None:
    alone = replace(BASE, auth="session", share="a")
    shared = replace(alone, share_session=True)
    names = {session_name(one) for one in (alone, shared, replace(shared, share="b"))}
    assert len(names) == 3


def test_hosts_share_a_session_whatever_their_grants_and_projects() -> None:
    one = replace(BASE, auth="session", share="a", share_session=True)
    assert shared_session(replace(one, cid="c2", scopes=(), grant=None)) == shared_session(one)
    for change in ({"share": "b"}, {"user": "eve"}, {"domain": None}, {"data": "other"}):
        assert shared_session(replace(one, **change)) != shared_session(one)


def test_a_name_is_thirty_two_hex_digits_and_stays_what_it_was() -> None:
    assert record_name(BASE, kind=JWT) == "8ba412777f91f48280c0f5624aa96234"
    assert session_name(BASE) == "5fe5f99051e3c6ac9feb081fc51b9180"
    assert len(session_name(BASE)) == 32


resources = st.builds(
    Resource,
    st.sampled_from(["folder", "file", "gds", "data", "path"]),
    st.lists(text, min_size=1, max_size=2).map(tuple),
    st.booleans(),
)


@given(profiles, profiles, resources, resources)
def test_two_names_of_aws_credentials_are_equal_exactly_when_all_they_depend_on_is(
    one: Profile, two: Profile, this: Resource, that: Resource
) -> None:
    equal = token_of(one) == token_of(two) and this == that
    assert (aws_name(one, this) == aws_name(two, that)) == equal
    assert aws_name(one, this) == aws_name(replace(one, min_ttl=5, username="x"), this)
    assert aws_name(one, this) not in (record_name(one, kind=JWT), session_name(one))


def test_a_path_that_is_not_utf_8_has_a_name_too() -> None:
    odd = replace(BASE, grant=Grant("file", ("/home/\udcff/key",)))
    assert record_name(odd, kind=JWT) != record_name(BASE, kind=JWT)


@pytest.mark.parametrize(
    ("grant", "auth", "seen"),
    [
        (Grant("env", ("KEY",)), "api-key", "env:KEY"),
        (Grant("env", ("KEY",)), "session", "env:KEY"),
        (Grant("file", ("/a:b/key",)), "api-key", "file:/a:b/key"),
        (Grant("env", ("KEY",)), "password", ""),
        (Grant("file", ("/key",)), "password", ""),
        (Grant("command", ("pass", "key")), "api-key", ""),
        (Grant("keyring", ("ica", "ada")), "api-key", ""),
        (None, "session", ""),
    ],
)
def test_the_warm_path_watches_files_and_variables_but_nothing_of_a_password(
    grant: Grant | None, auth: str, seen: str
) -> None:
    assert visible_grant(replace(BASE, grant=grant, auth=auth)) == seen
