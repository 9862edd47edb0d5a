"""What others than we read in a tool's file: the tool's own reader, or a library of somebody else.

Each function takes a text and returns what it says, in a form that two texts can be compared by;
it raises an error for a text that is not well-formed.
"""

from __future__ import annotations

import configparser
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hcl2
import tomlkit
from configupdater import ConfigUpdater
from ruamel.yaml import YAML

_INI = Path("/usr/lib/node_modules/npm/node_modules/ini")
NODE = shutil.which("node", path="/usr/bin:/bin:/usr/local/bin") if _INI.is_dir() else None


def ini(text: str) -> Any:
    updater = ConfigUpdater(strict=False)
    updater.optionxform = lambda optionstr: optionstr  # type: ignore[method-assign]  # its own way
    updater.read_string(text)
    return {
        name: {key: option.value for key, option in section.items()}
        for name, section in updater.items()
    }


def goconfig(text: str) -> Any:
    """As configparser does, but no line continues another, and of two the last counts."""
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    parser.optionxform = lambda optionstr: optionstr  # type: ignore[method-assign]  # its own way
    parser.read_string("[DEFAULT]\n" + re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE))
    return {name: dict(parser[name]) for name in parser.sections()}


def toml(text: str) -> Any:
    return tomlkit.parse(text).unwrap()


def yaml(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


def hcl(text: str) -> Any:
    return hcl2.loads(text if text.endswith("\n") else f"{text}\n")


def git(text: str) -> list[str]:
    done = subprocess.run(
        ["/usr/bin/git", "config", "--file", "-", "--no-includes", "--null", "--list"],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split("\0")[:-1]


def npmrc(text: str) -> Any:
    script = f"""
        const ini = require({json.dumps(str(_INI))})
        process.stdout.write(JSON.stringify(ini.decode(require('fs').readFileSync(0, 'utf8'))))
    """
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", script], input=text.encode(), capture_output=True, check=True
    )
    return json.loads(done.stdout)


def go(text: str) -> dict[str, str]:
    """As `readEnvFile` of `cmd/go/internal/cfg` reads it: the last line of a name counts."""
    found = {}
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if equals and "A" <= line[:1] <= "Z":
            found[name] = value
    return found


def bazel(text: str) -> list[list[str]]:
    """As Bazel's `rc_file.cc` reads it: a backslash joins lines, words are those of a shell."""
    joined = re.sub(r"\\\r?\n", " ", text)
    return [words for line in joined.split("\n") if (words := shlex.split(line, comments=True))]


def flags(text: str) -> dict[str, str]:
    """As `namsral/flag` reads it."""
    found = {}
    for line in text.split("\n"):
        if line.strip() and not line.startswith("#"):
            name, _, value = re.sub(r"[= ]", "=", line, count=1).partition("=")
            found[name] = value.strip()
    return found


OF: dict[str, Callable[[str], Any]] = {
    "flags": flags,
    "git": git,
    "goconfig": goconfig,
    "goenv": go,
    "hcl": hcl,
    "ini": ini,
    "json": json.loads,
    "lines": bazel,
    "npmrc": npmrc,
    "toml": toml,
    "yaml": yaml,
    "yamlmap": yaml,
}
