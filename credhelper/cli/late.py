"""A group whose commands are loaded one by one, as they are called.

The list of commands, and the completion of their names, need none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


# What other programs call a command, and what it may be called here.
_SYNONYMS = {
    "auth": ("login",),
    "authenticate": ("login",),
    "change": ("set",),
    "check": ("doctor",),
    "config": ("profile",),
    "configure": ("setup",),
    "create": ("add",),
    "default": ("use",),
    "del": ("remove",),
    "delete": ("remove",),
    "diagnose": ("doctor",),
    "edit": ("set",),
    "info": ("show", "status"),
    "init": ("login",),
    "install": ("setup",),
    "ls": ("list", "status"),
    "list": ("status",),
    "new": ("add",),
    "print": ("get",),
    "profiles": ("profile",),
    "revoke": ("logout",),
    "rm": ("remove",),
    "run": ("exec",),
    "select": ("use",),
    "signin": ("login",),
    "signout": ("logout",),
    "switch": ("use",),
    "uninstall": ("setup",),
    "unset": ("set",),
    "update": ("set",),
    "whoami": ("status",),
}


class Suggesting(click.Group):
    """The stock group, but that it tells which command a mistyped one may stand for."""

    def meant(self, word: str) -> str:
        """Return the command that other programs call by `word`; "" where we have none."""
        return next((one for one in _SYNONYMS.get(word.lower(), ()) if one in self.commands), "")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and arguments. Raises click.UsageError for an unknown command."""
        name = args[0]
        unknown = self.get_command(ctx, name) is None and not name.startswith("-")
        if unknown and not ctx.resilient_parsing:
            from credhelper.config.table import near_to, said

            near = self.meant(name) or near_to(name, self.list_commands(ctx))
            ctx.fail(
                f"there is no command {said(name)}" + (f"; did you mean '{near}'?" if near else "")
            )
        return super().resolve_command(ctx, args)


class Commands(MutableMapping[str, click.Command]):
    """Commands by name, each of which is loaded when it is looked up.

    Parameters:
    - short_helps: what the list of commands says of each.
    - groups: the commands of each group of that list, by the group's name.
    - load: returns the command of that name.
    """

    def __init__(
        self,
        short_helps: dict[str, str],
        groups: Mapping[str, Sequence[str]],
        load: Callable[[str], click.Command],
    ) -> None:
        self.short_helps = short_helps
        self.groups = groups
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


class LateGroup(Suggesting):
    """A group whose list and completion load none of `Commands`; its help is one short list."""

    commands: Commands

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by group: `--help` and `--version` are what everybody tries."""
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        groups = self.commands.groups
        width = max(map(len, groups))
        longest = max(len(name) for names in groups.values() for name in names)
        formatter.write("\n")
        for group, names in groups.items():
            for number, name in enumerate(names):
                label = "" if number else group
                text = self.commands.short_helps[name]
                formatter.write(f"{label:{width}}  {name:{longest}}  {text}\n")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the last line right below the list, so that a small terminal shows all."""
        formatter.write(f"{self.epilog}\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that `incomplete` may become."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=text)
            for name, text in sorted(self.commands.short_helps.items())
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)
