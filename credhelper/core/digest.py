"""SHA-256 for the warm path, from the C module that `hashlib` would take it from.

`hashlib` itself also loads OpenSSL, which costs a third of a whole answer.
"""

import sys

try:
    if sys.version_info >= (3, 12):
        from _sha2 import sha256 as _sha256
    else:
        from _sha256 import sha256 as _sha256
except ImportError:  # an interpreter that was built without its own hashes: OpenSSL has them
    from hashlib import sha256 as _sha256


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hex (FIPS 180-4)."""
    return str(_sha256(data).hexdigest())
