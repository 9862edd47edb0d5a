"""A stand-in for the programs `ica` (v1) and `icav2` (v2), which no registry has. It is neither.

Written from Illumina's documentation of their settings: a setting comes from its flag, else from
the variable that is called as it in upper case, with the program's prefix and `_` for `-`, else
from the files in `~/.ica` or `~/.icav2`, else from its default. An empty variable counts as none.

It has two options that the programs do not have, in front of their name, since tests go nowhere but
to loopback: `--scheme http`, where the programs know https alone, and `--instead-of-default HOST`,
for the server that they take where nothing says which.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULTS = {"ica": "use1.platform.illumina.com", "icav2": "ica.illumina.com"}
PATHS = {"ica": "/v1/projects", "icav2": "/ica/rest/api/projects"}
SETTINGS = ("server-url", "access-token", "project-id")
_LINE = re.compile(r"([a-z-]+): *(\S.*)")
_SECONDS = 30


def settings(
    program: str, flags: Mapping[str, str | None], environ: Mapping[str, str], home: Path
) -> dict[str, str]:
    """Return the settings of `program`; `flags` are those that were given, None for none."""
    folder = home / f".{program}"
    found = {}
    for name in SETTINGS:
        variable = f"{program}_{name}".upper().replace("-", "_")
        found[name] = flags.get(name) or environ.get(variable) or _in_files(folder, name)
    return found


def _in_files(folder: Path, name: str) -> str:
    """Return a setting from the config, else from the only session file, else nothing."""
    sessions = sorted(folder.glob(".session.*.yaml"))
    for file in (folder / "config.yaml", *sessions[:1]):
        lines = file.read_text().splitlines() if file.exists() else []
        told = {found[1]: found[2] for line in lines if (found := _LINE.fullmatch(line))}
        if name in told:
            return told[name]
    return ""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the program that `arguments` name; returns its status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scheme", default="https")
    parser.add_argument("--instead-of-default")
    programs = parser.add_subparsers(dest="program", required=True)
    for program in DEFAULTS:
        words = programs.add_parser(program)
        for name in SETTINGS:
            words.add_argument(f"--{name}")
        words.add_argument("noun", choices=["projects"])
        words.add_argument("verb", choices=["list", "get"])
    given = parser.parse_args(arguments)
    flags = {name: getattr(given, name.replace("-", "_")) for name in SETTINGS}
    found = settings(given.program, flags, environ, Path(environ["HOME"]))
    server = found["server-url"] or given.instead_of_default or DEFAULTS[given.program]
    path = PATHS[given.program]
    if given.verb == "get":
        path += f"/{found['project-id']}"
    request = urllib.request.Request(f"{given.scheme}://{server}{path}")
    request.add_header("Authorization", f"Bearer {found['access-token']}")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        print(f"{server} refuses: {error.code}", file=sys.stderr)
        return 1
    for project in told.get("items", [told]):
        print(project["name"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
