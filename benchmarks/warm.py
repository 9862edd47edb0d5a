"""A warm answer against a bare interpreter: `python benchmarks/warm.py [RUNS]`.

Run it from a virtual environment that holds the wheel (`make bench` does), not an editable install.
"""

from __future__ import annotations

import sys

import measure
import world

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 200


def main() -> None:
    """Print one line for each protocol."""
    with world.running() as here:
        host = here.url.partition("://")[2]
        calls: dict[str, tuple[list[str], bytes]] = {
            "get": (["credhelper", "get"], b""),
            "git get": (
                ["git-credential-credhelper", "get"],
                f"protocol=http\nhost={host}\n".encode(),
            ),
            "docker get": (["docker-credential-credhelper", "get"], host.encode()),
        }
        bare_count = measure.instructions(measure.BARE, here.environ)
        print(f"{'':12} {'ours ms':>8} {'bare ms':>8} {'wall':>6} {'callgrind':>10}")
        for name, (words, stdin) in calls.items():
            command = [str(measure.BIN / words[0]), *words[1:]]
            measure.wall(command, here.environ, stdin)
            ours, bare, ratio = measure.paired(command, measure.BARE, here.environ, stdin, RUNS)
            count = measure.instructions(command, here.environ, stdin)
            counted = f"{count / bare_count:10.3f}" if count and bare_count else f"{'-':>10}"
            print(f"{name:12} {ours * 1000:8.2f} {bare * 1000:8.2f} {ratio:6.3f} {counted}")
        print(f"created {here.stats()['created']} (1: every other answer came from the cache)")


main()
