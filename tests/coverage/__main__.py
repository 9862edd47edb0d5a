"""`python -m tests.coverage [WORDS FOR PYTEST]`: how much of the package tests run, and the gate.

With words as `tests/config`, the packages of those names are judged. It changes the program files
beside its Python: that is `.venv-coverage`, which `make coverage` makes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.coverage import gate, program, refusals

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".coverage-data"
BIN = Path(sys.executable).parent
# What looks at the very modules, processes or costs of a program, or takes hours.
_LEFT_OUT = ("architecture", "coverage", "faults", "fuzz", "native", "stress")
_CONFIG = """[run]
branch = True
parallel = True
source_pkgs = credhelper
data_file = {data}/data
patch = _exit, fork, execv, subprocess
disable_warnings = no-data-collected, module-not-measured, module-not-imported, trace-changed
omit = */credhelper/sandbox/*
[paths]
package =
    {package}
    */site-packages/credhelper
[report]
exclude_also =
    if TYPE_CHECKING:
    \\.\\.\\.$
"""


def main(words: list[str]) -> int:
    """Run tests, print the figure, and return 1 for a refusal that no test takes."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    config = FOLDER / "config"
    config.write_text(_CONFIG.format(data=FOLDER, package=ROOT / "credhelper"))
    program.install(BIN, FOLDER / "start", config)
    given = [*words] or [f"tests/{name}" for name in sorted(_folders())]
    environ = {**os.environ, "COVERAGE_PROCESS_START": str(config)}
    run = ["run", "-m", "pytest", "-q", "-n", str(2 + (os.cpu_count() or 1)), *given]
    told = _coverage(config, *run, environ=environ)
    print("tests:", "passed" if told == 0 else f"some failed while they were measured ({told})")
    _coverage(config, "combine", "-q")
    report = FOLDER / "report.json"
    _coverage(config, "json", "-q", "-o", str(report))
    document = json.loads(report.read_text())
    files = {_below(name): file for name, file in document["files"].items()}
    _print(files, document["totals"])
    parts = {word.split("/")[1] for word in words if word.startswith("tests/")}
    of = {name: file for name, file in files.items() if not words or _part(name) in parts}
    return _gate(of, whole=not words)


def _folders() -> set[str]:
    return {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))} - {
        *_LEFT_OUT
    }


def _coverage(
    config: Path, command: str, *words: str, environ: dict[str, str] | None = None
) -> int:
    start = [sys.executable, "-m", "coverage", command, f"--rcfile={config}", *words]
    return subprocess.run(start, cwd=ROOT, env=environ).returncode


def _below(name: str) -> str:
    return name.rpartition("credhelper/")[2]


def _print(files: dict[str, dict[str, dict[str, int]]], totals: dict[str, float]) -> None:
    parts: dict[str, list[dict[str, int]]] = {}
    for name, file in files.items():
        parts.setdefault(name.rpartition("/")[0] or ".", []).append(file["summary"])
    for part, each in sorted(parts.items()):
        of = sum(one["num_statements"] + one["num_branches"] for one in each)
        run = sum(one["covered_lines"] + one["covered_branches"] for one in each)
        print(f"{part:20} {100 * run / (of or 1):5.1f} %")
    print(f"lines and branches of the package that tests run: {totals['percent_covered']:.1f} %")


def _part(name: str) -> str:
    return name.partition("/")[0]


def _gate(files: dict[str, dict[str, list[int]]], *, whole: bool) -> int:
    run = {
        name: {*file["executed_lines"]} for name, file in files.items() if file["executed_lines"]
    }
    every = refusals.every(ROOT / "credhelper")
    missed = gate.untested(every, run)
    known = gate.accepted(gate.UNTESTED.read_text())
    new, tested = gate.judged(missed, known)
    print(f"{len(every)} refusals and error paths, {len(missed)} that no test takes")
    for one in new:
        print(f"no test takes it: {one.id} (line {one.line})")
    if whole and tested:
        print("a test takes these, which tests/coverage/untested.txt lists:", *tested, sep="\n")
    return 1 if new or (whole and tested) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
