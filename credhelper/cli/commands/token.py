"""`credhelper token` with a verb: the API's four calls, one to one. Nothing is cached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import wiring
from credhelper.broker.context import Context
from credhelper.cli import authorization
from credhelper.cli.commands.protocols import completed_options
from credhelper.cli.context import chosen, command_context
from credhelper.cli.late import Suggesting
from credhelper.cli.output import say, warn
from credhelper.config.profile import APIS, KEY_FORMS, Profile, api_at
from credhelper.core.model import SESSION, Secret
from credhelper.core.text import command, rfc3339
from credhelper.errors import RequestError, UnsupportedActionError, UsageError

if TYPE_CHECKING:
    from credhelper.client.api import Client
    from credhelper.core.model import Token


class _Verbs(Suggesting):
    """The verbs, and the options of the protocol that has the same name."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the group's options, and where they are completed those of the protocol."""
        return [*completed_options("token", ctx), *super().get_params(ctx)]


@click.group(cls=_Verbs, no_args_is_help=False, short_help="Call the Tokens API by hand.")
def token() -> None:
    """Call the Tokens API by hand: create, details, refresh, revoke. Nothing is cached.

    Without one of these words it prints a token from the cache, for tools that run a command to get
    one (pnpm, rclone, Codex, Claude Code, DVC, Flyte, mise):

    \b
      credhelper token [SERVICE] [--profile NAME] [--min-ttl SECONDS]

    For the four calls secrets come from stdin, a hidden prompt, a variable or a file: never from
    the command line.

    \b
    Example:
      credhelper get | credhelper token details
    """


@token.command()
@click.option("--client-id", metavar="ID", help="clientId: the authorized party on the JWT.")
@click.option("--domain", metavar="NAME", help="domain: the domain to log in to.")
@click.option("--data", metavar="TEXT", help="data: custom metadata for the JWT's session field.")
@click.option("--scopes", metavar="A,B", help="scopes: limit the token to these.")
@click.option("--cwid", metavar="ID", help="cwid: the workgroup.")
@click.option("--cid", metavar="ID", help="cid: the context, which is a project.")
@click.option(
    "--return-session-token/--no-return-session-token",
    default=None,
    help="returnSessionToken: true for a psToken, false for a JWT; not sent if not given.",
)
@click.option(
    "--api-key-as",
    type=click.Choice(KEY_FORMS),
    help="How to send the API key: X-API-Key by default; query is the obsolete api_key parameter.",
)
@click.option("--user", metavar="NAME", help="The secret is this user's password, sent as Basic.")
@click.option("--session", is_flag=True, help="The secret is a psToken, sent as Bearer.")
@authorization.secret_options("the API key, password or psToken")
def create(
    client_id: str | None,
    domain: str | None,
    data: str | None,
    scopes: str | None,
    cwid: str | None,
    cid: str | None,
    return_session_token: bool | None,
    api_key_as: str | None,
    user: str | None,
    session: bool,
    **given: Any,
) -> None:
    """Create a token (POST /v1/tokens) and print it as JSON.

    The profile's own key, password or session authorises the call, and the profile's context fills
    in what you leave out. With --url, --user, --session, --secret-env or --secret-file the secret
    comes from there instead.

    Of these parameters the v2 API (POST /ica/rest/api/tokens) has only --domain, as its tenant.

    \b
    Examples:
      credhelper token create --cid project-alpha
      credhelper token create --url https://aps2.platform.illumina.com --secret-env MY_KEY
      printf %s "$MY_KEY" | credhelper token create --secret-file - --return-session-token
    """
    from credhelper.client.api import TokenSpec

    context = command_context()
    profile, client = _client(context, given)
    caller = authorization.authorization_in(
        context, profile, client, api_key_as, user, session, given
    )
    made = client.create(
        caller,
        TokenSpec(
            client_id=profile.client_id if client_id is None else client_id,
            domain=profile.domain if domain is None else domain,
            data=profile.data if data is None else data,
            scopes=profile.scopes if scopes is None else scopes.split(","),
            cwid=profile.cwid if cwid is None else cwid,
            cid=profile.cid if cid is None else cid,
            return_session_token=return_session_token,
        ),
    )
    _print(made)


