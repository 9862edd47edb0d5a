"""The symlinks of a setup: which to make, and which to remove."""

from __future__ import annotations

import os

from credhelper.core.text import command, printable
from credhelper.errors import ConfigError
from credhelper.setup.journal import Setup
from credhelper.setup.plan import Plan
from credhelper.setup.work import Work


def plan_links(work: Work, plan: Plan, setup: Setup, olds: list[Setup]) -> None:
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
                f"{printable(link.path)} is there already, and does not lead to credhelper",
                hint=f"see what it is: {command('ls', '-l', link.path)}",
            )
        work.linked.append((link.path, link.target))
        setup.links[link.path] = link.target


def plan_removal(work: Work, path: str, target: str) -> None:
    if any(path in one.links for one in work.after.setups) or not os.path.lexists(path):
        return
    if (path, target) in work.unlinked:
        return  # several setups needed it
    if leads(path, target):
        work.unlinked.append((path, target))
    else:
        work.left.append(f"{printable(path)} was changed since, and is")


def leads(path: str, target: str) -> bool:
    return os.path.islink(path) and os.readlink(path) == target
