"""The same release once more, elsewhere: `python -m release.twice FOLDER PYTHON MKDOCS`.

FOLDER is a release that was built. It is built again from a copy of the checkout, with another
umask, time zone, locale, home and hash seed, and each file must have the same bytes.

Parameters: `PYTHON` has our program, and `MKDOCS` is mkdocs' program: as in the Makefile.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from native.release import EPOCH
from release import build

UMASK = 0o077
ELSEWHERE = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONHASHSEED": "1"}


def main(first: Path, python: str, mkdocs: str) -> None:
    """Build again, print the checksums of both, and raise SystemExit where they differ."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "another folder's"
        build.copy_tree(copy)
        second = Path(scratch) / "dist"
        site = "build/site"
        config = f"{site}/mkdocs.yml"
        commands: list[list[str]] = [
            ["git", "init", "--quiet"],
            ["git", "add", "--all"],
            [python, "-P", "-c", _STAGE],
            [mkdocs, "build", "--quiet", "--strict", "--config-file", config],
            [sys.executable, "-m", "release.build", str(second), f"{site}/site"],
        ]
        environ = {
            **os.environ,
            **ELSEWHERE,
            "HOME": scratch,
            # zig's own, so that it compiles no libc anew.
            "ZIG_GLOBAL_CACHE_DIR": str(Path.home() / ".cache/zig"),
            "NO_MKDOCS_2_WARNING": "1",
            "SOURCE_DATE_EPOCH": EPOCH,
        }
        for words in commands:
            subprocess.run(
                words, cwd=copy, env=environ, umask=UMASK, stdout=subprocess.PIPE, check=True
            )
        wrong = compared(first, second)
    if wrong:
        raise SystemExit(f"not the same bytes: {', '.join(wrong)}")


def compared(first: Path, second: Path) -> list[str]:
    """Print the digests of both folders' files; return the names of those that differ."""
    names = sorted({path.name for folder in (first, second) for path in folder.iterdir()})
    wrong = []
    for name in names:
        digests = [
            build.digest(folder / name) if (folder / name).exists() else "missing"
            for folder in (first, second)
        ]
        same = digests[0] == digests[1]
        wrong += [] if same else [name]
        print(f"{name}\n  {digests[0]}\n  {digests[1]}  {'the same' if same else 'ANOTHER'}")
        if not same and name.endswith(".tar.gz") and "missing" not in digests:
            print("".join(f"    {each}\n" for each in _differing(first / name, second / name)))
    return wrong


def _differing(first: Path, second: Path) -> list[str]:
    """Return the names of the members that two archives do not have alike."""
    members = []
    for path in (first, second):
        with tarfile.open(path) as tar:
            members.append(
                {
                    each.name: (each.mode, (tar.extractfile(each) or io.BytesIO()).read())
                    for each in tar
                    if each.isfile()
                }
            )
    names = members[0].keys() | members[1].keys()
    return sorted(name for name in names if members[0].get(name) != members[1].get(name))


_STAGE = (
    "import sys; from pathlib import Path; sys.path.append('.');"
    "from release import site; site.stage(Path('build/site').absolute())"
)

if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), *(str(Path(word).absolute()) for word in sys.argv[2:4]))
