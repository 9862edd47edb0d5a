"""No text of ours wires git up so that another helper is told the token."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OURS = re.compile(r"git config .*credential\.\S+\.helper\S* +(?:\"?!?\S*credhelper)")
_RESET = re.compile(r"git config .*credential\.\S+\.helper\S* +(?:\"\"|'')")


def test_every_line_that_names_our_helper_to_git_follows_one_that_empties_the_list() -> None:
    lines = 0
    for folder in ("README.md", "docs", "integrations", "credhelper"):
        for path in [ROOT / folder, *(ROOT / folder).rglob("*")]:
            if path.suffix not in (".md", ".py", ".sh", ".yml", ".toml"):
                continue
            before = ""
            for line in path.read_text().split("\n"):
                if _OURS.search(line):
                    lines += 1
                    assert _RESET.search(before), f"{path}: {line}"
                before = line
    assert lines >= 3
