"""Makes the doctor's texts safe to paste: no home, no user name, no form of a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping

from credhelper.core import paths
from credhelper.setup import TOOLS

# Who stands before the @ of a URL; but not everybody's `git`, and not in a text that tells how such
# a URL is written.
_URL_USER = re.compile(r"(?<=://)(?!git@|\[user:password@\]|USER:PASSWORD@)[^/@\s\"']+@")
_SECRET = re.compile(r"eyJ[\w-]{8,}(\.[\w-]+)*|\bps-[\w-]{16,}|\bAKIA[A-Z0-9]{12,}")
_NEEDS_QUOTES = r"(?=[^']*(?:[^\w./@%+,=:'-]|'\\''))"
_SHORTEST = 3  # a shorter name is part of too many words
# What says nothing of a person: accounts are called after what they are for, too.
_COMMON = ("root", "user", "home", "credhelper", *TOOLS)


def cleaner(environ: Mapping[str, str], users: Iterable[str] = ()) -> Callable[[str], str]:
    """Return a function that takes out of a text what names its user.

    Parameters: `environ`; `users`, the login names in the config.

    The home is `~`, and a user's name is `$USER`, so that most commands still work as shown. What
    has the form of a token, or stands before the @ of a URL, is dropped.
    """
    home = paths.home(environ)
    homes = {home, os.path.realpath(home)} if home else set()
    names = {environ.get("USER", ""), environ.get("LOGNAME", ""), _login_name(), *users}
    if home:
        names.add(os.path.basename(home))
    names = {one for one in names if len(one) >= _SHORTEST and one not in _COMMON}

    def clean(text: str) -> str:
        text = _SECRET.sub("[token]", _URL_USER.sub("", text))
        for one in sorted(homes, key=len, reverse=True):
            bound = r"(?![\w.-])"
            # A shell expands ~ outside quotes: so those of a word that needs them begin behind it.
            quoted = rf"(?<![^\s=:|(])'{re.escape(one)}/{_NEEDS_QUOTES}"
            text = re.sub(quoted, "~/'", text)
            text = re.sub(f"{re.escape(one)}{bound}", "~", text)
        for one in sorted(names, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(one)}(?![\w-])", "$USER", text)
        return text

    return clean


def _login_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
