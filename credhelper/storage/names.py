"""The names of files that we keep: they tell which files in a folder are ours.

A person may name a folder for us that holds other files as well. Nothing of ours removes those,
changes them, or complains of them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

_RECORD = r"[0-9a-f]{32}(?:-[0-9a-f]+)?"
_ROUTES = r"routes-[0-9a-f]+"
# Plain text: most processes look at a name or two, and compile none of these.
_RECORDS = rf"{_RECORD}(?:|\.failed|\.gone|(?:\.second)?\.lock|\.[0-9a-f]+\.old)"
_OLD_ROUTES = rf"{_ROUTES}\.\d+-[\w.+!-]+"
# In the cache or state folder itself: both may be the same one.
_ABOVE = (
    rf"{_RECORDS}|{_ROUTES}(?:|\.lock|\.salt)|{_OLD_ROUTES}"
    r"|(?:files|config|setup)\.lock|setup\.json|swept\.(?:tokens|sessions)"
    r"|fleet\.owner|fleet-[0-9a-f]+\.rest|doctor(?:|\.lock|\.failed)|room"
)
# Folders of ours below those, and what lies in them.
_BELOW = {
    "sessions": _RECORDS,
    "grants": rf"[A-Za-z0-9][A-Za-z0-9._-]*\.key(?:\.{_ROUTES}(?:\.lock)?)?",
    "backups": r"(?s).*-[0-9a-f]{12}",
    "given": r"[0-9a-f]{32}\.given",
    "run": rf"(?a)run-[\w.]+-\w{{8}}|{_RECORDS}|doctor\.lock",
}
# What a file holds whose name somebody else may give as well. An empty one was just made.
_FORMS = (
    (r"(?s).*\.lock", rb""),
    (r"setup\.json", rb'(?s)\{\n "version".*'),
    (r"(?s).+\.key", rb"[!-~]+\n?"),
    (r"(?s)doctor.*|[0-9a-f]{32}.*|.+\.given|.+\.key\..+", rb"(?s)credhelper-.*"),
)
_HEX = frozenset("0123456789abcdef")
_MOST = 64 * 1024  # bytes of a key


def _fits(pattern: str, name: str) -> bool:
    import re  # late: most processes need it not

    return re.fullmatch(pattern, name) is not None


def is_record(name: str) -> bool:
    """Tell whether a file is called as a record, or as what lies beside one."""
    return _fits(_RECORDS, name)


def is_compiled(name: str) -> bool:
    """Tell whether a file is called as a config that some version of ours compiled."""
    return _fits(_OLD_ROUTES, name)


def written(temporary: str) -> tuple[str, int]:
    """Return the file and the process id in the name of a temporary file; else "" and 0."""
    parts = temporary.rsplit(".", 3)
    if len(parts) != 4 or not temporary.startswith(".") or len(parts[0]) < 2:
        return "", 0
    name, process, digits, end = parts
    if end != "tmp" or len(digits) != 8 or not _HEX.issuperset(digits):
        return "", 0
    return (name[1:], int(process)) if process.isascii() and process.isdigit() else ("", 0)


def is_called_ours(folder: str, name: str) -> bool:
    """Tell whether a file in a folder of ours is called as one of ours, or as a temporary one.

    Parameters: `folder`, the cache or state folder, or one of ours below it.
    """
    known = _BELOW.get(os.path.basename(folder))
    while name and not (_fits(_ABOVE, name) or (known and _fits(known, name))):
        name = written(name)[0]
    return bool(name)


def is_ours(path: str, found: os.stat_result) -> bool:
    """Tell whether a file or folder in a folder of ours has a name and a form of ours.

    Parameters: `found`, its state. The form of what cannot be read is not known: its name counts.
    """
    folder, name = os.path.split(path)
    if stat.S_ISDIR(found.st_mode):
        return name in _BELOW or (os.path.basename(folder) == "run" and name.startswith("run-"))
    if not is_called_ours(folder, name):
        return False
    if name.startswith("."):
        return True  # a temporary file may hold a part of anything
    form = next((form for called, form in _FORMS if _fits(called, name)), None)
    return form is None or not stat.S_ISREG(found.st_mode) or _holds(path, form)


def below(folder: str, most: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what is ours in a folder of ours and in our folders there, with the state of each.

    Parameters: `most`, files that are looked at.
    """
    yield from _below_it(folder, [most])


def _below_it(
    folder: str, left: list[int], *, everything: bool = False
) -> Iterator[tuple[str, os.stat_result]]:
    for path, found in _listed(folder):
        left[0] -= 1
        if left[0] < 0:
            return
        if everything or is_ours(path, found):
            yield path, found
            if stat.S_ISDIR(found.st_mode):
                one_command = os.path.basename(path).startswith("run-")
                yield from _below_it(path, left, everything=one_command)


def holds_others(folder: str) -> bool:
    """Tell whether a folder that was named for us holds anything that is not ours."""
    return not all(is_ours(path, found) for path, found in _listed(folder))


def _listed(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            yield path, os.lstat(path)
        except OSError:
            continue  # it went away meanwhile


def _holds(path: str, form: bytes) -> bool:
    import re  # late, as above

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        data = os.read(handle, _MOST)
    except OSError:
        return True
    finally:
        os.close(handle)
    return not data or re.fullmatch(form, data) is not None
