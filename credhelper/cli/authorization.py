"""What authorises a call of `credhelper token`, and the secrets it sends, from its options."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from credhelper.broker import answer, inventory, next_step, wiring
from credhelper.broker.context import Context
from credhelper.cli import prompt
from credhelper.cli.context import profile_option
from credhelper.config.origin import origin
from credhelper.config.profile import APIS, KEY_FORMS, READY, Grant, Profile
from credhelper.core.model import SESSION, Request, Secret
from credhelper.core.text import command
from credhelper.errors import LoginRequiredError, UsageError

if TYPE_CHECKING:
    from credhelper.client.api import Client
    from credhelper.client.authorization import Authorization, Caller

_STDIN = "-"


def secret_options(secret: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what adds the options that all four calls take.

    Parameters:
    - secret: what is read, for the help.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--no-input", is_flag=True, help="Never prompt."),
            click.option(
                "--secret-file",
                metavar="PATH",
                help=f"Read {secret} from this file; - is stdin.",
            ),
            click.option("--secret-env", metavar="NAME", help=f"Read {secret} from this variable."),
            click.option(
                "--url",
                metavar="URL",
                callback=_url,
                help="The API's origin; by default the profile's.",
            ),
            click.option(
                "--api",
                type=click.Choice(list(APIS)),
                help="Which API is at --url: iap (v1) or ica (v2), where its host does not tell.",
            ),
            profile_option("Use this profile's API."),
        ):
            command = option(command)
        return command

    return decorate


def caller_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the calls that something else than the token may authorise."""
    for option in (
        click.option(
            "--no-body", is_flag=True, help="Send no body: what authorises the call is all it says."
        ),
        click.option(
            "--user",
            metavar="NAME",
            help="What --auth-env or --auth-file holds is this user's password, sent as Basic.",
        ),
        click.option(
            "--auth-file",
            metavar="PATH",
            help="Authorise with the JWT or psToken in this file; - is stdin.",
        ),
        click.option(
            "--auth-env", metavar="NAME", help="Authorise with the JWT or psToken in this variable."
        ),
        click.option(
            "--own-token",
            is_flag=True,
            help="Authorise with the profile's own token, as `credhelper get` gives it.",
        ),
    ):
        command = option(command)
    return command


def _url(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return origin(text)
    except ValueError as error:
        raise UsageError(f"--url: {error}") from error


def authorization_in(
    context: Context,
    profile: Profile,
    client: Client,
    api_key_as: str | None,
    user: str | None,
    session: bool,
    given: dict[str, Any],
) -> Authorization:
    """Return what authorises `token create`: the profile's own grant, or what the options name.

    Parameters:
    - api_key_as: one of KEY_FORMS, or None.
    - user: whose password the secret is, or None.
    - session: the secret is a psToken.
    - given: the options that every call takes, by their names.
    """
    from credhelper.client.authorization import ApiKey, Bearer, Password

    if (session and (user or api_key_as)) or (user and api_key_as not in (None, "basic-password")):
        raise UsageError("--session, --user and --api-key-as exclude each other")
    elsewhere = given["secret_env"] or given["secret_file"] or user or session
    if given["url"] is None and not elsewhere:
        return _own_authorization(context, profile, client, api_key_as)
    if session:
        return Bearer(read_secret("psToken", given))
    if user and api_key_as is None:
        return Password(user, read_secret("password", given, password=True))
    return ApiKey(read_secret("API key", given), api_key_as or KEY_FORMS[0], user or "")


def _own_authorization(
    context: Context, profile: Profile, client: Client, api_key_as: str | None
) -> Authorization:
    from credhelper.client.authorization import ApiKey, Bearer

    if profile.auth == READY:
        raise UsageError(
            f"the grant of profile {profile.name} is a token, which creates no other",
            hint="name a key or psToken with --secret-env or --secret-file",
        )
    authorize = wiring.authorizer(context, profile)
    if authorize is None and client.refreshes != SESSION:
        raise UsageError(
            f"the JWT that login keeps for profile {profile.name} creates no other",
            hint="it is refreshed when it is due: "
            + command("credhelper", "get", "--profile", profile.name),
        )
    if authorize is None:
        held = inventory.session_slot(context, profile).find() or {}
        if not held.get("token"):
            raise LoginRequiredError(
                f"not logged in to profile {profile.name}",
                hint=next_step.log_in(context.environ, profile.name, profile),
            )
        return Bearer(Secret(held["token"]))
    found = authorize()
    if api_key_as is None:
        return found
    if not isinstance(found, ApiKey):
        raise UsageError(f"--api-key-as: profile {profile.name} does not log in with an API key")
    return replace(found, form=api_key_as)


def token_and_caller(
    context: Context, profile: Profile, what: str, given: dict[str, Any]
) -> tuple[Secret | None, Caller | None]:
    """Return the token that a call names, and what authorises the call if the token does not.

    Parameters:
    - what: what the token is, for messages.
    - given: the options of the call, by their names. With --no-body there is no token.
    """
    from credhelper.client.authorization import Bearer, Password

    own, user, bare = given["own_token"], given["user"], given["no_body"]
    others = given["auth_env"] or given["auth_file"]
    if own and (others or user):
        raise UsageError("--own-token excludes --auth-env, --auth-file and --user")
    if own and given["url"] is not None and given["name"] is None:
        raise UsageError("--own-token goes with a profile, not with a --url alone")
    if user and not others:
        raise UsageError("--user goes with --auth-env or --auth-file: the password is there")
    if bare and (own or others) and (given["secret_env"] or given["secret_file"]):
        raise UsageError("--no-body sends no token: leave --secret-env and --secret-file out")
    elsewhere = bare or given["secret_env"] or given["secret_file"] not in (None, _STDIN)
    if given["auth_file"] == _STDIN and not elsewhere:
        raise UsageError(f"the {what} and the authorization cannot both come from stdin")
    if bare and not (own or others):
        return None, Bearer(read_secret(what, given))
    named = None if bare else read_secret(what, given)
    if own:
        request = Request("get", profile=profile.name)
        return named, Bearer(answer.get(context, request).token)
    if not others:
        return named, None
    kind = "password" if user else "token that authorises"
    secret = read_secret(kind, given, password=bool(user), prefix="auth")
    return named, Password(user, secret) if user else Bearer(secret)


def read_secret(
    what: str, given: dict[str, Any], *, password: bool = False, prefix: str = "secret"
) -> Secret:
    """Return a secret from the variable or file that the options name, else from stdin or a prompt.

    Parameters:
    - what: what it is, for messages.
    - given: the options of the call, by their names.
    - password: it may have blanks and non-ASCII characters.
    - prefix: of the two options: --PREFIX-env and --PREFIX-file.
    """
    from credhelper.config import grant as grants

    variable, path = given[f"{prefix}_env"], given[f"{prefix}_file"]
    if variable and path:
        raise UsageError(f"--{prefix}-env and --{prefix}-file exclude each other")
    if variable:
        grant = Grant("env", (variable,))
    elif path and path != _STDIN:
        grant = Grant("file", (os.path.abspath(os.path.expanduser(path)),))
    else:
        return prompt.secret(what, no_input=given["no_input"], password=password)
    return grants.resolve(grant, profile_name="", environ=os.environ, password=password)
