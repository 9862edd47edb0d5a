"""What users read: in the words of docs/style.md, and without an example that leaks a token."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from credhelper import protocols
from tests.support.worlds import World

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "credhelper"
PAGES = sorted(
    path
    for path in [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("integrations/*/*.md"),
    ]
    # What quotes the old words, and what is for those who change the code.
    if path.name not in ("style.md", "architecture.md")
)
_OLD = re.compile(
    r"\b(?:whom|wire[sd]? (?:it|up|a tool)|mend(?:ed|s)?|idles? to death|nobody to ask"
    r"|no profile names?|profiles? names? https|take(?:s|n)? (?:it|that) back|thereby|wherein)\b",
    re.IGNORECASE,
)
# A command whose output is a secret, as an argument of another program: others see it in `ps`.
# `eval` and assignments start no program; our own commands print what they are asked for.
_IN_ARGUMENTS = re.compile(
    r"(?<![\w=\"'./~-])(?:curl|wget|git|docker|podman|skopeo|aws|vault|http|pip|helm|kubectl|npm)\b[^\n|;&`]*"
    r"\$\((?:docker-credential-)?credhelper\b(?! aws [^)]*--format (?:url|details))"
)
_SECRET_OPTION = re.compile(
    r"credhelper [^\n|;&`]*--(?:api-key|password|token|secret|key|psToken)[= ][\"']?\$"
    r"|-H [\"']?Authorization: Bearer (?:\$|ey)",
)


def _messages(path: Path) -> Iterator[str]:
    """Yield the strings that are no docstrings: messages, hints, questions and texts of options."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if id(node) in docstrings or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_messages_are_in_the_words_of_our_style(path: Path) -> None:
    for text in _messages(path):
        assert not _OLD.search(text), text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_in_the_words_of_our_style(page: Path) -> None:
    for line in page.read_text().split("\n"):
        assert not _OLD.search(line), line


@pytest.mark.parametrize("name", ["docs/commands.md", *protocols.PROTOCOLS])
def test_help_is_in_the_words_of_our_style(scratch_world: World, name: str) -> None:
    if name == "docs/commands.md":
        shown = (ROOT / name).read_text()  # made of the help of all commands
    else:
        shown = scratch_world.run(name, "--help").stdout.decode()
    assert "Usage: " in shown
    assert not _OLD.search(shown), _OLD.search(shown)
    assert not _leaks(shown)


def _leaks(text: str) -> list[str]:
    return [
        line
        for line in text.replace("\\\n", " ").split("\n")
        if _IN_ARGUMENTS.search(line) or _SECRET_OPTION.search(line)
    ]


def test_no_example_puts_a_token_into_arguments() -> None:
    texts = 0
    for folder in (ROOT / "docs", ROOT / "integrations", PACKAGE):
        for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *folder.rglob("*")]:
            if path.suffix in (".md", ".py", ".sh", ".toml", ".yml", ".sbatch", ".smk", ".nf"):
                texts += 1
                assert not _leaks(path.read_text()), path
    assert texts > 300


@pytest.mark.parametrize(
    ("line", "leaks"),
    [
        ('curl -H "$(credhelper get --format header)" https://host', True),
        ('    curl -H "Authorization: Bearer $(credhelper get)" https://host', True),
        ('`vault write auth/jwt/login jwt="$(credhelper get)" role=x`', True),
        ('git -c http.extraHeader="$(credhelper get --format header)" fetch', True),
        ("credhelper login --api-key $KEY", True),
        ('curl -H "Authorization: Bearer $TOKEN" https://host', True),
        ("credhelper get --format curl | curl -K - https://host", False),
        ('printf %s "$KEY" | credhelper login', False),
        ('eval "$(credhelper env)"', False),
        ('TOKEN="$(credhelper get)"', False),
        ('aws s3 sync run42 "$(credhelper aws --format url)"', False),  # no secret is in it
        ('ln -s "$(command -v credhelper)" NAME', False),
    ],
)
def test_the_check_of_examples_finds_what_leaks(line: str, leaks: bool) -> None:
    assert bool(_leaks(line)) == leaks
