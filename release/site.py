"""The site's pages: `python -m release.site stage FOLDER` lays them out for mkdocs.

Pages keep the places that they have in a checkout, so that their links need no change. What a page
links to comes along. `python -m release.site check FOLDER` looks for what a built site would load
from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from release import command_pages
from tests.support import table

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "release/mkdocs.yml"

# (section, pages); a page that is not there is left out. "others" are those of the docs that no
# section names.
NAV = (
    ("Start", ("README.md", "docs/first-hour.md", "docs/troubleshooting.md", "docs/doctor.md")),
    (
        "Guides",
        (
            ("Bioinformatician on HPC", "docs/hpc.md"),
            ("CI, containers and Kubernetes", "docs/ci.md"),
            ("Python developer", "docs/python.md"),
            ("ICA v2", "docs/icav2.md"),
            ("Scripts", "docs/scripts.md"),
            ("Where the key must not go", "docs/agent.md"),
        ),
    ),
    ("Tools", ("docs/tools.md", "docs/setup.md", "tools")),
    (
        "Reference",
        (
            "docs/configuration.md",
            "docs/commands.md",
            "commands",
            "docs/protocols.md",
            "docs/exit-statuses.md",
            "docs/sandbox.md",
            "docs/native.md",
            "docs/dependencies.md",
            "docs/upgrading.md",
            "CHANGELOG.md",
            "others",
        ),
    ),
    ("Fleet", ("docs/fleet.md", "integrations/fleet/README.md")),
    (
        "Guarantees",
        (
            "docs/guarantees.md",
            "SECURITY.md",
            "docs/comparison.md",
        ),
    ),
    ("Architecture", ("docs/architecture.md", "docs/style.md", "CONTRIBUTING.md")),
    ("Decisions", ("docs/decisions/README.md", "decisions")),
)

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"( *)([-*]|\d+\.) +")
_CODE = re.compile(r"`[^`]+`")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_SETUP = re.compile(r"`(credhelper setup [^`]+)`")
_LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|embed|object)\b[^>]*?"""
    r"""\b(?:src|href|data)\s*=\s*["']?(?:https?:)?//[^>]*>""",
    re.IGNORECASE,
)
_STYLE = re.compile(r"""(?:@import\s+|url\()["']?(?:https?:)?//[^)"']*""", re.IGNORECASE)
# What the theme's script would fetch a library for.
_FETCHED = re.compile(r"""class=["'][^"']*\bmermaid\b""")


