"""Reads from a table where a secret lies: a variable, a file, a program or a keyring."""

from __future__ import annotations

import re
from collections.abc import Callable

from credhelper.config.profile import GRANTS, Grant
from credhelper.config.table import GRANT_HINT, Mistake, Table, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.toml_lines import Place

FORMS = (
    'one of { env = "NAME" }, { file = "PATH" }, { command = ["PROGRAM"] }, { keyring = "SERVICE" }'
)

_LONGEST_COMMAND = 300  # seconds
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read(table: Table, key: str, login: str, expand: Callable[[str], str]) -> Grant:
    """Return what the table at `key` says of where a secret lies.

    Parameters: `login`, the user name of a keyring's entry that names none; `expand`, makes a path
    absolute or raises ValueError. Raises Mistake.
    """
    if isinstance(table.values[key], str):
        raise table.wrong(key, f"expected {FORMS}, not a secret itself", GRANT_HINT)
    grant = Table(table.values[key], (*table.place, key))
    grant.only((*GRANTS, "allow_readable", "timeout", "member"))
    given = [how for how in GRANTS if how in grant]
    if len(given) != 1:
        raise table.wrong(key, f"expected exactly {FORMS}")
    how = given[0]
    if "allow_readable" in grant and how != "file":
        raise grant.wrong("allow_readable", "goes with a file only")
    if "timeout" in grant and how not in ("command", "keyring"):
        raise grant.wrong("timeout", "goes with a command or a keyring only")
    return Grant(
        how,
        _words(grant, how, login, expand),
        allow_readable=grant.flag("allow_readable"),
        timeout=_timeout(grant),
        member=grant.text("member"),
    )


def _words(grant: Table, how: str, login: str, expand: Callable[[str], str]) -> tuple[str, ...]:
    if how == "env":
        return (grant.checked("env", _variable) or "",)
    if how == "file":
        return (grant.checked("file", expand) or "",)
    if how == "command":
        return _command(grant)
    if isinstance(grant.values["keyring"], str):
        # The name is part of the grant, so that two profiles do not share an entry.
        return (grant.text("keyring") or "", login)
    words = tuple(word for word, _ in grant.texts("keyring"))
    if len(words) != 2:
        raise grant.wrong("keyring", 'expected "SERVICE" or ["SERVICE", "USERNAME"]')
    return words


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("expected the name of an environment variable")
    return text


def _command(grant: Table) -> tuple[str, ...]:
    place: Place = (*grant.place, "command")
    words = grant.values["command"]
    if not isinstance(words, list) or not words:
        raise Mistake(place, 'expected a program and its arguments, as in ["pass", "show", "key"]')
    program = plain(words[0], (*place, 0))
    if "/" in program and not program.startswith("/"):
        raise Mistake((*place, 0), "expected an absolute path, or a name to be found on PATH")
    return (program, *(_argument(word, (*place, i)) for i, word in enumerate(words[1:], 1)))


def _argument(word: object, place: Place) -> str:
    return plain(word, place, empty=True)


def _timeout(grant: Table) -> float | None:
    if "timeout" not in grant:
        return None
    value = grant.values["timeout"]
    if type(value) not in (int, float) or not 0 < value <= _LONGEST_COMMAND:
        raise grant.wrong("timeout", f"expected seconds, more than 0 and up to {_LONGEST_COMMAND}")
    return float(value)
