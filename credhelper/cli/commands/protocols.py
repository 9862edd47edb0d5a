"""Help for the protocols that tools speak: their place in the list of commands, and their text.

The edge serves the protocols before click is loaded. The text is the docstring of the protocol's
module.
"""

from __future__ import annotations

import click

from credhelper import protocols
from credhelper.core.text import command
from credhelper.errors import UsageError

# The tools of `setup` that speak a protocol, where there is any but the one of that name.
_SPEAK = {
    "docker": ("docker", "containers"),
    "goauth": ("go",),
    "headers": ("claude", "restish"),
    "json": (),
    "keyring": ("pip", "uv", "keyring"),
    "vault": ("vault", "bao"),
}


# The options of the protocols, for completion: most take the first three, some more, some others.
_COMMON = ("--profile", "--min-ttl", "--refresh-before")
_MORE = {
    "aws": ("--format",),
    "databricks": ("--host", "--account-id", "--output", "--force-refresh"),
    "goauth": ("--service",),
    "google": ("--service",),
    "headers": ("--service", "--restish"),
    "keyring": ("--mode", "--output"),
    "kubectl": ("--service",),
    "reclient": ("--service",),
    "token": ("--service", "--bearer"),
    "vault": ("--service",),
}
_OTHERS = {"cargo": ("--cargo-plugin",), "json": ("--profile",), "nuget": ("-Plugin",)}
_FLAGS = {"--bearer", "--cargo-plugin", "--force-refresh", "--restish", "-Plugin"}


def option_names(name: str) -> tuple[str, ...]:
    """Return the options that the protocol `name` takes, without their short forms."""
    return _OTHERS.get(name, (*_COMMON, *_MORE.get(name, ())))


def completed_options(name: str, ctx: click.Context) -> list[click.Parameter]:
    """Return the options of the protocol `name` where they are completed; else none.

    The edge reads them, and the protocol's own text describes them.
    """
    if not ctx.resilient_parsing:
        return []
    from credhelper.cli.context import complete_profile, complete_service

    completes = {"--profile": complete_profile, "--service": complete_service}
    return [
        click.Option(
            [word, "name"] if word == "--profile" else [word],
            is_flag=word in _FLAGS,
            shell_complete=completes.get(word),
        )
        for word in option_names(name)
    ]


class _Spoken(click.Command):
    """A protocol in the list of commands; its help loads the protocol's module."""

    def invoke(self, ctx: click.Context) -> None:
        """Refuse the call: an option of people stood before the name, which tools do not write."""
        assert self.name is not None  # noqa: S101  # as below
        raise UsageError(
            f"{self.name} is for tools, and takes no -q or -v",
            hint="export CREDHELPER_TRACE=1",
        )

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of the help, and where they are completed those of the protocol."""
        assert self.name is not None  # noqa: S101  # as below
        return [*completed_options(self.name, ctx), *super().get_params(ctx)]

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
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return _Spoken(name, short_help=short_help, context_settings=anything)


def _paragraphs(text: str) -> str:
    """Return `text` with a mark for click before each paragraph whose lines must stay lines."""
    return "\n\n".join(
        f"\b\n{paragraph}" if paragraph.startswith((" ", "- ")) else paragraph
        for paragraph in text.split("\n\n")
    )
