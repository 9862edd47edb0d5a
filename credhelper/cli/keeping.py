"""A typed API key in the keyring of the system, through the `keyring` package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from credhelper.core.model import Secret
from credhelper.core.text import printable
from credhelper.errors import CacheError, UsageError

SERVICE = "credhelper"
_KEEPS_NOTHING = ("keyring.backends.fail", "keyring.backends.null", "credhelper.keyring_backend")


@dataclass(frozen=True)
class Keeper:
    """An entry of a keyring: its `words` (service and user name), and the `backend` behind it."""

    words: tuple[str, str]
    backend: Any

    def put(self, key: Secret) -> None:
        """Store `key`. Raises CacheError where the keyring refuses, or does not give it back."""
        import keyring

        shown = printable(self.backend.name)
        try:
            self.backend.set_password(*self.words, key.reveal())
            found = keyring.get_password(*self.words)
        except Exception as error:  # noqa: BLE001  # backends raise what they like, even the secret
            raise CacheError(
                f"the keyring ({shown}) did not take the key: {type(error).__name__}",
                "unlock it, or leave --keep-key out: the key is then kept in a file for you alone",
            ) from None
        if found != key.reveal():
            raise CacheError(
                f"the keyring ({shown}) took the key, but another one answers for it",
                "leave --keep-key out: the key is then kept in a file for you alone",
            )


def in_keyring(name: str) -> Keeper:
    """Return the entry for the key of the profile called `name`, in the first keyring that stores.

    Our own backend and those that keep nothing are passed over. Raises UsageError with the reason
    where there is no other.
    """
    try:
        import keyring
    except ImportError:
        raise UsageError(
            "--keep-key keyring: the keyring package is not installed beside credhelper",
            "pip install keyring",
        ) from None
    chosen: Any = keyring.get_keyring()
    for backend in getattr(chosen, "backends", [chosen]):
        if type(backend).__module__ not in _KEEPS_NOTHING:
            return Keeper((SERVICE, name), backend)
    raise UsageError(
        "--keep-key keyring: no keyring on this machine can store a key",
        "leave --keep-key out: the key is then kept in a file for you alone",
    )
