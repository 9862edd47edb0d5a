"""What the data APIs do with the sandbox's state: give AWS keys, and say who may list data."""

from __future__ import annotations

from credhelper.sandbox import state_v2
from credhelper.sandbox.call import PLAIN, Presented, RefusedError, Tweak
from credhelper.sandbox.objects import FOREIGN, MISSING, Keys
from credhelper.sandbox.state import State, check_membership


def exchange(
    state: State,
    who: Presented,
    kind: str,
    given_id: str,
    now: float,
    *,
    read_only: bool,
    wanted: bool,
    tweak: Tweak = PLAIN,
) -> Keys | None:
    """Give AWS keys for a folder, file or volume, if they are `wanted` (PATCH and GET).

    Raises `RefusedError`: 401 for anything but a valid Bearer JWT, 400 for a malformed id, 403
    for data of another account, 404 for data that does not exist.
    """
    state.check_jwt(who, now, tweak)
    return _exchange(state, kind, given_id, now, read_only, wanted, tweak)


def exchange_v2(
    state: State,
    who: Presented,
    project: str,
    given_id: str,
    now: float,
    *,
    read_only: bool,
    tweak: Tweak = PLAIN,
) -> Keys | None:
    """Give AWS keys for a file or folder of a project (POST ...:createTemporaryCredentials).

    Raises `RefusedError` as `exchange`, and 404 for a project that is not the account's.
    """
    check_project(state, who, project, now, tweak)
    kind = "file" if given_id.startswith("fil.") else "folder"
    return _exchange(state, kind, given_id, now, read_only, True, tweak)


def check_project(
    state: State, who: Presented, project: str, now: float, tweak: Tweak = PLAIN
) -> None:
    """Raise `RefusedError` 401 as `state_v2.check`, and 404 for a project of somebody else."""
    state_v2.check(state, who, now, tweak)
    if state.projects.of_v2(project) is None:
        raise RefusedError(404, "there is no project of this id")


def check_volume(
    state: State, who: Presented, volume: str | None, now: float, tweak: Tweak = PLAIN
) -> None:
    """Raise `RefusedError`: 401 as `exchange`, 400 without a volume, 403 for one of others."""
    state.check_jwt(who, now, tweak)
    if not volume:
        raise RefusedError(400, "volume.name is needed")
    if volume.endswith(FOREIGN):
        raise RefusedError(403, "the user has no access to this volume")


def _exchange(
    state: State, kind: str, given_id: str, now: float, read_only: bool, wanted: bool, tweak: Tweak
) -> Keys | None:
    check_membership("id", given_id, "")
    if given_id.endswith(FOREIGN):
        raise RefusedError(403, f"the user has no access to this {kind}")
    if given_id.endswith(MISSING):
        raise RefusedError(404, f"there is no {kind} of this id")
    if not wanted:
        return None
    lifetime = state.aws_lifetime if tweak.lifetime is None else tweak.lifetime
    state.counters["exchanged"] += 1
    expires = now + tweak.date + lifetime
    return state.objects.give(kind, given_id, read_only, expires, now)
