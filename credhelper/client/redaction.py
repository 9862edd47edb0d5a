"""Taking secrets out of what a server said, in whatever spelling it echoes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import quote

from credhelper.model import Secret

# A server may echo but a part of a secret: this many characters in a row give it away.
_TELLING = 8
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def redacted(text: str, secrets: Iterable[Secret]) -> str:
    """Return `text` with `***` wherever a secret, or 8 characters of one, stands.

    Each secret is known as itself, in upper or lower case, percent-encoded, escaped as JSON, in
    base64 of either alphabet, and as UTF-8 that was read as Latin-1.
    """
    lowered = text.translate(_LOWER)
    hidden = bytearray(len(text))
    for form in _forms(secrets):
        size = min(len(form), _TELLING)
        pieces = {form[start : start + size] for start in range(len(form) - size + 1)}
        for start in range(len(lowered) - size + 1):
            if lowered[start : start + size] in pieces:
                hidden[start : start + size] = b"\1" * size
    shown = []
    for index, char in enumerate(text):
        if not hidden[index]:
            shown.append(char)
        elif not index or not hidden[index - 1]:
            shown.append("***")
    return "".join(shown)


def _forms(secrets: Iterable[Secret]) -> set[str]:
    forms = set()
    for secret in secrets:
        text = secret.reveal()
        raw = text.encode("utf-8", "surrogateescape")
        forms |= {
            text,
            json.dumps(text)[1:-1],
            quote(raw, safe=""),
            quote(raw),
            raw.decode("latin-1"),
        }
        # The user name before it shifts base64: three alignments, less the characters they share.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
            inner = encoded[(shift * 8 + 5) // 6 : len(encoded) - 1]
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form.translate(_LOWER) for form in forms if form}
