"""A release: `python -m release.build FOLDER [SITE]` writes all its files, and their checksums.

Source archive, wheels, manual pages, SBOM, and the site if its folder is given. All is made of what
git knows of this checkout, in a folder of its own. Whoever builds, where and when makes no
difference to a byte.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from native.release import EPOCH
from release import archive

ROOT = Path(__file__).resolve().parent.parent
SUMS = "SHA256SUMS"
_EXECUTABLE, _PLAIN = 0o755, 0o644


def main(folder: Path, site: Path | None) -> None:
    """Write the files of a release into `folder`, and print their checksums. Raises SystemExit.

    Parameters:
    - folder: is emptied first.
    - site: the folder of a site that was built.
    """
    epoch = prepare()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        # From the archive, and not from the checkout: so nothing is missing in it.
        tree = unpacked(Path(scratch), source_archive(Path(scratch), folder))
        name = tree.name
        _run([sys.executable, "-m", "native.release", str(folder)], tree)
        archive.pack(tree / "man", folder / f"{name}-man.tar.gz", "man1", epoch)
        if site:
            archive.pack(site, folder / f"{name}-site.tar.gz", f"{name}-site", epoch)
        wheel = folder / f"{name}-py3-none-any.whl"
        _run([sys.executable, "-m", "release.sbom", str(wheel), f"{folder / name}.cdx.json"], ROOT)
    lines = "".join(f"{digest(path)}  {path.name}\n" for path in sorted(folder.iterdir()))
    (folder / SUMS).write_text(lines)
    print(lines, end="")


def prepare() -> int:
    """Make this process one whose umask, time zone and clock no file shows; return its time."""
    os.umask(0o022)
    os.environ |= {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", EPOCH), "TZ": "UTC"}
    return int(os.environ["SOURCE_DATE_EPOCH"])


def source_archive(scratch: Path, folder: Path) -> Path:
    """Write the source archive into `folder`, and return its path. Raises SystemExit.

    Parameters:
    - scratch: an empty folder, for a copy of the tree and what setuptools makes.
    """
    tree, theirs = scratch / "tree", scratch / "theirs"
    copy_tree(tree)
    theirs.mkdir()
    code = "import sys; sys.path.insert(0, 'native'); import backend; backend.build_sdist"
    _run([sys.executable, "-P", "-c", f"{code}({str(theirs)!r})"], tree)
    (made,) = theirs.iterdir()
    shutil.unpack_archive(made, scratch / "sdist", filter="data")
    (inner,) = (scratch / "sdist").iterdir()
    archive.pack(inner, folder / made.name, inner.name, int(os.environ["SOURCE_DATE_EPOCH"]))
    return folder / made.name


def unpacked(scratch: Path, source: Path) -> Path:
    """Return the tree of a source archive, unpacked into `scratch`."""
    shutil.unpack_archive(source, scratch, filter="data")
    return scratch / source.name.removesuffix(".tar.gz")


def pure_wheel(tree: Path, folder: Path) -> None:
    """Write the pure wheel of a tree into `folder`. Raises SystemExit."""
    code = "import sys; sys.path.insert(0, 'native'); import backend; backend.build_wheel"
    _run([sys.executable, "-P", "-c", f"{code}({str(folder)!r})"], tree)


def copy_tree(tree: Path) -> None:
    """Copy what git knows of this checkout, with modes that no umask has touched."""
    listed = _run(["git", "ls-files", "-z", "--stage"], ROOT)
    for entry in filter(None, listed.split("\0")):
        mode, _, path = entry.partition(" ")
        target = tree / path.partition("\t")[2]
        source = ROOT / path.partition("\t")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target, follow_symlinks=False)
        if not target.is_symlink():
            target.chmod(_EXECUTABLE if mode == "100755" else _PLAIN)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(words: list[str], place: Path) -> str:
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the release cannot be built: {words}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(
        Path(sys.argv[1]).absolute(),
        Path(sys.argv[2]).absolute() if len(sys.argv) > 2 else None,
    )
