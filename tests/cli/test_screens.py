"""The captured text in docs: what a person sees on a terminal today."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.support import screens
from tests.support.worlds import World


@pytest.mark.waits
@pytest.mark.skipif(not shutil.which("git"), reason="there is no git here to configure")
def test_the_pages_show_what_a_person_sees() -> None:
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    for (page, name), text in screens.screens().items():
        assert screens.shown(page, name) == screens.section(name, text), "make docs"


def test_no_page_shows_a_screen_that_is_not_made() -> None:
    marked = {
        (page, name)
        for page in screens.DOCS.glob("*.md")
        for name in re.findall(r"^<!-- screen (\w+): ", page.read_text(), re.MULTILINE)
    }
    assert len(marked) == 6
    assert {page for page, _ in marked} == {screens.FIRST_HOUR, screens.DOCTOR}


def test_a_cleared_line_and_colours_are_not_on_the_screen() -> None:
    written = "one\r\n\r\x1b[K1 s of\r\x1b[K2 s of\r\x1b[K\x1b[31mtwo\x1b[0m\r\n"
    assert screens.on_screen(written) == "one\ntwo\n"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("columns", [40, 57, 80])
@pytest.mark.parametrize("words", [["status"], ["profile", "show"], ["doctor", "--offline"]])
def test_no_word_and_no_command_is_broken_on_a_narrow_terminal(
    scratch_world: World, words: list[str], columns: int
) -> None:
    scratch_world.prepare()
    scratch_world.run(*words)  # the doctor makes folders
    whole = screens.typed(scratch_world.environ, *words, columns=200)
    shown = screens.typed(scratch_world.environ, *words, columns=columns)
    assert shown.split() == whole.split()
    assert shown.count("\n") > whole.count("\n")
    for line in shown.split("\n"):
        assert len(line) <= columns or _whole(line), line


def _whole(line: str) -> bool:
    """Tell whether a line is one word behind its label, or a command."""
    return bool(re.fullmatch(r"(\s*|  \w+ +)\S+", line) or re.search("credhelper |fix: ", line))
