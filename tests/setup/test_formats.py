"""What a format puts into a text it takes out again, in any order, however it is written."""

from __future__ import annotations

import json
from typing import Any

import tomlkit
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from credhelper.setup import formats
from credhelper.setup.draft import Draft
from credhelper.setup.plan import Entry

NAMES = some.sampled_from(["a", "b c", 'q"', "credHelpers", "é"])
LEAVES = some.one_of(
    some.none(), some.booleans(), some.integers(-9, 9), some.sampled_from(["", "x{", "}]\\"])
)
VALUES = some.recursive(
    LEAVES,
    lambda inner: some.one_of(
        some.lists(inner, max_size=2), some.dictionaries(NAMES, inner, max_size=2)
    ),
    max_leaves=6,
)
OBJECTS = some.dictionaries(NAMES.filter(lambda name: name != "credHelpers"), VALUES, max_size=3)
ENDS = some.sampled_from(["", "\n", "\n\n", "\r\n"])
QUICK = settings(max_examples=60)


def hold(kind: str, text: str, first: Entry, second: Entry, *, turned: bool) -> None:
    """Assert that two entries come and go without a trace, and change nothing else meanwhile."""
    module = formats.load(kind)
    made: formats.Made = {}
    before = module.leaves(text)
    draft = Draft(text)
    for entry in (first, second):
        module.put(draft, entry, made)
        ours = module.leaves(formats.rendered(kind, (entry,)))
        there = module.leaves(draft.text)
        assert all(leaf in there for leaf in ours)
    assert [leaf for leaf in module.leaves(draft.text) if leaf in before] == before
    for entry in (second, first) if turned else (first, second):
        assert module.take(draft, entry, made) == []
    assert draft.text == text
    assert draft.diff("f") == [] or draft.text == draft.old


def entries(at: tuple[str, ...], one: Any, two: Any) -> tuple[Entry, Entry]:
    return Entry(at, (("one.example", one),)), Entry(at, (("two.example", two),))


@QUICK
@given(OBJECTS, some.dictionaries(NAMES, LEAVES, max_size=2) | some.none(), ENDS, some.data())
def test_json(root: dict[str, Any], helpers: Any, end: str, data: some.DataObject) -> None:
    if helpers is not None:
        root = {**root, "credHelpers": helpers}
    indent = data.draw(some.sampled_from([None, 0, 2, "\t"]))
    separators = data.draw(some.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
    text = json.dumps(root, indent=indent, separators=separators) + end
    if end == "\r\n":
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    hold("json", text, *entries(("credHelpers",), "x", "y"), turned=data.draw(some.booleans()))


@QUICK
@given(
    some.lists(
        some.fixed_dictionaries({"name": some.sampled_from("abc"), "user": VALUES}), max_size=2
    ),
    some.sampled_from([False, None]),
    some.sampled_from([2, 4]),
    ENDS,
    some.booleans(),
)
def test_yaml(users: list[Any], flow: bool | None, indent: int, end: str, turned: bool) -> None:
    root = {"kind": "Config", "users": users, "contexts": [], "last": "x"}
    text = yaml.safe_dump(root, default_flow_style=flow, indent=indent, sort_keys=False)
    text = text.rstrip("\n") + end
    for key in ("users", "contexts", "clusters"):
        one, two = entries((key,), {"user": {"a": ["b"]}}, {"user": {"c": True}})
        if key == "users" and users and flow is None and "users: [" in text:
            continue  # a list within brackets is refused
        hold("yaml", text, one, two, turned=turned)


@QUICK
@given(
    some.dictionaries(NAMES, VALUES, max_size=2) | some.none(),
    some.sampled_from(["", "# of theirs\n", "\n"]),
    some.sampled_from([1, 2, 4]),
    ENDS,
    some.booleans(),
)
def test_yaml_of_mappings(
    admin: dict[str, Any] | None, above: str, indent: int, end: str, turned: bool
) -> None:
    body = yaml.safe_dump(admin, default_flow_style=False, sort_keys=False) if admin else ""
    inside = "".join(f"{' ' * indent}{line}\n" for line in body.split("\n") if line)
    first = f"admin:\n{above}{inside}" if inside else f"admin: {'' if admin is None else '{}'}\n"
    for text in (f"{first}last: x", f"kind: y\n{first}", "kind: y"):
        whole = text.rstrip("\n") + end
        one, two = entries(("admin",), ["x", "y"], "z")
        hold("yamlmap", whole, one, two, turned=turned)


@QUICK
@given(
    some.dictionaries(
        some.sampled_from(["a", "b c", "mine"]),
        some.dictionaries(NAMES, LEAVES.filter(lambda leaf: leaf is not None), max_size=2),
        max_size=3,
    ),
    ENDS,
    some.booleans(),
)
def test_toml(tables: dict[str, Any], end: str, turned: bool) -> None:
    text = tomlkit.dumps({"registries": tables}).rstrip("\n") + end
    one = Entry(("registries", "mine"), (("one.example", ["x", "y"]),))
    two = Entry(("registries", "two"), (("two", "y"),))
    hold("toml", text, one, two, turned=turned)
    hold("toml", text, *entries((), "x", "y"), turned=turned)


@QUICK
@given(
    some.lists(
        some.sampled_from(["[a]", "[mine]", "# c", "", "x = 1", "y=2", "  z = 3"]), max_size=6
    ),
    ENDS,
    some.booleans(),
)
def test_ini(lines: list[str], end: str, turned: bool) -> None:
    text = "\n".join(["[top]", *lines]) + end
    try:
        formats.load("ini").leaves(text)
    except ValueError:
        return
    one = Entry(("mine",), (("one", "x"), ("more", "z")))
    hold("ini", text, one, Entry(("two",), (("two", "y"),)), turned=turned)


def test_what_nobody_changed_is_not_called_changed_where_a_line_beside_it_has_gone() -> None:
    entry = Entry(("x",), (("url", "https://one.example"), ("path", "a = b")))
    module = formats.load("ini")
    assert module.take(Draft("[x]\nurl=https://one.example\n"), entry, {}) == []
    assert module.take(Draft("[x]\nurl = https://two.example\n"), entry, {}) == ["url"]


def test_a_long_line_costs_no_more_than_its_length() -> None:
    entry = Entry(("x",), (("path", "y"),))
    theirs = "[x]\n" + "a" * 400_000 + "\n"
    draft = Draft(theirs + "path = y\n")
    assert formats.load("ini").take(draft, entry, {}) == []
    assert draft.text == theirs
