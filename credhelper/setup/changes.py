"""From a plan to files: what would change, and then the change, whole or not at all.

What was prepared is read back before it is written: all that is foreign must say what it said, and
ours what was wanted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace

from credhelper.core.text import printable
from credhelper.errors import CacheError, ConfigError, CredhelperError
from credhelper.setup import disk, formats, journal
from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf
from credhelper.setup.journal import File, Journal, Setup
from credhelper.setup.plan import Entry, Plan

# How the name of a new file ends that has not yet taken the place of the old one: `cache.replace`.
_LEFT = r"\.\d+\.[0-9a-f]{8}\.tmp"
_BY_HAND = "mend it first, or add the lines by hand: --print shows them"


@dataclass
class Edit:
    """One file that is being changed.

    Attributes: `found`, as it is; `draft`, its text; `taken` and `given`, what of ours went out of
    it and came in.
    """

    found: disk.Found
    draft: Draft
    format: str
    taken: list[Leaf] = field(default_factory=list)
    given: list[Leaf] = field(default_factory=list)
    gone: bool = False

    @property
    def changes(self) -> bool:
        """Whether the file will be another one."""
        return self.gone or self.draft.text != self.draft.old

    def leaves(self) -> list[Leaf]:
        """Return what the text says now. Raises ConfigError when its tool could not read it."""
        try:
            return formats.load(self.format).leaves(self.draft.text)
        except ValueError as error:
            raise ConfigError(f"{printable(self.found.path)}: {error}", _BY_HAND) from error
        except FileNotFoundError as error:
            raise CredhelperError(f"{error.filename} is not installed") from error


@dataclass
class Work:
    """What is about to be done.

    Attributes: `before` and `after`, the journal; `edits`; `linked` and `unlinked`, symlinks as
    pairs of path and target; `left`, what is left in place, and why.
    """

    before: Journal
    after: Journal
    edits: dict[str, Edit] = field(default_factory=dict)
    linked: list[tuple[str, str]] = field(default_factory=list)
    unlinked: list[tuple[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything but the journal will be another."""
        return bool(
            self.linked or self.unlinked or any(edit.changes for edit in self.edits.values())
        )

    def diff(self) -> list[str]:
        """Return what would change, as a unified diff without what is not ours, and links."""
        shown = []
        for edit in self.edits.values():
            lines = edit.draft.diff(printable(edit.found.path))
            if lines and edit.found.data is None:
                lines[0] = "--- /dev/null"
            if edit.gone:
                lines = lines or [f"--- {printable(edit.found.path)}", ""]
                lines[1] = "+++ /dev/null"
            shown += ["\t".join(map(printable, line.split("\t"))) for line in lines]
        shown += [f"-link {printable(path)} -> {printable(to)}" for path, to in self.unlinked]
        shown += [f"+link {printable(path)} -> {printable(to)}" for path, to in self.linked]
        return shown


def add(plan: Plan, setup: Setup, before: Journal) -> Work:
    """Return what it takes that `plan` stands as `setup`. Raises CredhelperError; changes nothing.

    What an earlier setup of the same key wrote and this one does not want goes. What stands already
    stays where it is; what somebody else put there does not become ours.
    """
    work = Work(before, deepcopy(before))
    olds = _withdrawn(work, {setup.key})
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
        edit = _edit(work, found, kind)
        ours = _leaves_of(kind, atom)
        if _contains(edit.leaves(), ours):
            if _id(found.target, atom) not in known and not work.after.owns(found.target, atom):
                continue  # somebody wrote it by hand: it is theirs
        else:
            _refuse_conflict(work, edit, kind, ours)
            _put(work, edit, atom, ours)
        setup.entries.append((found.target, atom))
    _link(work, plan, setup, olds)
    work.after.setups.append(setup)
    _forget(work)
    _verify(work)
    return work


def undo(setups: Iterable[Setup], before: Journal) -> Work:
    """Return what it takes that none of `setups` stands; changes nothing itself.

    Raises CredhelperError.
    """
    work = Work(before, deepcopy(before))
    olds = _withdrawn(work, {setup.key for setup in setups})
    _take(work, [atom for old in olds for atom in old.entries])
    for old in olds:
        for path, target in old.links.items():
            _unlink(work, path, target)
    _forget(work)
    _verify(work)
    return work


def missing(setup: Setup, known: Journal) -> list[str]:
    """Return the paths from which something of `setup` has gone. Raises CredhelperError."""
    gone = []
    for target, atom in setup.entries:
        file = known.files[target]
        found = disk.look(file.path)
        edit = Edit(found, Draft(found.text), file.format)
        if not _contains(edit.leaves(), _leaves_of(file.format, atom)):
            gone.append(file.path)
    gone += [path for path, target in setup.links.items() if not _leads(path, target)]
    return list(dict.fromkeys(gone))


# --- preparing ------------------------------------------------------------------------------------


