"""The table of all that we keep on disk: what it is, who writes it, who takes it away and when."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One kind of secret on disk: what it is, where it lies, who writes it, who takes it away."""

    what: str
    where: str
    written_by: str
    swept_by: str


# The table of docs/architecture.md has these very rows.
ON_DISK = (
    Row(
        "tokens, AWS credentials",
        "cache `<record>`",
        "a renewal, `login`",
        "`logout`, `profile remove`; a later renewal, a day after their end",
    ),
    Row(
        "former tokens: the grant has changed, or somebody logged in again",
        "cache `<record>.X.old`",
        "whoever writes their successor",
        "as tokens",
    ),
    Row(
        "sessions, and the psToken before each (`previous`)",
        "state `sessions/<record>`",
        "a renewal, `login`",
        "`logout`, `profile remove`, a changed identity; a later renewal or command, 30 days after"
        " their end",
    ),
    Row(
        "former sessions",
        "state `sessions/<record>.X.old`",
        "`login`, a renewal from another grant",
        "as sessions",
    ),
    Row(
        "typed API keys",
        "state `grants/NAME.key`",
        "`login`, `import`",
        "`logout`, `profile remove`, a changed grant; the next command, if that was killed",
    ),
    Row(
        "temporary files",
        "`.FILE.PID.X.tmp` beside each file of ours",
        "whoever replaces that file",
        "the next command, a later renewal, in folders of others the next writer; once their writer"
        " is dead",
    ),
    Row(
        "token files and caches of running commands",
        "runtime folder `run-HOST-X/`",
        "`exec --refresh`; `exec` where no cache folder can be written",
        "its keeper; the next command, once both are dead",
    ),
    Row(
        "token files that you named",
        "where `--to` or a tool's `output_file` says; noted in state `given/`",
        "`write`, `watch`, the google protocol",
        "you: `logout` ends the token, names the file and leaves it",
    ),
    Row(
        "failures: no secret",
        "cache `<record>.failed`",
        "a renewal",
        "`logout`; a later renewal, after 10 minutes",
    ),
    Row(
        "marks of a logout: no secret",
        "`<record>.gone` in cache and `sessions/`",
        "`logout`",
        "a later renewal, after an hour",
    ),
    Row(
        "the journal of setups: no secret",
        "state `setup.json`",
        "`setup`",
        "`setup --undo`",
    ),
    Row(
        "backups: your files as they were, none of our secrets",
        "state `backups/`",
        "`setup`",
        "`setup --undo`",
    ),
)
