"""What the grant of a profile gives, for whoever creates tokens from it, or hands it out."""

from __future__ import annotations

import os
import sys

from credhelper.broker import key_notes, next_step, source
from credhelper.config.grant import Changed, resolve
from credhelper.core import paths
from credhelper.errors import LoginRequiredError

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
    except Changed:
        raise source.Outdated from None
    except LoginRequiredError as error:
        folder = paths.state_dir(context.environ, sys.platform)
        if folder and grant.words[0].startswith(os.path.join(folder, "grants", "")):
            # The key that was typed at login, and that logout took away.
            error.hint = next_step.log_in(context.environ, profile.name, profile)
        raise
    if not key_notes.is_for(context, profile, secret):
        raise _typed_for_another(context, profile)
    if grant.how in ("command", "keyring"):
        context.grants[grant] = secret
    return secret


def _typed_for_another(context: Context, profile: Profile) -> LoginRequiredError:
    return LoginRequiredError(
        f"the API key of profile {profile.name} was not typed for {profile.url}: it is not sent",
        hint=next_step.log_in(context.environ, profile.name, profile),
        private=True,  # as any problem of a grant in a file
    )
