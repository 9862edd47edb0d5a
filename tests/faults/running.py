"""Scenarios of commands that go on for a while: what they hold fresh, or serve, while they run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.injector import PATIENCE, Ended
from tests.faults.promises import next_run
from tests.faults.scenario import DAY, Scenario, after_get, configured, served
from tests.faults.stage import URL, Stage
from tests.support.worlds import tokens_in

# Long enough for a renewal to be tried again once. What is not there by then is no failure: the
# checks hold for whatever was done.
_PATIENCE = 6.0
_LEFT = 300  # seconds of a token's life: a keeper renews it, and its readers still can use it

# The user's own programs are no part of what is tested: nothing goes wrong in them.
_OWN = ["env", "-u", "LD_PRELOAD", "-u", "FAULTS_STATE"]
# The job reads its token, says so, and reads it again when it is told to.
_JOB = (
    'cat "$BEARER_TOKEN_FILE"; echo; : >"$0/ready"; '
    'while [ ! -e "$0/go" ]; do sleep 0.05; done; cat "$BEARER_TOKEN_FILE"; echo'
)
_ASK = """
import os, socket, sys
uri = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
port = int(uri.partition("127.0.0.1:")[2].partition("/")[0])
asked = socket.create_connection(("127.0.0.1", port), 30)
asked.sendall((
    f"GET /credentials HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n"
    f"Authorization: {os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']}\\r\\n\\r\\n"
).encode())
found = b""
while chunk := asked.recv(65536):
    found += chunk
