"""What can go wrong, named by what the caller can do next.

Every class says what the caller can do: ask another helper (`NotFoundError`), log in
(`LoginRequiredError`), correct the config (`ConfigError`), try again (`retryable`), or give up. No
class says which library raised. Messages are lower case, end without a full stop and
never hold a secret; `hint` is the one line that tells a person what to do.
"""

from __future__ import annotations

import errno
import os


class CredhelperError(Exception):
    """Base of all errors that a user sees.

    Parameters:
    - message: one line.
    - hint: one optional line with the next step.
    - retryable: whether the same may succeed a little later; None for what the class says.
    - private: whether it lies in this process, or is seen again at no cost, so that neighbours are
      not told; None for what the class says.
    """

    code = "error"
    retryable = False
    private = False
    exit_status = 1

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        retryable: bool | None = None,
        private: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self._hint: str | None = None
        self.hint = hint
        if retryable is not None:
            self.retryable = retryable
        if private is not None:
            self.private = private

    def __str__(self) -> str:
        return self.message

    @property
    def hint(self) -> str | None:
        """The next step for a person, which a traceback shows as a note; None if none is known."""
        return self._hint

    @hint.setter
    def hint(self, text: str | None) -> None:
        if self._hint:
            self.__notes__.remove(f"hint: {self._hint}")
        self._hint = text
        if text:
            self.add_note(f"hint: {text}")


class RequestError(CredhelperError):
    """The tool's message makes no sense."""

    code = "bad_request"
    exit_status = 2


class UsageError(RequestError):
    """The command line makes no sense, whatever the message says."""

    code = "usage"


class UnsupportedActionError(RequestError):
    """The message is well-formed, but asks for something that this protocol does not do."""

    code = "unsupported_action"


class UnsupportedVersionError(RequestError):
    """The message is of a protocol version that we do not speak."""

    code = "unsupported_version"


class LifetimeError(CredhelperError):
    """The caller wants more life than any new token has: asking again will not help."""

    code = "lifetime_too_short"
    exit_status = 5


class NotFoundError(CredhelperError):
    """Nothing for this service: ask another helper."""

    code = "not_found"
    exit_status = 3


class UnknownProfileError(NotFoundError):
    """A profile is named that does not exist."""


class UnknownServiceError(NotFoundError):
    """No profile names this service."""

    code = "unknown_service"


class PathRequiredError(UnknownServiceError):
    """A profile names this origin, but only below a path that the request does not show."""

    code = "path_required"


class AmbiguousServiceError(NotFoundError):
    """Several profiles name this service, and nothing says which is meant."""

    code = "ambiguous_service"


class LoginRequiredError(CredhelperError):
    """Only a person can continue."""

    code = "login_required"
    exit_status = 4


class ConfigError(CredhelperError):
    """The config must be corrected: the message names file, line, key and what was expected."""

    code = "config"
    private = True
    exit_status = 6


class CacheError(CredhelperError):
    """A file cannot be read or written."""

    code = "cache"
    exit_status = 7


class LockTimeoutError(CacheError):
    """A lock on the config or the state could not be had in time."""

    code = "lock_timeout"
    retryable = True


class TokenAPIError(CredhelperError):
    """The Tokens API did not give what was asked for.

    Parameters:
    - message, hint, retryable: as in a CredhelperError.
    - status: the HTTP status, or None.
    - retry_after: seconds that the server asked us to wait, or None.
    """

    code = "token_api"
    exit_status = 5

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message, hint, retryable=retryable)
        self.status = status
        self.retry_after = retry_after


class UnreachableError(TokenAPIError):
    """No answer, or a 408 or 5xx: the network or the server is down."""

    code = "unreachable"
    retryable = True


class BusyError(TokenAPIError):
    """An agent has no place for another request now."""

    code = "busy"
    retryable = True


class RateLimitedError(TokenAPIError):
    """429: too many requests."""

    code = "rate_limited"
    retryable = True


class RejectedError(TokenAPIError):
    """A definite no: 400, 401, 403 and their kin."""

    code = "rejected"


class MalformedAnswerError(TokenAPIError):
    """An answer came, but not one that a Tokens API gives (a captive portal, say)."""

    code = "malformed_answer"
    retryable = True


def of_code(
    code: str, message: str, hint: str | None, *, retryable: bool | None
) -> CredhelperError:
    """Return the error that an agent reported; a plain CredhelperError for a code we do not know.

    Parameters: `code`, as in `CredhelperError.code`; the others as in a CredhelperError.
    """
    known: list[type[CredhelperError]] = [CredhelperError]
    for one in known:
        if one.code == code:
            return one(message, hint, retryable=retryable)
        known.extend(one.__subclasses__())
    return CredhelperError(message, hint, retryable=retryable)


def reason(error: OSError) -> str:
    """Return why the system refused, in its own words and without the path it names."""
    if error.errno == errno.EBUSY:
        return "it is a mount point or in use, and cannot be replaced"
    return os.strerror(error.errno or 0)


def unexpected(error: Exception) -> CredhelperError:
    """Return the message for an unexpected error: its class and place.

    Its own message might hold a secret.
    """
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = "nowhere"
    if at is not None:
        place = f"{os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}"
    return CredhelperError(
        f"an unexpected {type(error).__name__} at {place}: this is a bug in credhelper",
        hint="set CREDHELPER_TRACE=1, do the same again, and show all lines (no secret is in them)"
        " to those who installed credhelper here",
    )
