"""The site's page for each command, of the click tree."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby

import click

from credhelper.cli.main import commands
from tests.support.commands import leaves, options, paragraphs, usage

FOLDER = "reference/commands"


def pages() -> Iterator[tuple[str, str]]:
    """Give path and text of a page for each command, of the click tree."""
    for name, group in groupby(leaves(), key=lambda leaf: leaf[0].split()[1]):
        summary = commands.commands.short_helps[name]
        parts = [f"# credhelper {name}\n\n{summary}\n"]
        for path, context in group:
            # A group has several; the title stands for the one command of the others.
            parts.append(f"\n## {path}\n" if path != f"credhelper {name}" else "")
            told = f"```\n{context.command_path} {usage(context)}\n```"
            parts.append(f"\n{told}\n\n{_help(context)}{_options(context)}")
        parts.append("\n[Exit statuses](../../docs/exit-statuses.md)\n")
        yield f"{FOLDER}/{name}.md", "".join(parts)


def _help(context: click.Context) -> str:
    parts = []
    for verbatim, lines in paragraphs(context.command.help or ""):
        if verbatim:
            parts.append(f"```\n{textwrap.dedent(chr(10).join(lines))}\n```")
        else:
            parts += [re.sub(r"([\\`*_<>\[\]])", r"\\\1", said) for said in lines]
    return "\n\n".join(parts) + "\n"


def _options(context: click.Context) -> str:
    rows = ["\n| option | |\n|---|---|\n"]
    for words, said in options(context):
        plain = re.sub(r"([\\`*_<>|\[\]])", r"\\\1", said)
        rows.append(f"| `{words}` | {plain} |\n")
    return "".join(rows)
