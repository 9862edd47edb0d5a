"""A grant from another program: a command that prints it, or a keyring that holds it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from credhelper.config import child
from credhelper.config.profile import Grant
from credhelper.core.text import command, printable
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError, reason

ASKING = "CREDHELPER_ASKING"

_NO_KEYRING, _NO_ENTRY = 83, 84
_ASK_KEYRING = f"""
import sys
try:
    import keyring
except ImportError:
    raise SystemExit({_NO_KEYRING})
secret = keyring.get_password(sys.argv[1], sys.argv[2])
if secret is None:
    raise SystemExit({_NO_ENTRY})
sys.stdout.buffer.write(secret.encode())
"""


def ask(
    grant: Grant, profile_name: str, environ: Mapping[str, str], timeout: float
) -> tuple[str, bytes]:
    """Run the command of `grant`, or ask its keyring; return a name for the output, and the output.

    Parameters:
    - profile_name: for messages, and to refuse a command that asks for its own profile.
    - environ: the environment of this process.
    - timeout: seconds.

    Raises LoginRequiredError when there is no secret, ConfigError when the program cannot run.
    """
    read = _from_command if grant.how == "command" else _from_keyring
    return read(grant.words, profile_name, _asking(profile_name, environ), timeout)


def _asking(profile_name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child that is asked for the grant of `profile_name`."""
    chain = [name for name in environ.get(ASKING, "").split(",") if name]
    if profile_name in chain:
        raise ConfigError(
            f"the grant command of profile {profile_name} calls credhelper for the same profile",
            hint="let the command get the secret from another place",
        )
    return {**environ, ASKING: ",".join([*chain, profile_name])}


def _from_command(
    words: Sequence[str], profile_name: str, environ: Mapping[str, str], timeout: float
) -> tuple[str, bytes]:
    program = printable(words[0])
    what = f"the output of {program}, the grant command of profile {profile_name},"
    path = child.find(words[0], environ)
    if path is None:
        place = "" if words[0].startswith("/") else " on PATH (absolute entries only)"
        raise ConfigError(f"grant command {program} of profile {profile_name} not found{place}")
    status, data = _run(
        [path, *words[1:]], f"grant command {program}", profile_name, environ, timeout
    )
    if status:
        raise _failed(f"grant command {program}", profile_name, status)
    return what, data


def _from_keyring(
    words: Sequence[str], profile_name: str, environ: Mapping[str, str], timeout: float
) -> tuple[str, bytes]:
    service, user = words
    what = f"keyring entry {printable(service)} of {printable(user)}"
    status = _NO_KEYRING
    data = b""
    if sys.executable:
        python = [sys.executable, "-I", "-c", _ASK_KEYRING, service, user]
        status, data = _run(python, "the keyring", profile_name, environ, timeout)
    if status == _NO_KEYRING:
        # After `setup pip` or `setup uv`, the first keyring on PATH is our own program.
        program = child.find("keyring", environ, but="credhelper")
        if program is None:
            raise ConfigError(
                f"there is no keyring to ask for the grant of profile {profile_name}",
                hint="pip install keyring",
            )
        asked = [program, "get", service, user]
        status, data = _run(asked, "the keyring", profile_name, environ, timeout)
        if status == 1 and not data:
            status = _NO_ENTRY
    if status == _NO_ENTRY:
        raise LoginRequiredError(
            f"{what}, the grant of profile {profile_name}, does not exist",
            hint=command("keyring", "set", service, user),
        )
    if status:
        raise _failed("the keyring", profile_name, status)
    return what, data


def _run(
    arguments: Sequence[str],
    who: str,
    profile_name: str,
    environ: Mapping[str, str],
    timeout: float,
) -> tuple[int, bytes]:
    try:
        return child.run(arguments, environ, timeout)
    except child.Unfinished as error:
        raise LoginRequiredError(
            f"{who} of profile {profile_name} {error}",
            hint="it has no terminal to ask on: unlock it first, or allow a longer timeout",
        ) from None
    except OSError as error:
        who = f"{who} of profile {profile_name}"
        raise ConfigError(f"{who} cannot be started: {reason(error)}") from None


def _failed(who: str, profile_name: str, status: int) -> CredhelperError:
    how = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
    return LoginRequiredError(
        f"{who} of profile {profile_name} {how}",
        hint="run it yourself to see why: its output is not shown, as it may hold the secret",
    )
