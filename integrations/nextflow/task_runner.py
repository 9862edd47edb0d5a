"""A stand-in for Nextflow, which no registry has: runs the tasks of one process as it does.

Written from Nextflow's documentation: for each task a folder, the script in it with its values
filled in and `\\$` made `$`, `beforeScript` in front of it in the same bash, several at a time.
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_SCRIPT = re.compile(r'script:\s*"""\n(.*?)"""', re.DOTALL)
_BEFORE = re.compile(r"^\s*beforeScript = '(.*)'$", re.MULTILINE)
_RANGE = re.compile(r"channel\.of\((\d+)\.\.(\d+)\)")


def main(folder: Path, at_once: int) -> int:
    """Run the workflow in `folder`, `at_once` tasks at a time; returns 1 if any fails."""
    workflow = (folder / "main.nf").read_text()
    script = _SCRIPT.search(workflow)
    before = _BEFORE.search((folder / "nextflow.config").read_text())
    values = _RANGE.search(workflow)
    assert script
    assert before
    assert values

    def run(value: int) -> int:
        place = folder / f"work/{value:02}"
        place.mkdir(parents=True)
        filled = script[1].replace("${sample}", str(value)).replace("\\$", "$")
        (place / ".command.sh").write_text(f"#!/bin/bash -ue\n{filled}")
        whole = f"set -e\n{before[1]}\nbash -ue .command.sh\n"
        return subprocess.run(["bash", "-c", whole], cwd=place).returncode

    with ThreadPoolExecutor(at_once) as pool:
        return int(any(pool.map(run, range(int(values[1]), int(values[2]) + 1))))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
