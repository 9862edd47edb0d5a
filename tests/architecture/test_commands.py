"""Commands in messages are quoted by one function, so none runs what stands in a path or name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent.parent
MODULES = sorted((TREE / "credhelper").rglob("*.py"))
# What quotes a word, or a whole command (`credhelper.core.text`).
_QUOTES = {"shell_word", "command", "export", "log_in"}
# Where a program's name is a word of prose, too, what it is told tells the two apart.
_PROGRAMS = (
    "credhelper (?:login|logout|get|env|exec|profile|setup|status|token|import|write|watch)"
    "|git (?:config|credential|ls-remote)|kubectl (?:config|get)|keyring (?:set|get)|go env"
    "|(?:podman|docker|terraform) log(?:in|out)|pipx? install|eval|source|ls -|mkdir -"
    "|chmod|chown|rm|mv|cp|ln|cat|sudo|runuser|setpriv|fuser|export|unset"
)
# A command that has begun before the value, or an option whose value it is.
_BEGUN = re.compile(
    rf"(?:^|[:;|&$(`'\"] ?|\b(?:and|or|run|with) )(?:{_PROGRAMS})\b[^:]*$|[^-]--[a-z-]+[ =]$"
)
# Lines for `eval`, with a variable's name first; not messages.
_OUTPUT = {"core/text.py", "protocols/get.py", "protocols/aws.py"}


def unquoted(tree: ast.AST) -> list[tuple[int, str]]:
    """Return line and text of each string that puts a value into a command without quotes."""
    found = []
    words = {
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _is_quoted(node)
        for argument in node.args
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts: list[ast.expr] = node.values
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [node.left, node.right]
        else:
            continue
        if node in words:
            continue
        before = ""
        for part in parts:
            if isinstance(part, ast.Constant):
                before += str(part.value)
                continue
            if isinstance(part, ast.JoinedStr):
                before += "".join(
                    str(one.value) for one in part.values if isinstance(one, ast.Constant)
                )
                continue
            value = part.value if isinstance(part, ast.FormattedValue) else part
            if _BEGUN.search(before) and not _is_quoted(value):
                found.append((node.lineno, ast.unparse(node)))
            before += "VALUE"
    return found


def _is_quoted(value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        return value.id.lstrip("_").isupper()  # a constant of the module
    name = value.func if isinstance(value, ast.Call) else None
    return isinstance(name, ast.Name) and name.id in _QUOTES


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(TREE / "credhelper").as_posix()
)
def test_no_value_stands_in_a_command_without_quotes(path: Path) -> None:
    if path.relative_to(TREE / "credhelper").as_posix() in _OUTPUT:
        return
    assert unquoted(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        'f"credhelper login --profile {name}"',
        'f"remove it: rm {path}"',
        'f"choose one: --service {url}"',
        'f"git config --global credential.{url}.helper credhelper"',
        '"chmod 600 " + path',
        'f"move it away: mv {command(path)} {path}"',
        'f"GIT_ASKPASS is unset; export GIT_ASKPASS={path}"',
    ],
)
def test_the_search_finds_a_value_without_quotes(line: str) -> None:
    assert unquoted(ast.parse(line))


@pytest.mark.parametrize(
    "line",
    [
        "f\"remove it: {command('rm', path)}\"",
        'f"another credhelper process has been {doing} for {wait} s"',
        'f"folder {path} is a symlink"',
        'f"credhelper get [--format {FORMATS}]"',
        '"run as that user: " + command("runuser", name)',
    ],
)
def test_the_search_passes_over_what_is_no_command_and_what_is_quoted(line: str) -> None:
    assert unquoted(ast.parse(line)) == []
