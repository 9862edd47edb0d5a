"""Get other helpers for `peers.py`, without installing them: all goes into .venv-peers.

Debian's packages are unpacked there with the libraries that this machine lacks, PyPI's go into
virtual environments of their own, and so does credhelper as a release has it for this machine, with
its native front.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".venv-peers"
DEBS = PLACE / "root"
LIBRARIES = DEBS / "usr/lib/x86_64-linux-gnu"
DEBIAN = (
    "pass",
    "gnupg",
    "golang-docker-credential-helpers",
    "amazon-ecr-credential-helper",
    "gh",
    "oidc-agent-cli",
    "gnome-keyring",
    "dbus-daemon",
)
PYPI = {
    "keyring": ("keyring", "keyrings.alt"),
    "msal": ("msal", "msal-extensions"),
    "awscli": ("awscli",),
    "uv": ("uv",),
}
NATIVE = PLACE / "native"


def install() -> None:
    """Get all of them; raises CalledProcessError where a registry refuses."""
    _debian()
    for name, packages in PYPI.items():
        if not (PLACE / name).is_dir():
            _pip(PLACE / name, *packages)
    _release()


def _release() -> None:
    """Make the wheels of a release of this checkout, always anew, and install this machine's."""
    maker = PLACE / "maker"
    if not maker.is_dir():
        _pip(maker, "setuptools>=70.1", "ziglang")
    with tempfile.TemporaryDirectory() as dist:
        words = [str(maker / "bin/python"), "-m", "native.release", dist]
        subprocess.run(words, check=True, cwd=ROOT)
        (wheel,) = Path(dist).glob(f"*{platform.machine()}.whl")
        shutil.rmtree(NATIVE, ignore_errors=True)
        _pip(NATIVE, str(wheel))


def _debian() -> None:
    if DEBS.is_dir() or not shutil.which("apt-get"):
        return
    archives = PLACE / "debs"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    # Downloads what this machine lacks; its own apt and packages stay as they are.
    words = ["apt-get", "-qq", "install", "-y", "--download-only", "--no-install-recommends"]
    words += [f"-oDir::Cache::archives={archives}", "-oDebug::NoLocking=1"]
    subprocess.run([*words, "-oAPT::Sandbox::User=", *DEBIAN], check=True)
    DEBS.mkdir()
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", archive, DEBS], check=True)
    shutil.rmtree(archives)


def _pip(folder: Path, *packages: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install"]
    words = [*pip, "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run(words, check=True)
