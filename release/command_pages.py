"""The site's page for each command, of the click tree."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby

import click

from credhelper.cli.main import commands
from tests.support.commands import leaves

FOLDER = "reference/commands"


def pages() -> Iterator[tuple[str, str]]:
    """Give path and text of a page for each command, of the click tree."""
    for name, group in groupby(leaves(), key=lambda leaf: leaf[0].split()[1]):
        summary = commands.commands.short_helps[name]
        parts = [f"# credhelper {name}\n\n{summary}\n"]
        for path, context in group:
            # A group has several; the title stands for the one command of the others.
            parts.append(f"\n## {path}\n" if path != f"credhelper {name}" else "")
            parts.append(f"\n{_usage(context)}\n{_help(context)}{_options(context)}")
        parts.append("\n[Exit statuses](../../docs/exit-statuses.md)\n")
        yield f"{FOLDER}/{name}.md", "".join(parts)


def _usage(context: click.Context) -> str:
    words = [word for word in context.command.collect_usage_pieces(context) if word]
    return f"```\n{' '.join([context.command_path, *words])}\n```\n"


def _help(context: click.Context) -> str:
    parts = []
    for paragraph in re.split(r"\n\s*\n", (context.command.help or "").strip()):
        lines = paragraph.split("\n")
        if lines[0].strip() == "\b":
            parts.append(f"```\n{textwrap.dedent(chr(10).join(lines[1:]))}\n```")
        else:
            said = " ".join(line.strip() for line in lines)
            parts.append(re.sub(r"([\\`*_<>\[\]])", r"\\\1", said))
    return "\n\n".join(parts) + "\n"


def _options(context: click.Context) -> str:
    rows = []
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[0].strip():
            said = re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(record[1].split()))
            rows.append(f"| `{record[0]}` | {said} |\n")
    return "".join(["\n| option | |\n|---|---|\n", *rows])
