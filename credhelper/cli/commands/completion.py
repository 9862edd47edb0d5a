"""`credhelper completion`: the script that lets a shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, get_completion_class

_SHELLS = ("bash", "zsh", "fish")


class _Bash(BashComplete):
    """click's script, but for URLs and `--option=value`, which bash takes for several words."""

    source_template = r"""
%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT}
    local current=${line##*[[:blank:]]} words response completion type value head
    IFS=$' \t' read -ra words <<< "$line"
    response=$(env COMP_WORDS="$line" COMP_CWORD=$((${#words[@]} - (${#current} > 0))) \
        %(complete_var)s=bash_complete "$1")
    # bash keeps what stands before its last word break, and inserts what stands behind it.
    [[ $current == --*=* ]] && current=${current#*=}
    head=${current%%"${current##*:}"}
    [[ $COMP_WORDBREAKS == *:* ]] || head=
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
        dir) compopt -o dirnames ;;
        file) compopt -o default ;;
        plain) COMPREPLY+=("${value#"$head"}") ;;
        esac
    done <<< "$response"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, profiles, services and tools.

    \b
    Examples:
      bash:  credhelper completion bash > ~/.local/share/bash-completion/completions/credhelper
      zsh:   credhelper completion zsh > ~/.zfunc/_credhelper   (with ~/.zfunc in fpath)
      fish:  credhelper completion fish > ~/.config/fish/completions/credhelper.fish
    """
    found = _Bash if shell == "bash" else get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has all three of _SHELLS
    root = ctx.find_root().command
    click.echo(found(root, {}, "credhelper", "_CREDHELPER_COMPLETE").source())
