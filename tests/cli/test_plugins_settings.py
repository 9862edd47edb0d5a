"""The reader of icav2-cli-plugins' config: line by line, as they do it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper.cli.plugins_settings import profiles

LINES = st.lists(
    st.sampled_from(
        [
            "[default]",
            "[profile a]",
            "[ profile  b ]",
            "k = v",
            " k=w=x ",
            "# c",
            "; [x]",
            "",
            "\tz =",
        ]
    ),
    max_size=8,
)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("k = v", {"k": "v"}),
        ("  k=v  ", {"k": "v"}),
        ("k = a=b", {"k": "a=b"}),
        ("k = v # no comment", {"k": "v # no comment"}),
        ("k: x = %(y)s", {"k: x": "%(y)s"}),
        ('k = "v"', {"k": '"v"'}),
        ("k =", {"k": ""}),
        ("k = v\r", {"k": "v"}),
        ("k = v\n    more = w", {"k": "v", "more": "w"}),
    ],
)
def test_a_line_is_read_as_they_read_it(line: str, read: dict[str, str]) -> None:
    assert profiles(f"\ufeff[default]\n{line}\n") == {"default": read}


@given(LINES)
def test_each_setting_belongs_to_the_section_above_it(lines: list[str]) -> None:
    try:
        found = profiles("\n".join(lines))
    except ValueError:
        return
    settings = [line for line in lines if "=" in line]
    if None not in found.values():
        assert sum(len(each or {}) for each in found.values()) == len(settings)


@given(st.text())
@example("[default]\n[")
@example("=")
def test_no_text_breaks_the_reader_and_no_error_shows_it(text: str) -> None:
    try:
        profiles(f"[profile secret]\n{text}")
    except ValueError as error:
        told = str(error)
        assert told.startswith(("has a line that makes no sense: line ", "has a section that"))
