"""A check and its result, and the run of many checks: what depends on a failed one is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from credhelper.core.text import without_numbers
from credhelper.errors import CacheError, ConfigError, CredhelperError, unexpected

WARNINGS = "on the way"  # what warnings are about: any check may have met them
PASS, WARN, FAIL, SKIPPED = STATES = ("pass", "warn", "fail", "skipped")


@dataclass(frozen=True)
class Result:
    """What a check found.

    Parameters:
    - name: of the check.
    - about: the profile, server or tool that it looked at; "" for this machine.
    - state: one of `STATES`.
    - why: one line.
    - fix: the command or the step that helps; "" for none.
    - status: the exit status of a fail, as in docs/exit-statuses.md; else 0.
    """

    name: str
    about: str
    state: str
    why: str
    fix: str = ""
    status: int = 0


@dataclass(frozen=True)
class Outcome:
    """What the function of a check returns: a `state`, `why`, and a `fix` or ""."""

    state: str
    why: str
    fix: str = ""


@dataclass(frozen=True)
class Check:
    """Something to look at.

    Parameters:
    - name, about: as in a Result; together they are the key of the check.
    - look: returns what it found. A CredhelperError that it raises is a fail.
    - needs: the keys of checks that must not have failed or been skipped.
    - otherwise: what helps, where an error does not say it.
    - alike: an error names the very thing that is wrong, so that the same words about something
      else mean the same trouble.
    """

    name: str
    about: str
    look: Callable[[], Outcome]
    needs: tuple[tuple[str, str], ...] = ()
    otherwise: str = ""
    alike: bool = False


class SkippedError(Exception):
    """A check cannot look here: the message says why."""


def passed(why: str) -> Outcome:
    """Return that all is well."""
    return Outcome(PASS, why)


def warned(why: str, fix: str = "") -> Outcome:
    """Return that something may surprise."""
    return Outcome(WARN, why, fix)


def run(checks: Iterable[Check], done: dict[tuple[str, str], Result]) -> None:
    """Run each of `checks`, in this order, and put its result into `done`, by its key.

    A check whose precondition failed, or was skipped for another one that failed, is skipped. A
    precondition that is not among `done` holds.
    """
    for check in checks:
        key = check.name, check.about
        found = _blocked(check, done) or _looked(check)
        done[key] = _of_the_same_trouble(check, found, done.values()) or found


def _of_the_same_trouble(check: Check, found: Result, before: Iterable[Result]) -> Result | None:
    """Return that a check needs one that failed before, if both failed for the same thing.

    One home or one disk has all of our folders, one proxy leads to all servers, one file has the
    key of several profiles.
    """
    if found.state != FAIL:
        return None
    local = found.status in (ConfigError.exit_status, CacheError.exit_status) and found.fix
    for one in before:
        same_step = local and (one.status, one.fix) == (found.status, found.fix)
        same_words = check.alike and (one.name, one.why) == (found.name, found.why)
        if one.state == FAIL and (same_step or same_words):
            return _needing(found.name, found.about, (one.name, one.about))
    return None


def _blocked(check: Check, done: dict[tuple[str, str], Result]) -> Result | None:
    for need in check.needs:
        before = done.get(need)
        if before and before.state in (FAIL, SKIPPED):
            return _needing(check.name, check.about, need)
    return None


def _needing(name: str, about: str, need: tuple[str, str]) -> Result:
    return Result(name, about, SKIPPED, f"needs: {' '.join(filter(None, need))}")


def _looked(check: Check) -> Result:
    name, about = check.name, check.about
    try:
        found = check.look()
    except SkippedError as why:
        return Result(name, about, SKIPPED, str(why))
    except CredhelperError as error:
        return _failed(check, error)
    except Exception as error:  # noqa: BLE001  # the other checks still help; no traceback to a user
        return _failed(check, unexpected(error))
    return Result(name, about, found.state, found.why, found.fix)


def _failed(check: Check, error: CredhelperError) -> Result:
    fix = error.hint or check.otherwise
    return Result(check.name, check.about, FAIL, error.message, fix, error.exit_status)


def exit_status(results: Iterable[Result]) -> int:
    """Return the status of the first fail; 0 without one."""
    return next((one.status for one in results if one.state == FAIL), 0)


def of_warnings(
    told: Iterable[tuple[str, str | None]], results: Iterable[Result]
) -> Iterator[Result]:
    """Yield a result for each warning, with its hint, that was given on the way.

    One that repeats what a check has told is not told again.
    """
    known = [one.why for one in results if one.state in (FAIL, WARN)]
    seen = set()
    for message, hint in told:
        same = without_numbers(message)
        if same not in seen and not any(why in message or message in why for why in known):
            seen.add(same)
            yield Result("warning", WARNINGS, WARN, message, hint or "")
