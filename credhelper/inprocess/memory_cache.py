"""A cache in memory, for programs that have no cache folder that can be written.

That is mostly in containers. Other processes do not see these tokens, so each makes its own.
"""

from __future__ import annotations

import os
import threading
import time

from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core import lookup
from credhelper.errors import CacheError, CredhelperError
from credhelper.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Credential, Request
    from credhelper.core.routes import Route, Routes

_PAUSE = 10  # seconds between tokens made for rejects, as in `broker.source`
_TROUBLE = 2.0  # seconds until the next try, as in `broker.source`

# A record's name and its grant's stamp, where it would lie -> what was given.
_kept: dict[tuple[str, str], Credential] = {}
_rejected_at: dict[tuple[str, str], float] = {}
_making = threading.Lock()


def _in_child() -> None:
    global _making  # noqa: PLW0603  # the thread that had it is not in the child
    _making = threading.Lock()


os.register_at_fork(after_in_child=_in_child)


def applies(context: Context) -> bool:
    """Tell whether nothing can be kept on disk."""
    folder = context.cache_folder()
    if folder is None:
        return True
    try:
        files.make_folder(folder)
    except CacheError:
        return True
    return not os.access(folder, os.W_OK)


def get(context: Context, request: Request) -> Credential:
    """Return what `answer.get` does, from this process's memory if it can.

    Parameters: as for `answer.get`. Raises CredhelperError.
    """
    making = _making
    found, route = answer.profile_of(context, request)
    kept, _ = _living(context, request, found, route)
    began = time.monotonic()
    held = making.acquire(timeout=0 if kept else context.early.left)
    context.early.left = max(0.0, context.early.left - (time.monotonic() - began))
    try:
        kept, left = _living(context, request, found, route)
        now = context.clock()
        if kept and (now < kept.fresh_until or not held):
            return kept
        try:
            made, token_source = answer.get_with_source(context, request)
            # The grant may have changed since.
            _kept[token_source.slot.name, token_source.stamp] = made
        except CredhelperError as error:
            if kept is None:
                raise
            context.warn(
                f"could not renew profile {route.profile}, its token still lives {left:.0f} s:"
                f" {error.message}",
                error.hint,
            )
            kept.fresh_until = now + _TROUBLE
            return kept
        return made
    finally:
        if held:
            making.release()


def _living(
    context: Context, request: Request, found: Routes, route: Route
) -> tuple[Credential | None, float]:
    """Return what is kept and will do for `request`, and the seconds that it has left."""
    kept = _kept.get(lookup.record_of(found, route, context.environ))
    left = kept.expires_at - context.clock() if kept else 0
    return (kept if left > max(request.min_ttl, route.min_ttl) else None), left


def reject(refused: str, now: float) -> bool:
    """Forget the token `refused`, once in ten seconds at most; returns whether it was forgotten."""
    done = False
    for identity, credential in list(_kept.items()):
        paused = 0 <= now - _rejected_at.get(identity, 0) < _PAUSE
        if credential.token.reveal() == refused and not paused:
            _rejected_at[identity] = now
            done = _kept.pop(identity, None) is not None
    return done


def forget() -> None:
    """Forget all that is kept."""
    _kept.clear()
    _rejected_at.clear()
