"""The refusals and error paths of the package, found in its source.

They are each `raise`, the first statement of each `except`, and each `return` of a reply that
reports an error: `refuse(...)`, or a `Reply` with a status.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

# A stand-in for a server, for demos and tests: what it refuses, it refuses to our own tests.
_NOT_OURS = {"sandbox"}
_LONGEST = 100


@dataclass(frozen=True)
class Refusal:
    """One of them.

    Parameters: `file`, below the package; `place`, the function in its classes, "" for none;
    `text`, how the statement begins; `line`, where it stands.
    """

    file: str
    place: str
    text: str
    line: int

    @property
    def id(self) -> str:
        """What tells it from others, wherever it stands in its function."""
        return f"{self.file}: {self.place}: {self.text}"


def every(package: Path) -> list[Refusal]:
    """Return all of the package in this folder, in order."""
    found: list[Refusal] = []
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package)
        if file.parts[0] not in _NOT_OURS:
            found += _in(path.read_text(), file.as_posix())
    return found


def _in(source: str, file: str) -> list[Refusal]:
    lines = source.split("\n")
    found: dict[int, Refusal] = {}
    for node, place in _statements(ast.parse(source), ""):
        whole = lines[node.lineno - 1 : node.end_lineno]
        text = " ".join(line.strip() for line in whole)[:_LONGEST].strip()
        found.setdefault(node.lineno, Refusal(file, place, text, node.lineno))
    return [*_numbered(found[line] for line in sorted(found))]


def _numbered(refusals: Iterable[Refusal]) -> Iterator[Refusal]:
    """Yield them, those that begin alike in one function with a number behind the first."""
    seen: Counter[str] = Counter()
    for one in refusals:
        seen[one.id] += 1
        number = seen[one.id]
        yield replace(one, text=f"{one.text} ({number})") if number > 1 else one


def _statements(node: ast.AST, place: str) -> Iterator[tuple[ast.stmt, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _statements(child, f"{place}.{child.name}".lstrip("."))
            continue
        if isinstance(child, ast.Raise) or (isinstance(child, ast.Return) and _reports(child)):
            yield child, place
        if isinstance(child, ast.ExceptHandler):
            yield child.body[0], place
        yield from _statements(child, place)


def _reports(statement: ast.Return) -> bool:
    """Tell whether a reply is returned that reports an error."""
    call = statement.value
    if not isinstance(call, ast.Call):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "refuse" or (
        name == "Reply" and any(one.arg == "status" for one in call.keywords)
    )
