"""`credhelper login`: verify a person with the API, then write down what the next `get` needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import routing
from credhelper.cli import options, output, prompt
from credhelper.cli.context import command_context, profile_option
from credhelper.cli.option_values import grant_in, merged
from credhelper.cli.options import existing, preview
from credhelper.cli.prompt import Kind
from credhelper.config.profile import API_KEY, LOGIN, PASSWORD, READY, Profile
from credhelper.core.text import command
from credhelper.errors import UsageError

if TYPE_CHECKING:
    from credhelper.broker.context import Context


@click.command(short_help="Log in and save the profile.")
@profile_option("The profile to log in to; it is made if there is none.")
@click.option("--api-key", "kind", flag_value=Kind.KEY, help="Log in with an API key: the default.")
@click.option("--user", metavar="NAME", help="Log in as this user, with the password.")
@click.option("--session", "kind", flag_value=Kind.PSTOKEN, help="Log in with a psToken.")
@options.options
@click.option(
    "--project",
    metavar="NAME",
    help="The project of the tokens, by name or id; in v2 the one of tools and AWS keys.",
)
@click.option("--workgroup", metavar="NAME", help="The workgroup of the tokens, likewise.")
@click.option("--default", "make_default", is_flag=True, help="Make it the default profile.")
@click.option("--revoke-old", is_flag=True, help=options.REVOKE_OLD)
@click.option("--reuse", is_flag=True, help="Use the key or session that the profile has.")
@click.option(
    "--keep-key",
    type=click.Choice(("file", "keyring")),
    help="Where a typed API key is kept: in a file for you alone (the default), or in the keyring.",
)
@click.option("--no-input", is_flag=True, help="Never prompt: fail instead.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="")
def login(
    name: str | None,
    kind: Kind | None,
    user: str | None,
    project: str | None,
    workgroup: str | None,
    make_default: bool,
    revoke_old: bool,
    reuse: bool,
    keep_key: str | None,
    no_input: bool,
    words: tuple[str, ...],
    **given: Any,
) -> int:
    """Log in and save the profile.

    The secret (API key, password or psToken) comes from a hidden prompt, or piped in as one line;
    never from the command line. An API key is saved in a file that only you can read, or in the
    keyring with --keep-key keyring. With a --grant-* option it stays where it is, and credhelper
    reads it there each time. A password is not saved: it opens a session, which is. Nothing is
    written unless the API accepts the secret.

    To get an API key, log in at https://DOMAIN.login.illumina.com, open the account menu, and
    choose "Manage API Keys".

    Logging in to a profile again keeps its other settings. With --project, a profile can use the
    key that it has: a person on a terminal is asked, and elsewhere --reuse says so.

    \b
    Examples:
      credhelper login --service https://git.example
      printf %s "$KEY" | credhelper login --profile ci --cid project-alpha
      credhelper login --project 'Project Beta' --reuse
      credhelper login --user me@example.com --domain acme
      credhelper login --grant-command 'pass show illumina/api-key'
    """
    if words:
        # They may be the secret: the message does not repeat them.
        raise UsageError(
            "login takes options only: a secret is never given on the command line",
            hint='printf %s "$SECRET" | credhelper login',
        )
    if user is not None and kind is not None:
        raise UsageError("--api-key, --user and --session exclude each other")
    if reuse and (user is not None or kind is not None):
        raise UsageError("--reuse excludes --api-key, --user and --session")
    if keep_key and (reuse or user is not None or kind not in (None, Kind.KEY) or grant_in(given)):
        raise UsageError("--keep-key is for an API key that is typed: name no other way to log in")
    for option, value in (("--project", project), ("--workgroup", workgroup)):
        if value == "":
            raise UsageError(f"{option} is empty", "leave it out, or is a variable not set?")
    if (project and given.get("cid")) or (workgroup and given.get("cwid")):
        raise UsageError("--project and --cid exclude each other, and so do --workgroup and --cwid")
    # Here: `--help` needs none of it.
    from credhelper.broker import typed_keys, wiring
    from credhelper.cli import joining, keeping, leaving, projects
    from credhelper.cli.remembering import remember
    from credhelper.cli.verification import authorization_of

    context = command_context()
    name = name or context.environ.get("CREDHELPER_PROFILE") or _default_name(context)
    old = existing(context, name)
    given = options.with_environment(context, name, old, given)
    former = preview(context, name, old) if old else None
    by_name = bool(project or workgroup)
    says_how = user is not None or kind is not None or keep_key or grant_in(given) is not None
    ask = by_name and not says_how and not no_input
    reuse = joining.wanted(context, former, name, reuse=reuse, ask=ask)
    kind = kind or (Kind.PASSWORD if user is not None else _kind_of(former))
    kind = Kind.KEY if keep_key else kind
    if kind is None and project and not workgroup:
        now = merged(old, given)
        return joining.with_ready_token(
            context, name, old, now, given, project, make_default=make_default
        )
    if kind is None:
        how = command("credhelper", "login", "--profile", name, "--api-key")
        raise UsageError(
            f"profile {name} needs no login: its grant is a token that is made elsewhere",
            f"to log in with a key: {how}",
        )
    values = _values(merged(old, given), kind, user, elsewhere=grant_in(given) is not None)
    # A key that login put into the keyring is replaced as one in a file of ours: by the next login.
    kept_again = kind == Kind.KEY and not (keep_key or reuse or grant_in(given))
    if keep_key == "keyring" or (kept_again and keeping.has_entry(former)):
        keyring = keeping.in_keyring(name, former)
    else:
        keyring = None
    if keyring:
        values["grant"] = {"keyring": [*keyring.words]}
    elif keep_key:
        values.pop("grant", None)
    typed = None
    if kind == Kind.KEY and not reuse and grant_in(given) is None and _shares(context, former):
        values.pop("grant", None)
    if kind == Kind.KEY and "grant" not in values:
        typed = typed_keys.path_of(context, name)
        values["grant"] = {"file": typed}
    # Without those that a project will set: it is not known yet.
    free = joining.without_project(values)
    profile = preview(context, name, free if by_name else values)
    typed = leaving.typed_key(context, profile) if kind == Kind.KEY and not reuse else None
    authorize = None if typed or keyring else wiring.authorizer(context, profile)
    if reuse and authorize is None:
        return joining.with_session(
            context,
            name,
            old,
            values,
            given,
            project=project,
            workgroup=workgroup,
            make_default=make_default,
        )
    key = None
    if authorize is None:
        what = f"{kind} for {profile.url}"
        has = by_name and not says_how and former is not None and joining.kept(context, former)
        hint = f"use the {has} that it has: {prompt.this_command('--reuse')}" if has else None
        key = prompt.secret(what, no_input=no_input, password=kind == Kind.PASSWORD, hint=hint)
        authorization = authorization_of(profile, kind, key)
    else:
        if not reuse and grant_in(given) is None and prompt.unread():
            _warn_of_unread(profile, kind)
        authorization = authorize()
    if by_name:
        client = wiring.client_for(context, profile)
        wanted = projects.found(
            client, profile, authorization, project=project, workgroup=workgroup
        )
        values = projects.put_into(wanted, values, given)
        profile = preview(context, name, values)
    remember(
        context,
        profile,
        old,
        values,
        authorization,
        typed,
        key,
        make_default=make_default,
        keyring=keyring,
    )
    status = leaving.leave_former(context, former)
    return max(status, leaving.revoke_old(context, profile)) if revoke_old else status


def _shares(context: Context, former: Profile | None) -> bool:
    """Tell whether the profile's key was typed for another profile: that one may take it away."""
    if former is None or former.grant is None:
        return False
    from credhelper.broker import key_notes, typed_keys
    from credhelper.cli import keeping

    key = key_notes.file_of(context, former)
    if key is None:
        return former.grant.words[:1] == (keeping.SERVICE,) and not keeping.has_entry(former)
    return key != typed_keys.path_of(context, former.name)


