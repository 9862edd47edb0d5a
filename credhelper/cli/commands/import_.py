"""`credhelper import`: profiles from what other tools for the same tokens keep."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import grants, next_step, routing, typed_keys, wiring
from credhelper.cli import options, other_tools, output, plugins_settings, v1_tools, v2_tools
from credhelper.cli.context import command_context
from credhelper.cli.option_values import grant_in
from credhelper.cli.options import preview
from credhelper.cli.other_tools import Kept, Proposal
from credhelper.cli.output import complain, say
from credhelper.cli.prompt import Kind, on_terminal
from credhelper.cli.remembering import remember
from credhelper.cli.verification import authorization_of
from credhelper.config.profile import READY
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, CredhelperError, NotFoundError
from credhelper.renewal import ready_token
from credhelper.tokenfile import formats

if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.profile import Profile

# Where ica-ica-lazy has people keep the key that its tokens are made with, unless a variable says.
_PASS_ENTRY = "/ica/api-keys/default-api-key"  # noqa: S105  # where one is, not what it is
# The settings that count.
_NAMES = ("server-url", "x-api-key", "session-token", "access-token", "domain", "project-id")


@click.command("import", short_help="Make profiles from what other tools keep.")
@click.argument("names", nargs=-1, metavar="[PROFILE]...")
@click.option("--yes", is_flag=True, help="Make all proposed profiles without asking.")
@click.option("--grant-env", metavar="NAME", help="The tokens' API key is in this variable.")
@click.option("--grant-file", metavar="PATH", help="The tokens' API key is in this file.")
@click.option("--grant-command", metavar="'WORDS'", help="This command prints the tokens' API key.")
@click.option(
    "--keyring",
    metavar="SERVICE",
    help="The tokens' API key is in the keyring, under this service.",
)
def import_(names: tuple[str, ...], yes: bool, **given: Any) -> int:
    """Make profiles from what other tools keep: those given, or all that are possible.

    It looks at ~/.ica and ~/.icav2 (configs and session files of the ica and icav2 programs),
    ~/.icav2-cli-plugins (its config, and those of tenants; ICAV2_CLI_PLUGINS_HOME),
    ~/.ica-ica-lazy/tokens/tokens.json (ICA_ICA_LAZY_HOME), and the variables that these tools read.
    It changes nothing without a yes, and checks each profile with the API first, like
    `credhelper login`. It saves a key or session in a file that only you can read, and leaves the
    tools' own files as they are. It ignores a file that others can write to, because such a file
    could send your key to another server.

    A token alone cannot be renewed. A token in a variable becomes a profile that reads the variable
    (auth = "token"), for users whose token another program renews. A token in a file becomes none.
    icav2 encrypts the key in its config, and its plugins may do so: type such a key again. The
    tokens of ica-ica-lazy tell the project and the scopes. Their API key comes from `pass` if it is
    where that tool looks (ICA_ICA_LAZY_DEFAULT_API_KEY_PATH), otherwise from a --grant-* option.

    \b
    Examples:
      credhelper import                    # shows what there is, and asks
      credhelper import icav2 --yes
      credhelper import --grant-command 'pass show illumina/api-key'
    """
    context = command_context()
    context.hold_to_profiles()
    unread: list[str] = []
    found = list(other_tools.distinct(_proposals(context, grant_in(given), unread)))
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
        say("no profile of ica, icav2, icav2-cli-plugins or ica-ica-lazy was found")
        output.table([("next", next_step.log_in(context.environ))])
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
        output.table([("", f"profile {one.name} exists already: left alone")])
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
            ("project", profile.cid or profile.project or ""),
            ("scopes", ", ".join(profile.scopes)),
            ("grant", output.grant_in_words(profile.grant)),
            ("note", one.note),
        ]
    )
    if not yes and not _wanted(one.name):
        return 0
    try:
        default = not routing.load_config(context).profiles
        if profile.auth == READY:
            _take_ready_token(context, profile, values, make_default=default)
            return 0
        if one.secret is not None and one.kind is not None:
            authorization = authorization_of(profile, one.kind, one.secret)
        else:
            authorize = wiring.authorizer(context, profile)
            assert authorize is not None  # noqa: S101  # a proposal without a secret has a grant
            authorization = authorize()
        key = one.secret if typed else None
        remember(context, profile, {}, values, authorization, typed, key, make_default=default)
    except CredhelperError as error:
        complain(error)
        return error.exit_status
    return 0


def _take_ready_token(
    context: Context, profile: Profile, values: Mapping[str, Any], *, make_default: bool
) -> None:
    """Make a profile whose grant is a token, if that is one of its API. Raises CredhelperError."""
    grant = profile.grant
    assert grant is not None  # noqa: S101  # a ready token has one
    ready_token.token_in(grants.read(context, profile, grant), profile, grant, context.clock())
    path, _ = options.write(context, profile.name, {}, values, make_default=make_default)
    chosen = [] if make_default else ["--profile", profile.name]
    output.table([("wrote", path), ("next", command("credhelper", "get", *chosen))])


def _wanted(name: str) -> bool:
    if not on_terminal():
        output.table([("next", command("credhelper", "import", name, "--yes"))])
        return False
    return click.confirm(f"Make profile {name}?", err=True)


def _proposals(
    context: Context, grant: Mapping[str, Any] | None, unread: list[str]
) -> Iterable[Proposal]:
    """Yield what could be made; the paths that could not be read are added to `unread`."""
    environ = context.environ
    home = Path(os.path.expanduser("~"))
    ica, icav2 = home / ".ica", home / ".icav2"
    config = _settings(ica / "config.yaml", unread)
    sessions = {
        path.name.removeprefix(".session.").removesuffix(".yaml"): kept
        for path, kept in _sessions(ica, unread)
    }
    yield from v1_tools.from_ica(config, sessions)
    config = _settings(icav2 / "config.yaml", unread)
    kept = [kept for _, kept in _sessions(icav2, unread)]
    yield from v2_tools.from_icav2(config, str(icav2 / "config.yaml"), kept)
    yield from _of_plugins(environ, home / ".icav2-cli-plugins", unread)
    lazy = _place(environ, "ICA_ICA_LAZY_HOME", home / ".ica-ica-lazy")
    if lazy is not None:
        entry = environ.get("ICA_ICA_LAZY_DEFAULT_API_KEY_PATH") or _PASS_ENTRY
        grant = grant or v1_tools.lazy_grant(entry, str(home / ".password-store"))
        tokens = lazy / "tokens/tokens.json"
        yield from v1_tools.from_lazy(_text(tokens, unread), str(tokens), grant)
    yield from other_tools.from_environment(environ, context.clock())


def _of_plugins(environ: Mapping[str, str], home: Path, unread: list[str]) -> Iterable[Proposal]:
    """Yield what icav2-cli-plugins keep, in the newer of their two formats and in the older."""
    path = home / "config"
    try:
        profiles = plugins_settings.profiles(_text(path, unread))
    except ValueError as error:
        profiles = {}
        _left_alone(path, str(error), unread)
    for name, settings in profiles.items():
        if settings is None:
            _left_alone(path, f"has profile {name}, or a setting of it, twice", unread)
        else:
            yield from v2_tools.from_plugins(name, str(path), settings)
    older = _place(environ, "ICAV2_CLI_PLUGINS_HOME", home)
    tenants = _found(older / "tenants", "*") if older else []
    for path in (tenant / "config.yaml" for tenant in tenants if tenant.is_dir()):
        older_names = _settings(path, unread) or {}
        newer = {name.replace("-", "_"): text for name, text in older_names.items()}
        sessions = [kept for _, kept in _sessions(path.parent, unread)]
        yield from v2_tools.from_plugins(path.parent.name, str(path), newer, sessions)


def _place(environ: Mapping[str, str], variable: str, default: Path) -> Path | None:
    """Return the folder that a variable names, else `default`; None, after a warning, if neither.

    A path that is not absolute would name another one in each folder.
    """
    path = environ.get(variable, "")
    if path and not path.startswith("/"):
        output.warn(f"{variable} is not an absolute path: left alone", command("unset", variable))
        return None
    return Path(path) if path else default


def _sessions(folder: Path, unread: list[str]) -> list[tuple[Path, Kept]]:
    paths = _found(folder, ".session.*.yaml")
    return [(path, Kept(str(path), _settings(path, unread) or {})) for path in paths]


def _found(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _settings(path: Path, unread: list[str]) -> dict[str, str | None] | None:
    """Return the settings in a YAML file, {} if there is none; None, after a warning, if unread."""
    from credhelper.cli import yaml_settings

    before = len(unread)
    text = _text(path, unread)
    if len(unread) > before:
        return None
    try:
        found = yaml_settings.settings(text)
    except ValueError as error:
        _left_alone(path, str(error), unread)
        return None
    odd = [name for name in found if name not in _NAMES and name.lower() in _NAMES]
    if odd:
        # Some of their readers take capitals for the same name, some do not.
        _left_alone(path, f"spells {odd[0].lower()} with capitals", unread)
    return None if odd else found


def _text(path: Path, unread: list[str]) -> str:
    try:
        return formats.read(str(path), alone=True)
    except CacheError as error:
        output.warn(error.message, error.hint)
        unread.append(str(path))
        return ""


def _left_alone(path: Path, why: str, unread: list[str]) -> None:
    output.warn(f"{printable(str(path))} {why}: left alone")
    unread.append(str(path))
