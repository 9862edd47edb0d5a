"""The command that logs in, and the error of a login that ended meanwhile."""

import credhelper
from credhelper.core.text import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors


def log_in(profile: str) -> str:
    """Return the command that logs in to `profile`."""
    return command("credhelper", "login", "--profile", profile)


def logged_out(profile: str) -> "credhelper.errors.LoginRequiredError":
    """Return the error for what was made while somebody logged out: it is dropped."""
    return credhelper.errors.LoginRequiredError(
        f"profile {profile} was logged out while this was made: it is dropped",
        hint=log_in(profile),
        private=True,
    )