def _default_name(context: Context) -> str:
    found = routing.load_config(context)
    return (found.default_profile if found.path else None) or "default"


def _warn_of_unread(profile: Profile, kind: Kind) -> None:
    grant = profile.grant
    assert grant is not None  # noqa: S101  # for mypy: it says where the secret is
    hint = None
    if kind == Kind.KEY:
        keep = command("credhelper", "login", "--profile", profile.name, "--keep-key", "file")
        hint = f"to save a key that you pipe in: {keep}"
    elif grant.how == "file":
        from credhelper.config.grant import put_there

        hint = put_there(grant, profile.name)
    where = output.grant_in_words(grant)
    output.warn(
        f"stdin was not read: the {kind} of profile {profile.name} comes from {where}", hint
    )


def _kind_of(former: Profile | None) -> Kind | None:
    if former is None or former.auth == API_KEY:
        return Kind.KEY
    if former.auth == READY:
        return None
    return Kind.PASSWORD if former.auth == PASSWORD or former.user else Kind.PSTOKEN


def _values(
    values: dict[str, Any], kind: Kind, user: str | None, *, elsewhere: bool
) -> dict[str, Any]:
    """Return a profile's keys, with `auth`, `user` and `grant` set for this `kind` of login."""
    values = dict(values)
    if user is not None:
        values["user"] = user
    if kind == Kind.KEY:
        if values.pop("auth", API_KEY) != API_KEY and not elsewhere:
            values.pop("grant", None)  # it led to a password or a psToken
        return values
    values.pop("api_key_as", None)
    was = values.get("auth")
    same = was == (PASSWORD if kind == Kind.PASSWORD else LOGIN)
    values["auth"] = PASSWORD if kind == Kind.PASSWORD and (elsewhere or same) else LOGIN
    if not elsewhere and not same:
        values.pop("grant", None)
    return values
