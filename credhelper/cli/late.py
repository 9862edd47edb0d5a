"""A group whose commands are loaded one by one, as they are called.

The list of commands, and the completion of their names, need none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from gettext import gettext

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Commands(MutableMapping[str, click.Command]):
    """Commands by name, each of which is loaded when it is looked up.

    Parameters:
    - short_helps: what the list of commands says of each.
    - load: returns the command of that name.
    """

    def __init__(self, short_helps: dict[str, str], load: Callable[[str], click.Command]) -> None:
        self.short_helps = short_helps
        self._load = load
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in self.short_helps:
                raise KeyError(name)
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command
        self.short_helps[name] = command.get_short_help_str()

    def __delitem__(self, name: str) -> None:
        del self.short_helps[name]
        self._loaded.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self.short_helps

    def __iter__(self) -> Iterator[str]:
        return iter(self.short_helps)

    def __len__(self) -> int:
        return len(self.short_helps)


class LateGroup(click.Group):
    """The stock group, but that its list and its completion load none of `Commands`."""

    commands: Commands

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section(gettext("Commands")):
            formatter.write_dl(sorted(self.commands.short_helps.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that `incomplete` may become."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=text)
            for name, text in sorted(self.commands.short_helps.items())
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)
