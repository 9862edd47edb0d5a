"""The protocols that tools speak, as far as people need them: in the list, and how to wire them.

The edge serves them before click is loaded; what is here is only their help, and that is what each
protocol's module says of itself.
"""

from __future__ import annotations

from collections.abc import Container

import click

from credhelper import protocols


class _Spoken(click.Command):
    """A protocol in the list of commands; its module is loaded by whoever wants to read on."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the protocol's module says of itself."""
        assert self.name is not None  # noqa: S101  # `commands` gives each a name
        self.help = _paragraphs(protocols.load(self.name).__doc__ or "")
        super().format_help_text(ctx, formatter)


def commands(known: Container[str]) -> list[click.Command]:
    """Return a command with help for each protocol, save the `known`: people have those, too."""
    return [
        _Spoken(name, short_help=f"For tools: {summary}.")
        for name, (_, summary, _) in protocols.PROTOCOLS.items()
        if name not in known
    ]


def _paragraphs(text: str) -> str:
    """Return `text` with a mark for click before each paragraph whose lines must stay lines."""
    return "\n\n".join(
        f"\b\n{paragraph}" if paragraph.startswith((" ", "- ")) else paragraph
        for paragraph in text.split("\n\n")
    )
