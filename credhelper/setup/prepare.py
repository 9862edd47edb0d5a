"""From a plan to the changes of files, checked before anything is written.

Each new text is read back: the entries of others must be as they were, and ours as planned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy

from credhelper.core.text import command, printable
from credhelper.errors import ConfigError
from credhelper.setup import disk, formats, journal, links
from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf
from credhelper.setup.journal import File, Journal, Setup
from credhelper.setup.plan import Entry, Plan
from credhelper.setup.reading import BY_HAND, unreadable
from credhelper.setup.work import Edit, Work, cannot_hold


def add(plan: Plan, setup: Setup, before: Journal) -> Work:
    """Return the changes that `plan` takes as `setup`. Raises CredhelperError; writes nothing.

    Entries of an earlier setup with the same key that the plan does not have are removed. An entry
    that is there already stays where it is; if somebody else wrote it, it does not become ours.
    """
    work = Work(before, deepcopy(before))
    olds = _withdrawn(work, {setup.key})
    setup.added += [one for old in olds for one in old.added if one not in setup.added]
    wanted = [
        (disk.look(change.path), change.format, atom)
        for change in plan.files
        for entry in change.entries
        for atom in _atoms(change.format, entry)
    ]
    mine = [atom for old in olds for atom in old.entries]
    keep = {_id(found.target, atom) for found, _, atom in wanted}
    _take(work, [(target, atom) for target, atom in mine if _id(target, atom) not in keep])
    known = {_id(target, atom) for target, atom in mine}
    for found, kind, atom in wanted:
        _refuse_mark(found, kind)
        edit = _edit(work, found, kind)
        ours = _said(found, kind, atom)
        # Not read from the text again after each entry: that is done once, when all are in.
        if _contains(_now(edit), ours):
            if _id(found.target, atom) not in known and not work.after.owns(found.target, atom):
                continue  # somebody wrote it by hand: it is theirs
        else:
            _refuse_conflict(work, edit, kind, ours)
            _put(work, edit, atom, ours)
        setup.entries.append((found.target, atom))
    links.plan_links(work, plan, setup, olds)
    work.after.setups.append(setup)
    _forget(work)
    _verify(work)
    return work


def undo(setups: Iterable[Setup], before: Journal) -> Work:
    """Return the changes that remove `setups`; writes nothing.

    Raises CredhelperError.
    """
    work = Work(before, deepcopy(before))
    olds = _withdrawn(work, {setup.key for setup in setups})
    _take(work, [atom for old in olds for atom in old.entries])
    for old in olds:
        for path, target in old.links.items():
            links.plan_removal(work, path, target)
    _forget(work)
    _verify(work)
    return work


def missing(setup: Setup, known: Journal) -> list[str]:
    """Return the paths where something of `setup` is missing. Raises CredhelperError."""
    gone = []
    for target, atom in setup.entries:
        file = known.files[target]
        found = disk.look(file.path)
        edit = Edit(found, Draft(found.text), file.format)
        if not _contains(edit.leaves(), _leaves_of(file.format, atom)):
            gone.append(file.path)
    gone += [path for path, target in setup.links.items() if not links.leads(path, target)]
    return list(dict.fromkeys(gone))


def _withdrawn(work: Work, keys: set[journal.Key]) -> list[Setup]:
    """Take the setups with these keys out of the new journal, and return them."""
    olds = [one for one in work.after.setups if one.key in keys]
    work.after.setups = [one for one in work.after.setups if one.key not in keys]
    return olds


def _atoms(kind: str, entry: Entry) -> list[Entry]:
    """Return the parts into which an entry can be split."""
    if formats.FORMATS[kind][1]:
        return [entry]
    return [Entry(entry.at, (value,)) for value in entry.values]


def _edit(work: Work, found: disk.Found, kind: str) -> Edit:
    if found.target not in work.edits:
        edit = Edit(found, Draft(found.text), kind)
        edit.before = edit.leaves()  # refuses a file that its tool cannot read
        work.edits[found.target] = edit
    return work.edits[found.target]


def _now(edit: Edit) -> list[Leaf]:
    """Return what the text says, if all went as it should: `_verify` reads it."""
    return _less(edit.before, edit.taken) + edit.given


def _refuse_mark(found: disk.Found, kind: str) -> None:
    """Refuse a byte order mark that the tool does not skip: it would not read what we add."""
    if found.marked and kind not in formats.MARKED:
        take_out = command("sed", "-i", r"1s/^\xEF\xBB\xBF//", found.target)
        raise ConfigError(
            f"{printable(found.path)}: it begins with a byte order mark, which its tool does not"
            " read",
            hint=f"an editor put it there; remove it: {take_out}",
        )


def _file(work: Work, edit: Edit) -> File:
    """Return this file's entry in the new journal, added if it is missing."""
    target = edit.found.target
    if target not in work.after.files:
        new = edit.found.data is None
        work.after.files[target] = File(edit.found.path, edit.format, created=new)
    return work.after.files[target]


