"""What a release is built with and of: locked packages, licences, the same bytes each time."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release import archive, build, licences, site

ROOT = Path(__file__).parent.parent.parent
LOCKS = ROOT / ".ci/constraints"
PERMISSIVE = {"MIT", "MIT-0", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "Apache-2.0 OR BSD-3-Clause"}
_PIN = re.compile(
    r"^([\w.-]+)==(\S+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n)+)", re.M
)
_ROW = re.compile(r"^\| ([\w.-]+) \| (\S+) \| (.+) \|$", re.M)


def pinned(name: str) -> dict[str, str]:
    """Return the version of each package in a file of constraints."""
    return {found[0]: found[1] for found in _PIN.findall((LOCKS / f"{name}.txt").read_text())}


def required(*extras: str) -> list[Requirement]:
    """Return what setup.cfg requires, and what these extras do."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    texts = [setup["options"]["install_requires"]]
    texts += [setup["options.extras_require"][extra] for extra in extras]
    return [Requirement(line) for text in texts for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("name", ["check", "release", "site"])
def test_each_line_of_constraints_has_a_version_and_hashes(name: str) -> None:
    lines = (LOCKS / f"{name}.txt").read_text().split("\n")
    packages = [line for line in lines if line and line[0] not in " #"]
    assert packages
    assert len(packages) == len(_PIN.findall("\n".join(lines))), "make constraints"
    assert not [line for line in lines if "://" in line]


@pytest.mark.parametrize(
    ("name", "extras"),
    [("check", ("sandbox", "test", "check")), ("release", ("keyring", "fleet"))],
)
def test_constraints_hold_what_setup_cfg_requires(name: str, extras: tuple[str, ...]) -> None:
    versions = pinned(name)
    for one in required(*extras):
        version = versions.get(canonicalize_name(one.name))
        assert version is not None, f"{one.name}: make constraints"
        assert one.specifier.contains(version, prereleases=True), f"{one}: make constraints"


def test_ci_and_a_release_use_the_same_versions() -> None:
    check, release = pinned("check"), pinned("release")
    assert {name: release[name] for name in check.keys() & release.keys()} == {
        name: check[name] for name in check.keys() & release.keys()
    }


def test_each_dependency_is_listed_with_a_licence_that_permits() -> None:
    rows = {
        name: (version, told) for name, version, told in _ROW.findall(licences.PAGE.read_text())
    }
    rows.pop("package", None)
    versions = pinned("check")
    for name, (version, told) in rows.items():
        assert versions[name] == version, f"{name}: make docs"
        assert told in PERMISSIVE, f"{name}: {told}"
    for extras in licences.KINDS.values():
        found, _ = licences.needed(distribution(licences.NAME).requires or (), extras)
        assert found.keys() <= rows.keys(), "make docs"


def test_an_archive_does_not_tell_who_made_it_when_and_with_which_umask(tmp_path: Path) -> None:
    made = []
    for number, mode in enumerate((0o600, 0o664)):
        folder = tmp_path / f"folder {number}"
        (folder / "below").mkdir(parents=True)
        for name in ("b", "a")[:: 1 - 2 * number]:
            (folder / name).write_text(name)
            (folder / name).chmod(mode)
            os.utime(folder / name, (number, number))
        archive.pack(folder, tmp_path / f"{number}.tar.gz", "name", 1700000000)
        made.append((tmp_path / f"{number}.tar.gz").read_bytes())
    assert made[0] == made[1]


@pytest.mark.waits
def test_a_wheel_and_a_source_archive_have_the_same_bytes_wherever_they_are_built(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if not request.config.getoption("--thorough"):
        pytest.skip("two builds: with --thorough")
    found = []
    for number, (umask, environ) in enumerate(
        ((0o022, {"TZ": "UTC"}), (0o077, {"TZ": "Asia/Kolkata", "LC_ALL": "C"}))
    ):
        place = tmp_path / ("one", "another's place")[number]
        copy, made = place / "copy", place / "dist"
        build.copy_tree(copy)
        made.mkdir()
        for words in (["git", "init", "-q"], ["git", "add", "-A"]):
            subprocess.run(words, cwd=copy, check=True)
        done = subprocess.run(
            [sys.executable, "-P", "-c", _BUILD, str(made)],
            cwd=copy,
            env={"PATH": "/usr/bin:/bin", "HOME": str(place), **environ},
            umask=umask,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found.append({path.name: build.digest(path) for path in made.iterdir()})
    assert sorted(found[0]) == ["credhelper-0.1.0-py3-none-any.whl", "credhelper-0.1.0.tar.gz"]
    assert found[0] == found[1]


_BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from release import build
build.prepare()
import tempfile
folder = Path(sys.argv[1])
with tempfile.TemporaryDirectory() as scratch:
    tree = build.unpacked(Path(scratch), build.source_archive(Path(scratch), folder))
    build.pure_wheel(tree, folder)
"""


FORGES = """\
**Why.**
- one
  more
- two

1. first:
   - a
   - b

   ```sh
   x
   ```
2. second

end
"""
PYTHONS = """\
**Why.**

- one
    more
- two

1. first:
    - a
    - b

    ```sh
    x
    ```
2. second

end
"""


def test_lists_mean_to_python_what_they_mean_to_forges() -> None:
    assert site.python_markdown(FORGES) == PYTHONS


@pytest.mark.parametrize(
    "loaded",
    [
        '<script src="https://example.org/a.js"></script>',
        "<link rel=stylesheet href=//example.org/a.css>",
        "<img alt='a' src='http://example.org/a.png'>",
        '<div class="highlight mermaid">',
    ],
)
def test_a_page_that_loads_something_from_elsewhere_is_found(loaded: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<a href="https://example.org">a link is none</a>')
    site.check(tmp_path)
    (tmp_path / "page.html").write_text(f"<p>{loaded}</p>")
    with pytest.raises(SystemExit, match=r"page\.html"):
        site.check(tmp_path)
