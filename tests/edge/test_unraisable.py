"""A stop that is met where Python can raise nothing still ends us."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.programs import python_environment

_PROGRAM = """
import sys
from credhelper.edge import main, stops

class Odd:
    def __del__(self):
        raise {raised}

def people():
    Odd()
    return 0

from credhelper.cli import main as cli
cli.people = people
main.main(None, "credhelper", [], b"", "")
"""


@pytest.mark.parametrize(
    ("raised", "status"), [("stops.Stopped(15)", 143), ("ValueError('a secret')", 0)]
)
def test_what_a_destructor_raises_is_a_stop_or_nothing(raised: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(raised=raised)],
        env=python_environment(),
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")
