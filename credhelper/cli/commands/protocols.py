"""Help for the protocols that tools speak: their place in the list of commands, and their text.

The edge serves the protocols before click is loaded. The text is the docstring of the protocol's
module.
"""

from __future__ import annotations

import click

from credhelper import protocols
from credhelper.core.text import command

# The tools of `setup` that speak a protocol, where there is any but the one of that name.
_SPEAK = {
    "docker": ("docker", "containers"),
    "goauth": ("go",),
    "headers": ("claude", "restish"),
    "json": (),
    "keyring": ("pip", "uv", "keyring"),
    "vault": ("vault", "bao"),
}


class _Spoken(click.Command):
    """A protocol in the list of commands; its help loads the protocol's module."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the protocol's module says of itself."""
        assert self.name is not None  # noqa: S101  # `command` gives each a name
        text = protocols.load(self.name).__doc__ or ""
        self.help = _paragraphs(f"{text.rstrip()}\n\n{_leads_to(self.name)}")
        super().format_help_text(ctx, formatter)


def _leads_to(name: str) -> str:
    """Return the line that says how the tools of the protocol `name` are configured."""
    commands = [command("credhelper", "setup", tool) for tool in _SPEAK.get(name, (name,))]
    if not commands:
        return "There is nothing to configure: start it from a program of your own."
    return f"To configure a tool to use it: {' or '.join(commands)}"


def help_of(name: str, short_help: str) -> click.Command:
    """Return the command that gives help for the protocol `name`."""
    return _Spoken(name, short_help=short_help)


def _paragraphs(text: str) -> str:
    """Return `text` with a mark for click before each paragraph whose lines must stay lines."""
    return "\n\n".join(
        f"\b\n{paragraph}" if paragraph.startswith((" ", "- ")) else paragraph
        for paragraph in text.split("\n\n")
    )
