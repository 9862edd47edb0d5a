"""The build backend: setuptools', and on request the native front in place of program files.

With CREDHELPER_NATIVE=1, a wheel has front.c, compiled, where a tool's question may find a fresh
token, and its tag names this platform. Without it, or with 0, setuptools' wheel is left as it is.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FRONT = HERE / "front.c"
# The other program files begin no warm answer that the front could give.
PROGRAMS = ("credhelper", "git-credential-credhelper", "docker-credential-credhelper")
FLAGS = (
    *("-std=c11", "-O2", "-Wall", "-Wextra", "-pedantic", "-Wvla", "-Wshadow", "-Wconversion"),
    *("-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"),
)
# A static program has no libraries to find; not every system has a libc for it.
LINKS = (("-static", "-s"), ("-s",))

_RUN = 'exec "$python" -I -S "$0" "$@"'


def __getattr__(name: str) -> Any:
    """Return the hook of setuptools that is none of ours."""
    from setuptools import build_meta

    return getattr(build_meta, name)


def build_wheel(folder: str, settings: Any = None, metadata: str | None = None) -> str:
    """Build a wheel into `folder`, and return its name (PEP 517). Raises SystemExit."""
    from setuptools import build_meta

    wanted = wants_front(os.environ)
    name = build_meta.build_wheel(folder, settings, metadata)
    return _with_front(Path(folder), name) if wanted else name


def build_editable(folder: str, settings: Any = None, metadata: str | None = None) -> str:
    """Build an editable wheel into `folder`, and return its name (PEP 660). Raises SystemExit."""
    from setuptools import build_meta

    wanted = wants_front(os.environ)
    name: str = build_meta.build_editable(folder, settings, metadata)
    return _with_front(Path(folder), name) if wanted else name


def wants_front(environ: Mapping[str, str]) -> bool:
    """Tell whether CREDHELPER_NATIVE asks for the front. Raises SystemExit for odd values."""
    told = environ.get("CREDHELPER_NATIVE", "")
    if told not in ("", "0", "1"):
        raise SystemExit(
            f"CREDHELPER_NATIVE is {told!r}: set it to 1 for the native front, or to 0"
        )
    return told == "1"


def compiler(environ: Mapping[str, str]) -> list[str]:
    """Return the words that start the C compiler: `CC`, or cc or gcc. Raises SystemExit."""
    told = shlex.split(environ.get("CC", ""))
    found = told or [path for path in map(shutil.which, ("cc", "gcc")) if path][:1]
    if not found:
        raise _failed("there is no C compiler: install gcc, or set CC")
    if not sys.platform.startswith("linux"):
        raise _failed("it is for Linux alone")
    return found


def compile_front(front: Path, cc: Sequence[str], more: Sequence[str] = ()) -> None:
    """Compile front.c into the program `front`. Raises SystemExit with the compiler's words.

    Parameters:
    - cc: the words that start the compiler.
    - more: further flags.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "constants.h").write_text(header(), "ascii")
        why = ""
        for link in LINKS:
            words = [*cc, *FLAGS, *more, f"-I{folder}", str(FRONT), "-o", str(front), *link]
            try:
                done = subprocess.run(words, capture_output=True, text=True, check=False)
            except OSError as error:
                raise _failed(f"{cc[0]}: {error.strerror}") from None
            if done.returncode == 0:
                return
            why = done.stderr.strip()
    raise _failed(f"{shlex.join(words)}\n{why}")


def with_front(wheel: bytes, front: bytes, platform: str) -> bytes:
    """Return `wheel` with `front` in place of program files, byte for byte the same each time.

    Parameters:
    - wheel: the bytes of a pure wheel.
    - front: the compiled program.
    - platform: the platform's tag, as in `linux_x86_64`, or several with dots between.
    """
    import io

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as old, zipfile.ZipFile(made, "w") as new:
        changed: dict[str, bytes] = {}
        for member in old.infolist():
            data = old.read(member)
            folder, _, name = member.filename.rpartition("/")
            if folder.endswith(".data/scripts") and name in PROGRAMS:
                changed[member.filename] = data = front
            elif name == "WHEEL" and folder.endswith(".dist-info"):
                # The package itself stays where pure ones lie: program files look for it there.
                tags = "\n".join(f"Tag: py3-none-{each}" for each in platform.split("."))
                changed[member.filename] = data = data.replace(b"Tag: py3-none-any", tags.encode())
            elif name == "RECORD" and folder.endswith(".dist-info"):
                data = _recorded(data.decode(), changed).encode()
            new.writestr(member, data, zipfile.ZIP_DEFLATED)
    if len(changed) != len(PROGRAMS) + 1:
        raise _failed(f"the wheel has not the files that were expected: {sorted(changed)}")
    return made.getvalue()


