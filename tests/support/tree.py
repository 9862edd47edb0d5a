"""The tree in docs/architecture.md, made from the modules' own first sentences, and the layers.

The layers are those of the contracts in pyproject.toml. `python -m tests.support.tree` writes both
(`make docs`); a test holds the page to them.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "credhelper"
PAGE = ROOT / "docs" / "architecture.md"

_BEGIN, _END = "<!-- tree: make docs -->\n```\n", "```\n<!-- end of the tree -->\n"
_LAYERS_BEGIN, _LAYERS_END = (
    "<!-- layers: make docs -->\n```\n",
    "```\n<!-- end of the layers -->\n",
)
_COLUMN = 24
_WIDTH = 108

# From the top down, as the `layers` contract in pyproject.toml has them.
LAYERS = (
    *(
        "edge",
        "cli",
        "cli/commands",
        "cli/setup",
        "cli/doctor",
        "inprocess",
        "tokenfile",
        "agent",
        "broker",
        "renewal",
    ),
    *(
        "fleet",
        "setup",
        "setup/formats",
        "setup/tools",
        "config",
        "storage",
        "client",
        "client/http",
    ),
    *("protocols", "core", "sandbox"),
)
# One small module beside the other, all of a kind: named in one place, and that is their folder.
_OF_A_KIND = {"setup/tools": (), "protocols": ("options.py", "receivers.py")}


def sentence(path: Path) -> str:
    """Return the first sentence of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    return first.partition(". ")[0].removesuffix(".")


def tree() -> str:
    """Return the tree, a line for each package and module."""
    lines = ["credhelper/", *_line("bin/", "The program files: sh, then Python without site.", 2)]
    for path in sorted(PACKAGE.glob("*.py")):
        lines += _line(path.name, sentence(path), 2)
    for name in LAYERS:
        if (PACKAGE / name).is_dir():
            lines += ["", *_line(f"{name}/", sentence(PACKAGE / name / "__init__.py"), 2)]
            for path in _modules(name):
                lines += _line(path.name, sentence(path), 4)
    return "".join(f"{line}\n" for line in lines)


def _modules(name: str) -> Iterator[Path]:
    for path in sorted((PACKAGE / name).glob("*.py")):
        if path.name != "__init__.py" and path.name in _OF_A_KIND.get(name, (path.name,)):
            yield path


def _line(name: str, told: str, indent: int) -> list[str]:
    head = " " * indent + name
    if len(head) >= _COLUMN - 1:
        return [head, *_wrapped("", told)]
    return _wrapped(head, told)


def _wrapped(head: str, told: str) -> list[str]:
    return textwrap.wrap(
        told,
        _WIDTH,
        initial_indent=head.ljust(_COLUMN),
        subsequent_indent=" " * _COLUMN,
    )


def layers() -> str:
    """Return the layers of the contracts, a line each; the broker's own stand beside it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    found = {one["containers"][0]: one["layers"] for one in contracts if one["type"] == "layers"}
    lines: list[str] = []
    for name in found["credhelper"]:
        inside = ", ".join(found.get(f"credhelper.{name}", ()))
        lines += _wrapped(name, inside) if inside else [name]
    return "".join(f"{line}\n" for line in lines)


def replaced(page: str) -> str:
    """Return the page with the tree and the layers as they are now."""
    page = _between(page, _LAYERS_BEGIN, layers(), _LAYERS_END)
    return _between(page, _BEGIN, tree(), _END)


def _between(page: str, begin: str, made: str, end: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{made}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text()))
