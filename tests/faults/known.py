"""Which promises are still broken, and where."""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """One kind of failure that is known.

    Attributes: `finding`, its id; `cases`, which cases may show it, `SCENARIO FAULT KIND ROLE NTH`
    with `*` for any text; `promises`, the names of what they break; `examples`, cases that do: the
    sample plays them.
    """

    finding: str
    cases: str
    promises: tuple[str, ...]
    examples: tuple[str, ...]


EXPECTED_FAILURES: tuple[Known, ...] = ()

# Once broken: whoever mends one of the above moves its examples to here, and they are played on.
MENDED: tuple[str, ...] = (
    "get-login SIGTERM receive network 1",
    "get-login SIGINT write state/sessions/.RECORD.NEW.tmp 1",
    "get-login ENOSPC+ create state/sessions/.RECORD.NEW.tmp 1",
    "get-login EIO rename state/sessions/RECORD 1",
    "git-erase ENOSPC+ create cache/RECORD.lock 1",
    "git-erase EACCES open cache/RECORD 1",
    "get-cold ESTALE open api-key 1",
    "get-cold EIO unlock cache/RECORD.lock 1",
    "login EIO unlock state/config.lock 1",
    "profile-add EIO unlock state/config.lock 1",
    "get-cold ESTALE fstat cache/ROUTES.lock 1",
    "git-erase EIO fstat cache/RECORD.lock 1",
    "get-cold EINTR close cache/RECORD.lock 1",
    "get-stale EINTR close api-key 1",
    "get-keep-session EIO close state/sessions/RECORD 1",
    "logout EIO close cache/RECORD.lock 1",
    "get-expired EIO+ stat . 2",
    "profile-add EACCES chmod state/config.lock 2",
    "get-cold kill fsync cache/.RECORD.NEW.tmp 1",
    "get-login kill rename state/sessions/RECORD 1",
    "login kill rename state/grants/typed.key 1",
    "get-expired EIO+ rename cache/RECORD 1",
    "login SIGTERM open state/grants 1",
    "login kill create state/config.lock 1",
    "profile-remove kill unlink state/grants/typed.key 1",
    "logout EIO stat cache 2",
    "git-erase EIO stat cache 1",
    "git-erase ENOTCONN+ read cache/RECORD 2",
    "setup ENOSYS fsync state/.setup.json.NEW.tmp 2",
    "setup-undo EACCES+ chmod state/setup.lock 1",
)
