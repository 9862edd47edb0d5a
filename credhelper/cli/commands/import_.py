"""`credhelper import`: profiles from what other tools for the same tokens keep."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import routing, typed_keys, wiring
from credhelper.cli import other_tools, output
from credhelper.cli.commands.login import authorization_of, remember
from credhelper.cli.context import command_context
from credhelper.cli.options import grant_in, preview
from credhelper.cli.other_tools import Proposal
from credhelper.cli.output import complain, say
from credhelper.cli.prompt import Kind, on_terminal
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, CredhelperError, NotFoundError
from credhelper.tokenfile import formats

if TYPE_CHECKING:
    from credhelper.broker.context import Context

# Where ica-ica-lazy's own README has people keep the key that its tokens are made with.
_PASS_ENTRY = "ica/api-keys/default-api-key"  # noqa: S105  # where one is, not what it is


@click.command("import", short_help="Make profiles from what other tools keep.")
@click.argument("names", nargs=-1, metavar="[PROFILE]...")
@click.option("--yes", is_flag=True, help="Take over what is proposed, without asking.")
@click.option("--grant-env", metavar="NAME", help="The tokens' API key is in this variable.")
@click.option("--grant-file", metavar="PATH", help="The tokens' API key is in this file.")
@click.option("--grant-command", metavar="'WORDS'", help="This command prints the tokens' API key.")
@click.option("--keyring", metavar="SERVICE", help="The tokens' API key is in the keyring, there.")
def import_(names: tuple[str, ...], yes: bool, **given: Any) -> int:
    """Make profiles from what other tools keep: those named, or all that can be made.

    Looked at are ~/.ica and ~/.icav2 (configs and session files of the ica and icav2 programs),
    ~/.ica-ica-lazy/tokens/tokens.json, and the variables that these tools read. Nothing is changed
    without a yes, and each profile is verified with the API first, as at `credhelper login`. A key
    or session is kept in a file for you alone; the tools' own files stay as they are.

    A token by itself cannot be renewed, so it makes no profile, and icav2 encrypts the key in its
    config, so that has to be typed once more. ica-ica-lazy's tokens tell the
    project and the scopes; the API key that they are made with is taken from `pass` if it is
    where its README has it, or else from where a --grant-* option says.

    \b
    Examples:
      credhelper import                    # shows what there is, and asks
      credhelper import icav2 --yes
      credhelper import --grant-command 'pass show illumina/api-key'
    """
    context = command_context()
    unread: list[str] = []
    found = list(other_tools.distinct(_proposals(context.environ, grant_in(given), unread)))
    unknown = set(names) - {one.name for one in found if one.name}
    if unknown:
        possible = ", ".join(sorted(one.name for one in found if one.name)) or "none"
        raise NotFoundError(
            f"nothing is proposed for {printable(', '.join(sorted(unknown)))}",
            hint=f"profiles that can be made: {possible}",
        )
    if not found and unread:
        say(f"nothing was found, but {printable(' and '.join(unread))} could not be read")
        output.table([("next", "credhelper profile add NAME --url URL")])
    elif not found:
        say("nothing of other tools was found")
        return 0
    outcome = 0
    for one in found:
        if names and one.name not in names:
            continue
        outcome = max(outcome, _take(context, one, yes=yes))
    return outcome


def _take(context: Context, one: Proposal, *, yes: bool) -> int:
    """Show a proposal, make its profile if the person agrees, and return the exit status."""
    say(f"{one.place}: {one.what}")
    if not one.name:
        output.table([("", one.note)])
        return 0
    config = routing.load_config(context)
    if config.path is not None and one.name in config.profiles:
        output.table([("", f"profile {one.name} is there already: left alone")])
        return 0
    try:
        values = dict(one.values)
        typed = None
        if one.kind is Kind.KEY:
            typed = typed_keys.path_of(context, one.name)
            values["grant"] = {"file": typed}
        profile = preview(context, one.name, values)
    except CredhelperError as error:
        complain(error)
        return error.exit_status
    output.table(
        [
            ("profile", one.name),
            ("api", profile.url),
            ("project", profile.cid or ""),
            ("scopes", ", ".join(profile.scopes)),
            ("grant", output.grant_in_words(profile.grant)),
            ("note", one.note),
        ]
    )
    if not yes and not _wanted(one.name):
        return 0
    try:
        if one.secret is not None and one.kind is not None:
            authorization = authorization_of(profile, one.kind, one.secret)
        else:
            authorize = wiring.authorizer(context, profile)
            assert authorize is not None  # noqa: S101  # a proposal without a secret has a grant
            authorization = authorize()
        default = not routing.load_config(context).profiles
        key = one.secret if typed else None
        remember(context, profile, {}, values, authorization, typed, key, make_default=default)
    except CredhelperError as error:
        complain(error)
        return error.exit_status
    return 0


def _wanted(name: str) -> bool:
    if not on_terminal():
        output.table([("next", command("credhelper", "import", name, "--yes"))])
        return False
    return click.confirm(f"Make profile {name}?", err=True)


def _proposals(
    environ: Mapping[str, str], grant: Mapping[str, Any] | None, unread: list[str]
) -> Iterable[Proposal]:
    """Yield what could be made; the paths that could not be read are added to `unread`."""
    home = Path(os.path.expanduser("~"))
    ica, icav2 = home / ".ica", home / ".icav2"
    lazy = home / ".ica-ica-lazy/tokens/tokens.json"
    sessions, places = _sessions(ica, unread)
    yield from other_tools.from_ica(_text(ica / "config.yaml", unread), sessions, places)
    sessions, places = _sessions(icav2, unread)
    places[""] = str(icav2 / "config.yaml")
    yield from other_tools.from_icav2(_text(icav2 / "config.yaml", unread), sessions, places)
    if grant is None and (home / f".password-store/{_PASS_ENTRY}.gpg").is_file():
        grant = {"command": ["pass", "show", _PASS_ENTRY]}
    yield from other_tools.from_lazy(_text(lazy, unread), str(lazy), grant)
    yield from other_tools.from_environment(environ)


def _sessions(folder: Path, unread: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    try:
        found = sorted(folder.glob(".session.*.yaml"))
    except OSError:
        found = []
    regions = {path.name.removeprefix(".session.").removesuffix(".yaml"): path for path in found}
    return (
        {region: _text(path, unread) for region, path in regions.items()},
        {region: str(path) for region, path in regions.items()},
    )


def _text(path: Path, unread: list[str]) -> str:
    try:
        return formats.read(str(path))
    except CacheError as error:
        output.warn(error.message, error.hint)
        unread.append(str(path))
        return ""
