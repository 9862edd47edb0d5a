"""Reads the grant of a profile: a secret that creates tokens, or a ready token."""

from __future__ import annotations

import os
import sys

from credhelper.broker import key_notes, next_step, routing, source
from credhelper.config.grant import Changed, put_there, resolve
from credhelper.config.profile import APIS, READY
from credhelper.core import paths
from credhelper.errors import CredhelperError, LoginRequiredError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.profile import Grant, Profile
    from credhelper.core.model import Secret


def read(
    context: Context, profile: Profile, grant: Grant, timeout: float = 0, stamp: str = ""
) -> Secret:
    """Return what `grant` gives. A program is asked once in a call.

    Parameters:
    - profile: whose grant it is.
    - timeout: seconds for that, if less than usual.
    - stamp: the expected stamp of a grant in a file; "" for any.

    Raises CredhelperError, and Outdated for a grant that has changed.
    """
    try:
        secret = context.grants.get(grant) or resolve(
            grant,
            profile_name=profile.name,
            environ=context.environ,
            timeout=timeout,
            password=profile.auth == "password",
            stamp=stamp,
        )
        if profile.auth == READY and grant.how == "env":
            _refuse_the_token_of_another(context, profile, grant, secret)
    except Changed:
        raise source.Outdated from None
    except CredhelperError as error:
        if grant.how == "file" and (not error.hint or isinstance(error, LoginRequiredError)):
            folder = paths.state_dir(context.environ, sys.platform)
            typed = folder and grant.words[0].startswith(os.path.join(folder, "grants", ""))
            # The key that was typed at login, and that logout took away; or a file of the user's.
            log_in = next_step.log_in(context.environ, profile.name, profile)
            error.hint = log_in if typed else error.hint or put_there(grant, profile.name)
        raise
    if not key_notes.is_for(context, profile, secret):
        raise _typed_for_another(context, profile)
    if grant.how in ("command", "keyring"):
        context.grants[grant] = secret
    return secret


def _refuse_the_token_of_another(
    context: Context, profile: Profile, grant: Grant, secret: Secret
) -> None:
    """Raise LoginRequiredError if `exec` put its own profile's token where the grant was.

    It is for that profile's services, which need not be this one's.
    """
    name = context.environ.get("CREDHELPER_RECORD", "").partition(":")[0]
    outer = routing.load_config(context).profiles.get(name)
    if outer is None or outer.name == profile.name or outer.grant == grant:
        return
    if context.environ.get(f"{APIS[outer.api].variables}_ACCESS_TOKEN") == secret.reveal():
        raise LoginRequiredError(
            f"environment variable {grant.words[0]}, the grant of profile {profile.name}, belongs"
            f" to exec here, which puts the token of profile {outer.name} into it",
            "ask for it outside of exec, or keep it in a file or another variable",
            private=True,  # as any problem of a variable
        )


def _typed_for_another(context: Context, profile: Profile) -> LoginRequiredError:
    return LoginRequiredError(
        f"the API key of profile {profile.name} is not the one that was typed for {profile.url}, so"
        " credhelper does not send it",
        hint=next_step.log_in(context.environ, profile.name, profile),
        private=True,  # as any problem of a grant in a file
    )
