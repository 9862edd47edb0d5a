"""A token in a file, for what reads it there: in which shape, and put there whole or not at all.

The file is for its owner alone, whatever was there before. A shape that shares its file with other
entries (netrc, the session files of the `ica` and `icav2` programs, AWS's credentials file) keeps
those to the byte.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from credhelper.core import paths
from credhelper.core.model import AWS, Credential, Request
from credhelper.core.service import Service
from credhelper.core.text import command, one_line, printable
from credhelper.errors import CacheError, RequestError, UsageError, reason
from credhelper.protocols import aws, get
from credhelper.storage import files, leftovers, locks, ours
from credhelper.tokenfile import keeping, netrc, session_yaml

AWS_FORM = "aws-credentials"  # the one that holds no token, but what the token buys
FORMATS = ("token", "header", "curl", "json", "env", "dotenv", "netrc", "ica-config", AWS_FORM)

_SHARED = ("netrc", "ica-config", AWS_FORM)  # others have entries in there
_LOCK = "files.lock"
_WAIT = 10.0  # seconds for another one of us that writes such a file

_MOST_BYTES = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def request_for(
    form: str, profile: str | None, service: Service | None, min_ttl: int, refresh_before: int
) -> Request:
    """Return the request for what a file of this form holds.

    Parameters: `form`, one of `FORMATS`; the others as in a `Request`, but `refresh_before`: the
    seconds of life that the caller likes to see. Raises RequestError for a netrc entry without a
    service, UsageError for AWS keys with one.
    """
    if form == "netrc" and service is None:
        raise RequestError("format netrc needs a service: it names a machine", "add --service URL")
    if form != AWS_FORM:
        margin = max(keeping.MARGIN, refresh_before)
        return Request("get", profile=profile, service=service, min_ttl=min_ttl, margin=margin)
    if service is not None:
        raise UsageError(
            f"--service does not go with format {AWS_FORM}: AWS keys are for S3 alone",
            hint="leave it out: the profile says what they are for",
        )
    margin = max(aws.MARGIN, refresh_before)
    return Request("get", profile=profile, min_ttl=min_ttl, margin=margin, wants=AWS)


def text(form: str, request: Request, credential: Credential, before: str) -> str:
    """Return what the file holds from now on.

    Parameters: `form`, one of `FORMATS`; `request`, what was asked, for a netrc entry's host;
    `before`, what the file holds now, "" for nothing. Raises CredhelperError for a credential that
    the shape cannot hold, and for a file that has to be left alone.
    """
    if form == "token":
        # No line feed: some readers take the file's bytes as they are.
        return one_line(credential.token.reveal(), "token")
    if form == "ica-config":
        return session_yaml.with_access_token(before, one_line(credential.token.reveal(), "token"))
    if form == AWS_FORM:
        # Late: a keeper's other forms need no reader of INI.
        from credhelper.tokenfile import aws_credentials

        keys = aws.members(credential)
        aws.require_keys(keys, credential.profile)
        until = credential.expires_at
        return aws_credentials.with_section(before, credential.profile, keys, until)
    asked = Request("get", service=request.service, echo={"format": form})
    entry = get.render(asked, credential).stdout.decode()
    return netrc.with_entry(before, entry.rstrip("\n")) if form == "netrc" else entry


def update(
    path: str, form: str, request: Request, credential: Credential, lock_folder: str | None
) -> str:
    """Write `credential` into the file at `path`, and return what that holds now.

    It is read just before, under a lock where others' entries share it: two who keep entries of
    their own fresh in one file must not undo each other's. Untouched if it holds the credential
    already, for us alone. Parameters: `path`, absolute; `form`, `request` and errors, as for `text`
    and `put`; `lock_folder`, private, or None to go without.
    """
    gate = _gate(lock_folder) if form in _SHARED and lock_folder else None
    try:
        before = read(path)
        after = text(form, request, credential, before)
        if after != before or not _private(path):
            put(path, after.encode())
        return after
    finally:
        if gate:
            gate.release()


def _gate(folder: str) -> locks.Lock | None:
    try:
        files.make_folder(folder)
        return locks.acquire(os.path.join(folder, _LOCK), wait=_WAIT, alarm=False)
    except (CacheError, locks.Unlockable):
        return None  # written all the same, as everybody writes to such a file


def _private(path: str) -> bool:
    try:
        return stat.S_IMODE(os.stat(path).st_mode) == 0o600
    except OSError:
        return False


def put(path: str, data: bytes) -> None:
    """Replace the file at `path` (absolute), whole, private from its first byte.

    A symlink of ours or root's stays, and its target is replaced. Raises CacheError when the disk
    says no, when what is there is not a file of ours or is reached by somebody else's link, or when
    anybody may write to its folder.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        handle = os.open(folder, _FOLDER)
        try:
            _hold_to_links_of_ours(path)
            found = os.fstat(handle)
            if not os.path.samestat(found, os.stat(os.path.dirname(os.path.realpath(path)))):
                raise CacheError(f"the way to {printable(path)} changed just now", "try again")
            if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
                raise CacheError(
                    f"anybody may write to folder {printable(folder)}",
                    command("chmod", "o-w", folder),
                )
            with suppress(FileNotFoundError):
                name = os.path.basename(target)
                _hold_to_ours(target, os.stat(name, dir_fd=handle, follow_symlinks=False))
            leftovers.sweep(*os.path.split(target))
            files.replace(target, data, folder=handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise CacheError(
            f"cannot write {printable(path)}: {reason(error)}", _hint(error, folder)
        ) from error


def _hint(error: OSError, folder: str) -> str | None:
    if error.errno == errno.ENOENT:
        return command("mkdir", "-p", "-m", "700", folder)
    if error.errno == errno.EBUSY:
        return "mount the folder that holds it instead: a file that is mounted by itself stays old"
    return None


def read(path: str, *, alone: bool = False) -> str:
    """Return what the file at `path` holds, "" when there is none. Raises CacheError.

    Parameters: `alone`, whether nobody else may write to it, or to a folder on the way to it.
    """
    try:
        _hold_to_links_of_ours(path)
        handle = os.open(path, paths.READ)
        try:
            _hold_to_ours(path, os.fstat(handle))
            wrong = ours.about(handle, path) if alone else None
            if wrong:
                raise CacheError(f"{printable(path)} {wrong.why}: left alone", wrong.hint)
            with os.fdopen(handle, "rb", closefd=False) as file:
                data = file.read(_MOST_BYTES + 1)
        finally:
            paths.close(handle)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CacheError(f"cannot read {printable(path)}: {reason(error)}") from error
    if len(data) > _MOST_BYTES:
        raise CacheError(f"{printable(path)} is larger than 1 MiB: left alone")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CacheError(f"{printable(path)} is not text in UTF-8: left alone") from None


def _hold_to_links_of_ours(path: str) -> None:
    wrong = ours.about_links(path)
    if wrong:
        raise CacheError(f"{printable(path)} {wrong.why}: left alone", wrong.hint)


def _hold_to_ours(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise CacheError(f"{printable(path)} is not a regular file: left alone")
    if found.st_uid != os.geteuid():
        raise CacheError(
            f"{printable(path)} belongs to another user (uid {found.st_uid}): left alone",
            ours.as_user(found.st_uid),
        )
