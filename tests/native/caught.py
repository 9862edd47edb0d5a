"""Which near miss finds which planted bug: `python -m tests.native.caught` prints the list."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from native import backend
from tests.native import cases, fronts
from tests.native.bugs import BUGS, Bug
from tests.native.cases import BASES
from tests.native.changes import CHANGES


def planted(bug: Bug, folder: Path) -> Path:
    """Return front.c with `bug` in it, or in text.h beside it, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = 0
    for path in (backend.FRONT, backend.HERE / "text.h"):
        code = path.read_text()
        found += code.count(bug.right)
        (folder / path.name).write_text(code.replace(bug.right, bug.wrong))
    assert found == 1, f"the code of the bug {bug.name!r} stands {found} times in the front"
    return folder / backend.FRONT.name


def catcher(front: fronts.Front, world: Path) -> str | None:
    """Return the first near miss at which `front` does wrong, or None."""
    for base, make in BASES.items():
        for change in CHANGES:
            if base not in change.of:
                continue
            case = make()
            change.apply(case)
            places = cases.write(case, world)
            want = cases.python_says(case, places)
            try:
                got = front.ask(case, places)
            except AssertionError:
                return f"{base}: {change.name}: it died"
            if got.reply is None:
                wrong = (want is not None and not change.odd) or got.left != len(case.stdin)
            else:
                left = got.left if case.protocol in ("git", "docker") else 0
                wrong = change.strange or got.reply != want or left > 0
            if wrong:
                how = "left to Python" if got.reply is None else "answered"
                return f"{base}: {change.name}: {how}"
    return None


def main() -> None:
    """Print a line for each bug."""
    for bug in BUGS:
        scratch = Path(tempfile.mkdtemp())
        (scratch / "world").mkdir()
        program = fronts.build(scratch / "build", front=planted(bug, scratch / "build"))
        front = fronts.Front(program, scratch / "world")
        print(f"{bug.name:45} {catcher(front, scratch / 'world') or 'NOT FOUND'}", flush=True)
        front.process.kill()
        front.process.communicate()
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
