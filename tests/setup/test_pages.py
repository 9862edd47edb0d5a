"""What the documentation and the integrations show is what setup does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credhelper import setup
from credhelper.service import parse
from credhelper.setup import formats
from credhelper.setup.plan import Wish
from credhelper.setup.program import Program
from tests.setup.cases import CASES, LINKS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/setup.md").read_text()


@pytest.mark.parametrize("tool", setup.TOOLS)
def test_every_tool_is_in_the_page_with_its_file(tool: str) -> None:
    row = next(line for line in PAGE.split("\n") if line.startswith(f"| `{tool}` |"))
    file = CASES[tool].file if tool in CASES else LINKS[tool]
    assert f"~/{file}" in row or Path(file).name in row
    assert re.search(rf"^- .*`{tool}`", PAGE, re.MULTILINE), f"what --check asks of {tool}"


SHOWN = {
    "git/gitconfig": ("git", "https://git.example.org", None, True),
    "git/gitconfig-path": ("git", "https://git.example.org", None, False),
    "git/gitconfig-profile": ("git", "https://git.example.org", "work", False),
    "terraform/terraformrc": ("terraform", "https://modules.example.org", None, True),
    "terraform/terraformrc-profile": ("terraform", "https://modules.example.org", "work", True),
    "docker/config.json": ("docker", "https://registry.example.org", None, True),
}


@pytest.mark.parametrize("shown", SHOWN)
def test_the_integrations_show_what_setup_prints(shown: str) -> None:
    tool, service, profile, on_path = SHOWN[shown]
    module = setup.load(tool)
    names = frozenset((*module.PROGRAMS, "credhelper"))
    program = Program("/opt/credhelper/bin/credhelper", names if on_path else frozenset(), names)
    wish = Wish(
        parse(service),
        profile,
        profile or "work",
        None,
        program,
        {},
        "/home/me",
        "/home/me/bin",
        lambda path: None,
    )
    printed = "".join(
        formats.rendered(change.format, change.entries) for change in module.plan(wish).files
    )
    text = (ROOT / "integrations" / shown).read_text()
    assert printed == re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
