"""A service that is added and removed again leaves the config byte for byte, in any style."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credhelper.config import write as configfile
from credhelper.config.arrays import with_items_of
from tests.config.test_write import Place

A, B = "https://a.example", "https://b.example"
NEW, MORE = "https://new.example/x", "https://more.example"

BLANKS = st.sampled_from(["", " ", "  ", "\t"])
COMMENT = st.sampled_from(["", "# ours", "# a, b", '# "c", [d]', "#"])
LINE_END = st.sampled_from(["\n", "\r\n"])


@st.composite
def arrays(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Return an array of strings in some style, and what is in it."""
    items = draw(st.lists(st.sampled_from([A, B, "https://c.example"]), max_size=3, unique=True))
    newline = draw(LINE_END)
    quote = draw(st.sampled_from(['"', "'"]))

    def gap() -> str:
        """Return blanks, or a line end with comments before and behind it."""
        if draw(st.booleans()):
            return draw(BLANKS)
        lines = [draw(BLANKS) + draw(COMMENT) for _ in range(draw(st.integers(1, 2)))]
        return newline.join([*lines, draw(BLANKS)])

    parts = [gap()]
    for number, item in enumerate(items):
        last = number == len(items) - 1
        comma = "," if not last or draw(st.booleans()) else ""
        parts += [f"{quote}{item}{quote}", gap() if draw(st.booleans()) else "", comma, gap()]
    return f"[{''.join(parts)}]", items


def config(array: str, where: str) -> str:
    return where.replace("ARRAY", array)


WHERE = [
    '# mine\n[profiles.a] # first\ngrant = { env = "KEY" }\nservices = ARRAY # who\n[profiles.b]\n',
    "[profiles]\na.services = ARRAY\na.keep = [1, 2]\n",
    "[other]\nx = [[1, [2]], '[']\n[profiles.'a']\n'services'=ARRAY",
]


@settings(max_examples=300, deadline=None)
@given(arrays(), st.sampled_from(WHERE), st.permutations([NEW, MORE]))
def test_what_is_added_and_taken_back_leaves_every_byte(
    written: tuple[str, list[str]], where: str, order: list[str]
) -> None:
    text = config(written[0], where)
    before = tomllib.loads(text)
    assert before["profiles"]["a"]["services"] == written[1]
    now, states = text, []
    for service in (NEW, MORE):
        states.append(now)
        now = _with(now, [*_services(now), service])
    assert _services(now) == [*written[1], NEW, MORE]
    for comment in _comments(text):
        assert comment in now
    for service in order:
        now = _with(now, [one for one in _services(now) if one != service])
    assert now == text


@settings(max_examples=300, deadline=None)
@given(arrays(), st.sampled_from(WHERE), st.data())
def test_any_item_can_be_taken_out_and_nothing_else_goes(
    written: tuple[str, list[str]], where: str, data: st.DataObject
) -> None:
    if not written[1]:
        return
    text = config(written[0], where)
    gone = data.draw(st.sampled_from(written[1]))
    rest = [one for one in written[1] if one != gone]
    now = _with(text, rest)
    assert _services(now) == rest
    assert len(now) < len(text)


def _services(text: str) -> list[str]:
    found: list[str] = tomllib.loads(text)["profiles"]["a"]["services"]
    return found


def _with(text: str, services: list[str]) -> str:
    before, wanted = tomllib.loads(text), tomllib.loads(text)
    wanted["profiles"]["a"]["services"] = services
    new = with_items_of(text, before, wanted)
    assert tomllib.loads(new) == wanted
    return new


def _comments(text: str) -> list[str]:
    return [line[line.index("# ours") :] for line in text.split("\n") if "# ours" in line]


