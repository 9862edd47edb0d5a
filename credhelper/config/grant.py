"""The grant, read where it lies: a variable, a file, a program's output, or a keyring.

It is read late, by the one process that needs it, and goes nowhere but into a Secret. No message
ever holds what was read.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Mapping, Sequence

from credhelper.config import child
from credhelper.config.profile import Grant
from credhelper.core.model import Secret
from credhelper.core.text import printable
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError

ASKING = "CREDHELPER_ASKING"

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

_TIMEOUT = 10.0  # seconds
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


def resolve(
    grant: Grant,
    *,
    profile_name: str,
    environ: Mapping[str, str],
    timeout: float = 0,
    password: bool = False,
) -> Secret:
    """Return the long-lived secret that `grant` leads to.

    Parameters: `profile_name`, for messages and against circles; `environ`; `timeout`, seconds for
    a command or keyring, if that is less than its own; `password`, whether blanks and non-ASCII
    characters are allowed. Raises LoginRequiredError when it is not there, ConfigError when what
    is there must not or cannot be used.
    """
    try:
        own = grant.timeout or _TIMEOUT
        deadline = min(own, timeout) if timeout else own
        what, data = _read(grant, profile_name, environ, deadline)
        return Secret(one_line(data, what, password=password))
    except CredhelperError as error:
        # A variable or file is looked at again at no cost; to run a command again may cost much.
        error.private = grant.how in ("env", "file")
        raise


def _read(
    grant: Grant, profile_name: str, environ: Mapping[str, str], deadline: float
) -> tuple[str, bytes]:
    if grant.how == "env":
        return _from_environment(grant.words[0], profile_name, environ)
    if grant.how == "file":
        return _from_file(grant, profile_name)
    asking = _asking(profile_name, environ)
    ask = _from_command if grant.how == "command" else _from_keyring
    return ask(grant.words, profile_name, asking, deadline)


def one_line(data: bytes, what: str, *, password: bool) -> str:
    """Return the one line of text in `data`, with or without its LF.

    Parameters: `what` it is, for messages; `password`, whether blanks and non-ASCII characters are
    allowed. Raises LoginRequiredError for nothing, ConfigError for anything else.
    """
    data = data.removesuffix(b"\n")
    if not data:
        raise LoginRequiredError(f"{what} is empty")
    if b"\n" in data:
        raise ConfigError(f"{what} has more than one line")
    if data.endswith(b"\r"):
        raise ConfigError(f"{what} ends in a carriage return", hint="save it with Unix line ends")
    try:
        text = data.decode("utf-8" if password else "ascii")
    except UnicodeDecodeError:
        kind = "text in UTF-8" if password else "ASCII"
        raise ConfigError(f"{what} is not {kind}") from None
    if not text.isprintable():
        raise ConfigError(f"{what} holds a control character or an invisible one")
    if text != text.strip() or (" " in text and not password):
        raise ConfigError(f"{what} has blanks in it or around it")
    return text


# --- variables and files --------------------------------------------------------------------------


def _from_environment(
    variable: str, profile_name: str, environ: Mapping[str, str]
) -> tuple[str, bytes]:
    what = f"environment variable {variable}, the grant of profile {profile_name},"
    value = environ.get(variable)
    if not value:
        problem = "is not set" if value is None else "is empty"
        raise LoginRequiredError(f"{what} {problem}", hint=f"export {variable}, then try again")
    return what, os.fsencode(value)


def _from_file(grant: Grant, profile_name: str) -> tuple[str, bytes]:
    path = grant.words[0]
    what = f"grant file {printable(path)}"
    if not os.path.isabs(path):
        raise ConfigError(f"{what} is not an absolute path")
    try:
        handle = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        hint = (
            f"write the secret of profile {profile_name} into it, and chmod 600 {printable(path)}"
        )
        raise LoginRequiredError(f"{what} does not exist", hint=hint) from None
    except OSError as error:
        why = "is not a regular file" if error.errno == errno.ENXIO else _why(error)
        raise ConfigError(f"{what} {why}") from None
    try:
        _distrust(handle, path, what, allow_readable=grant.allow_readable)
        data = b""
        while chunk := os.read(handle, child.MOST_BYTES + 1 - len(data)):
            data += chunk
    except OSError as error:
        raise ConfigError(f"{what} {_why(error)}") from None
    finally:
        os.close(handle)
    if len(data) > child.MOST_BYTES:
        raise ConfigError(f"{what} is larger than 64 KiB")
    return what, data


def _distrust(handle: int, path: str, what: str, *, allow_readable: bool) -> None:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{what} is not a regular file")
    if os.name != "posix":
        if not allow_readable:
            hint = "protect the file by other means, then say allow_readable = true"
            raise ConfigError(f"{what} has no mode to check on this platform", hint=hint)
        return
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            f"{what} belongs to another user (uid {found.st_uid})",
            hint=f"chown {os.geteuid()} {printable(path)}",
        )
    # A Kubernetes secret is a read-only mount whose modes are not the user's to choose.
    if os.fstatvfs(handle).f_flag & os.ST_RDONLY:
        return
    if found.st_mode & 0o022:
        raise ConfigError(f"{what} can be written by others", hint=_cure(path))
    if found.st_mode & 0o044 and not allow_readable:
        raise ConfigError(f"{what} can be read by others", hint=_cure(path))


def _cure(path: str) -> str:
    return f"chmod 600 {printable(path)}"


def _why(error: OSError) -> str:
    return f"cannot be read: {os.strerror(error.errno or 0)}"


# --- programs and keyrings ------------------------------------------------------------------------


def _asking(profile_name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child that is asked for the grant of `profile_name`."""
    if os.name != "posix":
        raise ConfigError(
            f"profile {profile_name}: grants from commands and keyrings need process groups, which"
            " this platform does not have",
            hint='use grant = { env = "NAME" } or grant = { file = "PATH" }',
        )
    chain = [name for name in environ.get(ASKING, "").split(",") if name]
    if profile_name in chain:
        raise ConfigError(
            f"the grant command of profile {profile_name} calls credhelper for the same profile",
            hint="let it get the secret from elsewhere",
        )
    return {**environ, ASKING: ",".join([*chain, profile_name])}


