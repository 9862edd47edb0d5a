"""The manual pages: those that the commands make, without a complaint of groff."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support import man


def test_the_pages_are_those_that_are_made() -> None:
    assert {path.name: path.read_text() for path in man.FOLDER.iterdir()} == man.pages(), (
        "make docs"
    )


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff here")
def test_groff_reads_them_without_a_warning() -> None:
    paths = sorted(map(str, man.FOLDER.iterdir()))
    words = ["groff", "-man", "-ww", "-Tascii", *paths]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for path in man.FOLDER.iterdir():
        assert f"{path.stem.upper()}(1)" in said, path.name


@pytest.mark.parametrize("text", [".so /etc/passwd", "a \\*b", "'br", 'say "x"', "a-b `c` ^d ~e"])
def test_no_word_of_a_help_is_a_request(text: str) -> None:
    if not shutil.which("groff"):
        pytest.skip("there is no groff here")
    page = f".TH X 1\n.SH NAME\n{man.plain(text)}\n"
    words = ["groff", "-man", "-ww", "-Tascii"]
    done = subprocess.run(words, input=page, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert text in done.stdout
