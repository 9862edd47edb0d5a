"""Files of a project that a tool reads beside its user's own: only paths and keys, never values."""

from __future__ import annotations

import os
import re

_MOST = 256 * 1024  # bytes
_DEEPEST = 40  # folders

_GIT = r"^\s*\[(credential\b[^\]]*)\]|^\s*(extraheader|insteadof)\s*="
# tool -> files, relative to a folder of the project, with the keys that count
_FILES = {
    "git": (((".git/config",), _GIT),),
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
                for path in _files_at(at, name):
                    found += [(path, key) for key in _keys(path, pattern)]
        above = os.path.dirname(at)
        if above == at:
            break
        at = above
    return found


def _files_at(folder: str, name: str) -> list[str]:
    """Return the files that a tool reads for `name` in a folder.

    In a worktree or submodule, `.git` is a file that says where git's folder is (gitrepository-
    layout(5)): a worktree has its own one, and shares the other's config.
    """
    dot_git, _, rest = name.partition("/")
    pointer = os.path.join(folder, dot_git)
    if dot_git != ".git" or not os.path.isfile(pointer):
        return [os.path.join(folder, name)]
    git = _pointed(pointer, folder, "gitdir: ")
    if git is None:
        return []
    common = _pointed(os.path.join(git, "commondir"), git) or git
    return [os.path.join(common, rest), os.path.join(git, f"{rest}.worktree")]


def _pointed(path: str, base: str, prefix: str = "") -> str | None:
    """Return the path in a file of one line, behind `prefix`; None without such a file."""
    line = _text(path).partition("\n")[0]
    if not line.startswith(prefix) or not line.removeprefix(prefix):
        return None
    return os.path.normpath(os.path.join(base, line.removeprefix(prefix)))


def _text(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        try:
            return file.read(_MOST).decode("utf-8", "replace")
        except OSError:
            return ""


def _keys(path: str, pattern: str) -> list[str]:
    keys = re.findall(pattern, _text(path), re.MULTILINE | re.IGNORECASE)
    flat = ["".join(key).strip() if isinstance(key, tuple) else key.strip() for key in keys]
    return list(dict.fromkeys(flat))[:5]