def _withdrawn(work: Work, keys: set[journal.Key]) -> list[Setup]:
    """Take the setups of these keys out of the journal to come, and return them."""
    olds = [one for one in work.after.setups if one.key in keys]
    work.after.setups = [one for one in work.after.setups if one.key not in keys]
    return olds


def _atoms(kind: str, entry: Entry) -> list[Entry]:
    """Return the parts of an entry that may stand without each other."""
    if formats.FORMATS[kind][1]:
        return [entry]
    return [Entry(entry.at, (value,)) for value in entry.values]


def _edit(work: Work, found: disk.Found, kind: str) -> Edit:
    if found.target not in work.edits:
        work.edits[found.target] = Edit(found, Draft(found.text), kind)
        work.edits[found.target].leaves()  # what its tool cannot read is not ours to mend
    return work.edits[found.target]


def _file(work: Work, edit: Edit) -> File:
    """Return what the journal to come knows of this file; it will, from now on."""
    target = edit.found.target
    if target not in work.after.files:
        new = edit.found.data is None
        work.after.files[target] = File(edit.found.path, edit.format, created=new)
    return work.after.files[target]


def _put(work: Work, edit: Edit, atom: Entry, ours: list[Leaf]) -> None:
    try:
        formats.load(edit.format).put(edit.draft, atom, _file(work, edit).made)
    except ValueError as error:
        raise ConfigError(f"{printable(edit.found.path)}: {error}", _BY_HAND) from error
    _leaves_after(edit)
    edit.given += ours


def _refuse_conflict(work: Work, edit: Edit, kind: str, ours: list[Leaf]) -> None:
    """Refuse to change what somebody else has set: no value of theirs is repeated."""
    if formats.FORMATS[kind][1]:
        return  # where names repeat, the last one counts
    set_already = {place for place, _ in edit.leaves()}
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
            if there == target and any(place == told for told, _ in _leaves_of(kind, atom)):
                return f"it is for {one.service}: name the same profile, or undo that setup first"
    return "take it out first, if it is no longer wanted"


def _take(work: Work, atoms: Iterable[tuple[str, Entry]]) -> None:
    """Take out what no other setup needs."""
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
        there = edit.leaves()
        text = edit.draft.text
        changed = formats.load(file.format).take(edit.draft, atom, file.made)
        if _contains(there, ours) and not changed:
            if edit.draft.text == text:
                changed = [name for name, _ in atom.values]  # it is there, but not as we write it
            else:
                edit.taken += ours
        for name in changed:
            work.left.append(f"{printable(file.path)}: {printable(name)} was changed since, and is")


def _forget(work: Work) -> None:
    """Let go of files of which no setup says anything, and of what we made that is empty."""
    used = {target for setup in work.after.setups for target, _ in setup.entries}
    for target in [target for target in work.after.files if target not in used]:
        file = work.after.files.pop(target)
        edit = work.edits.get(target)
        if edit is not None and file.created and not edit.draft.text.strip():
            edit.gone = edit.found.data is not None


def _verify(work: Work) -> None:
    """Raise ConfigError unless every draft says what it said before, but for what is ours."""
    for edit in work.edits.values():
        if not edit.changes:
            continue
        now = _leaves_after(edit)
        old = formats.load(edit.format).leaves(edit.draft.old)
        if not _contains(now, edit.given) or _less(now, edit.given) != _less(old, edit.taken):
            raise _harm(edit)


def _leaves_after(edit: Edit) -> list[Leaf]:
    """Return what a text says that we have changed."""
    try:
        return edit.leaves()
    except ConfigError:
        # The line that it tells is of what we would have made, and not of the user's file.
        raise _harm(edit) from None


def _harm(edit: Edit) -> ConfigError:
    shown = printable(edit.found.path)
    return ConfigError(
        f"{shown}: this change cannot be made without harm to what is there", _BY_HAND
    )


def _leaves_of(kind: str, atom: Entry) -> list[Leaf]:
    return formats.load(kind).leaves(formats.rendered(kind, (atom,)))


def _contains(leaves: list[Leaf], ours: list[Leaf]) -> bool:
    return all(leaves.count(leaf) >= ours.count(leaf) for leaf in ours)


def _less(leaves: list[Leaf], ours: list[Leaf]) -> list[Leaf]:
    """Return `leaves` without `ours`, of which each is there: the last ones go."""
    left = leaves[::-1]
    for leaf in ours[::-1]:
        left.remove(leaf)
    return left[::-1]


def _id(target: str, atom: Entry) -> str:
    return json.dumps([target, atom.at, atom.values])


# --- links ----------------------------------------------------------------------------------------


