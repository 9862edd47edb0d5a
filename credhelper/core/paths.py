"""Where cache, state and config are, and how to read them: only files that are ours.

The places are those of platformdirs, without its imports: pure functions of an environment and a
platform name. We are stricter in one way: relative paths are never used, so nothing of ours is
written to, or read from, the current directory.

A folder or file that somebody else could have put there is not read. Nothing here waits, neither
for a lock nor for a FIFO. Readers never lock, because writers replace whole files (see
`storage.files`).
"""

import errno

# `os` is half C, half Python; the Python half costs more than all the rest of a warm answer.
import posix as os

import credhelper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import credhelper.errors

MOST_BYTES = 1024 * 1024  # of a config
HOMELESS = (
    "no home folder is known: HOME is not an absolute path, and the password database has none"
)

_CHUNK = 65536
_APP = "credhelper"
_LIBRARY = "Library/Application Support"
MOST_PRIVATE = 4 * 1024 * 1024  # bytes of a file of ours
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_READ_PRIVATE = READ | os.O_NOFOLLOW
# The bits of st_mode, as POSIX has them (sys/stat.h): what kind of file, and who else may use it.
_KIND = 0o170000
_REGULAR = 0o100000
_FOLDER = 0o040000
_OTHERS = 0o077


def cache_dir(environ: "Mapping[str, str]", platform: str) -> str | None:
    """Return the folder for what can be made again: tokens and compiled routes.

    Parameters: `environ`; `platform`, as in `sys.platform`. `CREDHELPER_CACHE_DIR` overrides.
    None when no home is known; raises ConfigError when the override is not absolute.
    """
    chosen = _override(environ, "CREDHELPER_CACHE_DIR")
    return chosen or _xdg(environ, platform, "XDG_CACHE_HOME", ".cache", "Library/Caches")


def state_dir(environ: "Mapping[str, str]", platform: str) -> str | None:
    """Return the folder for what must not be lost: sessions.

    Parameters and answers as for `cache_dir`; `CREDHELPER_STATE_DIR` overrides.
    """
    chosen = _override(environ, "CREDHELPER_STATE_DIR")
    return chosen or _xdg(environ, platform, "XDG_STATE_HOME", ".local/state", _LIBRARY)


def config_file(environ: "Mapping[str, str]", platform: str) -> str | None:
    """Return the path of the config file.

    Parameters and answers as for `cache_dir`; `CREDHELPER_CONFIG` overrides, and names the file.
    """
    chosen = _override(environ, "CREDHELPER_CONFIG")
    if chosen:
        return chosen
    folder = _xdg(environ, platform, "XDG_CONFIG_HOME", ".config", _LIBRARY)
    return folder and f"{folder}/config.toml"


def home(environ: "Mapping[str, str]") -> str | None:
    """Return the user's home folder without a final slash (so `/` is ""), or None.

    If HOME is unset, empty or relative, it is the one in the password database.
    """
    found = environ.get("HOME", "")
    if not found.startswith("/"):
        found = _home_from_database()
    return found.rstrip("/") if found.startswith("/") else None


def expand(text: str, environ: "Mapping[str, str]") -> str:
    """Return the absolute path that `text` (absolute, or `~/...`) names; raises ConfigError."""
    if text.startswith("/"):
        return text
    if not text.startswith("~/"):
        raise _mistake("expected an absolute path, or one that begins with ~/")
    base = home(environ)
    if base is None:
        raise _mistake(HOMELESS, hint="write the whole path, or set HOME")
    return base + text[1:]


