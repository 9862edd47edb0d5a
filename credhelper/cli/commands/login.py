"""`credhelper login`: verify a person with the API, then write down what the next `get` needs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import answer, inventory, next_step, routing, source, typed_keys, wiring
from credhelper.cli import joining, leaving, login_report, options, projects, prompt
from credhelper.cli.context import command_context, profile_option
from credhelper.cli.leaving import typed_key
from credhelper.cli.options import existing, grant_in, merged, preview
from credhelper.cli.prompt import Kind
from credhelper.cli.verification import Verified, authorization_of, discard, still, verify
from credhelper.client.authorization import Authorization
from credhelper.config.profile import API_KEY, LOGIN, PASSWORD, READY, Profile
from credhelper.core.model import SESSION, Request, Secret
from credhelper.core.text import command
from credhelper.errors import ConfigError, CredhelperError, UsageError

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
    no_input: bool,
    words: tuple[str, ...],
    **given: Any,
) -> int:
    """Log in and save the profile.

    The secret (API key, password or psToken) comes from a hidden prompt, or piped in as one line;
    never from the command line. An API key is saved in a file that only you can read. With a
    --grant-* option it stays where it is, and credhelper reads it there each time. A password is
    not saved: it opens a session, which is. Nothing is written unless the API accepts the secret.

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
    for option, value in (("--project", project), ("--workgroup", workgroup)):
        if value == "":
            raise UsageError(f"{option} is empty", "leave it out, or is a variable not set?")
    if (project and given.get("cid")) or (workgroup and given.get("cwid")):
        raise UsageError("--project and --cid exclude each other, and so do --workgroup and --cwid")
    context = command_context()
    name = name or context.environ.get("CREDHELPER_PROFILE") or _default_name(context)
    old = existing(context, name)
    given = options.with_environment(context, name, old, given)
    former = preview(context, name, old) if old else None
    by_name = bool(project or workgroup)
    says_how = user is not None or kind is not None or grant_in(given) is not None
    ask = by_name and not says_how and not no_input
    reuse = joining.wanted(context, former, name, reuse=reuse, ask=ask)
    kind = kind or (Kind.PASSWORD if user is not None else _kind_of(former))
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
    typed = None
    if kind == Kind.KEY and "grant" not in values:
        typed = typed_keys.path_of(context, name)
        values["grant"] = {"file": typed}
    # Without those that a project will set: it is not known yet.
    free = joining.without_project(values)
    profile = preview(context, name, free if by_name else values)
    typed = typed_key(context, profile) if kind == Kind.KEY and not reuse else None
    authorize = None if typed else wiring.authorizer(context, profile)
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
        key = prompt.secret(what, no_input=no_input, password=kind == Kind.PASSWORD)
        authorization = authorization_of(profile, kind, key)
    else:
        authorization = authorize()
    if by_name:
        client = wiring.client_for(context, profile)
        wanted = projects.found(
            client, profile, authorization, project=project, workgroup=workgroup
        )
        values = projects.put_into(wanted, values, given)
        profile = preview(context, name, values)
    remember(context, profile, old, values, authorization, typed, key, make_default=make_default)
    status = leaving.leave_former_session(context, former)
    return max(status, leaving.revoke_old(context, profile)) if revoke_old else status


def remember(
    context: Context,
    profile: Profile,
    old: dict[str, Any],
    values: dict[str, Any],
    authorization: Authorization,
    typed: str | None,
    key: Secret | None,
    *,
    make_default: bool,
) -> None:
    """Verify a login with the API, write down what the next `get` needs, and print a report.

    Parameters:
    - old: the profile's keys when the login began; what it does not change stays as it is now.
    - values: the profile's keys, as the config spells them.
    - authorization: what proves who logs in.
    - typed: the file that will hold `key`, or None.
    - key: the API key that a person typed, or None.
    - make_default: make it the default profile.

    Raises CredhelperError; it writes nothing then, and revokes what it made.
    """
    client = wiring.client_for(context, profile)
    verified = verify(client, profile, authorization, context.clock)
    try:
        with typed_keys.changing(context, profile, key if typed else None) as put:

            def ready(now: Profile) -> None:
                _require_same_login(context, profile, now)
                put()

            path, now = options.write(
                context, profile.name, old, values, make_default=make_default, ready=ready
            )
    except CredhelperError:
        discard(client, *verified.made)
        raise
    kept = _adopt(context, profile, now, verified, authorization)
    profile = now
    wrote = [path, typed and f"{typed} (the API key)", kept and f"{kept} (the session)"]
    choices: dict[str, str] = {}
    if not any(getattr(profile, key) for key in joining.SET_BY_NAME):
        session = verified.session.value if verified.session else None
        again = command("credhelper", "login", *login_report.choosing(context, profile))
        choices = projects.listed(client, verified.token.value, session, again)
    login_report.print_report(context, profile, verified, [one for one in wrote if one], choices)


def _require_same_login(context: Context, verified: Profile, now: Profile) -> None:
    """Raise ConfigError if who logs in, or where, was changed after the login began."""
    if inventory.bases(verified)[SESSION] == inventory.bases(now)[SESSION]:
        return
    keys = ("api", "url", "auth", "grant", "user", "domain", "client_id", "data")
    changed = [key for key in keys if getattr(verified, key) != getattr(now, key)]
    raise ConfigError(
        f"{' and '.join(changed)} of profile {now.name} changed during the login, in "
        f"{options.files(context)[0]}: the login is not written",
        hint=next_step.log_in(context.environ, now.name, now),
    )


def _default_name(context: Context) -> str:
    found = routing.load_config(context)
    return (found.default_profile if found.path else None) or "default"


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


def _adopt(
    context: Context,
    profile: Profile,
    now: Profile,
    verified: Verified,
    authorization: Authorization,
) -> str | None:
    """Move the former token aside, store the verified one, and return the path of the session.

    Nothing is stored if the grant has changed: the token would count as one of the new grant. Nor
    is a token for another project, or the like, than the profile says `now`.
    """
    inventory.set_aside(context, now)
    seen = inventory.record_of(context, profile)
    if not still(context, profile, authorization, seen[1]):
        return None
    due, kept = 0, None
    token = verified.token
    if verified.session is not None:
        renewal = wiring.renewal_for(context, profile, seen=seen)
        due = renewal.adopt(verified.session)
        kept = renewal.record.slot.path
        token = verified.session if profile.token == SESSION else token
    if inventory.bases(profile)[inventory.TOKEN] != inventory.bases(now)[inventory.TOKEN]:
        return kept
    found, route = routing.load_routes(context), routing.route_to(profile)
    token_source = answer.source_for(context, found, route, stamp=seen[1])
    token_source.slot.owner = inventory.owner(context, profile)
    token_source.renew = lambda _: (token, due)
    with suppress(CredhelperError):
        # `get` will report a token that starts late or is too short for the profile.
        source.get(token_source, Request("get", profile=profile.name), route, None)
    return kept
