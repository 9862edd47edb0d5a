"""What users read: the words that docs/style.md rules out are in no text of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each with what to write instead.
RULED_OUT = {
    r"\bwhom\b": "who, or which",
    r"\bwire[ds]?\b (it |a |an |the |them |tools? )?up\b": "configure",
    r"\bidles? to death\b": "expires when idle",
    r"\bno profile names\b": "no profile covers",
    r"\bnobody to ask\b": "no terminal to confirm on",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\b(take[sn]?|taking) (it|that|them) back\b": "undo",
}
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "style.md"),
    *sorted((ROOT / "integrations").glob("*/README.md")),
]
# Modules whose strings users meet.
MODULES = [
    path
    for path in sorted((ROOT / "credhelper").rglob("*.py"))
    if path.relative_to(ROOT / "credhelper").parts[0] != "sandbox"
]


def told(path: Path) -> Iterator[tuple[int, str]]:
    """Give the strings of a module that can reach a user, with their lines.

    These are all but docstrings of modules and of functions that are no commands.
    """
    tree = ast.parse(path.read_text())
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            command = isinstance(node, ast.FunctionDef) and node.decorator_list
            spoken = isinstance(node, ast.Module) and "protocols" in path.parts
            if isinstance(first, ast.Expr) and not (command or spoken):
                silent.add(id(first.value))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in silent
        ):
            yield node.lineno, node.value


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_uses_the_words_of_the_field(path: Path) -> None:
    for number, line in enumerate(path.read_text().split("\n"), 1):
        for pattern, instead in RULED_OUT.items():
            assert not re.search(pattern, line, re.IGNORECASE), f"line {number}: write {instead}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_message_uses_the_words_of_the_field(path: Path) -> None:
    for number, text in told(path):
        for pattern, instead in RULED_OUT.items():
            assert not re.search(pattern, text, re.IGNORECASE), f"line {number}: write {instead}"
