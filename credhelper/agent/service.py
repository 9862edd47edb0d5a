"""The agent answers at a Unix socket: from the cache, or through a child that renews.

It keeps no token itself. What the cache holds it reads at each request; everything else, a renewal
above all, is done by a child of its own, which ends with its answer. Those who ask the same wait
for the same child.
"""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping

from credhelper.agent import children, unix_socket
from credhelper.agent import offer as offers
from credhelper.agent.children import Children
from credhelper.agent.dialogues import Dialogue, Dialogues
from credhelper.broker import answer as answering
from credhelper.broker import routing
from credhelper.broker.context import Context
from credhelper.broker.trace import tracer
from credhelper.core import ending, lookup, paths, strict_json
from credhelper.core.model import SESSION, Credential, Request
from credhelper.core.text import command, without_numbers
from credhelper.errors import (
    ConfigError,
    CredhelperError,
    RejectedError,
    UnsupportedVersionError,
    unexpected,
)
from credhelper.protocols import jsonlines

_VERSION = 2  # of the json protocol
_SILENCE = 60.0  # seconds before the same warning is given again
_MOST_WARNED = 100

Say = Callable[[str, str | None], None]


class Job:
    """One request, and the dialogues that wait for its answer.

    Parameters:
    - line: the request as it came.
    - request: the same, read.
    """

    __slots__ = ("line", "request", "waiting")

    def __init__(self, line: bytes, request: Request) -> None:
        self.line = line
        self.request = request
        self.waiting: list[Dialogue] = []


class Agent:
    """An agent that listens.

    Parameters:
    - offer: what it serves.
    - listener: its socket.
    - allowed: the ids of the users that may ask.
    - environ: the variables that count.
    - say: takes a warning for whoever started it, and a hint.
    """

    def __init__(
        self,
        offer: offers.Offer,
        listener: socket.socket,
        allowed: frozenset[int],
        environ: Mapping[str, str],
        say: Say,
    ) -> None:
        self._offer = offer
        self._allowed = allowed
        self._environ = environ
        self._say = say
        self._warned: dict[str, float] = {}
        self._jobs: dict[bytes, Job] = {}
        self._queue: list[Job] = []
        self._running: dict[int, Job] = {}
        self._dialogues = Dialogues(listener, self._admit, self._take, _refusal)
        self._children = Children(self._dialogues.close)

    def run(self) -> int:
        """Serve until a signal asks us to end, and return its number. `end` is to follow."""
        asked: list[int] = []
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

        def end(number: int, frame: object) -> None:
            asked.append(number)
            os.write(writer, b"\n")

        for number in ending.STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, end)
        # A parent that ignores SIGCHLD makes us ignore it, too: then no child can be waited for.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        while not asked:
            self._start_children()
            poll = select.poll()
            poll.register(reader, select.POLLIN)
            for handle in self._children.handles():
                poll.register(handle, select.POLLIN)
            for handle, events in self._dialogues.watched():
                poll.register(handle, events)
            soonest = min(self._dialogues.soonest(), self._children.soonest())
            ready = dict(poll.poll(1000 * soonest + 1))
            self._children.look_after()
            for handle in [handle for handle in ready if handle in self._running]:
                self._collect(handle)
            self._dialogues.serve(ready)
        return asked[0]

    def end(self) -> None:
        """Hang up, and end all children."""
        self._dialogues.close()
        self._children.end()

    def _admit(self, connection: socket.socket) -> None:
        uid = unix_socket.peer(connection)
        if uid not in self._allowed:
            self._warn(
                f"refused a connection of user {uid}",
                f"if it may have these tokens, add {command('--allow-uid', str(uid))}",
            )
            raise RejectedError(f"this agent does not serve user {uid}")

    def _take(self, line: bytes, dialogue: Dialogue) -> None:
        """Answer `line` now, if the cache can; otherwise let `dialogue` wait for a child."""
        try:
            request = _read(line)
            found = self._warm(request) if request.action == "get" else None
        except CredhelperError as error:
            self._dialogues.reply(dialogue, _refusal(error))
            return
        if found is not None:
            self._dialogues.reply(dialogue, jsonlines.render(request, found).stdout)
            return
        job = self._jobs.get(line)
        if job is None:
            job = self._jobs[line] = Job(line, request)
            self._queue.append(job)
        job.waiting.append(dialogue)

    def _warm(self, request: Request) -> Credential | None:
        """Return a fresh credential, if the cache holds one. Raises CredhelperError."""
        environ = self._environ
        folder = paths.cache_dir(environ, sys.platform)
        if not folder or not paths.private_folder(folder):
            return None
        label, source = lookup.configuration(environ)
        routes = lookup.compiled(folder, label, environ.get("HOME", ""), source)
        if routes is None or not routes.intact():
            return None
        narrowed = offers.narrow(self._offer, routes, request, environ)
        found = lookup.answer(environ, narrowed)
        return _handed_out(found) if isinstance(found, Credential) else None

    def _start_children(self) -> None:
        while self._queue and len(self._children) < children.MOST:
            job = self._queue.pop(0)
            try:
                # Another child may have renewed it meanwhile.
                found = self._warm(job.request) if job.request.action == "get" else None
                if found is not None:
                    self._done(job, jsonlines.render(job.request, found).stdout)
                    continue
                work = functools.partial(_work, self._environ, self._offer, job.request)
                self._running[self._children.start(work, answering.tidy_up)] = job
            except CredhelperError as error:
                self._done(job, _refusal(error))
            except OSError as error:
                why = f"the agent can start no process: {os.strerror(error.errno or 0).lower()}"
                self._done(job, _refusal(CredhelperError(why, "ulimit -u", retryable=True)))

    def _collect(self, handle: int) -> None:
        """Take what a child hands over, and answer when that is whole."""
        data = self._children.collect(handle)
        if data is None:
            return
        job = self._running.pop(handle)
        try:
            reply, warnings = json.loads(data)
        except ValueError:
            # Killed, say. What came is not shown: it may be half of a token.
            why = "the process that was renewing has died"
            reply, warnings = _refusal(CredhelperError(why, retryable=True)).decode(), []
        for message, hint in warnings:
            self._warn(message, hint)
        self._done(job, reply.encode())

    def _done(self, job: Job, reply: bytes) -> None:
        del self._jobs[job.line]
        for dialogue in job.waiting:
            self._dialogues.reply(dialogue, reply)

    def _warn(self, message: str, hint: str | None) -> None:
        now, same = time.monotonic(), without_numbers(message)
        if now < self._warned.get(same, 0.0):
            return
        if len(self._warned) > _MOST_WARNED:
            self._warned.clear()
        self._warned[same] = now + _SILENCE
        self._say(message, hint)


