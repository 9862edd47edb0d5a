"""What a setup is about to change: the edits of tools' files, and the symlinks."""

from __future__ import annotations

from dataclasses import dataclass, field

from credhelper.core.text import printable
from credhelper.errors import CredhelperError, UsageError
from credhelper.setup import disk, formats
from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf
from credhelper.setup.journal import Journal
from credhelper.setup.reading import unreadable


def cannot_hold(path: str, error: ValueError) -> UsageError:
    """Return the error that the file at `path` cannot hold what was asked for."""
    return UsageError(
        f"{printable(path)}: {printable(str(error))}",
        hint="choose a plainer --service, --name or --bin",
    )


@dataclass
class Edit:
    """One file that is being changed.

    Attributes: `found`, as it is on disk; `draft`, its new text; `before`, what the old one says;
    `taken` and `given`, what we take out and put in.
    """

    found: disk.Found
    draft: Draft
    format: str
    before: list[Leaf] = field(default_factory=list)
    taken: list[Leaf] = field(default_factory=list)
    given: list[Leaf] = field(default_factory=list)
    gone: bool = False

    @property
    def changes(self) -> bool:
        """Whether the file will differ."""
        return self.gone or self.draft.text != self.draft.old

    def leaves(self) -> list[Leaf]:
        """Return what the new text says. Raises ConfigError when its tool could not read it."""
        try:
            return formats.load(self.format).leaves(self.draft.text)
        except ValueError as error:
            raise unreadable(self.found.path, error) from error
        except FileNotFoundError as error:
            raise CredhelperError(f"{error.filename} is not installed") from error


@dataclass
class Work:
    """What is about to be done.

    Attributes: `before` and `after`, the journals; `edits`, by target; `linked` and `unlinked`,
    symlinks as pairs of path and target; `left`, what stays in place, and why.
    """

    before: Journal
    after: Journal
    edits: dict[str, Edit] = field(default_factory=dict)
    linked: list[tuple[str, str]] = field(default_factory=list)
    unlinked: list[tuple[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything but the journal will differ."""
        return bool(
            self.linked or self.unlinked or any(edit.changes for edit in self.edits.values())
        )

    def diff(self) -> list[str]:
        """Return what would change: unified diffs that show only what is ours, and links."""
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
