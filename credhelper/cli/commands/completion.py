"""`credhelper completion`: the script that lets a shell complete commands and profile names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete our commands, options and profile names.

    \b
    Examples:
      bash:  credhelper completion bash > ~/.local/share/bash-completion/completions/credhelper
      zsh:   credhelper completion zsh > ~/.zfunc/_credhelper   (with ~/.zfunc in fpath)
      fish:  credhelper completion fish > ~/.config/fish/completions/credhelper.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has all three of _SHELLS
    root = ctx.find_root().command
    click.echo(found(root, {}, "credhelper", "_CREDHELPER_COMPLETE").source())
