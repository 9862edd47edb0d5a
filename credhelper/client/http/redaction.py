"""Taking secrets out of what a server said, in whatever spelling it echoes them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from credhelper.core.model import Secret

# A server may echo but a part of a secret: this many characters in a row give it away.
_TELLING = 8
# The base64 of `{"`, and a dot: no sentence has that.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)+")


def redacted(text: str, secrets: Iterable[Secret], most: int = 4096) -> str:
    """Return `text` with `***` wherever a secret, or 8 characters of one, stands.

    Each secret is known as itself, in upper or lower case, percent-encoded in part or whole, in
    hexadecimal, escaped as JSON, in base64 of either alphabet, and as UTF-8 that was read as
    Latin-1. Whatever else looks like a JWT goes, too: it may be somebody's. After `most` characters
    the text is cut.
    """
    if len(text) > most:
        # The cut may leave too little of a secret to be known as one: that goes too.
        return redacted(text[:most], secrets, most)[:-_TELLING]
    lowered = _lower(text)
    hidden = bytearray(len(text))
    for found in _JWT.finditer(text):
        hidden[found.start() : found.end()] = b"\1" * len(found[0])
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
        raw = text.encode("utf-8", "surrogatepass")
        forms |= {
            text,
            json.dumps(text)[1:-1],
            quote(raw, safe=""),
            quote(raw),
            "".join(f"%{byte:02x}" for byte in raw),
            raw.hex(),
            raw.decode("latin-1"),
        }
        # The user name before it shifts base64: three alignments, less the characters they share.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
            inner = encoded[(shift * 8 + 5) // 6 : len(encoded) - 1]
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {_lower(form) for form in forms if form}


def _lower(text: str) -> str:
    # Some characters become two in lower case; those stay, so that places stay.
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
