"""The wheels of a release: `python -m native.release FOLDER` writes them.

One is pure. The others have the native front, static with musl, so that it runs on each Linux
of its processor. `ziglang` from the registry is the compiler, also for other processors.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from native import backend

# What no header of ours says may differ between two runs.
EPOCH = "1700000000"
PROCESSORS = ("x86_64", "aarch64")


def tags(processor: str) -> list[str]:
    """Return the platforms that a static program for `processor` runs on."""
    return [f"manylinux2014_{processor}", f"musllinux_1_1_{processor}"]


def main(folder: Path) -> None:
    """Write all wheels into `folder`, and print their names."""
    os.chdir(backend.ROOT)
    os.environ.setdefault("SOURCE_DATE_EPOCH", EPOCH)
    os.environ["CREDHELPER_NATIVE"] = "0"
    folder.mkdir(parents=True, exist_ok=True)
    pure = backend.build_wheel(str(folder))
    print(pure)
    for processor in PROCESSORS:
        with tempfile.TemporaryDirectory() as scratch:
            front = Path(scratch) / "front"
            zig = [sys.executable, "-m", "ziglang", "cc", "-target", f"{processor}-linux-musl"]
            backend.compile_front(front, zig)
            platform = ".".join(tags(processor))
            made = backend.with_front((folder / pure).read_bytes(), front.read_bytes(), platform)
        name = pure.replace("-none-any.", f"-none-{platform}.")
        (folder / name).write_bytes(made)
        print(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
