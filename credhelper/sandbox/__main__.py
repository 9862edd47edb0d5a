"""`python -m credhelper.sandbox`: the only part of the sandbox that touches argv and streams."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, NoReturn, TextIO

from credhelper.sandbox import extra


class Parser(argparse.ArgumentParser):
    """Raises `ValueError` for wrong use, so that `main` reports it like other errors."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise ValueError(message)


def main(
    argv: Sequence[str],
    stdout: BinaryIO,
    stderr: TextIO,
    told: Callable[[Mapping[str, object]], bytes] | None = None,
) -> int:
    """Run `credhelper sandbox`.

    Parameters: `argv` without the program name; `stdout`, where the one JSON line goes;
    `stderr`, for errors; `told`, makes something else than JSON of what is told. Returns the exit
    status: 0 ended by a signal, 1 cannot start, 2 wrong use or the extra is not installed.
    """
    try:
        from credhelper.sandbox import server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in extra.PACKAGES:
            raise
        print(f"credhelper: error: the sandbox needs {error.name}", file=stderr)
        print(f"credhelper: hint: {extra.install()}", file=stderr)
        return 2
    except KeyboardInterrupt:
        return 0  # too early for the handlers of `serve`, and nothing to clean up yet
    parser = Parser(
        prog="credhelper sandbox",
        description="Serve a stand-in for the Tokens APIs on loopback until a signal ends it.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="0, the default, means any free one"
    )
    for option, default, text in (
        ("--token-lifetime", server.TOKEN_LIFETIME, "of a JWT, from 1 second to 90 days"),
        ("--session-lifetime", server.SESSION_LIFETIME, "idle life of a psToken"),
        ("--aws-lifetime", server.AWS_LIFETIME, "of AWS keys"),
        ("--latency", 0.0, "how long every answer of an API takes"),
    ):
        parser.add_argument(
            option,
            type=float,
            default=default,
            metavar="SECONDS",
            help=f"{text} (default {default:g})",
        )
    try:
        options = parser.parse_args(argv)
        return server.serve(stdout, told=told or server.as_json, **vars(options))
    except SystemExit:
        return 0  # --help has printed its text
    except ValueError as error:
        print(f"credhelper: error: {error}", file=stderr)
        return 2
    except OSError as error:
        print(f"credhelper: error: cannot start: {error.strerror}", file=stderr)
        return 1


if __name__ == "__main__":
    # Unbuffered: bytes left in a buffer for a closed pipe would change the exit status.
    with open(1, "wb", buffering=0, closefd=False) as raw:
        sys.exit(main(sys.argv[1:], raw, sys.stderr))
