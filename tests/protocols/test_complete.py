"""What a protocol comes with: a module, a line in the registry, its transcripts and a folder."""

from __future__ import annotations

import ast
import tomllib
from datetime import date
from pathlib import Path

import pytest

from credhelper import protocols
from tests.support import table
from tests.support.transcripts import FILES, OURS, TOLD

ROWS = table.rows()
FOLDERS = sorted(
    {row.folder for row in ROWS} | {path.parent.name for path in table.FOLDERS.glob("*/test_*.py")}
)
CLIENTS = tomllib.loads((table.FOLDERS / "clients.toml").read_text())
# What is no part of what a user has: the rest of a folder is.
_NOT_SHOWN = {"README.md", "about.toml", "proven.toml"}
_OF_ALL = table.FOLDERS / "callers.py"


def _ids(row: table.Row) -> str:
    return f"{row.protocol}: {row.callers}"


def _words(folder: str) -> set[str]:
    """Return all texts that stand in the tests of a folder, and in what callers of ours share."""
    return {
        node.value
        for file in [*(table.FOLDERS / folder).glob("*.py"), _OF_ALL]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_a_protocol_has_transcripts_and_questions_for_the_tests_of_all(name: str) -> None:
    assert FILES[name]["dialogue"]
    told = TOLD[name]
    first = told.warm[0]
    by_service = first.wants == "token"
    assert (told.nothing is not None) == by_service
    about = f"{first.words}{first.stdin!r}{first.environ}".count(OURS)
    assert bool(about) == by_service, "about our own service"
    assert len({question.name for question in told.warm}) == len(told.warm)


def test_there_are_no_transcripts_of_anything_else() -> None:
    assert FILES.keys() == protocols.PROTOCOLS.keys()


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_a_protocol_has_a_folder_that_speaks_for_it(name: str) -> None:
    assert name in {row.protocol for row in ROWS}, "no integrations/*/about.toml names it"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_a_page_something_to_copy_and_a_test(folder: str) -> None:
    files = {path.name for path in (table.FOLDERS / folder).iterdir() if path.is_file()}
    assert "README.md" in files
    assert any(name.startswith("test_") and name.endswith(".py") for name in files)
    page = (table.FOLDERS / folder / "README.md").read_text()
    shown = {name for name in files - _NOT_SHOWN if not name.endswith(".py") or f"({name})" in page}
    assert shown, "no file of a user's own"
    for name in shown:
        assert f"({name})" in page, f"README.md does not lead to {name}"
        assert name in _words(folder), f"no test reads {name}"


@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_a_row_was_proven_by_the_tests_of_its_folder(row: table.Row) -> None:
    assert bool(row.clients) != row.own_caller, "real clients, or a caller of our own"
    assert CLIENTS.keys() >= set(row.clients)
    assert _words(row.folder) >= set(row.clients), "a client that no test asks for"
    found = table.evidence(row)
    assert found, "make proven"
    assert all(isinstance(each["on"], date) for each in found.values())
    page = (table.FOLDERS / row.folder / "README.md").read_text()
    assert ("caller of our own" in page) == row.own_caller


@pytest.mark.parametrize(
    "folder", [path.parent.name for path in table.FOLDERS.glob("*/proven.toml")]
)
def test_what_was_proven_is_what_tests_ask_for(folder: str) -> None:
    assert table.proven(folder).keys() - {table.OURSELVES} <= _words(folder)


def test_a_client_counts_as_proven_when_all_of_its_tests_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "FOLDERS", tmp_path)
    (tmp_path / "git").mkdir()
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    met = [("passed", "git", "git 2.39.5"), ("passed", "git", "git-new 2.47.3")]

    table.remember(table.passed(met), first)
    assert table.proven("git") == {
        "git": {"version": "2.39.5", "on": first},
        "git-new": {"version": "2.47.3", "on": first},
    }

    # One test of the newer git fails, and the older one is another release now.
    met = [
        ("passed", "git", "git 2.40.0"),
        ("passed", "git", "git-new 2.48.0"),
        ("failed", "git", "git-new 2.48.0"),
        ("skipped", "git", "git-lfs 3.3.0"),
    ]
    table.remember(table.passed(met), second)
    assert table.proven("git") == {
        "git": {"version": "2.40.0", "on": second},
        "git-new": {"version": "2.47.3", "on": first},
    }
