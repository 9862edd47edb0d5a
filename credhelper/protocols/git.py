"""git's credential helper protocol: `key=value` lines in, `key=value` lines out.

Source: git-credential(1), section "INPUT/OUTPUT FORMAT", and gitcredentials(7). Where git is
lenient we are not: a carriage return is refused wherever it stands (so CRLF line ends are, too),
and so are other control bytes, bytes that are not UTF-8, lines without `=` and single-valued keys
that contradict each other. A server's `wwwauth[]` may hold a tab, and bytes of any encoding.
Silence means "ask the next helper"; it is the answer for protocols other than http and https, for
operations that we do not know, and for services that no profile covers.

git asks; you only say for which host:

  credhelper setup git --service https://git.example

By hand, for one host only:

  credhelper profile add default --service https://git.example
  git config --global --replace-all credential.https://git.example.helper ""
  git config --global --add credential.https://git.example.helper credhelper

The empty helper comes first: other helpers, which could store the token, are not told it.

If a profile covers a path below the host, let git send paths:

  git config --global credential.https://git.example.useHttpPath true

To try it: printf 'protocol=https\\nhost=git.example\\n\\n' | credhelper git get
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request, Secret
from credhelper.core.text import complaint, one_line, quoted
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads
    from credhelper.core.service import Service

USAGE = "credhelper git [--profile NAME] [--min-ttl SECONDS] get|store|erase|capability"
NOTHING = True

_MARGIN = 10  # seconds: git looks at the expiry once, and uses the credential at once
_LONGEST_LINE = 65535  # bytes, LF included
_CONTROLS = bytes(byte for byte in range(32) if byte != 10) + b"\x7f"
_CHALLENGE = b"wwwauth[]="
_SINGLE = ("protocol", "host", "path", "username", "url", "password", "credential")
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/"
)


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `paragraph` for the three operations that git sends attributes with."""
    try:
        _, action = _command(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "paragraph" if action in ("get", "store", "erase") else "nothing"


def parse(call: "Call") -> Request:
    """Return what git asks: `get`, `erase`, `store`, `capability`, or `ignored` for other words.

    Raises UsageError for the command line, RequestError for attributes that make no sense,
    NotFoundError for a protocol that is not http or https. A request over plain http
    becomes a `list`, to see whether a profile names that host.
    """
    found, action = _command(call.arguments)
    min_ttl = options.min_ttl(found)
    if action == "capability":
        return Request("capability")
    erase = action == "erase"
    if not erase and action != "get":
        return Request("store" if action == "store" else "ignored")
    attributes = _attributes(call.stdin)
    try:
        wanted = _service(attributes)
    except credhelper.errors.RequestError:
        plain = _over_plain_http(attributes)
        if plain is None:
            raise
        # An error if a profile names that host, silence for all other hosts.
        return Request("ignored") if erase else Request("list", service=plain)
    secret = _one(attributes, "credential") or _one(attributes, "password")
    return Request(
        "erase" if erase else "get",
        service=wanted,
        profile=found.get("profile"),
        username=_one(attributes, "username"),
        rejected=Secret(secret) if secret and erase else None,
        min_ttl=min_ttl,
        margin=options.margin(found, _MARGIN),
        echo={"authtype": "Bearer"} if _takes_bearer(attributes) else None,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the attributes of a credential; nothing for `store`, `erase` and unknown operations.

    Parameters: `answer`, the credential for `get`, or the Listing for a request over plain http.
    Raises CredhelperError for a credential that does not fit on a line,
    RequestError for plain http to a host that a profile names.
    """
    if request.action == "capability":
        return Reply(b"version 0\ncapability authtype\n")
    if isinstance(answer, Listing) and request.service is not None:
        host = request.service.host
        if any(service.parse(name).host == host for name, _, _ in answer.entries):
            raise credhelper.errors.RequestError(
                f"plain http refused for {host}: tokens go over https only",
                f"ask for https://{host} instead",
            )
    if not isinstance(answer, Credential):
        return Reply()
    token = one_line(answer.token.reveal(), "token")
    if "authtype" in request.echo:
        # The capability first: without it git sends the header once, but forgets how it got it.
        lines = f"capability[]=authtype\nauthtype=Bearer\ncredential={token}\nephemeral=1\n"
    else:
        # Always both: git would prompt for the missing one.
        lines = f"username={one_line(answer.username, 'user name')}\npassword={token}\n"
    return Reply(f"{lines}password_expiry_utc={answer.expires_at}\n".encode())


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return silence if there is nothing for this service, otherwise the error on stderr.

    git does not look at the exit status: only an empty stdout makes it ask the next helper. If a
    profile is meant for this host, but cannot be used, stderr says so.
    """
    errors = credhelper.errors
    if isinstance(error, errors.NotFoundError) and request and request.action == "erase":
        return Reply()  # nothing of ours to forget
    meant = errors.PathRequiredError, errors.AmbiguousServiceError, errors.UnknownProfileError
    if isinstance(error, errors.NotFoundError) and not isinstance(error, meant):
        return Reply()
    hint = error.hint
    if isinstance(error, errors.PathRequiredError) and not (request and _path(request)):
        hint = "let git send the path: git config --global credential.useHttpPath true"
    return Reply(stderr=complaint(error.message, hint), status=error.exit_status)


def _path(request: Request) -> str:
    return request.service.path if request.service else ""


def _command(arguments: "Sequence[str]") -> tuple[dict[str, str], str]:
    found, words = options.split(arguments, options.COMMON, USAGE)
    if not words:
        raise options.misuse("no operation given", USAGE)
    if len(words) > 1 and words[0] in ("get", "store", "erase", "capability"):
        raise options.misuse(f"unexpected word {quoted(words[1])}", USAGE)
    return found, words[0]


def _attributes(data: bytes) -> dict[str, list[str]]:
    if _CHALLENGE in data and (b"\t" in data or not data.isascii()):
        data = _plain_challenges(data)
    if len(data.translate(None, _CONTROLS)) != len(data):
        raise credhelper.errors.RequestError(_control_found(data))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = data.count(b"\n", 0, error.start) + 1
        raise credhelper.errors.RequestError(f"line {place} of the request is not UTF-8") from None
    attributes: dict[str, list[str]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            break
        if len(line.encode()) >= _LONGEST_LINE:
            raise credhelper.errors.RequestError(
                f"line {number} of the request is longer than {_LONGEST_LINE} bytes"
            )
        key, equals, value = line.partition("=")
        if not equals or not key:
            raise credhelper.errors.RequestError(f"line {number} of the request is not key=value")
        if key.endswith("[]"):
            if value:
                attributes.setdefault(key, []).append(value)
            else:
                attributes.pop(key, None)
        elif key in _SINGLE and attributes.setdefault(key, [value]) != [value]:
            raise credhelper.errors.RequestError(
                f"line {number} of the request contradicts an earlier {key}"
            )
    return attributes


def _plain_challenges(data: bytes) -> bytes:
    # Unchanged headers of a server: HTTP allows a tab in them, and bytes of any encoding.
    plain = bytes(32 if byte == 9 else 63 if byte > 127 else byte for byte in range(256))
    lines = data.split(b"\n")
    return b"\n".join(
        line.translate(plain) if line.startswith(_CHALLENGE) else line for line in lines
    )


def _control_found(data: bytes) -> str:
    place, byte = next((at, byte) for at, byte in enumerate(data) if byte in _CONTROLS)
    line = data.count(b"\n", 0, place) + 1
    name = "a carriage return" if byte == 13 else f"control byte 0x{byte:02x}"
    return f"line {line} of the request holds {name}: lines end in LF alone"


def _one(attributes: dict[str, list[str]], key: str) -> str | None:
    values = attributes.get(key)
    return values[0] or None if values else None


def _service(attributes: dict[str, list[str]]) -> "Service":
    url = _one(attributes, "url")
    scheme, host = _one(attributes, "protocol"), _one(attributes, "host")
    path = attributes.get("path")
    if url is not None:
        if "://" not in url:
            raise credhelper.errors.RequestError("the url of the request names no protocol")
        url, user = service.without_user(url)
        if user is not None and attributes.setdefault("username", [user]) != [user]:
            raise credhelper.errors.RequestError("the url of the request contradicts username")
        whole = service.parse(url)
        # git lets the later of url and host win; two helpers in a row need not agree on that.
        parts = service.build(
            scheme or whole.scheme,
            host or whole.netloc,
            _escaped(path[0]) if path is not None else whole.path,
        )
        if parts != whole:
            raise credhelper.errors.RequestError(
                "the url of the request contradicts protocol, host or path"
            )
        return whole
    if scheme is None:
        raise credhelper.errors.RequestError("the request names no protocol")
    if scheme.isascii() and scheme.isalnum() and scheme.lower() not in ("http", "https"):
        raise credhelper.errors.NotFoundError(f"nothing for protocol {quoted(scheme)}")
    if host is None:
        raise credhelper.errors.RequestError("the request names no host")
    return service.build(scheme, host, _escaped(path[0]) if path is not None else "")


def _over_plain_http(attributes: dict[str, list[str]]) -> "Service | None":
    """Return the https service in place of a plain http one; None for any other request."""
    scheme, _, rest = (_one(attributes, "url") or "").partition("://")
    host = _one(attributes, "host") or rest.partition("/")[0].rpartition("@")[2]
    if {(_one(attributes, "protocol") or scheme).lower(), scheme.lower() or "http"} != {"http"}:
        return None
    try:
        return service.build("https", host)
    except credhelper.errors.RequestError:
        return None


def _escaped(path: str) -> str:
    # git sends the path decoded, services hold it as it stands in a URL.
    if _PLAIN.issuperset(path):
        return path
    return "".join(
        char if char in _PLAIN else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in path
    )


def _takes_bearer(attributes: dict[str, list[str]]) -> bool:
    if "authtype" not in attributes.get("capability[]", ()):
        return False
    challenges = attributes.get("wwwauth[]")
    if not challenges:
        return True
    # Only the scheme's name counts: a server can write anything into the rest of a challenge.
    return any(
        part.split(" ", 1)[0].lower() == "bearer"
        for challenge in challenges
        for part in challenge.replace(", ", ",").split(",")
    )