def _link(work: Work, plan: Plan, setup: Setup, olds: list[Setup]) -> None:
    mine = {path: target for old in olds for path, target in old.links.items()}
    for path, target in mine.items():
        if path not in {link.path for link in plan.links}:
            _unlink(work, path, target)
    for link in plan.links:
        others = any(link.path in one.links for one in work.after.setups)
        if _leads(link.path, link.target):
            if link.path in mine or others:
                setup.links[link.path] = link.target
            continue
        if _leads(link.path, mine.get(link.path, "")):
            work.unlinked.append((link.path, mine[link.path]))
        elif os.path.lexists(link.path):
            raise ConfigError(
                f"{printable(link.path)} is there already, and does not lead to credhelper",
                hint=f"see what it is: ls -l {printable(link.path)}",
            )
        work.linked.append((link.path, link.target))
        setup.links[link.path] = link.target


def _unlink(work: Work, path: str, target: str) -> None:
    if any(path in one.links for one in work.after.setups) or not os.path.lexists(path):
        return
    if (path, target) in work.unlinked:
        return  # several setups needed it
    if _leads(path, target):
        work.unlinked.append((path, target))
    else:
        work.left.append(f"{printable(path)} was changed since, and is")


def _leads(path: str, target: str) -> bool:
    return os.path.islink(path) and os.readlink(path) == target


# --- doing ----------------------------------------------------------------------------------------


def refuse(work: Work) -> None:
    """Raise CredhelperError if what is to be written could not be."""
    for edit in work.edits.values():
        if edit.changes:
            disk.refuse_unwritable(edit.found)
    for path, _ in (*work.linked, *work.unlinked):
        disk.place_of_link(path)


def sweep(known: Journal, state: str) -> None:
    """Remove what was left by those who were killed while they wrote. The lock is held."""
    for target in known.files:
        disk.sweep(os.path.dirname(target), disk.left_beside(target))
    disk.sweep(state, rf"\.setup\.json{_LEFT}")
    disk.sweep(disk.backups(state), rf"\..+{_LEFT}")
    if not known.files:
        with suppress(OSError):
            os.rmdir(disk.backups(state))


def carry_out(work: Work, state: str) -> list[str]:
    """Do it, and return where the backups of changed files lie.

    All is judged before the first byte is written, and what was written is put back if the rest
    fails. Parameters: `state`, the state folder; its lock is held. Raises CredhelperError.
    """
    refuse(work)
    edits = [edit for edit in work.edits.values() if edit.changes]
    links = [disk.place_of_link(path) for path, _ in (*work.linked, *work.unlinked)]
    back: list[Callable[[], None]] = []
    folders = [folder for edit in edits for folder in edit.found.missing]
    folders += [folder for missing in links for folder in missing]
    work.after.folders += [one for one in dict.fromkeys(folders) if one not in work.after.folders]
    backups = []
    try:
        # Both, until it is done: whatever happens in between can be taken back.
        both = [one for one in work.before.setups if one not in work.after.setups]
        files = {**work.before.files, **work.after.files}
        for target in work.before.files.keys() & work.after.files.keys():
            # What is about to be taken out may still be there, and would not be known as ours.
            made = {**work.after.files[target].made, **work.before.files[target].made}
            files[target] = replace(work.after.files[target], made=made)
        journal.write(state, Journal(work.after.setups + both, files, work.after.folders))
        back.append(lambda: journal.write(state, work.before))
        for folder in dict.fromkeys(folders):
            if disk.make_folder(folder):
                back.append(_bind(os.rmdir, folder))
        for edit in edits:
            backup = disk.back_up(state, edit.found)
            backups += [backup] if backup else []
            disk.put(edit.found, None if edit.gone else edit.found.bytes_of(edit.draft.text))
            back.append(_bind(disk.put_back, edit.found))
        for path, target in work.unlinked:
            os.unlink(path)
            back.append(_bind(os.symlink, target, path))
        for path, target in work.linked:
            os.symlink(target, path)
            back.append(_bind(os.unlink, path))
    except BaseException as error:
        for step in reversed(back):
            with suppress(OSError, CredhelperError):
                step()
        if isinstance(error, OSError):
            why = os.strerror(error.errno or 0)
            raise CacheError(f"cannot write {printable(str(error.filename))}: {why}") from error
        raise
    _tidy(work, state)
    return [backup for backup in backups if os.path.lexists(backup)]


def _tidy(work: Work, state: str) -> None:
    """Remove folders that we made and nobody uses, and backups of what is no longer ours."""
    for folder in sorted(work.after.folders, key=len, reverse=True):
        with suppress(OSError):
            os.rmdir(folder)
        if not os.path.isdir(folder):
            work.after.folders.remove(folder)
    if not work.after.setups:
        work.after.folders.clear()
    # Who is killed here is found again by the journal, which goes last.
    for target in work.before.files:
        if target not in work.after.files:
            disk.drop_backup(state, target)
    journal.write(state, work.after)


def _bind(function: Callable[..., None], *arguments: object) -> Callable[[], None]:
    return lambda: function(*arguments)