def read_config(path: str, judge: "Callable[[int, str], None] | None" = None) -> bytes | None:
    """Return the bytes of the config file at `path`, or None when there is no such file.

    It may be a symlink (dotfile managers). Never blocks on a FIFO.

    Parameters:
    - path: absolute.
    - judge: takes the open handle and the path, and raises ConfigError if others can change the
      file (`storage.ours`). Needed to parse a config, not to compare its bytes.

    Raises ConfigError when it is not a regular file, is over 1 MiB, or cannot be read.
    """
    if not path.startswith("/"):
        raise _mistake(f"{path}: the path of a config file must be absolute")
    left = 2
    while True:
        try:
            return _read(path, judge)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            # NFS: the file was replaced under us; the next look finds the new one.
            if error.errno == errno.ESTALE and left:
                left -= 1
                continue
            # A socket cannot be opened at all.
            why = "not a regular file" if error.errno == errno.ENXIO else _why(error)
            raise _mistake(f"{path}: {why}") from error


def regular(found: "os.stat_result") -> bool:
    """Tell whether it is a regular file."""
    return found.st_mode & _KIND == _REGULAR


def ours(found: "os.stat_result") -> bool:
    """Tell whether it is a regular file of this user."""
    return found.st_mode & _KIND == _REGULAR and found.st_uid == os.geteuid()


def close(handle: int) -> None:
    """Close `handle`. An error is ignored: what was read or flushed is valid."""
    try:
        os.close(handle)
    except OSError:
        pass  # Linux and macOS have closed it all the same


def private_folder(folder: str) -> bool:
    """Tell whether `folder` exists, is no symlink, is ours, and is closed to all others."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return (
        found.st_mode & _KIND == _FOLDER
        and found.st_uid == os.geteuid()
        and not found.st_mode & _OTHERS
    )


def read_private(path: str, most: int = MOST_PRIVATE) -> bytes | None:
    """Return the bytes of a file of ours, or None when there is none that we may believe.

    Believed is a regular file that is ours, that nobody else can read or write and that is not
    reached through a symlink.

    Parameters: `most`, the bytes that such a file has at most.
    """
    for _ in range(3):
        try:
            handle = os.open(path, _READ_PRIVATE)
        except OSError as error:
            if error.errno == errno.ESTALE:
                continue  # NFS: the name was replaced under us; the next look finds the new file
            return None
        try:
            found = os.fstat(handle)
            if not ours(found) or found.st_size > most or found.st_mode & _OTHERS:
                return None
            return os.read(handle, found.st_size + 1)
        except OSError as error:
            if error.errno != errno.ESTALE:
                return None
        finally:
            close(handle)
    return None


def _read(path: str, judge: "Callable[[int, str], None] | None") -> bytes:
    handle = os.open(path, READ)
    try:
        found = os.fstat(handle)
        if not regular(found):
            raise _mistake(f"{path}: not a regular file")
        if judge:
            judge(handle, path)
        data = os.read(handle, min(found.st_size, MOST_BYTES) + 1)
        while len(data) != found.st_size:  # it came in parts, or somebody is writing it
            if len(data) > MOST_BYTES:
                raise _mistake(f"{path}: larger than 1 MiB")
            chunk = os.read(handle, _CHUNK)
            if not chunk:
                break
            data += chunk
        return data
    finally:
        close(handle)


def _why(error: OSError) -> str:
    return f"cannot be read: {credhelper.errors.reason(error)}"


def _override(environ: "Mapping[str, str]", variable: str) -> str | None:
    chosen = environ.get(variable)
    if chosen and not chosen.startswith("/"):
        raise _mistake(f"{variable} is not an absolute path")
    # One spelling for one folder: a lock is known by its path.
    return chosen.rstrip("/") or "/" if chosen else None


def _xdg(
    environ: "Mapping[str, str]", platform: str, variable: str, default: str, on_mac: str
) -> str | None:
    # The XDG Base Directory Specification: a relative path is to be ignored.
    base = environ.get(variable, "")
    if not base.startswith("/"):
        folder = home(environ)
        if folder is None:
            return None
        base = f"{folder}/{on_mac if platform == 'darwin' else default}"
    return f"{base}{_APP}" if base.endswith("/") else f"{base}/{_APP}"


def _home_from_database() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _mistake(message: str, hint: str | None = None) -> "credhelper.errors.ConfigError":
    return credhelper.errors.ConfigError(message, hint)
