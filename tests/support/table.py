"""The table in docs/tools.md, made of what `integrations/` says of itself: `make docs`.

`about.toml` in a folder has a `[[row]]` for each line of the table that it stands behind:

- `protocol`: its name in the registry;
- `callers`: who speaks it, in words;
- `wire`: how a user configures it, in one line of Markdown;
- `clients`: the real clients that tests of the folder drive, by their names in `clients.toml`; or
  `own_caller = true` where none can be had, and a caller of our own stands in for them.

`proven.toml` beside it has for each client the version that the folder's tests passed with, and the
day. `make proven` writes that, and nobody else.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from credhelper.protocols import PROTOCOLS

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ROOT / "integrations"
PAGE = ROOT / "docs/tools.md"
CHAPTERS = ROOT / "docs/protocols.md"
OURSELVES = "credhelper"  # met by every test that wires a user up

HEAD = ("protocol", "callers", "configure it with", "proven with", "on")
BEGIN = "<!-- made by `make docs` of what about.toml and proven.toml in integrations/*/ say -->"
END = "<!-- end of what `make docs` makes -->"


@dataclass(frozen=True)
class Row:
    """One line of the table, and the folder that stands behind it."""

    folder: str
    protocol: str
    callers: str
    wire: str
    clients: tuple[str, ...] = ()
    own_caller: bool = False


def rows() -> list[Row]:
    """Return all rows: in the order of the registry, then of the folders' names."""
    found = [
        Row(**{"folder": file.parent.name, **each, "clients": tuple(each.get("clients", ()))})
        for file in FOLDERS.glob("*/about.toml")
        for each in tomllib.loads(file.read_text())["row"]
    ]
    order = list(PROTOCOLS)
    return sorted(found, key=lambda row: (order.index(row.protocol), row.folder, row.callers))


def proven(folder: str) -> dict[str, dict[str, Any]]:
    """Return what was proven in a folder: of each client its `version`, and the day, `on`."""
    file = FOLDERS / folder / "proven.toml"
    return tomllib.loads(file.read_text()) if file.exists() else {}


def evidence(row: Row) -> dict[str, dict[str, Any]]:
    """Return what was proven of this row: for its clients, or for us, where the caller is ours."""
    met = proven(row.folder)
    names = (OURSELVES,) if row.own_caller else row.clients
    return {name: met[name] for name in names if name in met}


def table() -> str:
    """Return the table in Markdown, between the comments that mark its place."""
    lines = [_line(HEAD), f"|{'---|' * len(HEAD)}"]
    for row in rows():
        found = evidence(row)
        if row.own_caller and found:
            told = "a caller of our own"
        else:
            told = ", ".join(f"{name} {each['version']}" for name, each in found.items())
        day = str(min(each["on"] for each in found.values())) if found else ""
        lines.append(_line([_name(row), _callers(row), row.wire, told or "nothing yet", day]))
    return "\n".join([BEGIN, "", *lines, "", END])


def passed(met: list[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Return for each folder the clients, with their versions, that passed all of their tests.

    Parameters: `met`, of each phase of each test the outcome, the folder, and `NAME VERSION`.
    """
    failed = {(folder, client) for outcome, folder, client in met if outcome in ("failed", "error")}
    passed: dict[str, dict[str, str]] = {}
    for outcome, folder, client in met:
        if outcome == "passed" and (folder, client) not in failed:
            name, _, version = client.partition(" ")
            passed.setdefault(folder, {})[name] = version
    return passed


def remember(passed: dict[str, dict[str, str]], day: date) -> None:
    """Write what was proven today, and leave what was proven before of clients not met today.

    Parameters: `passed`, for each folder the clients whose tests all passed, with their versions.
    """
    for folder, clients in passed.items():
        met = {name: {"version": version, "on": day} for name, version in clients.items()}
        lines = ["# What the tests of this folder passed with, and when: `make proven` writes it."]
        for name, told in sorted((proven(folder) | met).items()):
            lines += ["", f"[{name}]", f'version = "{told["version"]}"', f"on = {told['on']}"]
        (FOLDERS / folder / "proven.toml").write_text("\n".join(lines) + "\n")


def replaced(page: str) -> str:
    """Return the page's text with a new table in the place of the old one."""
    start, end = page.index(BEGIN), page.index(END) + len(END)
    return page[:start] + table() + page[end:]


def _name(row: Row) -> str:
    chapter = re.search(rf"^## {row.protocol}$", CHAPTERS.read_text(), re.MULTILINE)
    place = f"protocols.md#{row.protocol}" if chapter else f"../integrations/{row.folder}/README.md"
    return f"[`credhelper {row.protocol}`]({place})"


def _callers(row: Row) -> str:
    readme = FOLDERS / row.folder / "README.md"
    return (
        f"[{row.callers}](../integrations/{row.folder}/README.md)"
        if readme.exists()
        else row.callers
    )


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text()))
