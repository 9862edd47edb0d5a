"""The packages that only the sandbox needs, and the command that installs them where we are."""

from __future__ import annotations

import json
import os
import shlex
import sys
from importlib import metadata
from urllib.parse import unquote, urlsplit

PACKAGES = ("jwt", "cryptography")
_THEMSELVES = "PyJWT[crypto]"
# The checkout, where our package is not installed.
_AROUND = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def missing() -> str:
    """Return the first of the packages that cannot be imported; "" where all can."""
    for name in PACKAGES:
        try:
            __import__(name)
        except ImportError:
            return name
    return ""


def install() -> str:
    """Return the command that installs them beside us, from the checkout that we come from."""
    found = metadata.distribution("credhelper")
    program = [sys.executable, "-m", "pip", "install"]
    if (found.read_text("INSTALLER") or "").strip() == "uv":
        program = ["uv", "pip", "install", "--python", sys.executable]
    try:
        origin = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        origin = {}
    url = urlsplit(origin.get("url", ""))
    path = unquote(url.path) if url.scheme == "file" else _AROUND
    if not os.path.exists(path if url.scheme == "file" else os.path.join(path, "setup.cfg")):
        return shlex.join([*program, _THEMSELVES])  # no registry has credhelper
    editable = ["-e"] if origin.get("dir_info", {}).get("editable") else []
    return shlex.join([*program, *editable, f"{path}[sandbox]"])
