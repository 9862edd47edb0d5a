"""A cache for one command, where no cache folder can be written: in its runtime folder."""

from __future__ import annotations

import os
from collections.abc import Mapping

from credhelper import errors
from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core.model import Request
from credhelper.errors import CacheError
from credhelper.storage import files

VARIABLE = "CREDHELPER_CACHE_DIR"

_ROOM = 65536  # bytes: the routes, and a token's record
_ELSEWHERE = f"set {VARIABLE} to a folder of your own"


def reason(environ: Mapping[str, str], request: Request) -> CacheError | None:
    """Return why a command needs a cache of its own to find the token of `request` again.

    None where the cache holds that token already, or can keep it. Raises CredhelperError.
    """
    wrong: list[CacheError] = []
    context = Context(environ, warn=lambda message, hint: wrong.append(CacheError(message, hint)))
    if context.agent:
        return None
    folder = context.cache_folder()
    if answer.lives(context, request):
        return None
    try:
        if folder is None:
            raise wrong[0]
        files.make_folder(folder)
        files.Room(os.path.join(folder, "room"), _ROOM).give_back()
    except OSError as error:
        return CacheError(f"cannot write to {folder}: {errors.reason(error)}", _ELSEWHERE)
    except CacheError as error:
        return CacheError(error.message, error.hint or _ELSEWHERE)
    return None
