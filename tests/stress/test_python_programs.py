"""One Python program: threads, forked children, tasks; across the end of a token."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.broker import wiring
from credhelper.inprocess import tokens
from credhelper.storage import locks
from tests.support.programs import python_environment
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

LIFE = 86400
TIMEOUT = 60.0
THREADS = 50
CHILDREN = 8

# Asks again and again from everywhere; ends when everybody has seen another token than the first.
PROGRAM = """
import asyncio, json, os, sys, threading, time
import credhelper

threads, children, threads_in_child, tasks = map(int, sys.argv[1:])
first = credhelper.get_token()
give_up = time.monotonic() + 60
seen = set()
outcomes = []

def ask():
    try:
        while time.monotonic() < give_up:
            token = credhelper.get_token()
            seen.add(token)
            if token != first:
                return
            time.sleep(0.001)
    except BaseException as error:
        outcomes.append(repr(error))
    else:
        outcomes.append("never saw another token")

async def ask_in_a_task(credentials):
    while time.monotonic() < give_up:
        token = await credentials.atoken()
        seen.add(token)
        if token != first:
            return
        await asyncio.sleep(0.001)
    outcomes.append("never saw another token")

async def ask_in_tasks():
    credentials = credhelper.Credentials()
    await asyncio.gather(*(ask_in_a_task(credentials) for _ in range(tasks)))

def run(count):
    running = [threading.Thread(target=ask) for _ in range(count)]
    for thread in running:
        thread.start()
    return running

started = run(threads)
pipes = []
for _ in range(children):
    # In the midst of it: the threads are asking.
    reader, writer = os.pipe()
    if os.fork() == 0:
        seen.clear()
        outcomes.clear()
        mine = run(threads_in_child)
        os.write(writer, b"!")
        asyncio.run(ask_in_tasks())
        for thread in mine:
            thread.join()
        os.write(writer, json.dumps([sorted(seen), outcomes]).encode())
        os._exit(0)
    os.close(writer)
    pipes.append(open(reader, "rb"))
for pipe in pipes:
    assert pipe.read(1) == b"!"
print("running", flush=True)
for thread in started:
    thread.join()
told = [json.loads(pipe.read()) for pipe in pipes] + [[sorted(seen), outcomes]]
for _ in pipes:
    os.wait()
print(json.dumps({
    "first": first,
    "seen": sorted({token for tokens, _ in told for token in tokens}),
    "troubles": [trouble for _, troubles in told for trouble in troubles],
}))
"""


@pytest.mark.parametrize(
    ("age", "served"), [(LIFE - 30, "while it still lives"), (LIFE + 1, "when it is over")]
)
@pytest.mark.waits
def test_threads_tasks_and_forked_children_make_one_new_token(
    scratch_world: World, running_sandbox: RunningSandbox, age: int, served: str
) -> None:
    words = [str(number) for number in (THREADS, CHILDREN, 5, 20)]
    process = subprocess.Popen(
        # 3.12 warns of any fork in a program with threads: to survive that is the point.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, *words],
        env={**scratch_world.environ, **python_environment()},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        running_sandbox.fault({"delay": 0.3, "times": "always"})
        scratch_world.age(age)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, stderr) == (0, b""), served
    told = json.loads(stdout)
    assert told["troubles"] == []
    assert len(told["seen"]) == 2
    assert told["first"] in told["seen"]
    assert running_sandbox.stats()["created"] == 2


def test_a_lock_is_let_go_whoever_has_a_copy_of_its_handle(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock is not None
    (handle,) = locks._held
    copy = os.dup(handle)  # as a child has it that was forked meanwhile
    try:
        assert locks.acquire(path, wait=0, alarm=False) is None
        lock.release()
        lock.release()  # once is enough, and twice harms nobody
        again = locks.acquire(path, wait=0, alarm=False)
        assert again is not None
        again.release()
    finally:
        os.close(copy)


def test_a_forked_child_does_not_hold_what_its_parent_held_when_it_died(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    assert locks.acquire(path, wait=0, alarm=False) is not None
    child = os.fork()
    if child == 0:
        try:
            signal.pause()
        finally:
            os._exit(0)
    try:
        os.close(locks._held.pop())  # the kernel does no more for the dead
        locks._turns.clear()  # the turns of a process end with it
        _wait_for(lambda: _can_be_had(path))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _can_be_had(path: str) -> bool:
    lock = locks.acquire(path, wait=0, alarm=False)
    if lock is not None:
        lock.release()
    return lock is not None


def test_a_fork_waits_until_our_imports_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, finished = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        time.sleep(0.3)
        finished.set()

    monkeypatch.setattr(wiring, "loaded", finished.is_set)
    monkeypatch.setattr(wiring, "load", slow)
    importing = threading.Thread(target=tokens.preload)
    importing.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if finished.is_set() else 1)
    _, status = os.waitpid(child, 0)
    importing.join()
    assert status == 0


def test_a_child_of_a_fork_can_renew_by_itself(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    environ = scratch_world.environ
    first = tokens.get_token(environ=environ)
    scratch_world.age(LIFE + 1)
    child = os.fork()
    if child == 0:
        try:
            time.sleep(0.002)
            (tmp_path / "token").write_text(tokens.get_token(environ=environ))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / "token").read_text() == tokens.get_token(environ=environ) != first
    assert running_sandbox.stats()["created"] == 2


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
