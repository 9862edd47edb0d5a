"""Files of a project that a tool reads beside its user's own: only paths and keys, never values."""

from __future__ import annotations

import os
import re

_MOST = 256 * 1024  # bytes
_DEEPEST = 40  # folders

# tool -> files, relative to a folder of the project, with the keys that count
_FILES = {
    "git": (((".git/config",), r"^\s*\[(credential\b[^\]]*)\]|^\s*(extraheader)\s*="),),
    "pip": ((("pip.conf",), r"^\s*(keyring-provider|index-url|extra-index-url)\s*="),),
    "uv": ((("uv.toml", "pyproject.toml"), r"^\s*(keyring-provider|\[\[?tool\.uv\.index\]?\])"),),
    "pnpm": (((".npmrc",), r"^\s*([^=\n]*(?:_authToken|_auth|tokenHelper|registry))\s*="),),
    "cargo": (
        (
            (".cargo/config.toml", ".cargo/config"),
            r"^\s*(credential-provider|global-credential-providers|token)\s*=",
        ),
    ),
    "bazel": (((".bazelrc",), r"(--credential_helper\b|--experimental_credential_helper\b)"),),
    "nuget": ((("nuget.config", "NuGet.Config"), r"<(packageSourceCredentials|apikeys)\b"),),
    "dvc": (
        ((".dvc/config", ".dvc/config.local"), r"^\s*(token|password|custom_auth_header)\s*="),
    ),
    "terraform": (((".terraformrc",), r"^\s*(credentials_helper|credentials)\b"),),
}


def project_files(tool: str, folder: str) -> list[tuple[str, str]]:
    """Return the path and the key of each setting of a project that concerns `tool`.

    Parameters: `folder`, where the project is: it and the folders above it are looked at.

    Nothing in those files is obeyed.
    """
    found = []
    at = os.path.abspath(folder)
    for _ in range(_DEEPEST):
        for names, pattern in _FILES.get(tool, ()):
            for name in names:
                path = os.path.join(at, name)
                found += [(path, key) for key in _keys(path, pattern)]
        above = os.path.dirname(at)
        if above == at:
            break
        at = above
    return found


def _keys(path: str, pattern: str) -> list[str]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    with os.fdopen(handle, "rb") as file:
        try:
            text = file.read(_MOST).decode("utf-8", "replace")
        except OSError:
            return []
    keys = re.findall(pattern, text, re.MULTILINE | re.IGNORECASE)
    flat = ["".join(key).strip() if isinstance(key, tuple) else key.strip() for key in keys]
    return list(dict.fromkeys(flat))[:5]