@token.command()
@click.option("--user", metavar="NAME", help="The secret is this user's password, sent as Basic.")
@authorization.secret_options("the token, or the password")
def details(user: str | None, **given: Any) -> None:
    """Print what the API knows about a token (GET /v1/tokens/details), as JSON.

    The v2 API tells nothing about a token: there you see the token's own claims, unverified.

    \b
    Examples:
      credhelper get | credhelper token details
      credhelper token details --user me@example.org
    """
    from credhelper.client.authorization import Password

    _, client = _client(command_context(), given)
    what = "password" if user else "token"
    secret = authorization.read_secret(what, given, password=bool(user))
    if user:
        answer = client.details(None, Password(user, secret))
    else:
        answer = client.details(secret) if client.has_details else _claims(secret)
    click.echo(json.dumps(answer, indent=2))


@token.command()
@authorization.caller_options
@authorization.secret_options("the psToken, or v2's JWT")
def refresh(**given: Any) -> None:
    """Extend the session of a psToken (POST /v1/tokens:refresh) and print the psToken as JSON.

    Keep the printed psToken: it may be a new one. The v2 API refreshes JWTs instead, while they are
    valid, but not those that an API key made (POST /ica/rest/api/tokens:refresh).

    The psToken itself authorises the call, unless you give --own-token, --auth-file or --auth-env.

    \b
    Example:
      credhelper token refresh --secret-file ~/pstoken --url https://aps2.platform.illumina.com
    """
    context = command_context()
    profile, client = _client(context, given)
    what = "psToken" if client.refreshes == SESSION else "JWT"
    _print(client.refresh(*authorization.token_and_caller(context, profile, what, given)))


@token.command()
@authorization.caller_options
@authorization.secret_options("the token")
def revoke(**given: Any) -> None:
    """Revoke a JWT or psToken (DELETE /v1/tokens): no service accepts it any more.

    The token itself authorises the call, unless you give --own-token, --auth-file or --auth-env.
    The v2 API cannot revoke: there the command fails, and says so.

    \b
    Examples:
      credhelper get | credhelper token revoke
      credhelper token revoke --secret-file leaked.txt --own-token
    """
    context = command_context()
    profile, client = _client(context, given)
    if not client.revokes:
        raise UnsupportedActionError(
            "this API cannot revoke: the token lives until it expires",
            hint="forget what is held here: "
            + command(
                "credhelper", "logout", *(["--profile", given["name"]] if given["name"] else [])
            ),
        )
    answer = client.revoke(*authorization.token_and_caller(context, profile, "token", given))
    say("revoked" if answer == "revoked" else "the server does not know this token: nothing to do")


def _client(context: Context, given: dict[str, Any]) -> tuple[Profile, Client]:
    profile = _profile(context, given["name"], given["url"], given["api"])
    return profile, wiring.client_for(context, profile)


def _profile(context: Context, name: str | None, url: str | None, api: str | None) -> Profile:
    if url is None or name is not None:
        if api is not None:
            raise UsageError("--api goes with --url: a profile says which API it is for")
        profile = chosen(context, name)
        if url is not None and url != profile.url:
            raise UsageError(f"--url is not the API of profile {profile.name}: {profile.url}")
        return profile
    there = api_at(url)
    if api and there and api != there:
        raise UsageError(
            f"--api {api}: {url} is the one of {there}", f"say {command('--api', there)}"
        )
    return Profile(name="none", api=api or there or next(iter(APIS)), url=url)


def _claims(token: Secret) -> dict[str, Any]:
    from credhelper.client import claims

    found = claims.payload(token.reveal())
    if found is None:
        raise RequestError("the token is not a JWT, and this API tells nothing of a token")
    warn("this API tells nothing of a token: these are its own claims, which nobody has verified")
    return found


def _print(made: Token) -> None:
    answer: dict[str, object] = {
        "access_token": made.value.reveal(),
        "token_type": "Bearer",
        "expires_at": rfc3339(made.expires_at),
    }
    if made.assumed:
        # A psToken does not tell when it ends: this is the configured idle life.
        answer["assumed"] = True
    click.echo(json.dumps(answer))
