"""The routes file: the config compiled, and bound to the very bytes it was made from."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core import routes
from credhelper.core.routes import Route, Routes, compiled

LABEL, HOME, VERSION = "/home/me/.config/credhelper/config.toml", "/home/me", "1.0"
SALT = "0123456789abcdef" * 2
SOURCE = b'default_profile = "a"\n\n[profiles.a]\n'

word = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"))
some_routes = st.lists(
    st.builds(
        Route,
        word.filter(bool),
        word,
        word,
        word,
        word,
        word,
        st.integers(0, 10**8),
        word,
        st.lists(word.filter(bool), max_size=3),
    ),
    max_size=4,
    unique_by=lambda route: route.profile,
)


def told(found: Routes) -> object:
    """Return all that routes say, to be compared."""
    each = [[getattr(route, name) for name in Route.__slots__] for route in found.all()]
    return found.default, found.salt, each


def made(default: str = "a", *names: str) -> Routes:
    return compiled(
        default,
        SALT,
        [
            Route(name, "r" * 32, "jwt", "oauth2", "", "https://ica", 0, "", ["https://h"])
            for name in names
        ],
    )


@given(default=word, some=some_routes, label=word, home=word, source=st.binary(max_size=50))
def test_what_is_encoded_decodes_to_the_same(
    default: str, some: list[Route], label: str, home: str, source: bytes
) -> None:
    before = compiled(default, SALT, some)
    data = routes.encode(before, label, home, VERSION, source)
    after = routes.decode(data, label, home, VERSION, source)
    assert after is not None
    assert told(after) == told(before)


@pytest.mark.parametrize("home", ["", "/home/me"])
@pytest.mark.parametrize("names", [(), ("a",), ("a", "b")])
@pytest.mark.parametrize("default", ["", "a"])
def test_a_config_without_default_profile_or_home_is_kept_too(
    default: str, names: tuple[str, ...], home: str
) -> None:
    before = made(default, *names)
    data = routes.encode(before, LABEL, home, VERSION, SOURCE)
    after = routes.decode(data, LABEL, home, VERSION, SOURCE)
    assert after is not None
    assert told(after) == told(before)


@pytest.mark.parametrize(
    ("label", "home", "version", "source"),
    [
        (LABEL + "x", HOME, VERSION, SOURCE),
        (LABEL, HOME + "x", VERSION, SOURCE),
        (LABEL, "", VERSION, SOURCE),
        (LABEL, HOME, "1.1", SOURCE),
        (LABEL, HOME, VERSION, SOURCE + b"\n"),
        (LABEL, HOME, VERSION, b"\n" + SOURCE),
        (LABEL, HOME, VERSION, SOURCE[1:]),
        (LABEL, HOME, VERSION, b""),
        (LABEL, HOME, VERSION, SOURCE.partition(b"\n\n")[2]),
    ],
)
def test_another_config_home_or_version_is_a_miss(
    label: str, home: str, version: str, source: bytes
) -> None:
    data = routes.encode(made("a", "a"), LABEL, HOME, VERSION, SOURCE)
    assert routes.decode(data, label, home, version, source) is None


@given(source=st.binary(max_size=30), other=st.binary(max_size=30))
def test_no_two_configs_pass_for_each_other(source: bytes, other: bytes) -> None:
    data = routes.encode(made("a", "a"), LABEL, HOME, VERSION, source)
    found = routes.decode(data, LABEL, HOME, VERSION, other)
    assert (found is not None) == (source == other)


@given(st.data())
def test_a_damaged_file_is_a_miss_or_another_routes_file_but_never_a_crash(
    data: st.DataObject,
) -> None:
    whole = bytearray(routes.encode(made("a", "a", "b"), LABEL, HOME, VERSION, SOURCE))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    found = routes.decode(bytes(whole), LABEL, HOME, VERSION, SOURCE)
    if found:
        bytes.fromhex(found.salt)
        with suppress(ValueError, LookupError):
            found.profile("a"), found.naming("https://h"), found.below("https://h"), found.all()


def test_a_damaged_index_leads_nobody_to_another_profile() -> None:
    data = routes.encode(made("a", "a", "b"), LABEL, HOME, VERSION, SOURCE)
    found = routes.decode(data.replace(b"p b\t", b"p c\t"), LABEL, HOME, VERSION, SOURCE)
    assert found is not None
    assert found.profile("c") is None
    assert found.profile("b") is None
    assert found.profile("a") is not None


@given(st.binary())
def test_noise_is_a_miss(noise: bytes) -> None:
    assert routes.decode(noise, LABEL, HOME, VERSION, SOURCE) is None
    assert routes.salt_of(noise) is None


@pytest.mark.parametrize("number", [5, 6])
def test_the_salt_of_an_earlier_format_is_read(number: int) -> None:
    head = f"credhelper-routes {number}\nversion 0\nconfig x\nhome \nsalt {SALT}\ndefault \n\n"
    assert routes.salt_of(head.encode()) == SALT
    assert routes.salt_of(head.replace(SALT, SALT[1:]).encode()) is None
    assert routes.salt_of(routes.encode(made("a", "a"), LABEL, HOME, VERSION, SOURCE)) == SALT


def test_keys_that_a_later_version_writes_are_passed_over() -> None:
    data = routes.encode(made("a", "a", "b"), LABEL, HOME, VERSION, SOURCE)
    found = routes.decode(data, LABEL, HOME, VERSION, SOURCE)
    assert found is not None
    more = data.replace(b"profile=b\t", b"later=yes\tprofile=b\t")
    sizes = re.search(rb"sizes (\d+) (\d+) (\d+) (\d+)", more)
    assert sizes
    count, index, size, check = map(int, sizes.groups())
    more = more.replace(sizes.group(), b"sizes %d %d %d %d" % (count, index, size + 10, check))
    later = routes.decode(more, LABEL, HOME, VERSION, SOURCE)
    assert later is not None
    assert told(later) == told(found)
    assert not later.intact()


@given(st.data())
def test_what_the_disk_changed_is_seen(data: st.DataObject) -> None:
    whole = bytearray(routes.encode(made("a", "a", "b"), LABEL, HOME, VERSION, SOURCE))
    at = data.draw(st.integers(whole.index(b"sizes"), len(whole) - len(SOURCE) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    found = routes.decode(bytes(whole), LABEL, HOME, VERSION, SOURCE)
    assert found is None or not found.intact() or found.count != 2


@given(st.text(), st.text())
def test_a_file_name_is_safe_and_tells_configs_apart(one: str, other: str) -> None:
    name = routes.tag(one)
    assert name.startswith("routes-")
    assert name.removeprefix("routes-").isalnum()
    assert "." not in name
    assert routes.file_name(one, "1.2") == f"{name}.8-1.2"
    if one != other and len(one) < 8 and len(other) < 8 and one.isascii() and other.isascii():
        assert one.startswith("\0") or other.startswith("\0") or name != routes.tag(other)