def _from_command(
    words: Sequence[str], profile_name: str, environ: Mapping[str, str], deadline: float
) -> tuple[str, bytes]:
    program = printable(words[0])
    what = f"the output of {program}, the grant command of profile {profile_name},"
    path = child.find(words[0], environ)
    if path is None:
        place = "" if words[0].startswith("/") else " on PATH (absolute entries only)"
        raise ConfigError(f"grant command {program} of profile {profile_name} not found{place}")
    status, data = _run(
        [path, *words[1:]], f"grant command {program}", profile_name, environ, deadline
    )
    if status:
        raise _failed(f"grant command {program}", profile_name, status)
    return what, data


def _from_keyring(
    words: Sequence[str], profile_name: str, environ: Mapping[str, str], deadline: float
) -> tuple[str, bytes]:
    service, user = words
    what = f"keyring entry {printable(service)} of {printable(user)}"
    status = _NO_KEYRING
    data = b""
    if sys.executable:
        python = [sys.executable, "-I", "-c", _ASK_KEYRING, service, user]
        status, data = _run(python, "the keyring", profile_name, environ, deadline)
    if status == _NO_KEYRING:
        # Where pip and uv are wired up, the first keyring on PATH is ourselves.
        program = child.find("keyring", environ, but="credhelper")
        if program is None:
            raise ConfigError(
                f"there is no keyring to ask for the grant of profile {profile_name}",
                hint="pip install keyring",
            )
        asked = [program, "get", service, user]
        status, data = _run(asked, "the keyring", profile_name, environ, deadline)
        if status == 1 and not data:
            status = _NO_ENTRY
    if status == _NO_ENTRY:
        raise LoginRequiredError(
            f"{what}, the grant of profile {profile_name}, does not exist",
            hint=f"keyring set {printable(service)} {printable(user)}",
        )
    if status:
        raise _failed("the keyring", profile_name, status)
    return what, data


def _run(
    arguments: Sequence[str],
    who: str,
    profile_name: str,
    environ: Mapping[str, str],
    deadline: float,
) -> tuple[int, bytes]:
    try:
        return child.run(arguments, environ, deadline)
    except child.Unfinished as error:
        raise LoginRequiredError(
            f"{who} of profile {profile_name} {error}",
            hint="it has no terminal to ask on: unlock it first, or allow a longer timeout",
        ) from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigError(f"{who} of profile {profile_name} cannot be started: {why}") from None


def _failed(who: str, profile_name: str, status: int) -> CredhelperError:
    how = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
    return LoginRequiredError(
        f"{who} of profile {profile_name} {how}",
        hint="run it yourself to see why: its output is not shown, as it may hold the secret",
    )
