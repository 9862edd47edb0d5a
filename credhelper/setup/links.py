"""The symlinks of a setup: which to make, and which to remove."""

from __future__ import annotations

import os

from credhelper.core.text import command, printable
from credhelper.errors import ConfigError
from credhelper.setup.journal import Setup
from credhelper.setup.plan import Plan
from credhelper.setup.work import Work


def plan_links(work: Work, plan: Plan, setup: Setup, olds: list[Setup]) -> None:
    """Put into `work` and `setup` the links of `plan`, and the end of those it has no more.

    Parameters:
    - work: takes what is to change.
    - plan: what the setup takes now.
    - setup: its new line in the journal.
    - olds: its former lines there.

    Raises ConfigError for a path that holds something else than our link.
    """
    mine = {path: target for old in olds for path, target in old.links.items()}
    for path, target in mine.items():
        if path not in {link.path for link in plan.links}:
            plan_removal(work, path, target)
    for link in plan.links:
        others = any(link.path in one.links for one in work.after.setups)
        if leads(link.path, link.target):
            if link.path in mine or others:
                setup.links[link.path] = link.target
            continue
        if leads(link.path, mine.get(link.path, "")):
            work.unlinked.append((link.path, mine[link.path]))
        elif os.path.lexists(link.path):
            raise ConfigError(
                f"{printable(link.path)} exists, and does not lead to credhelper",
                hint=f"see what it is: {command('ls', '-l', link.path)}",
            )
        work.linked.append((link.path, link.target))
        setup.links[link.path] = link.target


def plan_removal(work: Work, path: str, target: str) -> None:
    """Put into `work` the end of a link, unless another setup has it or it was changed since.

    Parameters:
    - work: takes what is to change.
    - path, target: of the link as we made it, absolute.
    """
    if any(path in one.links for one in work.after.setups) or not os.path.lexists(path):
        return
    if (path, target) in work.unlinked:
        return  # several setups needed it
    if leads(path, target):
        work.unlinked.append((path, target))
    else:
        work.left.append(f"{printable(path)} was changed since, and is")


def leads(path: str, target: str) -> bool:
    """Tell whether a symlink at `path` leads to `target`, in these very words."""
    return os.path.islink(path) and os.readlink(path) == target
