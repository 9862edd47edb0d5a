"""The line of every key, held to what tomllib finds in the same text."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from credhelper.config.toml_lines import Place, key_lines, line_of

TRICKY = '''# a comment with [a.header] and key = "x"
default_profile = "a"   # trailing = comment
"quoted key" = 1
'literal.key' = 'C:\\path'
"esc\\u0041ped" = true
a.b . "c d" = [1, [2, 3], { x = 1, y.z = [4] }]
text = """
[not.a.header]
key = "not a key"
\\"""still inside\\\\"""
quotes = """two at the end"""""
literal = \'\'\'
# not a comment ''two'' \'\'\'\'
empty = ""
empty2 = """"""
empty3 = \'\'\'\'\'\'
list = [ # with a comment ]
  "one]", # two
  'thr#ee',
  """four
and a line""", 5,

  6 ,
]
date = 1979-05-27 07:32:00
[profiles]
[profiles.dev]  # header
url = "x"
[ profiles . "b.c" ]
grant = { file = "~/x", allow_readable = true }
[[things]]
name = 1
[[things]]
name = 2
[things.sub]
deep = 3
[[things.more]]
[[things.more]]
x = []
y = {}
[profiles.dev.extra]
last = nan'''


def places(value: Any, place: Place = ()) -> dict[Place, Any]:
    found: dict[Place, Any] = {place: value} if place else {}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= places(inner, (*place, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found |= places(inner, (*place, index))
    return found


def line_with(text: str) -> int:
    return next(n for n, line in enumerate(TRICKY.split("\n"), 1) if line.startswith(text))


def test_every_key_of_a_tricky_file_is_found_and_nothing_else() -> None:
    assert key_lines(TRICKY).keys() == places(tomllib.loads(TRICKY)).keys()


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("default_profile",), "default_profile"),
        (("quoted key",), '"quoted'),
        (("a", "b", "c d", 2, "y", "z", 0), "a.b"),
        (("quotes",), "quotes"),
        (("literal",), "literal = "),
        (("list",), "list"),
        (("list", 0), '  "one'),
        (("list", 3), "and a line"),
        (("list", 4), "  6"),
        (("profiles", "dev"), "[profiles.dev]"),
        (("profiles", "dev", "url"), "url"),
        (("profiles", "dev", "missing"), "[profiles.dev]"),
        (("profiles", "b.c", "grant", "allow_readable"), "grant"),
        (("things", 1, "name"), "name = 2"),
        (("things", 1, "sub", "deep"), "deep"),
        (("profiles", "dev", "extra", "last"), "last"),
    ],
)
def test_a_key_is_on_the_line_where_a_person_sees_it(place: Place, line: str) -> None:
    assert line_of(place, TRICKY) == line_with(line)


def test_windows_line_ends_count_once() -> None:
    assert key_lines(TRICKY.replace("\n", "\r\n")) == key_lines(TRICKY)


def test_what_is_nowhere_has_no_line() -> None:
    assert line_of(("missing", "altogether"), TRICKY) is None
    assert line_of((), "") is None


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "\n\n[a]", "a=1", "a=1\n", "[a]#x"])
def test_small_files_are_walked_to_their_end(text: str) -> None:
    assert key_lines(text).keys() == places(tomllib.loads(text)).keys()


def test_nesting_that_is_too_deep_to_walk_costs_the_line_and_nothing_else() -> None:
    assert line_of(("a",), "a = " + "[" * 5000 + "]" * 5000) is None


def test_a_dotted_key_without_end_does_not_cost_memory_without_end() -> None:
    found = key_lines("a." * 5000 + "a = { b = 1 }\nz = 1")
    assert len(found) < 100
    assert found["z",] == 2


keys = st.text(min_size=1, max_size=6)
scalars = st.one_of(
    st.text(max_size=20).filter(lambda text: text.isprintable() or "\n" in text),
    st.integers(-9, 10**6),
    st.booleans(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=5))
def test_whatever_tomlkit_writes_is_walked_as_tomllib_reads_it(document: dict[str, Any]) -> None:
    text = tomlkit.dumps(document)
    assert key_lines(text).keys() == places(tomllib.loads(text)).keys()
