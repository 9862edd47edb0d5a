"""What the options of a profile say, as keys of the config with their values."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from credhelper.errors import UsageError

GRANTS = ("grant_env", "grant_file", "grant_command", "keyring")
_TEXTS = (
    *("api", "url", "domain", "cid", "cwid", "client_id", "data", "project"),
    *("username", "api_key_as", "token"),
)
_NUMBERS = ("min_ttl", "refresh_before", "session_lifetime")


def merged(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a profile: those in `old`, changed by the options in `given`.

    Raises UsageError for options that exclude each other.
    """
    values = dict(old)
    for key in (*_TEXTS, *_NUMBERS):
        if given.get(key) is not None:
            text: str = given[key]
            plain = len(text) < 10 and text.isascii() and text.isdigit()
            values[key] = int(text) if key in _NUMBERS and plain else text
    if given.get("scopes") is not None:
        values["scopes"] = [scope for scope in given["scopes"].split(",") if scope]
        if not values["scopes"]:
            del values["scopes"]  # no limit: as without the key
    if given.get("keep_session") is not None:
        values["keep_session"] = given["keep_session"]
    if given.get("ca_file") is not None:
        values["ca_file"] = _absolute(given["ca_file"])
    if given.get("services"):
        known = list(values.get("services", []))
        values["services"] = known + [one for one in given["services"] if one not in known]
    if given.get("aws"):
        values["aws"] = resource_in(given["aws"])
    grant = grant_in(given)
    if grant is not None:
        values["grant"] = grant
    return values


def resource_in(text: str) -> dict[str, Any]:
    """Return the resource that `--aws` names, as the config spells it. Raises UsageError."""
    found: dict[str, Any] = {}
    for word in text.split(","):
        key, equals, value = word.strip().partition("=")
        if key in found or (not equals and key != "read_only"):
            raise UsageError(
                "--aws makes no sense",
                "as in folder=fol.1234, or path=gds://volume/runs/42/,read_only;"
                " a path with a comma goes into the config",
            )
        found[key] = value if equals else True
    return found


def grant_in(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the grant that the options name, as the config spells it; None for none.

    Raises UsageError when there are several, or for a command that is not one.
    """
    named = [key for key in GRANTS if given.get(key)]
    if not named:
        return None
    if len(named) > 1:
        flags = " and ".join("--" + key.replace("_", "-") for key in named)
        raise UsageError(f"{flags} exclude each other")
    key = named[0]
    text: str = given[key]
    if key == "grant_env":
        return {"env": text}
    if key == "grant_file":
        return {"file": _absolute(text)}
    if key == "keyring":
        return {"keyring": text}
    try:
        return {"command": shlex.split(text)}
    except ValueError as error:
        raise UsageError(
            f"--grant-command: {str(error).lower()}", hint="quote it as a shell would"
        ) from error


def _absolute(path: str) -> str:
    # An empty path stays one, which is refused: it is not the current folder.
    return os.path.abspath(os.path.expanduser(path)) if path else path
