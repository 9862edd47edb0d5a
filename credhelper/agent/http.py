"""HTTP as the endpoint of AWS keys speaks it: from a request's bytes to yes, no, or not yet.

One GET of one path, from somebody who knows the token, is served. Whatever else comes, a browser's
request or no HTTP at all, gets one and the same refusal, which tells nobody what was wrong.
Source: RFC 9112; and "Container credential provider" of the AWS SDKs' guide.
"""

from _operator import _compare_digest  # `hmac` loads hashlib for it

from credhelper.core.text import json_object, json_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Secret

HOST = "127.0.0.1"
PATH = "/credentials"
MOST_HEAD = 8192  # bytes, with the empty line that ends it

_REQUEST_LINES = (f"GET {PATH} HTTP/1.1".encode(), f"GET {PATH} HTTP/1.0".encode())
_END = b"\r\n\r\n"
_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\r\n")


def judge(data: bytes, host: str, token: "Secret") -> bool | None:
    """Tell whether `data` is the request that is served; None while more of it may come.

    Parameters:
    - host: `127.0.0.1:PORT`, as the request must name it.
    - token: as the request must hold it.
    """
    end = data.find(_END, 0, MOST_HEAD)
    if end < 0:
        return False if len(data) >= MOST_HEAD or _hopeless(data) else None
    if end + len(_END) != len(data) or _hopeless(data):
        return False  # what follows the head would be a body, or another request
    first, *lines = data[:end].split(b"\r\n")
    fields = _fields(lines)
    if first not in _REQUEST_LINES or fields is None:
        return False
    given = fields.get(b"authorization", b"")
    return (
        _compare_digest(given, token.reveal().encode())
        and fields.get(b"host") == host.encode()
        # Only a browser says for which page it asks.
        and b"origin" not in fields
        and b"transfer-encoding" not in fields
        and fields.get(b"content-length", b"0") == b"0"
    )


def _hopeless(data: bytes) -> bool:
    """Tell whether no request that is served begins like this."""
    begun = data.partition(b"\r\n")[0].removesuffix(b"\r")
    if not any(line.startswith(begun) for line in _REQUEST_LINES):
        return True
    if data.translate(None, _CONTROLS) != data:
        return True
    plain = data.replace(b"\r\n", b"").removesuffix(b"\r")
    return b"\r" in plain or b"\n" in plain


def _fields(lines: list[bytes]) -> dict[bytes, bytes] | None:
    """Return the header fields by name in lower case; None if they are not in order."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        # A line that goes on with the one before begins with a space: that is no name.
        if not colon or not name or not _NAME.issuperset(name) or name in found:
            return None
        found[name] = value.strip(b" \t")
    return found


def reply(status: str, body: str) -> bytes:
    """Return a whole answer. Parameters: `status`, `200 OK`; `body`, JSON in ASCII."""
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join([*lines, "", body]).encode()


def failure(status: str, code: str, message: str) -> bytes:
    """Return an answer that reports a failure as AWS's SDKs read it.

    Parameters:
    - status: `403 Forbidden`.
    - code: one word.
    - message: one line, without a secret.
    """
    body = json_object({"Code": json_string(code), "Message": json_string(message)})
    return reply(status, body)


REFUSAL = failure("403 Forbidden", "AccessDenied", "not for this caller")