head, _, body = found.partition(b"\\r\\n\\r\\n")
os.write(1, body)
sys.exit(0 if b" 200 " in head.split(b"\\r")[0] else 5)
"""


def _until(happened: Callable[[], object], process: subprocess.Popen[bytes]) -> bool:
    """Wait until something has happened, the process has ended, or nothing comes any more."""
    end = time.monotonic() + _PATIENCE
    while not happened():
        if process.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _kept(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _grow_old(stage: Stage) -> None:
    """Let the token in the cache have little life left, however far the command has come."""
    for record in stage.world.records():
        if b"\nend " in record.read_bytes():
            stage.world.age_record(record, DAY - _LEFT)


def _watch(stage: Stage) -> list[str]:
    return ["watch", "--to", str(stage.root / "out" / "token")]


def _with_place(stage: Stage) -> None:
    configured(stage)
    (stage.root / "out").mkdir(0o700)


def _watched(stage: Stage, process: subprocess.Popen[bytes]) -> None:
    path = stage.root / "out" / "token"
    if _until(path.exists, process):
        before = _kept(path)
        _grow_old(stage)
        process.send_signal(signal.SIGCONT)  # wakes it: it looks every ten seconds
        _until(lambda: _kept(path) != before, process)
    process.terminate()


def _after_watch(stage: Stage, ended: Ended) -> Iterator[str]:
    path = stage.root / "out" / "token"
    yield from _living(stage, _kept(path), "the file")
    done = next_run(stage, "write", *_watch(stage)[1:])
    if done.status == 5:
        for failure in stage.world.failures():
            failure.unlink()  # some seconds later
        done = next_run(stage, "write", *_watch(stage)[1:])
    if done.status != 0:
        yield f"next: write: {done}"
    elif not tokens_in(_kept(path)):
        yield "next: there is no token in the file"
    yield from after_get(stage, ended)


def _living(stage: Stage, data: bytes, where: str) -> Iterator[str]:
    """Check that each line is a token of ours that lives."""
    for line in data.split():
        if tokens_in(line) != [line]:
            yield f"torn: {where} holds {len(line)} bytes that are no token"
        elif not stage.sandbox.admits(line.decode()):
            yield f"wrong: {where} holds a token that the API does not take"


def _exec(stage: Stage) -> list[str]:
    return ["exec", "--refresh", "--", *_OWN, "sh", "-c", _JOB, str(stage.root / "out")]


def _job(stage: Stage, process: subprocess.Popen[bytes]) -> None:
    out = stage.root / "out"
    try:
        if _until((out / "ready").exists, process):
            files = list((stage.root / "run").glob("credhelper/run-*/token"))
            before = [_kept(file) for file in files]
            _grow_old(stage)
            process.send_signal(signal.SIGCONT)
            _until(lambda: [_kept(file) for file in files] != before, process)
    finally:
        (out / "go").touch()


def _after_exec(stage: Stage, ended: Ended) -> Iterator[str]:
    yield from _living(stage, ended.stdout, "what the job read")
    for folder in (stage.root / "run").glob("credhelper/run-*"):
        os.utime(folder, (0, 0))  # a young one may be about to be locked by its maker
    yield from after_get(stage, ended)


def _endpoint(stage: Stage) -> list[str]:
    own = [*_OWN, sys.executable, "-I", "-S", "-c", _ASK]
    return ["exec", "--aws-endpoint", "--", *own]


def _with_keys(stage: Stage) -> None:
    configured(stage, aws={"folder": "fol.alpha"})


def _after_endpoint(stage: Stage, ended: Ended) -> Iterator[str]:
    if ended.stdout:
        try:
            document = json.loads(ended.stdout)
        except ValueError:
            yield f"torn: {ended}"
            return
        good = {each["accessKeyId"] for each in stage.sandbox.aws()}
        if ended.status == 0 and document.get("AccessKeyId") not in good:
            yield "wrong: keys that do not work"
        if ended.status == 5 and not document.get("message"):
            yield f"silent: {ended}"
    done = next_run(stage, "aws")
    if done.status == 5:
        for failure in stage.world.failures():
            failure.unlink()  # some seconds later
        done = next_run(stage, "aws")
    if done.status != 0:
        yield f"next: aws: {done}"
    yield from after_get(stage, ended)


def _agent(stage: Stage) -> list[str]:
    return ["agent", "--socket", str(stage.root / "agent" / "socket"), "--service", URL]


def _asked(stage: Stage, process: subprocess.Popen[bytes]) -> None:
    stage.heard = []
    path = stage.root / "agent" / "socket"
    if _until(lambda: _ask(stage, path), process):
        _expire(stage)
        _ask(stage, path)
    process.terminate()


def _expire(stage: Stage) -> None:
    for record in stage.world.records():
        if b"\nend " in record.read_bytes():
            stage.world.age_record(record, DAY + 60)


def _ask(stage: Stage, path: Path) -> bool:
    line = json.dumps({"version": 2, "action": "get", "service": URL}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        try:
            connection.connect(str(path))
            connection.sendall(line + b"\n")
            data = b""
            while not data.endswith(b"\n") and (chunk := connection.recv(65536)):
                data += chunk
        except (FileNotFoundError, ConnectionError, BrokenPipeError):
            return False  # it is not there yet, or any more
        except TimeoutError:
            data = b'{"hung":true}\n'
    if data:
        stage.heard.append(json.loads(data) if data.endswith(b"\n") else {"torn": True})
    return True


def _after_agent(stage: Stage, ended: Ended) -> Iterator[str]:
    for answer in stage.heard:
        if answer.keys() & {"hung", "torn"}:
            yield f"{next(iter(answer))}: an answer of the agent"
        elif "error" in answer:
            if not answer["error"].get("message"):
                yield "silent: an error of the agent"
        else:
            yield from _living(stage, answer["token"].encode(), "the agent's answer")
    yield from after_get(stage, ended)


SCENARIOS = (
    Scenario(
        "watch",
        _watch,
        _with_place,
        _after_watch,
        meanwhile=_watched,
        ends=-signal.SIGTERM,
        several=True,
    ),
    Scenario(
        "exec-refresh",
        _exec,
        _with_place,
        _after_exec,
        meanwhile=_job,
        several=True,
    ),
    Scenario("aws-endpoint", _endpoint, _with_keys, _after_endpoint, several=True),
    Scenario(
        "agent",
        _agent,
        served,
        _after_agent,
        meanwhile=_asked,
        ends=-signal.SIGTERM,
        several=True,
    ),
)
