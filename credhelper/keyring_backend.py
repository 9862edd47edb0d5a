"""A backend for the `keyring` package: tokens for twine, poetry, hatch and pip, in their process.

The entry point `keyring.backends` leads here, so it is found where credhelper is installed beside
`keyring`. keyring asks all backends in turn, about secrets of all kinds. For a service that is not
ours the answer is None at once. It never raises: some callers would use no keyring at all from then
on. Nothing is loaded before it is needed.

Source: keyring's backend.py and backends/chainer.py.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential
from keyring.errors import PasswordDeleteError, PasswordSetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Credential


# keyring's chain of backends goes on to the next one after a NotImplementedError, and no other.
class NotSetError(PasswordSetError, NotImplementedError):
    """We store no passwords: another backend may."""


class NotDeletedError(PasswordDeleteError, NotImplementedError):
    """We store no passwords, so there is none to delete: another backend may have it."""


class Keyring(KeyringBackend):
    """Answers for the services that profiles name, and for nothing else."""

    # Before the keyrings of desktops (5), which may want to be unlocked, or hold an old password.
    priority = 9

    def get_password(
        self, service: str, username: str, *, environ: Mapping[str, str] | None = None
    ) -> str | None:
        """Return a token for `service` if `username` is the profile's, else None."""
        found = _ask(service, username, environ)
        return None if found is None else found.token.reveal()

    def get_credential(
        self, service: str, username: str | None, *, environ: Mapping[str, str] | None = None
    ) -> SimpleCredential | None:
        """Return the profile's user name and a token for `service`, or None.

        Parameters:
        - service: an index URL or `host:port`.
        - username: None for any.
        - environ: its `CREDHELPER_*` variables count.
        """
        found = _ask(service, username, environ)
        return None if found is None else SimpleCredential(found.username, found.token.reveal())

    def set_password(self, service: str, username: str, password: str) -> None:
        """Raise PasswordSetError."""
        raise NotSetError("credhelper does not store passwords")

    def delete_password(self, service: str, username: str) -> None:
        """Raise PasswordDeleteError."""
        raise NotDeletedError("credhelper does not store passwords")


def _ask(name: object, username: object, environ: Mapping[str, str] | None) -> Credential | None:
    from credhelper.errors import (
        AmbiguousServiceError,
        CredhelperError,
        NotFoundError,
        RequestError,
    )

    if not isinstance(name, str) or not isinstance(username, str | None):
        return None  # programs name their secrets by all kinds of things
    try:
        from credhelper.broker import answer
        from credhelper.broker.context import Context
        from credhelper.core.model import Request
        from credhelper.inprocess.environ import ENVIRON
        from credhelper.protocols import keyring

        environ = ENVIRON if environ is None else environ
        named, echo, user = keyring.wanted(name, environ)
        if user and username and user != username:
            return None
        request = Request(
            "get", service=named, username=username or user, margin=keyring.MARGIN, echo=echo
        )
        credential = answer.get(Context(environ, warn=_warn), request)
        answer.tidy_up()
        return credential
    except AmbiguousServiceError as error:
        _warn(error.message, error.hint)  # the service is ours, but of several profiles
    except (NotFoundError, RequestError):
        return None  # nothing of ours, or no name that a profile could have
    except CredhelperError as error:
        _warn(error.message, error.hint)
    except Exception as error:  # noqa: BLE001  # the caller would use no keyring at all any more
        _warn(f"an unexpected {type(error).__name__}: this is a bug in credhelper", None)
    return None


def _warn(message: str, hint: str | None) -> None:
    # Callers show the text alone, beside warnings of their own.
    text = f"credhelper: {message} ({hint})" if hint else f"credhelper: {message}"
    logging.getLogger("credhelper").warning("%s", text)
