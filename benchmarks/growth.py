"""What a call costs as the config grows: `python benchmarks/growth.py`. Ratios of CPU in one run.

A bare call is `python3 -I -c pass`. Run it from a virtual environment that holds the wheel.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import measure
import world

FEW, MANY = 1000, 10_000
ANSWERS, PATHS, WAITERS = 3000, 100_000, 300
STRANGER = b"protocol=https\nhost=stranger.example\n\n"
CREDHELPER = str(measure.BIN / "credhelper")


def main() -> None:
    """Print a line for each way to grow."""
    with world.running() as here:
        config = Path(here.environ["CREDHELPER_CONFIG"])
        plain = config.read_text()
        environ = here.environ
        bare = cpu(lambda: run(measure.BARE, environ), 20)
        print(f"a bare interpreter: {bare * 1000:.1f} ms CPU")

        def grow(profiles: int) -> None:
            config.write_text(plain + "".join(map(another(here.url), range(1, profiles))))
            run([CREDHELPER, "get"], environ)

        counts, warm, unknown = {}, {}, {}
        for profiles in (1, FEW, MANY):
            grow(profiles)
            counts[profiles] = measure.instructions([CREDHELPER, "get"], environ) or 0
            warm[profiles] = cpu(lambda: run([CREDHELPER, "get"], environ), 20)
            unknown[profiles] = cpu(lambda: run([CREDHELPER, "git", "get"], environ, STRANGER), 20)
        for profiles in (FEW, MANY):
            tell(
                f"warm get, {profiles} profiles : 1",
                f"{warm[profiles] / warm[1]:.2f} CPU,"
                f" {counts[profiles] / max(counts[1], 1):.3f} instructions",
            )
            tell(
                f"git asks for a stranger, {profiles} profiles",
                f"{unknown[profiles] / bare:.2f} bare",
            )

        grow(1)
        one = answers(environ, here.url)
        grow(FEW)
        many = answers(environ, here.url)
        tell(
            f"json, answers a CPU second, {FEW} profiles : 1",
            f"{many / one:.2f} ({one:.0f} with one)",
        )
        tell(
            f"first tokens of {FEW} profiles in one program",
            f"{first_tokens(environ):.1f} ms CPU each",
        )
        grow(1)
        tell(f"json, RSS after {PATHS} paths more", f"{memory(environ, here.url):+.1f} MB")
        ratio, seconds, requests = waiters(here)
        tell(
            f"{WAITERS} waiters on a hanging API, on one core",
            f"{ratio:.2f} x the CPU of as many warm calls, {seconds:.0f} s, {requests} requests",
        )


def tell(what: str, figure: str) -> None:
    """Print one line."""
    print(f"{what:58} {figure}", flush=True)


def another(url: str) -> Callable[[int], str]:
    """Return what gives the text of the profile with a number, for the API at `url`."""
    return lambda number: (  # short: a config may have 1 MiB
        f'[profiles.p{number}]\nurl="{url}"\ncid="{number}"\n'
        f'services=["h{number}.x"]\ngrant={{env="K"}}\n'
    )


def run(command: Sequence[str], environ: Mapping[str, str], stdin: bytes = b"") -> bytes:
    """Return what `command` prints; raises if it fails."""
    done = subprocess.run(command, env=environ, input=stdin, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{command} failed: {done.stderr.decode(errors='replace')}")
    return done.stdout


def cpu(call: Callable[[], object], runs: int) -> float:
    """Return the median CPU seconds of the children of one call."""
    call()
    return statistics.median(measure.cpu_of(call) for _ in range(runs))


def answers(environ: Mapping[str, str], url: str) -> float:
    """Return how many questions a json dialogue answers in a CPU second, beyond its start."""
    line = json.dumps({"version": 1, "action": "get", "service": url}).encode() + b"\n"
    few = cpu(lambda: run([CREDHELPER, "json"], environ, line), 3)
    many = cpu(lambda: run([CREDHELPER, "json"], environ, line * ANSWERS), 3)
    return (ANSWERS - 1) / max(many - few, 1e-9)


def first_tokens(environ: Mapping[str, str]) -> float:
    """Return the CPU ms that a program spends on the first token of each of many profiles."""
    code = f"""
        import time, credhelper
        credhelper.get_token()
        begun = time.process_time()
        for number in range(1, {FEW}):
            credhelper.get_token(f"p{{number}}")
        print((time.process_time() - begun) * 1000 / {FEW - 1})
    """
    words = [str(measure.BIN / "python3"), "-I", "-c", textwrap.dedent(code)]
    return float(run(words, {**environ, "K": key_of(environ)}))


def key_of(environ: Mapping[str, str]) -> str:
    """Return the API key of the sandbox, from the file that the config names."""
    text = Path(environ["CREDHELPER_CONFIG"]).read_text()
    return Path(text.partition('grant = { file = "')[2].partition('"')[0]).read_text().strip()


def memory(environ: Mapping[str, str], url: str) -> float:
    """Return by how many MB a json dialogue grows while it is asked for ever new paths."""
    process = subprocess.Popen(
        [CREDHELPER, "json"], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(numbers: range) -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        for start in range(numbers.start, numbers.stop, 100):
            for number in range(start, start + 100):
                question = {"version": 1, "action": "get", "service": f"{url}/p{number}"}
                process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            for _ in range(100):
                process.stdout.readline()
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    before = ask(range(1000))
    after = ask(range(1000, PATHS + 1000))
    process.stdin.close()
    process.wait()
    return after - before


def waiters(here: world.World) -> tuple[float, float, int]:
    """Return what a herd costs whose API says nothing, in ratio to as many warm calls."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        herd = [CREDHELPER, "get"]
        warm = cpu(lambda: together(herd, here.environ), 1)
        here.fault({"hang": 60, "times": "always"})
        here.forget()
        before = here.stats()["requests"]
        begun = os.times().elapsed
        cold = measure.cpu_of(lambda: together(herd, here.environ))
        return cold / warm, os.times().elapsed - begun, here.stats()["requests"] - before
    finally:
        os.sched_setaffinity(0, cores)


def together(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run many processes at once, and wait for all of them."""
    running = [
        subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(WAITERS)
    ]
    for process in running:
        process.wait()


if __name__ == "__main__":
    main()
