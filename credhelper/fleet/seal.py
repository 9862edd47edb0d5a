"""Sealing: what leaves this host for a store is opaque to it, and bound to its place.

A value is `0x01 | key id (4) | nonce (12) | AES-256-GCM`. What it is bound to is authenticated with
it: a store can neither change a value nor move it to another name, kind or generation.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable

from credhelper.core.model import Secret
from credhelper.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
MOST_KEYS = 8
NAME_DIGITS = 32
MOST_BYTES = 256 * 1024  # of a sealed value

_FORMAT = b"\x01"
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_ID, _NONCE, _TAG = 4, 12, 16
_HOW = "copy it from another host of the fleet, or make one for all hosts: credhelper fleet key"


def new_key() -> Secret:
    """Return a new key, as a line of text."""
    return Secret(_text(os.urandom(KEY_BYTES)))


def key_flaw(line: str) -> str:
    """Return why a line of text is no key, as the end of a sentence; "" for a key."""
    if not _ALPHABET.issuperset(line):
        return "holds other characters than a key has"
    try:
        data = base64.urlsafe_b64decode(line + "=" * (-len(line) % 4))
    except ValueError:
        return "is not as long as a key is"
    if len(data) < KEY_BYTES:
        return "is too short"
    if len(data) > KEY_BYTES:
        return "is too long"
    return "" if _text(data) == line else "is not spelled as a key is"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Ring:
    """The keys of a fleet: the first one seals, all of them open.

    Parameters:
    - keys: one key a line.

    Raises ConfigError for anything else, which tells the line and no more.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Secret) -> None:
        lines = keys.reveal().split("\n")
        if len(lines) > MOST_KEYS:
            raise ConfigError(f"the fleet's key has more than {MOST_KEYS} lines", _HOW)
        self._keys = []
        for number, line in enumerate(lines, 1):
            if flaw := key_flaw(line):
                raise ConfigError(f"line {number} of the fleet's key {flaw}", _HOW)
            self._keys.append(_Key(base64.urlsafe_b64decode(f"{line}=")))

    def names(self, identity: Sequence[str]) -> list[str]:
        """Return the names of what has this identity, one by each key: 32 hex digits each.

        The first is where it lies; the others are where it lay under former keys.
        """
        told = _delimited(identity)
        return [key.named(told) for key in self._keys]

    def called(self) -> list[str]:
        """Return what each key is called: 8 hex digits, which tell nothing of it."""
        return [key.id.hex() for key in self._keys]

    def fingerprint(self, secret: Secret) -> str:
        """Return what tells a grant from another one, to those who have the fleet's key."""
        told = _delimited(["grant", secret.reveal()])
        return self._keys[0].named(told)

    def seal(self, data: bytes, bound: Sequence[str]) -> bytes:
        """Return `data` sealed by the first key.

        Parameters:
        - bound: the words that `open` must be given, too.
        """
        key = self._keys[0]
        head = _FORMAT + key.id
        nonce = os.urandom(_NONCE)
        return head + nonce + key.cipher().encrypt(nonce, data, head + _delimited(bound))

    def open(self, sealed: bytes, bound: Sequence[str]) -> bytes | None:
        """Return what was sealed; None for anything that a key of ours did not seal like this."""
        from cryptography.exceptions import InvalidTag

        head, nonce = sealed[: 1 + _ID], sealed[1 + _ID : 1 + _ID + _NONCE]
        body = sealed[1 + _ID + _NONCE :]
        if head[:1] != _FORMAT or len(body) < _TAG or len(sealed) > MOST_BYTES:
            return None
        for key in self._keys:
            if key.id == head[1:]:
                try:
                    return key.cipher().decrypt(nonce, body, head + _delimited(bound))
                except InvalidTag:
                    continue
        return None


class _Key:
    """One key: what names, what seals, and what it is called, each derived from it."""

    __slots__ = ("_naming", "_sealing", "id")

    def __init__(self, key: bytes) -> None:
        self._naming = _hmac(key, b"credhelper fleet 1: names")
        self._sealing = _hmac(key, b"credhelper fleet 1: seals")
        self.id = _hmac(key, b"credhelper fleet 1: called")[:_ID]

    def named(self, told: bytes) -> str:
        return _hmac(self._naming, told).hex()[:NAME_DIGITS]

    def cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers import aead

        return aead.AESGCM(self._sealing)


def _hmac(key: bytes, data: bytes) -> bytes:
    from hmac import digest

    return digest(key, data, "sha256")


def _delimited(words: Iterable[str]) -> bytes:
    encoded = [word.encode("utf-8", "surrogateescape") for word in words]
    return b"".join(b"%d:%b" % (len(one), one) for one in encoded)
