"""Reads the grant: from a variable, a file, a program's output, or a keyring.

Only the process that needs the grant reads it, as late as it can, and puts it into a Secret. No
message holds what was read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping

from credhelper.config.profile import Grant
from credhelper.core import paths
from credhelper.core.lookup import stamp_of
from credhelper.core.model import Secret
from credhelper.core.text import command, printable
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError, reason
from credhelper.storage import ours

_TIMEOUT = 10.0  # seconds
_MOST_BYTES = 64 * 1024
_MOST_READS = 3


class Changed(Exception):
    """The grant's file has changed since the caller looked at it."""


def resolve(
    grant: Grant,
    *,
    profile_name: str,
    environ: Mapping[str, str],
    timeout: float = 0,
    password: bool = False,
    stamp: str = "",
) -> Secret:
    """Return the long-lived secret that `grant` names.

    Parameters:
    - profile_name: for messages ("" where there is no profile), and to refuse a command that asks
      for its own profile.
    - environ: the environment of this process.
    - timeout: seconds for a command or keyring, if less than the grant's own; or 0.
    - password: whether blanks and non-ASCII characters are allowed.
    - stamp: the expected stamp of a grant in a file (`core.routes.record_of`); "" for any.

    Raises LoginRequiredError when the secret is missing, ConfigError when it must not be used, and
    Changed when the file has another stamp.
    """
    try:
        own = grant.timeout or _TIMEOUT
        limit = min(own, timeout) if timeout else own
        what, data = _read(grant, profile_name, environ, limit, stamp)
        if grant.member is not None:
            what, data = _member(grant.member, what, data)
        return Secret(one_line(data, what, password=password))
    except CredhelperError as error:
        # Reading a variable or file again costs nothing; running a command again may cost much.
        error.private = grant.how in ("env", "file")
        raise


def resolve_lines(grant: Grant, *, what: str, environ: Mapping[str, str]) -> Secret:
    """Return the lines of a secret that `grant` names, without blanks around them.

    Parameters:
    - what: its name, for messages.
    - environ: the environment of this process.

    Raises as `resolve`.
    """
    try:
        place, data = _read(grant, "", environ, grant.timeout or _TIMEOUT, "")
        if grant.member is not None:
            place, data = _member(grant.member, place, data)
        lines = [line.strip() for line in data.decode("ascii", "replace").split("\n")]
        text = "\n".join(line for line in lines if line)
        if not text:
            raise LoginRequiredError(f"{place} is empty")
    except CredhelperError as error:
        error.message = f"{what}: {error.message}"
        raise
    return Secret(text)


def _read(
    grant: Grant, profile_name: str, environ: Mapping[str, str], timeout: float, stamp: str
) -> tuple[str, bytes]:
    if grant.how == "env":
        return _from_environment(grant.words[0], profile_name, environ)
    if grant.how == "file":
        return _from_file(grant, profile_name, stamp)
    from credhelper.config import grant_program

    return grant_program.ask(grant, profile_name, environ, timeout)


def _member(name: str, what: str, data: bytes) -> tuple[str, bytes]:
    """Return a name for member `name` of the JSON object in `data`, and its text."""
    from credhelper.core import strict_json

    try:
        document = strict_json.value(data.decode())
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is not text in UTF-8") from None
    except ValueError as error:
        raise ConfigError(f"{what} {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{what} is not a JSON object")
    member = f"member {printable(name)} of {what}"
    if document.get(name) is None:
        raise LoginRequiredError(f"{member} is missing")
    if not isinstance(document[name], str):
        raise ConfigError(f"{member} is not a text")
    return member, document[name].encode("utf-8", "surrogatepass")


def put_there(grant: Grant, profile_name: str) -> str:
    """Return how a person writes the secret into the file of `grant`: it waits for a line."""
    of = f" of profile {profile_name}" if profile_name else ""
    what = "" if grant.member is None else f' as member "{printable(grant.member)}" of JSON'
    how = command("install", "-D", "-m", "600", "/dev/stdin", grant.words[0])
    return f"put the secret{of} there{what}, then press Ctrl-D: {how}"


def one_line(data: bytes, what: str, *, password: bool) -> str:
    """Return the one line of text in `data`, without its LF.

    Parameters:
    - what: a name of the data, for messages.
    - password: whether blanks and non-ASCII characters are allowed.

    Raises LoginRequiredError for no text, ConfigError for text of any other form.
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


def _from_environment(
    variable: str, profile_name: str, environ: Mapping[str, str]
) -> tuple[str, bytes]:
    of = f", the grant of profile {profile_name}," if profile_name else ""
    what = f"environment variable {variable}{of}"
    value = environ.get(variable)
    if not value:
        problem = "is not set" if value is None else "is empty"
        raise LoginRequiredError(f"{what} {problem}", hint="export it, then try again")
    return what, os.fsencode(value)


def _from_file(grant: Grant, profile_name: str, stamp: str) -> tuple[str, bytes]:
    path = grant.words[0]
    what = f"grant file {printable(path)}"
    if not os.path.isabs(path):
        raise ConfigError(f"{what} is not an absolute path")
    left = _MOST_READS
    while True:
        left -= 1
        try:
            data = _bytes_of(path, what, stamp, allow_readable=grant.allow_readable)
        except (FileNotFoundError, NotADirectoryError):
            raise LoginRequiredError(
                f"{what} does not exist", put_there(grant, profile_name)
            ) from None
        except OSError as error:
            # NFS: the file was replaced under us; the next look finds the new one.
            if error.errno == errno.ESTALE and left:
                continue
            if error.errno == errno.ENXIO:
                raise _no_file(path, what) from None
            raise ConfigError(f"{what} {_why(error)}") from None
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"{what} is larger than 64 KiB")
        return what, data


def _bytes_of(path: str, what: str, stamp: str, *, allow_readable: bool) -> bytes:
    handle = os.open(path, paths.READ)
    try:
        _distrust(handle, path, what, allow_readable=allow_readable)
        data = b""
        while chunk := os.read(handle, _MOST_BYTES + 1 - len(data)):
            data += chunk
        # The stamp is of the open file, after the read: so it is of the content that was read,
        # wherever the path leads by now.
        if stamp and stamp_of(os.fstat(handle)) != stamp:
            raise Changed
        return data
    finally:
        paths.close(handle)


def _distrust(handle: int, path: str, what: str, *, allow_readable: bool) -> None:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise _no_file(path, what)
    wrong = ours.about(handle, path)
    if wrong:
        raise ConfigError(f"{what} {wrong.why}", wrong.hint)
    # A Kubernetes secret is a read-only mount, whose modes the user cannot choose.
    if os.fstatvfs(handle).f_flag & os.ST_RDONLY:
        return
    mode = os.fstat(handle).st_mode
    if mode & 0o022:
        raise ConfigError(f"{what} can be written by others", hint=_cure(path))
    if mode & 0o044 and not allow_readable:
        raise ConfigError(f"{what} can be read by others", hint=_cure(path))


def _no_file(path: str, what: str) -> ConfigError:
    # A folder may hold much that is not for us: this takes away an empty one, or nothing.
    words = ("rmdir", path) if os.path.isdir(path) else ("mv", path, f"{path}.old")
    return ConfigError(f"{what} is not a regular file", command(*words))


def _cure(path: str) -> str:
    return command("chmod", "600", path)


def _why(error: OSError) -> str:
    return f"cannot be read: {reason(error)}"
