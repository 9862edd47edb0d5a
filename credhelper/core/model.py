"""The nouns: Secret, Call, Request, Credential, Reply, Token.

Plain classes with slots, because `dataclasses` and `typing` cost more than a whole warm get.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final, Literal  # noqa: F401  # Final: in comments, where it costs nothing

    from credhelper.core.service import Service

    # What a protocol reads from stdin: see `credhelper.protocols`.
    Reads = Literal["nothing", "paragraph", "document", "lines"]
    # What a tool asks: of the cache (the first four), or of the protocol alone.
    Action = Literal[
        "get", "store", "erase", "list", "forget", "capability", "version", "message", "ignored"
    ]
    # What a secret is, and what a request wants: see the words below.
    Kind = Literal["jwt", "session", "aws"]
    Wants = Literal["token", "aws"]

# What a secret is: a token of one kind or the other, or AWS credentials (see `Request.wants`).
JWT = "jwt"  # type: Final
SESSION = "session"  # type: Final
AWS = "aws"  # type: Final


class Secret:
    """A string that prints as `***` however it is printed.

    Parameters:
    - value: the secret text. Read it back with `reveal()`, at the last moment.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        # surrogatepass: argv and JSON can hold lone surrogates, and a comparison must not raise.
        return compare_digest(
            self._value.encode("utf-8", "surrogatepass"),
            other._value.encode("utf-8", "surrogatepass"),
        )

    __hash__ = None  # type: ignore[assignment]  # a secret in a set or a dict key invites printing

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class Call:
    """How a tool called us: the edge's view, handed to a protocol's `parse`.

    Parameters:
    - program: the name we were called by.
    - arguments: argv without it.
    - stdin: the bytes read, empty where the protocol reads nothing.
    - environ: the environment of the process.
    - given: the last token handed out for each service (normal form) in this call's dialogue.
    """

    __slots__ = ("arguments", "environ", "given", "program", "stdin")

    def __init__(
        self,
        program: str,
        arguments: "Sequence[str]",
        stdin: bytes,
        environ: "Mapping[str, str]",
        given: "dict[str, Secret] | None" = None,
    ) -> None:
        self.program = program
        self.arguments = arguments
        self.stdin = stdin
        self.environ = environ
        self.given: dict[str, Secret] = {} if given is None else given


class Request:
    """What a tool asks, in our words.

    Parameters:
    - action: `get`, `store`, `erase`, `list`, or one that the protocol answers by itself.
    - service: who will receive the token, or None when a profile is named.
    - profile: the profile that the caller names, or None.
    - username: the only login name allowed.
    - rejected: the token that a server refused.
    - min_ttl: seconds of life that the caller must have.
    - margin: seconds of life that this kind of caller should have.
    - timeout: seconds after which the caller gives up, 0 if unknown: a renewal takes no longer.
    - echo: what the protocol's `render` needs again.
    - wants: `token`, or `aws` for the AWS credentials that it buys.
    """

    __slots__ = (
        "action",
        "echo",
        "margin",
        "min_ttl",
        "profile",
        "rejected",
        "service",
        "timeout",
        "username",
        "wants",
    )

    def __init__(
        self,
        action: "Action",
        *,
        service: "Service | None" = None,
        profile: str | None = None,
        username: str | None = None,
        rejected: Secret | None = None,
        min_ttl: int = 0,
        margin: int = 60,
        timeout: int = 0,
        echo: "Mapping[str, str] | None" = None,
        wants: "Wants" = "token",
    ) -> None:
        self.action = action
        self.service = service
        self.profile = profile
        self.username = username
        self.rejected = rejected
        self.min_ttl = min_ttl
        self.margin = margin
        self.timeout = timeout
        self.echo: Mapping[str, str] = echo or {}
        self.wants = wants


class Credential:
    """What a tool receives.

    Parameters:
    - token: the secret, of whatever kind the request wanted.
    - expires_at: Unix seconds on this host's clock, a little before the real expiry.
    - username: for protocols that speak Basic.
    - profile: the profile it came from.
    - kind: `jwt`, `session` or `aws`.
    - url: of the API, as its other clients spell it.
    - service: the configured service that matched, or None.
    - fresh_until: Unix seconds until which it need not be asked for again.
    - variables: how the names of those clients' variables begin, and a project for them, or "".
    """

    __slots__ = (
        "expires_at",
        "fresh_until",
        "kind",
        "profile",
        "service",
        "token",
        "url",
        "username",
        "variables",
    )

    def __init__(
        self,
        token: Secret,
        expires_at: int,
        *,
        username: str,
        profile: str,
        kind: "Kind" = JWT,
        url: str = "",
        service: "Service | None" = None,
        fresh_until: float = 0,
        variables: tuple[str, str] = ("ICA", ""),
    ) -> None:
        self.token = token
        self.expires_at = expires_at
        self.username = username
        self.profile = profile
        self.kind = kind
        self.url = url
        self.service = service
        self.fresh_until = fresh_until
        self.variables = variables


class Listing:
    """The services that we could answer for: the reply to `list`.

    Parameters:
    - entries: triples of service (normal form), user name and profile name.
    """

    __slots__ = ("entries",)

    def __init__(self, entries: "Sequence[tuple[str, str, str]]") -> None:
        self.entries = entries


class Reply:
    """What the edge writes, whole or not at all.

    Parameters:
    - stdout, stderr: bytes.
    - status: the exit status.
    - file: a path (absolute) and the bytes that the caller alone will look for there.
    - last: true when this reply ends a dialogue.
    """

    __slots__ = ("file", "last", "status", "stderr", "stdout")

    def __init__(
        self,
        stdout: bytes = b"",
        stderr: bytes = b"",
        status: int = 0,
        *,
        file: tuple[str, bytes] | None = None,
        last: bool = False,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.status = status
        self.file = file
        self.last = last


class Token:
    """A token as the API gave it, with what we know of its life.

    Parameters:
    - value: the secret.
    - kind: `jwt`, `session` or `aws`.
    - issued_at, expires_at, not_before: Unix seconds on the server's clock.
    - skew: the server's clock minus ours in seconds, measured at issue.
    - assumed: true when the token has no expiry and this one is our guess.
    """

    __slots__ = ("assumed", "expires_at", "issued_at", "kind", "not_before", "skew", "value")

    def __init__(
        self,
        value: Secret,
        *,
        kind: "Kind",
        issued_at: int,
        expires_at: int,
        not_before: int = 0,
        skew: int = 0,
        assumed: bool = False,
    ) -> None:
        self.value = value
        self.kind = kind
        self.issued_at = issued_at
        self.expires_at = expires_at
        self.not_before = not_before
        self.skew = skew
        self.assumed = assumed
