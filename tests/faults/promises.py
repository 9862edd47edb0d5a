"""What credhelper promises, whatever goes wrong under it; each check yields what is broken.

A broken promise is a text, `NAME: what was seen`; the names are those of `PROMISES`.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

from tests.faults.injector import NETWORK, Ended, role_of
from tests.faults.stage import Stage, cid_of
from tests.support.worlds import Outcome, tokens_in

PROMISES = {
    "hang": "it ends by itself",
    "bug": "nobody sees a traceback or an error that we did not foresee",
    "secret": "stderr holds no secret",
    "status": "the exit status is one that is documented for this",
    "silent": "an error is told",
    "torn": "stdout holds one whole answer or nothing",
    "wrong": "the answer is a living token of the profile that was asked for",
    "refused": "what can be answered is answered",
    "dead": "a token that was refused is not served again",
    "effect": "what it said is done is done",
    "next": "the next run without faults works",
    "lost": "the session on disk is one that the API knows",
    "others": "what is not ours is as it was",
    "leftover": "once it ran again, no secret lies where nobody will look for it",
}

_BUGS = (b"Traceback", b"this is a bug", b"a bug in credhelper")
_MOST = 7  # the last exit status of docs/exit-statuses.md that is not about a command or a signal


def of_any_run(
    stage: Stage, ended: Ended, ends: int = 0, *, several: bool = False
) -> Iterator[str]:
    """Check what every run owes.

    Parameters: `ends`, the status of a run without faults; `several`, whether what befell one of
    its processes may be told by another.
    """
    if ended.hung:
        yield f"hang: {ended}"
        return
    if any(sign in ended.stderr for sign in _BUGS):
        yield f"bug: {ended.told}"
    if tokens_in(ended.stderr) or any(one in ended.stderr for one in stage.typed_secrets()):
        yield "secret: on stderr"
    allowed = {*range(_MOST + 1), ends}
    if stopped(ended):
        signalled = int(ended.plan.value) or signal.SIGKILL
        allowed = {0, ends, -signalled, 128 + signalled, *(allowed if several else ())}
    elif ended.status > 0 and not (ended.stderr or ended.stdout):
        yield f"silent: {ended}"
    if ended.status not in allowed:
        yield f"status: {ended}"


def stopped(ended: Ended) -> bool:
    """Tell whether it was killed, or told by a signal to end."""
    return bool(ended.befell) and ended.plan.action in ("kill", "signal")


def of_an_answer(
    stage: Stage, ended: Outcome, cid: str | None = None, *, stopped: bool = False
) -> Iterator[str]:
    """Check stdout, which is a token on a line or nothing. Parameters: `cid`, its project's."""
    if ended.status == 0 and not ended.stdout:
        yield f"torn: nothing, and status 0: {ended}"
    if not ended.stdout:
        return
    if ended.status != 0 and not stopped:
        yield f"torn: an answer beside an error: {ended}"
    token = ended.stdout.decode().removesuffix("\n")
    if tokens_in(ended.stdout) != [token.encode()]:
        yield f"torn: {ended}"
    elif cid_of(token) != cid or not stage.sandbox.admits(token):
        yield "wrong: a token of another profile, or one that the API does not take"


def next_run(stage: Stage, *words: str, stdin: bytes = b"") -> Outcome:
    """Run credhelper without faults; what it must never show counts as a failure."""
    try:
        return stage.world.run(*words, stdin=stdin)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return Outcome(-1, b"", f"{type(error).__name__}: {error}".encode())


def of_the_next_get(stage: Stage, profile: str = "main", cid: str | None = None) -> Iterator[str]:
    """Check that a plain get of `profile` answers with a right token."""
    outcome = next_run(stage, "get", "--profile", profile)
    if outcome.status == 5 and (failures := stage.world.failures()):
        for path in failures:
            path.unlink()  # some seconds later
        outcome = next_run(stage, "get", "--profile", profile)
    if outcome.status != 0:
        yield f"next: {outcome}"
        return
    yield from (f"next: {each}" for each in of_an_answer(stage, outcome, cid))


def of_what_is_left(stage: Stage) -> Iterator[str]:
    """Check that secrets lie only where somebody will look for them."""
    if stage.left_over():
        next_run(stage, "profile", "list")  # a get from the cache does nothing but that
    yield from (f"leftover: {role}" for role in stage.left_over())


def of_a_goodbye(stage: Stage) -> Iterator[str]:
    """Check that nothing of profile `typed` is left."""
    for path, data in stage.files().items():
        if any(secret in data for secret in stage.secrets) or path.endswith("typed.key"):
            yield f"leftover: {role_of(path)}"


def lost_in_flight(ended: Ended) -> bool:
    """Tell whether a kill or the network took a refresh's answer before it was on disk."""
    if not ended.befell:
        return False
    first = ended.befell[0]
    if ended.plan.action != "kill" and not (ended.plan.action == "fail" and first.kind in NETWORK):
        return False
    done = {(each.kind, each.role) for each in ended.points[: ended.points.index(first)]}
    return ("send", "network") in done and ("rename", "state/sessions/RECORD") not in done
