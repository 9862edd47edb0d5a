"""The manual pages: those that the commands make, without a complaint of groff."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from integrations import clients
from tests.support import man

Groff = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def groff(request: pytest.FixtureRequest) -> Groff:
    program = clients.require("groff", request)

    def run(*paths: str, page: str = "") -> subprocess.CompletedProcess[str]:
        words = [program, "-man", "-ww", "-Tascii", *paths]
        return subprocess.run(words, input=page, capture_output=True, text=True)

    return run


def test_the_pages_are_those_that_are_made() -> None:
    assert {path.name: path.read_text() for path in man.FOLDER.iterdir()} == man.pages(), (
        "make docs"
    )


def test_groff_reads_them_without_a_warning(groff: Groff) -> None:
    done = groff(*sorted(map(str, man.FOLDER.iterdir())))
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for path in man.FOLDER.iterdir():
        assert f"{path.stem.upper()}(1)" in said, path.name


@pytest.mark.parametrize("text", [".so /etc/passwd", "a \\*b", "'br", 'say "x"', "a-b `c` ^d ~e"])
def test_no_word_of_a_help_is_a_request(groff: Groff, text: str) -> None:
    done = groff(page=f".TH X 1\n.SH NAME\n{man.plain(text)}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert text in done.stdout