def _with_front(folder: Path, name: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        front = Path(scratch) / "front"
        compile_front(front, compiler(os.environ))
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        made = with_front((folder / name).read_bytes(), front.read_bytes(), platform)
    (folder / name).unlink()
    name = name.replace("-none-any.", f"-none-{platform}.")
    (folder / name).write_bytes(made)
    return name


def _recorded(record: str, changed: Mapping[str, bytes]) -> str:
    lines = []
    for line in record.splitlines():
        path = line.rsplit(",", 2)[0]
        if path in changed:
            digest = base64.urlsafe_b64encode(hashlib.sha256(changed[path]).digest()).decode()
            lines.append(f"{path},sha256={digest.rstrip('=')},{len(changed[path])}\n")
        else:
            lines.append(f"{line}\n")
    return "".join(lines)


def header() -> str:
    """Return constants.h, which is made of the Python modules in this tree."""
    sys.path.insert(0, str(ROOT))
    written = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # a build leaves nothing in the tree
    try:
        return "".join(f"#define {name} {value}\n" for name, value in _constants().items())
    finally:
        sys.path.remove(str(ROOT))
        sys.dont_write_bytecode = written


def halves(program: str) -> tuple[str, str]:
    """Return the halves of the program file: what sh runs, and what Python runs.

    For sh, `$0` is the name that we were called by, `$1` what Python runs, and `$2` that name
    again. For Python, argv begins with that name, as it does for a file. A variable of sh could be
    one that the caller has exported.
    """
    shell, _, python = program.partition("''':'\n")[2].partition("\n'''\n")
    if shell.count(_RUN) != 1 or not python:
        raise _failed("the program file has no two halves")
    run = _RUN.replace('"$0" "$@"', '-c "$@"')
    return shell.replace(_RUN, run), f"import sys\ndel sys.argv[0]\n{python}"


def _constants() -> dict[str, str]:
    from credhelper import __version__, protocols
    from credhelper.core import record, routes, service
    from credhelper.protocols import bare, docker, get, git, options

    shell, python = halves((ROOT / "credhelper/bin/credhelper").read_text("ascii"))
    return {
        "VERSION": _literal(__version__),
        "ROUTES_FORMAT": _literal(routes.FORMAT),
        "ROUTES_HEADER": _literal(routes._HEADER),
        "SALT_DIGITS": str(routes._SALT_DIGITS),
        "RECORD_HEADER": _literal(record.HEADER),
        "EARLY": str(record._EARLY),
        "NOT_YET_WAIT": str(record.NOT_YET_WAIT),
        "GIT_PROGRAM": _literal(protocols.PROTOCOLS["git"][2][0].removesuffix("*")),
        "DOCKER_PROGRAM": _literal(protocols.PROTOCOLS["docker"][2][0].removesuffix("*")),
        "GIT_MARGIN": str(git._MARGIN),
        "DOCKER_MARGIN": str(docker._MARGIN),
        "GET_MARGIN": str(get._MARGIN),
        "BARE_MARGIN": str(bare._MARGIN),
        "LONGEST": str(options.LONGEST),
        "LONGEST_LINE": str(git._LONGEST_LINE),
        "CARGO_VARIABLE": _literal(options.CARGO),
        "MISE_VARIABLE": _literal(options.MISE),
        "MOST_SERVICE": str(service._MOST),
        "LABEL_CHARACTERS": _literal("".join(sorted(service._LABEL))),
        # git sends a path without its escapes, services have them: both agree on these.
        "PATH_CHARACTERS": _literal("".join(sorted(service._PATH & git._PLAIN))),
        "SHELL": _literal(shell),
        "BOOT": _literal(python),
    }


def _literal(text: str) -> str:
    if not text.isascii():
        raise _failed(f"{text!r} is not ASCII")
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("?", "\\?")
    )
    return f'"{escaped}"'


def _failed(why: str) -> SystemExit:
    return SystemExit(f"CREDHELPER_NATIVE=1, and the native front cannot be built: {why}")
