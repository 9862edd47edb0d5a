"""docs/commands.md: what `--help` says of each command and option.

`python -m tests.support.commands` writes it (`make docs`); a test holds the page to it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from credhelper import protocols
from credhelper.cli.main import commands

PAGE = Path(__file__).parent.parent.parent / "docs" / "commands.md"

_WIDTH = 100
_HEAD = """\
# Commands

What `--help` says of each command. It is made from there (`make docs`). The protocols that tools
speak have [a page of their own](protocols.md), and `credhelper NAME --help`.
"""


def leaves() -> Iterator[tuple[str, click.Context]]:
    """Yield each command for people by its words, with the context that its help takes."""
    root = _context(commands, "credhelper")
    for name in commands.list_commands(root):
        command = commands.get_command(root, name)
        # What is a protocol and no more takes whatever the tool says.
        if command is not None and (name not in protocols.PROTOCOLS or _for_people(command)):
            yield from _below(command, name, root)


def usage(context: click.Context) -> str:
    """Return the words that may follow a command, as its usage has them."""
    return " ".join(filter(None, context.command.collect_usage_pieces(context)))


def paragraphs(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Yield the lines of each paragraph of a help, and whether they stand as they are."""
    # Python 3.13 takes the indent from docstrings, older ones leave it.
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = [line.rstrip() for line in paragraph.split("\n")]
        verbatim = lines[0].strip() == "\b"
        yield verbatim, lines[1:] if verbatim else [" ".join(line.strip() for line in lines)]


def options(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the options and arguments of a command, each with what its help says, if anything."""
    for parameter in context.command.get_params(context):
        found = parameter.get_help_record(context)
        if found is not None and found[0].strip():  # else the line between two kinds of options
            yield found[0], " ".join(found[1].split())


def _below(
    command: click.Command, name: str, parent: click.Context
) -> Iterator[tuple[str, click.Context]]:
    context = _context(command, name, parent)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            yield from _below(command.commands[each], each, context)
    else:
        yield context.command_path, context


def _for_people(command: click.Command) -> bool:
    options = [one for one in command.params if isinstance(one, click.Option)]
    return isinstance(command, click.Group) or bool(options)


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    # With the program's own settings: click keeps the option of a help that it has once made.
    given = {**commands.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    return click.Context(command, parent, name, **given)


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for path, context in leaves():
        parts.append(f"\n## {path}\n\n```\n{context.command.get_help(context).rstrip()}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
