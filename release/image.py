"""An image of a release: `python -m release.image FOLDER NAME [BASE]` builds and tries it.

buildah builds integrations/container/Containerfile with what it copies: the wheel of FOLDER that
fits, and what the wheel needs, each with its hash. Then the image must tell its version, and refuse
a token that nobody configured.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "integrations/container/Containerfile"
LOCK = ROOT / ".ci/constraints/image.txt"
BASE = "docker.io/library/python:3.13-slim-bookworm"
# pip downloads for the Python of the base, and not for the one that runs this.
_ASKED = "import sys, platform; print('%d.%d' % sys.version_info[:2], platform.machine())"
_CONDITION = re.compile(r" ; [^\\\n]+(?= \\$)", re.MULTILINE)
_NOT_FOUND = 3


def main(folder: Path, name: str, base: str) -> None:
    """Build the image `name` and run it. Raises SystemExit."""
    python, machine = _in_image(base, "python3", "-c", _ASKED)[1].split()
    with tempfile.TemporaryDirectory() as scratch:
        context = Path(scratch)
        wheels = context / "wheels"
        wheels.mkdir()
        # Whether a line's condition holds, pip in the image decides: here it is another Python.
        every = context / "every.txt"
        every.write_text(_CONDITION.sub("", LOCK.read_text()))
        _run(*_download(every, wheels, python, machine))
        (wheel,) = folder.glob(f"*manylinux*_{machine}*.whl")
        shutil.copy(wheel, wheels)
        shutil.copy(LOCK, context / "requirements.txt")
        shutil.copy(FILE, context)
        told = ("--build-arg", f"BASE={base}", "--tag", name)
        _run("buildah", "build", "--quiet", *told, str(context))
    status, said = _in_image(name, "credhelper", "--version")
    if status:
        raise SystemExit(f"the image does not run: {said}")
    refused, why = _in_image(name, "credhelper", "get")
    if refused != _NOT_FOUND:
        raise SystemExit(f"the image gave {refused} without a profile: {why}")
    print(f"{name}: {said.strip()} on {base}, Python {python}")


def _download(locked: Path, wheels: Path, python: str, machine: str) -> list[str]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (17, 28, 34)]
    platforms += [f"manylinux2014_{machine}"]
    where = [word for each in platforms for word in ("--platform", each)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    which = ["--only-binary", ":all:", "--python-version", python, *where]
    return [*pip, "--require-hashes", "--no-deps", "-r", str(locked), *which, "--dest", str(wheels)]


def _in_image(image: str, *words: str) -> tuple[int, str]:
    """Run a program in a container of `image`; return its status, and what it printed."""
    container = _run("buildah", "from", "--quiet", image).strip()
    try:
        done = subprocess.run(
            ["buildah", "run", container, "--", *words],  # noqa: S607  # the one on PATH is meant
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout or done.stderr
    finally:
        _run("buildah", "rm", container)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else BASE)
