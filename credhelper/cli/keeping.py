"""A typed API key in the keyring of the system, through the `keyring` package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from credhelper.config.profile import Profile
from credhelper.core.model import Secret
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, UsageError

SERVICE = "credhelper"
_PASSED_OVER = (
    "keyring.backends.fail",
    "keyring.backends.null",
    "credhelper.keyring_backend",
    "keyrings.alt.file",  # a key in a file that anybody can decode is better kept in ours
)


@dataclass(frozen=True)
class Keeper:
    """An entry of a keyring.

    Parameters:
    - words: its service and its user name.
    - backend: the keyring behind it.
    - ours: whether the profile that it is for uses it already.
    """

    words: tuple[str, str]
    backend: Any
    ours: bool

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return printable(f"{' '.join(self.words)} in the keyring {self.backend.name}")

    def put(self, key: Secret) -> None:
        """Store `key`.

        Raises CacheError where the keyring refuses, or does not give it back, and UsageError where
        another key is there that the profile does not use: a profile of another config may.
        """
        import keyring

        shown = printable(self.backend.name)
        try:
            if not self.ours and self.backend.get_password(*self.words) not in (None, key.reveal()):
                raise UsageError(
                    f"the keyring ({shown}) holds another key as {' '.join(self.words)}, which this"
                    " config does not use: it is not replaced",
                    "log in with another --profile name, or remove that key:"
                    f" {command('keyring', 'del', *self.words)}",
                )
            self.backend.set_password(*self.words, key.reveal())
            found = keyring.get_password(*self.words)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  # backends raise what they like, even the secret
            raise CacheError(
                f"the keyring ({shown}) did not take the key: {type(error).__name__}",
                "unlock it, or use --keep-key file: the key is then kept in a file for you alone",
            ) from None
        if found != key.reveal():
            raise CacheError(
                f"the keyring ({shown}) took the key, but another one answers for it",
                "use --keep-key file: the key is then kept in a file for you alone",
            )

    def remove(self) -> bool:
        """Delete the key; tell whether one was there. Raises CacheError where that fails."""
        try:
            if self.backend.get_password(*self.words) is None:
                return False
            self.backend.delete_password(*self.words)
        except Exception as error:  # noqa: BLE001  # as `put`
            shown = printable(self.backend.name)
            what = f"the keyring ({shown}) did not delete the key: {type(error).__name__}"
            raise CacheError(what) from None
        return True


def has_entry(profile: Profile | None) -> bool:
    """Tell whether the profile's key is where `login --keep-key keyring` puts it."""
    grant = profile.grant if profile else None
    return (
        profile is not None
        and grant is not None
        and grant.how == "keyring"
        and grant.words == (SERVICE, profile.name)
    )


def in_keyring(name: str, former: Profile | None) -> Keeper:
    """Return the entry for the key of the profile called `name`, in the first keyring that stores.

    Parameters:
    - former: the profile as the config has it, or None.

    Our own backend, and those that keep nothing or hide nothing, are passed over. Raises UsageError
    with the reason where there is no other.
    """
    try:
        import keyring
    except ImportError:
        raise UsageError(
            "the keyring package is not installed beside credhelper",
            "pip install keyring",
        ) from None
    try:
        chosen: Any = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001  # it loads what its settings name, whatever that is
        raise UsageError(
            f"the keyring that is set up cannot be used: {type(error).__name__}",
            "see what the variable PYTHON_KEYRING_BACKEND, or keyringrc.cfg in the folder that"
            " `keyring diagnose` tells, name",
        ) from None
    for backend in getattr(chosen, "backends", [chosen]):
        if type(backend).__module__ not in _PASSED_OVER:
            return Keeper((SERVICE, name), backend, has_entry(former))
    raise UsageError(
        "no keyring on this machine can store a key",
        "use --keep-key file: the key is then kept in a file for you alone",
    )
