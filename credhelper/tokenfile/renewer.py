"""What a kept token file begins with, and its renewal: what the keeper itself does not load."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from credhelper.broker import answer, routing
from credhelper.broker.context import Context, beside_a_command
from credhelper.config.profile import READY
from credhelper.core import service
from credhelper.core.model import Credential, Request
from credhelper.errors import CredhelperError
from credhelper.tokenfile import folder, formats
from credhelper.tokenfile.keeping import Keeping, pack, stamp

_SET_BACK = 5.0  # seconds; less is a clock that is kept right


def begin(context: Context, request: Request) -> tuple[Credential, str, str, str]:
    """Return a credential, its record's path, and `grant` and `given` of a `Keeping` for it.

    Raises CredhelperError.
    """
    credential, record = answer.get_with_record(context, request)
    if context.agent:
        return credential, record, "", ""
    profile = routing.load_config(context).profiles[credential.profile]
    if profile.auth != READY or profile.grant is None or profile.grant.how != "file":
        return credential, record, "", ""
    path = profile.grant.words[0]
    given = stamp(path)
    # Once more, from the cache: it may have been replaced before we looked.
    return *answer.get_with_record(context, request), path, given


def renew(
    keeping: Keeping,
    environ: Mapping[str, str],
    say: Callable[[bytes], None] | None,
    behind: float = 0.0,
    clock: Callable[[], float] = time.time,
) -> bytes | None:
    """Write the token file anew.

    Returns what has changed, as `pack` packs it; None when there is no new token.

    Parameters:
    - environ: the environment.
    - say: writes a warning for people; None to keep quiet.
    - behind: seconds that the clock was set back while the keeper waited.
    - clock: Unix seconds.
    """
    warned = keeping.warned.split("\n")
    context = beside_a_command(environ, warned, say)
    request = formats.request_for(
        keeping.form,
        keeping.profile,
        service.parse(keeping.service) if keeping.service else None,
        keeping.min_ttl,
        keeping.refresh_before,
    )
    try:
        before = stamp(keeping.record)
        credential, record = answer.get_with_record(context, request)
        if behind > _SET_BACK and stamp(record) == before:
            # The clock finds the token good that has come to its end in truth.
            context.clock = lambda: clock() + behind
            credential, record = answer.get_with_record(context, request)
        if keeping.folder:
            folder.begin_again(keeping.folder, keeping.child)
        lock_folder = context.cache_folder()
        formats.update(keeping.path, keeping.form, request, credential, lock_folder)
        answer.tidy_up()
    except CredhelperError as error:
        context.warn(f"could not keep {keeping.path} fresh: {error.message}", error.hint)
        return None
    # The clock as it is measured a new token, and no other.
    now = context.clock() if stamp(record) == before else clock()
    if credential.fresh_until <= now:
        return None  # a stale token was served, with a warning: try again soon
    return pack(credential.fresh_until, record, stamp(keeping.path), "\n".join(warned))
