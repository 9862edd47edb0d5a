"""The profiles in the config of UMCCR's icav2-cli-plugins, read as those read them.

Source: `utils/config_parser.py` of icav2-cli-plugins. Each line stands alone: a section, a comment
(`#`, `;`) or `name = value`, split at the first `=`; nothing is quoted, continued or filled in.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
DEFAULT = "default"


def profiles(text: str) -> dict[str, dict[str, str] | None]:
    """Return the settings of each profile; None for one that has a setting, or itself, twice.

    Parameters:
    - text: at most 1 MiB.

    Raises ValueError, whose text continues a sentence after the file's name, for what they would
    not read: a line of another kind, or a section of another name.
    """
    found: dict[str, dict[str, str] | None] = {}
    twice: set[str] = set()
    name = ""
    for number, line in enumerate(map(str.strip, text.removeprefix("\ufeff").split("\n")), 1):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            name = _section(line, number)
            if name in found:
                twice.add(name)
            found.setdefault(name, {})
            continue
        key, equals, value = line.partition("=")
        settings = found.get(name)
        if not equals or settings is None:
            raise ValueError(f"has a line that makes no sense: line {number}")
        if key.strip() in settings:
            twice.add(name)
        settings[key.strip()] = value.strip()
    return {name: None if name in twice else settings for name, settings in found.items()}


def _section(line: str, number: int) -> str:
    head, _, name = line.removeprefix("[").removesuffix("]").strip().partition(" ")
    name = name.strip()
    if line.endswith("]") and head == DEFAULT and not name:
        return DEFAULT
    if not line.endswith("]") or head != "profile" or not _NAME.fullmatch(name):
        raise ValueError(f"has a section that makes no sense: line {number}")
    return name
