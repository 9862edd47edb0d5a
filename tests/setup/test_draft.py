"""A text that is spliced: its line ends, and what a diff shows of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from credhelper.setup.draft import Draft, line_spans

# Both line ends in one text; a CR alone ends nothing, and no tool's files have it.
TEXTS = some.lists(some.sampled_from(["a", "b ", "\t", "\n", "\r\n", "#", "["])).map("".join)


@given(TEXTS, some.sampled_from([["x"], ["", "[s]", "x"], ["[s]", "", "x"]]), some.data())
def test_lines_that_are_put_in_and_taken_out_leave_no_trace(
    text: str, lines: list[str], data: some.DataObject
) -> None:
    starts = [start for start, _ in line_spans(text)]
    at = data.draw(some.sampled_from([*starts, len(text)]))
    draft = Draft(text)
    draft.insert_lines(at, lines)
    spans = line_spans(draft.text)
    first = len([start for start in starts if start < at])
    draft.remove_lines(spans[first][0], spans[first + len(lines) - 1][1])
    assert draft.text == text
    assert draft.diff("f") == []


def test_a_diff_shows_ours_and_masks_the_rest() -> None:
    draft = Draft('{"auth": "secret"}\nkept secret\n')
    draft.splice(1, 1, '"ours": 1,')
    draft.insert_lines(len(draft.text), ["ours"])
    assert draft.diff("f") == [
        "--- f",
        "+++ f",
        "@@ -1 +1 @@",
        "-*** ***",
        '+***"ours": 1,*** ***',
        "@@ -2,0 +3 @@",
        "+ours",
    ]


def test_a_diff_tells_of_a_missing_line_end() -> None:
    draft = Draft("secret")
    draft.insert_lines(len(draft.text), ["ours"])
    told = "\\ No newline at end of file"
    assert draft.diff("f")[2:] == ["@@ -1 +1,2 @@", "-***", told, "+***", "+ours", told]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_end_of_lines_is_that_of_the_first(end: str) -> None:
    draft = Draft(f"one{end}two\n")
    draft.insert_lines(0, ["new"])
    assert draft.text == f"new{end}one{end}two\n"
