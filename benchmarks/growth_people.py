"""What a cold get and people's commands cost: `python benchmarks/growth_people.py [RUNS]`, in CPU.

Run it from a virtual environment that holds the wheel, as `warm.py`.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import measure
import world

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
MANY = 1000
CREDHELPER = str(measure.BIN / "credhelper")
# A group with nothing in it: what click itself takes to print a page of help.
CLICK = [str(measure.BIN / "python3"), "-I", "-c", "import click; click.Group('x')(['--help'])"]
COMMANDS = (
    ["status"],
    ["profile", "list"],
    ["completion", "bash"],
    ["--help"],
    ["get", "--help"],
    ["login", "--help"],
    ["exec", "true"],
)

Command = Sequence[str]


def main() -> None:
    """Print a line for each figure."""
    with world.running() as here:
        cold_get(here.environ)
        commands(here.environ)
        many_profiles(here.environ, here.url)


def cold_get(environ: Mapping[str, str]) -> None:
    """Print what a get costs that finds no cache, and calls the API over http."""

    def forget() -> None:
        shutil.rmtree(environ["CREDHELPER_CACHE_DIR"], ignore_errors=True)

    bare, cold = medians(environ, [measure.BARE, [CREDHELPER, "get"]], RUNS, forget)
    tell("cold get over http", cold / bare, "bare")


def commands(environ: Mapping[str, str]) -> None:
    """Print what people's commands cost, against click's own page of help."""
    found = medians(environ, [CLICK, *([CREDHELPER, *words] for words in COMMANDS)], RUNS)
    for words, spent in zip(COMMANDS, found[1:], strict=True):
        tell(" ".join(words), spent / found[0], "click's help")


def many_profiles(environ: Mapping[str, str], url: str) -> None:
    """Print what commands cost with many profiles, of which each has a token."""
    config = Path(environ["CREDHELPER_CONFIG"])
    plain = config.read_text()
    grant = next(line for line in plain.split("\n") if line.startswith("grant"))
    for number in range(MANY):
        plain += f'[profiles.p{number}]\nurl = "{url}"\n{grant}\ncid = "c{number}"\n'
    config.write_text(plain)
    code = f"import credhelper\nfor n in range({MANY}): credhelper.get_token(f'p{{n}}')"
    measure.wall([str(measure.BIN / "python3"), "-I", "-c", code], environ)
    words = (["status"], ["profile", "list"], ["get", "-p", "p7"])
    found = medians(environ, [measure.BARE, *([CREDHELPER, *each] for each in words)], 5)
    for each, spent in zip(words, found[1:], strict=True):
        tell(f"{' '.join(each)}, {MANY} profiles", spent / found[0], "bare")
    bare, spent = medians(environ, [measure.BARE, [CREDHELPER, "logout", "--all"]], 1)
    tell(f"logout --all, {MANY} profiles", spent / bare, "bare")


def medians(
    environ: Mapping[str, str],
    programs: Sequence[Command],
    runs: int,
    before: Callable[[], None] = lambda: None,
) -> list[float]:
    """Return the median CPU seconds of each of `programs`, run in turn.

    Parameters:
    - before: is called before each.
    """
    found: list[list[float]] = [[] for _ in programs]
    for _ in range(runs):
        for spent, program in zip(found, programs, strict=True):
            before()
            spent.append(measure.cpu(program, environ))
    return [statistics.median(spent) for spent in found]


def tell(what: str, ratio: float, to: str) -> None:
    """Print one line."""
    print(f"{what:36} {ratio:8.2f} x {to}", flush=True)


if __name__ == "__main__":
    main()
