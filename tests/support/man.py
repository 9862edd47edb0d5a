"""man/: a manual page for the program and for each command that people use, of the click tree.

`python -m tests.support.man` writes them (`make docs`); a test holds the folder to it. A wheel has
them as data files, so that a build needs neither click nor a start of our own program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import click

from credhelper import __version__
from credhelper.cli.main import NAME, commands
from credhelper.protocols import PROTOCOLS
from tests.support.commands import leaves, options, paragraphs, usage

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "man"
SECTION = 1

_STATUSES = ROOT / "docs/exit-statuses.md"
_STATUS = re.compile(r"^\| (\d+) \|[^|]*\| ([^|]+) \|", re.MULTILINE)
_FILES = (
    ("~/.config/credhelper/config.toml", "The profiles. CREDHELPER_CONFIG names another file."),
    ("~/.cache/credhelper", "Tokens. CREDHELPER_CACHE_DIR names another folder."),
    ("~/.local/state/credhelper", "Sessions. CREDHELPER_STATE_DIR names another folder."),
)


def pages() -> dict[str, str]:
    """Return the text of each page, by its file's name."""
    found = {f"{NAME}.{SECTION}": _program()}
    for name, group in groupby(leaves(), key=lambda leaf: leaf[0].split()[1]):
        found[f"{NAME}-{name}.{SECTION}"] = _command(name, [context for _, context in group])
    return found


def _program() -> str:
    lines = [*_head(NAME, commands.help or ""), f".B {NAME}", r"[\fIoptions\fR] \fIcommand\fR ..."]
    lines += [".SH DESCRIPTION", *_text(commands.help or "")]
    for title, names in commands.commands.groups.items():
        lines.append(f".SH {plain(title.upper())} COMMANDS")
        for name in names:
            lines += [
                ".TP",
                rf"\fB{NAME}\-{plain(name)}\fR({SECTION})",
                plain(commands.commands.short_helps[name]),
            ]
    lines += [".SH PROTOCOLS", "Tools start these."]
    for name, (_, summary, _) in PROTOCOLS.items():
        lines += [".TP", rf"\fB{NAME} {plain(name)}\fR", plain(f"For tools: {summary}.")]
    lines += [
        ".SH OPTIONS",
        *_options(next(leaves())[1].find_root()),
        ".SH EXIT STATUS",
    ]
    for status, meaning in _STATUS.findall(_STATUSES.read_text()):
        lines += [".TP", rf"\fB{status}\fR", plain(meaning.replace("`", ""))]
    lines.append(".SH FILES")
    for path, meaning in _FILES:
        lines += [".TP", rf"\fI{plain(path)}\fR", plain(meaning)]
    return "\n".join(lines) + "\n"


def _command(name: str, contexts: Sequence[click.Context]) -> str:
    first = contexts[0]
    group = first.parent if first.parent and first.parent.parent else None
    whole = group.command if group else first.command
    lines = _head(f"{NAME}-{name}", whole.get_short_help_str(limit=1000))
    for number, context in enumerate(contexts):
        lines += [".br"] if number else []
        lines += [rf"\fB{plain(context.command_path)}\fR", plain(usage(context))]
    lines += [".SH DESCRIPTION", *_text(whole.help or "")]
    if group is None:
        lines += [".SH OPTIONS", *_options(first)]
    else:
        lines.append(".SH COMMANDS")
        for context in contexts:
            lines += [f'.SS "{plain(context.command_path)}"', *_text(context.command.help or "")]
            lines += [".PP", *_options(context)]
    lines += [".SH SEE ALSO", rf"\fB{NAME}\fR({SECTION}), also for the exit statuses and the files"]
    return "\n".join(lines) + "\n"


def _head(name: str, summary: str) -> list[str]:
    said = summary.strip().partition("\n")[0].removesuffix(".")
    said = said if said.startswith(name) else said[:1].lower() + said[1:]
    return [
        r".\" made by `make docs`",
        f'.TH "{plain(name.upper())}" "{SECTION}" "" "{NAME} {__version__}" "{NAME}"',
        ".SH NAME",
        rf"{plain(name)} \- {plain(said)}",
        ".SH SYNOPSIS",
    ]


def _options(context: click.Context) -> Iterator[str]:
    for words, said in options(context):
        if said:  # an argument needs none
            yield from (".TP", rf"\fB{plain(words)}\fR", plain(said))


def _text(text: str) -> Iterator[str]:
    for verbatim, lines in paragraphs(text):
        yield ".PP"
        said = map(plain, lines)
        yield from (".EX", *said, ".EE") if verbatim else said


def plain(text: str) -> str:
    """Return a line of text in which nothing is a request or an escape."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    escaped = escaped.replace("`", r"\(ga").replace("^", r"\(ha").replace("~", r"\(ti")
    return (r"\&" if escaped[:1] == "." else "") + escaped.replace('"', r"\(dq")


def main() -> None:
    """Write all pages, and take away those of commands that are gone."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
    for path in FOLDER.iterdir():
        if path.name not in made:
            path.unlink()


if __name__ == "__main__":
    main()
