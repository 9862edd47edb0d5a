"""The index of compiled routes: what it finds is what reading every route would find."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credhelper.core import lookup, routes
from credhelper.core.model import Request
from credhelper.core.routes import Route, Routes
from credhelper.core.service import Service, parse

HOSTS = ["h", "h2", "hh", "a.h", "h-a"]
PATHS = ["", "/a", "/a/b", "/a/b/c", "/ab", "/a-b", "/a.b", "/b"]
services = st.builds(
    lambda host, port, path: f"https://{host}{port}{path}",
    st.sampled_from(HOSTS),
    st.sampled_from(["", ":8443", ":44"]),
    st.sampled_from(PATHS),
)
names = st.one_of(st.sampled_from(["a", "ab", "b", "p", "s "]), st.text("ab-1", min_size=1))
profiles = st.lists(
    st.tuples(names, st.lists(services, max_size=4), st.sampled_from(["", "me", "you"])),
    max_size=12,
    unique_by=lambda each: each[0],
)


def route(name: str, named: list[str], user: str = "") -> Route:
    return Route(name, "r" * 32, "jwt", "oauth2", user, "https://ica", 0, "", named)


def by_hand(
    all_routes: list[Route], default: str, request: Request, chosen: str | None
) -> tuple[str, str] | None:
    """Return the profile and the service that `lookup.match` is to find, by looking at all."""
    if request.service is None:
        name = request.profile or chosen or default
        if not name and len(all_routes) == 1:
            name = all_routes[0].profile
        return next(((one.profile, "None") for one in all_routes if one.profile == name), None)
    for prefix in request.service.prefixes():
        named = [one for one in all_routes if prefix in one.services]
        if named:
            fitting = [
                one.profile
                for one in named
                if request.profile in (None, one.profile)
                and request.username in (None, one.user, one.username, one.profile)
            ]
            for preferred in (chosen, default):
                if len(fitting) > 1 and preferred in fitting:
                    fitting = [preferred]
            return (fitting[0], prefix) if len(fitting) == 1 else None
    return None


def found_in(found: Routes, request: Request, chosen: str | None) -> tuple[str, str] | None:
    matched = lookup.match(found, request, chosen)
    return matched and (matched[0].profile, str(matched[1]))


@given(
    made=profiles,
    default=names,
    asked=services,
    profile=st.none() | names,
    chosen=st.none() | names,
    user=st.sampled_from([None, "me", "oauth2"]),
)
@settings(max_examples=400)
def test_the_index_finds_what_reading_everything_finds(
    made: list[tuple[str, list[str], str]],
    default: str,
    asked: str,
    profile: str | None,
    chosen: str | None,
    user: str | None,
) -> None:
    all_routes = [route(*each) for each in made]
    found = routes.compiled(default, "0" * 32, all_routes)
    for service in (None, parse(asked)):
        request = Request("get", service=service, profile=profile, username=user)
        assert found_in(found, request, chosen) == by_hand(all_routes, default, request, chosen)
    below = sorted(
        each for one in all_routes for each in one.services if each.startswith(f"{asked}/")
    )
    assert found.below(asked) == (below[0] if below else None)


@pytest.mark.parametrize("size", [1, 2, 1000, 10_000])
def test_the_index_of_many_profiles_finds_each_of_them(size: int) -> None:
    some = random.Random(size)
    made = [
        (
            f"p{number}",
            [f"https://h{some.randrange(size)}.example{some.choice(PATHS)}" for _ in range(3)],
        )
        for number in range(size)
    ]
    all_routes = [route(*each) for each in made]
    found = routes.compiled("p0", "0" * 32, all_routes)
    again = routes.decode(routes.encode(found, "l", "h", "1", b"x"), "l", "h", "1", b"x")
    assert again is not None
    assert again.intact()
    owners: dict[str, list[str]] = {}
    for one in all_routes:
        for service in dict.fromkeys(one.services):
            owners.setdefault(service, []).append(one.profile)
    for one in some.sample(all_routes, min(size, 300)):
        read = again.profile(one.profile)
        assert read is not None
        assert list(read.services) == list(one.services)
        for service in one.services:
            assert [each.profile for each in again.naming(service)] == owners[service]
        wanted = parse(f"{one.services[0]}/deeper/still")
        request = Request("get", service=wanted)
        assert found_in(again, request, None) == by_hand(all_routes, "p0", request, None)
    assert again.profile("p") is None
    assert again.naming("https://h") == []
    assert found_in(again, Request("get", service=Service("https", "none", 443)), None) is None
    assert [one.profile for one in again.all()] == [name for name, _ in made]