def stage(folder: Path) -> None:
    """Write all pages, what they link to, and mkdocs.yml into `folder`. Raises SystemExit."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    pages.mkdir(parents=True)
    made = dict(command_pages.pages())
    for name, text in made.items():
        _write(pages / name, text)
    for source in _sources():
        path = source.relative_to(ROOT)
        text = source.read_text()
        if source.parent.parent == ROOT / "integrations":
            text = _with_setup(text, source.parent.name)
        _write(pages / path, python_markdown(text))
        for target in _linked(source):
            if target.suffix != ".md":
                _copy(target, pages)
    nav = [{section: list(_listed(entries, made))} for section, entries in NAV]
    settings: dict[str, Any] = {
        "INHERIT": str(CONFIG),
        "docs_dir": "pages",
        "site_dir": "site",
        "nav": nav,
    }
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False))


def check(folder: Path) -> None:
    """Look through a built site for what comes from elsewhere. Raises SystemExit with all of it."""
    found = []
    pages = sorted(folder.rglob("*.html"))
    for page in pages:
        text = page.read_text()
        found += [f"{page.relative_to(folder)}: {each}" for each in _LOADED.findall(text)]
        found += [f"{page.relative_to(folder)}: {each}" for each in _FETCHED.findall(text)]
    for sheet in sorted(folder.rglob("*.css")):
        text = sheet.read_text()
        found += [f"{sheet.relative_to(folder)}: {each}" for each in _STYLE.findall(text)]
    if found or not pages:
        raise SystemExit("\n".join(found or ["there are no pages"]))
    print(f"{len(pages)} pages, and none of them loads anything from elsewhere")


def python_markdown(text: str) -> str:
    """Return Markdown as forges read it in the form in which Python's reads the same.

    A list needs an empty line before it, and what belongs to an item four spaces. A bar within the
    code of a table's cell stands without a backslash.
    """
    lines: list[str] = []
    fenced = False
    width = 0  # of the item's marker that what follows belongs to; 0 outside of lists
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if not fenced and line.strip() and indent < width:
            width = 0
        item = None if fenced or width else _ITEM.match(line)
        if item and not item[1]:
            before = lines[-1].strip() if lines else ""
            if before and not _ITEM.match(before) and not lines[-1].startswith("    "):
                lines.append("")
            width = len(item[0])
            lines.append(line)
        else:
            lines.append("    " + line[width:] if width and indent >= width else line)
        if not fenced and line.lstrip().startswith("|"):
            lines[-1] = _CODE.sub(lambda code: code[0].replace("\\|", "|"), lines[-1])
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if width and line.strip() and _ends(line, lines, fenced):
            width = 0
    return "\n".join(lines)


def _ends(line: str, lines: list[str], fenced: bool) -> bool:
    """Tell whether a line that is not indented ends a list."""
    before = lines[-2].strip() if len(lines) > 1 else ""
    return not fenced and not line.startswith(" ") and not before and not _ITEM.match(line)


def _sources() -> Iterator[Path]:
    """Give each page of the checkout, those that others link to included."""
    waiting = sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("integrations/*/README.md")]
    )
    seen: set[Path] = set()
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            waiting += [each for each in _linked(page) if each.suffix == ".md"]
            yield page


def _linked(page: Path) -> list[Path]:
    links = _LINK.findall(_FENCE.sub("", page.read_text()))
    places = [link.partition("#")[0] for link in links if "://" not in link]
    return [(page.parent / place).resolve() for place in places if place]


def _copy(target: Path, pages: Path) -> None:
    if target.is_file():  # mkdocs tells of what is not there
        copy = pages / target.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, copy)


def _with_setup(text: str, name: str) -> str:
    """Return a tool's page with the commands that set the tool up below its title."""
    found = [_SETUP.findall(row.wire) for row in table.rows() if row.folder == name]
    told = list(dict.fromkeys(line for each in found for line in each))
    title, _, rest = text.partition("\n")
    block = "\n".join(told)
    return f"{title}\n\n```sh\n{block}\n```\n{rest}" if told else text


def _listed(entries: Any, made: dict[str, str]) -> Iterator[Any]:
    for entry in entries:
        if entry == "tools":
            for page in sorted(
                ROOT.glob("integrations/*/README.md"), key=lambda page: _title(page).lower()
            ):
                yield {_title(page): str(page.relative_to(ROOT))}
        elif entry == "commands":
            yield {"Each command": [{f"credhelper {Path(path).stem}": path} for path in made]}
        elif entry == "others":
            for page in _others():
                yield {_title(page): str(page.relative_to(ROOT))}
        elif entry == "decisions":
            for page in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
                yield {_title(page): str(page.relative_to(ROOT))}
        else:
            title, path = ("", entry) if isinstance(entry, str) else entry
            if (ROOT / path).is_file():
                yield {title or _title(ROOT / path): path}


def _title(page: Path) -> str:
    found = _TITLE.search(page.read_text())
    if not found:
        raise SystemExit(f"{page} has no title")
    return found[1].replace("`", "")


def _others() -> list[Path]:
    named = {entry if isinstance(entry, str) else entry[1] for _, told in NAV for entry in told}
    pages = sorted((ROOT / "docs").glob("*.md"))
    return [page for page in pages if str(page.relative_to(ROOT)) not in named]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    {"stage": stage, "check": check}[sys.argv[1]](Path(sys.argv[2]).absolute())
