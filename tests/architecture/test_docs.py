"""The documentation names what is there: keys, variables, statuses, commands, modules."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import credhelper
from credhelper import errors, protocols
from credhelper.config import profile, schema
from credhelper.config.profile import Profile
from credhelper.core import record
from credhelper.setup import TOOLS
from tests.support import commands as command_page
from tests.support import table, tree
from tests.support.picture import PICTURE

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "credhelper"
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
STATUSES = (ROOT / "docs/exit-statuses.md").read_text()

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "integrations").rglob("*.md")]
)
SOURCES = sorted(path for path in PACKAGE.rglob("*.py"))

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\b_?CREDHELPER_[A-Z][A-Z_]*[A-Z]\b")


def _rows(text: str, columns: int) -> list[list[str]]:
    """Return the cells of all table rows that have so many columns."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if len(row) == columns and set(row[0]) != {"-"}]


def _blocks(text: str, language: str) -> list[str]:
    return [body for told, body in _FENCE.findall(text) if told == language]


KEYS = {row[0].strip("`"): row for row in _rows(CONFIGURATION, 5)[1:]}


def test_every_key_of_a_profile_is_documented_and_no_other() -> None:
    assert set(KEYS) == set(schema.KEYS)


@pytest.mark.parametrize(
    "field", [field for field in fields(Profile) if field.name in KEYS], ids=lambda f: f.name
)
def test_a_documented_default_is_the_real_one(field: Any) -> None:
    told = KEYS[field.name][2].strip("`")
    value = None if told == "none" else tomllib.loads(f"value = {told}")["value"]
    assert (tuple(value) if isinstance(value, list) else value) == field.default


@pytest.mark.parametrize("key", KEYS)
def test_a_documented_example_is_a_profile(key: str) -> None:
    example = tomllib.loads(f"{key} = {KEYS[key][3].strip('`')}")
    needed: dict[str, Any] = {"grant": {"env": "NAME"}, "user": "me"}
    if key in profile.APIS["iap"].lacks:
        needed["api"] = "ica"
    if key == "share_session":
        needed |= {"share": "name", "keep_session": True}
    schema.read("name", needed | example, lambda path: path)


def test_every_way_to_a_secret_is_documented() -> None:
    for word in (*profile.GRANTS, "allow_readable", "timeout"):
        assert f"{word} =" in CONFIGURATION or f"`{word}`" in CONFIGURATION, word
    for word in (*profile.AUTHS, *profile.KEY_FORMS):
        assert f"`{word}`" in CONFIGURATION, word


def test_the_whole_example_is_a_config() -> None:
    example = tomllib.loads(_blocks(CONFIGURATION, "toml")[0])
    assert set(example) == {"default_profile", "profiles"}
    for name, values in example["profiles"].items():
        schema.read(name, values, lambda path: path)


def test_every_variable_is_documented_and_no_other() -> None:
    used = set().union(*(_VARIABLE.findall(path.read_text()) for path in SOURCES))
    told = {row[0].strip("`") for row in _rows(CONFIGURATION, 2)} & set(
        _VARIABLE.findall(CONFIGURATION)
    )
    assert told == used


def test_the_table_of_protocols_is_the_one_that_is_made() -> None:
    page = table.PAGE.read_text()
    assert table.replaced(page) == page, "make docs"
    assert {row.protocol for row in table.rows()} == protocols.PROTOCOLS.keys()


def test_every_program_is_in_the_readme() -> None:
    for path in (PACKAGE / "bin").iterdir():
        assert f"`{path.name}`" in README, path.name


ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.CredhelperError)
]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.code)
def test_every_error_is_documented_with_its_status_and_code(
    kind: type[errors.CredhelperError],
) -> None:
    codes = {row[0]: row[1] for row in _rows(STATUSES, 4)}
    assert f"`{kind.code}`" in codes[str(kind.exit_status)]
    assert re.search(rf"\b{kind.__name__}\b", ARCHITECTURE)


def test_the_readme_is_short_and_shows_the_demo() -> None:
    assert len(README.split("\n")) <= 150
    assert f"]({PICTURE.relative_to(ROOT)})" in README


def test_the_page_of_commands_is_the_one_that_is_made() -> None:
    made = command_page.page()
    assert command_page.PAGE.read_text() == made, "make docs"
    for name, context in command_page.leaves():
        for parameter in context.command.params:
            for option in (one for one in parameter.opts if one.startswith("--")):
                chapter = made.partition(f"## {name}\n")[2].partition("\n## ")[0]
                assert re.search(rf"{option}\b", chapter), f"{name} {option}"


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_every_protocol_has_a_chapter(name: str) -> None:
    assert f"\n## {name}\n" in (ROOT / "docs/protocols.md").read_text()


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_that_can_be_set_up_is_in_the_table(name: str) -> None:
    assert f"`{name}`" in {row[0] for row in _rows((ROOT / "docs/setup.md").read_text(), 4)}


def test_the_tree_is_the_one_that_is_made() -> None:
    assert tree.replaced(ARCHITECTURE) == ARCHITECTURE, "make docs"


def test_the_layers_are_those_of_the_contracts() -> None:
    assert tree.layers() in ARCHITECTURE, "make docs"


def test_every_module_is_in_the_tree() -> None:
    told = set(re.findall(r"^ +([a-z_0-9]+\.py)\b", tree.tree(), re.MULTILINE))
    kinds = {PACKAGE / "setup" / "tools", PACKAGE / "protocols"}
    assert {path.name for path in SOURCES if path.parent not in kinds} - {"__init__.py"} <= told


def test_the_record_that_is_shown_is_one() -> None:
    shown = next(block for block in _blocks(ARCHITECTURE, "") if block.startswith(record.HEADER))
    assert record.decode(shown.encode()) is not None


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    for path in (ROOT / "docs/decisions").glob("[0-9]*.md"):
        assert f"({path.name})" in listed, path.name
        assert len(path.read_text().split()) < 500, f"{path.name} is longer than a page"


def _anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    prose = _FENCE.sub("", text)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading).strip().lower() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    for link in _LINK.findall(_FENCE.sub("", text)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target.read_text()), link


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_what_make_is_asked_for_is_there(target: str) -> None:
    assert f"make {target}" in README + (ROOT / "CONTRIBUTING.md").read_text()
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_changelog_knows_this_version() -> None:
    assert credhelper.__version__ in (ROOT / "CHANGELOG.md").read_text()
