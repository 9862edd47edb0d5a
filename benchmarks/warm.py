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
        calls: dict[str, tuple[list[str], bytes, dict[str, str]]] = {
            "get": (["credhelper", "get"], b"", here.environ),
            "get, grant in a variable": (["credhelper", "get"], b"", here.environ_with_key),
            "git get": (
                ["git-credential-credhelper", "get"],
                f"protocol=http\nhost={host}\n".encode(),
                here.environ,
            ),
            "docker get": (
                ["docker-credential-credhelper", "get"],
                host.encode(),
                here.environ,
            ),
        }
        bare_count = measure.instructions(measure.BARE, here.environ)
        print(f"{'':24} {'ours ms':>8} {'bare ms':>8} {'wall':>6} {'callgrind':>10}")
        for name, (words, stdin, environ) in calls.items():
            command = [str(measure.BIN / words[0]), *words[1:]]
            measure.wall(command, environ, stdin)
            ours, bare, ratio = measure.paired(command, measure.BARE, environ, stdin, RUNS)
            count = measure.instructions(command, environ, stdin)
            counted = f"{count / bare_count:10.3f}" if count and bare_count else f"{'-':>10}"
            print(f"{name:24} {ours * 1000:8.2f} {bare * 1000:8.2f} {ratio:6.3f} {counted}")
        print(f"created {here.stats()['created']} (2, one a home: the cache gave all the rest)")


main()