STYLES = [
    ("[]", '["NEW",]'),
    ("[ ]", '["NEW" ]'),
    ("[\n]", '[\n    "NEW",\n]'),
    ("[\n    # none yet\n]", '[\n    "NEW",\n    # none yet\n]'),
    (f'["{A}"]', f'["{A}", "NEW"]'),
    (f'["{A}",]', f'["{A}", "NEW",]'),
    (f'["{A}", ]', f'["{A}", "NEW", ]'),
    (f'[ "{A}","{B}" ]', f'[ "{A}","{B}","NEW" ]'),
    (f'[\n  "{A}",\n]', f'[\n  "{A}",\n  "NEW",\n]'),
    (f'[\n  "{A}"\n]', f'[\n  "{A}",\n  "NEW"\n]'),
    (f'[\n  "{A}", # a\n]', f'[\n  "{A}", # a\n  "NEW",\n]'),
    (f'[\n  "{A}" # a\n]', f'[\n  "{A}", # a\n  "NEW"\n]'),
    (f'[\r\n  "{A}",\r\n]', f'[\r\n  "{A}",\r\n  "NEW",\r\n]'),
    (f'[\n    "{A}"\n  , "{B}"\n]', f'[\n    "{A}"\n  , "{B}", "NEW"\n]'),
]


@pytest.mark.parametrize(("array", "longer"), STYLES, ids=repr)
def test_the_command_writes_in_the_style_that_is_there(
    tmp_path: Path, array: str, longer: str
) -> None:
    place = Place(tmp_path)
    where = '[profiles.a]\ngrant = { env = "KEY" }  # from CI\nservices = ARRAY  # who\n'
    place.write(config(array, where))
    assert place.call(configfile.add_service, "a", NEW)
    assert place.text == config(longer.replace("NEW", NEW), where)
    assert place.call(configfile.remove_service, "a", NEW.upper().replace("/X", "/x"))
    assert place.text == config(array, where)


@pytest.mark.parametrize(("first", "then"), [(NEW, MORE), (MORE, NEW), (NEW, NEW)])
def test_services_that_came_without_a_key_go_with_it(tmp_path: Path, first: str, then: str) -> None:
    place = Place(tmp_path)
    text = '[profiles.a]\ngrant = { env = "KEY" }\n'
    place.write(text)
    for service in (NEW, MORE):
        assert place.call(configfile.add_service, "a", service)
    place.call(configfile.remove_service, "a", first)
    place.call(configfile.remove_service, "a", then)
    left = {NEW, MORE} - {first, then}
    assert place.data["profiles"]["a"].get("services", []) == [*left]
    assert left or place.text == text


@pytest.mark.parametrize(
    ("array", "without"),
    [
        # A comment on the line of the entry goes with it.
        (f'[\n "{A}",  # a\n "{B}", # b\n]', f'[\n "{B}", # b\n]'),
        # One above it describes it: at the next entry it would be wrong.
        (f'[\n # a\n # 2\n "{A}",\n "{B}",\n]', f'[\n "{B}",\n]'),
        (
            f'[\n "{B}",  # b\n # a\n "{A}", # 2\n # c\n "c.test",\n]',
            f'[\n "{B}",  # b\n # c\n "c.test",\n]',
        ),
        # A blank line sets a comment off: it is about the list, as is one behind the last entry.
        (f'[\n # all\n\n # a\n "{A}",\n "{B}",\n # more\n]', f'[\n # all\n\n "{B}",\n # more\n]'),
        (f'[ # all\n "{A}",\n "{B}"\n]', f'[ # all\n "{B}"\n]'),
        # And in a list that gets empty, it is the only one left to say what the list is for.
        (f'[\n # all\n "{A}",\n]', "[\n # all\n]"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_comment_goes_with_the_service_that_it_is_about(
    array: str, without: str, newline: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    where = '[profiles.a]\ngrant = { env = "KEY" }\nservices = ARRAY  # who\n'
    place.write(config(array, where).replace("\n", newline))
    place.call(configfile.remove_service, "a", A)
    assert place.text == config(without, where).replace("\n", newline)