def _read(line: bytes) -> Request:
    document = strict_json.read(line, "line")
    if document.get("version") != _VERSION:
        raise UnsupportedVersionError(f"an agent speaks version {_VERSION} of the json protocol")
    return jsonlines.read(document)


def _work(environ: Mapping[str, str], offer: offers.Offer, request: Request) -> bytes:
    """Return the answer to `request` and the warnings on the way, as JSON. In a child."""
    warnings: list[tuple[str, str | None]] = []
    context = Context(
        environ,
        warn=lambda message, hint: warnings.append((message, hint)),
        trace=tracer(environ.get("CREDHELPER_TRACE", "")),
        alarm=True,
    )
    try:
        narrowed = offers.narrow(offer, routing.load_routes(context), request, environ)
        answer = answering.answer(context, narrowed)
        if isinstance(answer, Credential):
            _handed_out(answer)
        reply = jsonlines.render(narrowed, answer).stdout
    except CredhelperError as error:
        reply = _refusal(error)
    except ImportError:
        why = "credhelper was removed or replaced since the agent was started"
        reply = _refusal(CredhelperError(why, "start the agent again"))
    except Exception as error:  # noqa: BLE001  # as at the edge: whoever asked gets a line
        reply = _refusal(unexpected(error))
    return json.dumps([reply.decode(), warnings]).encode()


def _handed_out(found: Credential) -> Credential:
    if found.kind == SESSION:  # the config was changed, between two looks
        raise ConfigError(f"profile {found.profile} hands out its session: no agent serves that")
    return found


def _refusal(error: CredhelperError) -> bytes:
    return jsonlines.failure(error, str(_VERSION)).stdout
