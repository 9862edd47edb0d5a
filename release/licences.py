"""The packages that ours needs, with their licences, as their own metadata tell them.

`python -m release.licences` writes docs/dependencies.md (`make docs`), with the versions that CI
runs; a test holds the page to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/dependencies.md"
LOCK = ROOT / ".ci/constraints/check.txt"
NAME = "credhelper"
# What a user installs, and the extras of it.
KINDS = {
    "The package": (),
    "With `credhelper[keyring]`": ("keyring",),
    "With `credhelper[fleet]`": ("fleet",),
    "With `credhelper[sandbox]`": ("sandbox",),
}

# What an older Python needs besides: the one that makes the page may not have it.
_OLDER = {"async-timeout": "Apache-2.0"}

_TABLE = "| package | version | licence |\n|---|---|---|\n"
_HEAD = """\
# Dependencies and their licences

What is installed beside credhelper on Linux, as each package's own metadata tell it, with the
version that CI runs. The page is made from there (`make docs`). [Decision
13](decisions/0013-dependencies.md) says why each is needed; a release has an SBOM of them
(CycloneDX).

The wheels with [the native front](native.md) have musl's C library in three program files (MIT).
"""
_CLASSIFIER = "License :: OSI Approved :: "
# As SPDX has them, where a package says it in its own words.
_SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def page() -> str:
    """Return the whole page. Raises SystemExit for a package that is not installed."""
    versions = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    parts = [_HEAD]
    before: set[str] = set()
    for title, extras in KINDS.items():
        found, _ = needed(distribution(NAME).requires or (), extras)
        parts.append(f"\n## {title}\n\n{_TABLE}")
        parts += [
            f"| {name} | {versions[name]} | {licence(package)} |\n"
            for name, package in sorted(found.items())
            if name not in before | _OLDER.keys()
        ]
        before |= found.keys()
    parts.append(f"\n## Before Python 3.11.3, with `credhelper[fleet]`\n\n{_TABLE}")
    parts += [f"| {name} | {versions[name]} | {told} |\n" for name, told in _OLDER.items()]
    return "".join(parts)


def needed(
    requirements: Iterable[str], extras: Iterable[str] = ()
) -> tuple[dict[str, Distribution], dict[str, list[str]]]:
    """Return all packages that `requirements` lead to here, and what each needs directly, by name.

    Parameters:
    - requirements: lines as in a package's metadata.
    - extras: those of the package whose lines they are.

    Raises SystemExit for a package that is not installed.
    """
    found: dict[str, Distribution] = {}
    edges: dict[str, list[str]] = {"": []}
    waiting = [("", line, frozenset(extras)) for line in requirements]
    seen = set()
    while waiting:
        owner, line, asked = waiting.pop()
        one = Requirement(line)
        if not _applies(one, asked):
            continue
        name = canonicalize_name(one.name)
        edges.setdefault(owner, []).append(name)
        if (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed: its licence cannot be told") from None
        edges.setdefault(name, [])
        waiting += [(name, each, frozenset(one.extras)) for each in found[name].requires or ()]
    return found, {name: sorted(set(names)) for name, names in edges.items()}


def licence(package: Distribution) -> str:
    """Return the licence of a package, by SPDX's name where it can be told; "" if it says none."""
    metadata: Mapping[str, str] = package.metadata  # type: ignore[assignment]  # get() is there
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    told = [
        line.removeprefix(_CLASSIFIER)
        for line in package.metadata.get_all("Classifier") or ()
        if line.startswith(_CLASSIFIER)
    ]
    free = str(metadata.get("License") or "")
    if re.fullmatch(r"[\w.+-]+( (OR|AND|WITH) [\w.+-]+)*", free):
        return free
    words = told or [free.partition("\n")[0]]
    return " OR ".join(_SPDX.get(one, one) for one in words)


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


if __name__ == "__main__":
    PAGE.write_text(page())