def _put(work: Work, edit: Edit, atom: Entry, ours: list[Leaf]) -> None:
    try:
        formats.load(edit.format).put(edit.draft, atom, _file(work, edit).made)
    except ValueError as error:
        _leaves_after(edit)
        raise unreadable(edit.found.path, error) from error
    edit.given += ours


def _refuse_conflict(work: Work, edit: Edit, kind: str, ours: list[Leaf]) -> None:
    """Refuse to change what somebody else has set. The message does not show their value."""
    if formats.FORMATS[kind][1]:
        return  # where names repeat, the last one counts
    set_already = {place for place, _ in _now(edit)}
    for place, _ in ours:
        if place in set_already:
            raise ConfigError(
                f"{printable(edit.found.path)}: {printable('.'.join(place))} is set already, to"
                " something else",
                hint=_whose(work, edit.found.target, kind, place),
            )


def _whose(work: Work, target: str, kind: str, place: tuple[str, ...]) -> str:
    """Return what can be done about a value that stands in the way."""
    for one in work.after.setups:
        for there, atom in one.entries:
            if there == target and any(place == taken for taken, _ in _leaves_of(kind, atom)):
                return f"it is for {one.service}: use the same profile, or undo that setup first"
    return "remove it first, if you no longer want it"


def _take(work: Work, atoms: Iterable[tuple[str, Entry]]) -> None:
    """Take the atoms out that no other setup needs."""
    for target, atom in atoms:
        file = work.after.files.get(target)
        if file is None or work.after.owns(target, atom):
            continue
        found = disk.look(file.path)
        if found.target != target:
            found = disk.look(target)  # the link leads elsewhere now
        if found.data is None:
            continue
        edit = _edit(work, found, file.format)
        ours = _leaves_of(file.format, atom)
        text = edit.draft.text
        try:
            changed = formats.load(file.format).take(edit.draft, atom, file.made)
        except ValueError as error:
            _leaves_after(edit)
            raise unreadable(found.path, error) from error
        if _contains(edit.before, edit.taken + ours) and not changed:
            if edit.draft.text == text:
                changed = [name for name, _ in atom.values]  # it is there, but not as we write it
            else:
                edit.taken += ours
        for name in changed:
            work.left.append(f"{printable(file.path)}: {printable(name)} was changed since, and is")


def _forget(work: Work) -> None:
    """Forget files that no setup uses, and remove those that we created and that are empty."""
    used = {target for setup in work.after.setups for target, _ in setup.entries}
    for target in [target for target in work.after.files if target not in used]:
        file = work.after.files.pop(target)
        edit = work.edits.get(target)
        if edit is not None and file.created and not edit.draft.text.strip():
            edit.gone = edit.found.data is not None


def _verify(work: Work) -> None:
    """Raise ConfigError if a draft changes anything but our own entries."""
    for edit in work.edits.values():
        if not edit.changes:
            continue
        now = _leaves_after(edit)
        stays = _less(edit.before, edit.taken)
        if not _contains(now, edit.given) or _less(now, edit.given) != stays:
            raise _harm(edit)


def _leaves_after(edit: Edit) -> list[Leaf]:
    """Return what the changed text says. Raises ConfigError if its tool could not read it."""
    try:
        return edit.leaves()
    except ConfigError:
        # The line in that message would be of our draft, and not of the user's file.
        raise _harm(edit) from None


def _harm(edit: Edit) -> ConfigError:
    shown = printable(edit.found.path)
    return ConfigError(f"{shown}: this change would damage what is there", BY_HAND)


def _leaves_of(kind: str, atom: Entry) -> list[Leaf]:
    return formats.load(kind).leaves(formats.written(kind, (atom,)))


def _said(found: disk.Found, kind: str, atom: Entry) -> list[Leaf]:
    """Return what `atom` says. Raises UsageError if the tool would read something else."""
    try:
        ours = formats.says(kind, atom)
        if _leaves_of(kind, atom) != ours:
            raise ValueError(f"it has no way to write {'.'.join([*atom.at, atom.values[0][0]])}")
    except ValueError as error:
        raise cannot_hold(found.path, error) from error
    return ours


def _contains(leaves: list[Leaf], ours: list[Leaf]) -> bool:
    return all(leaves.count(leaf) >= ours.count(leaf) for leaf in ours)


def _less(leaves: list[Leaf], ours: list[Leaf]) -> list[Leaf]:
    """Return `leaves` without `ours`; of equal ones, the last are removed."""
    left = leaves[::-1]
    for leaf in ours[::-1]:
        left.remove(leaf)
    return left[::-1]


def _id(target: str, atom: Entry) -> str:
    return json.dumps([target, atom.at, atom.values])
