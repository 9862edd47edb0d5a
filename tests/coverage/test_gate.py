"""The gate finds a refusal that no test takes, and its list stays true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.coverage import gate, program, refusals

ROOT = Path(__file__).parent.parent.parent
SOURCE = """
def first(x):
    if x:
        raise ValueError(
            "no"
        )
    try:
        return Reply(b"", status=1)
    except OSError:
        pass


class Second:
    def third(self):
        return options.refuse(error)

    def fourth(self):
        return Reply(b"", status=0) or refused
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox/x.py").write_text(SOURCE)
    (tmp_path / "x.py").write_text(SOURCE)
    return tmp_path


def test_refusals_and_error_paths_are_found_where_they_begin(package: Path) -> None:
    assert [(one.place, one.text, one.line) for one in refusals.every(package)] == [
        ("first", 'raise ValueError( "no" )', 4),
        ("first", 'return Reply(b"", status=1)', 8),
        ("first", "pass", 10),
        ("Second.third", "return options.refuse(error)", 15),
    ]


def test_what_no_test_takes_is_missed_in_files_that_ran(package: Path) -> None:
    found = refusals.every(package)

    assert [one.line for one in gate.untested(found, {"x.py": {1, 4, 15}})] == [8, 10]
    assert gate.untested(found, {}) == []


def test_a_new_one_fails_and_one_that_is_tested_must_leave_the_list(package: Path) -> None:
    first, second, *_ = refusals.every(package)

    assert gate.judged([first, second], {first.id}) == ([second], [])
    assert gate.judged([first], {first.id, second.id}) == ([], [second.id])


def test_equal_ones_in_one_function_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("def f():\n    raise A\n    raise A\n")

    assert [one.text for one in refusals.every(tmp_path)] == ["raise A", "raise A (2)"]


def test_each_entry_of_the_list_has_its_reason_and_its_place() -> None:
    known = gate.accepted(gate.UNTESTED.read_text())
    there = {one.id for one in refusals.every(ROOT / "credhelper")}

    assert {*known} <= there
    with pytest.raises(ValueError, match="without a reason"):
        gate.accepted("x.py: f: raise A\n")


def test_each_program_file_can_be_measured() -> None:
    for path in (ROOT / "credhelper/bin").iterdir():
        compile(program.measured(path.read_text(), Path("/start")), path.name, "exec")
