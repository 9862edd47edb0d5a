"""Cargo's credential provider protocol, version 1: one JSON object a line, both ways.

Source: the Cargo book, "Credential Provider Protocol" (Cargo 1.74 and newer). Written as
`credential-provider = ["cargo-credential-credhelper", "--profile", "NAME"]`, which is installed
with credhelper: the words after the first come inside the request. Cargo sends a token as it is, as
the whole `Authorization` header; ours go as `Bearer TOKEN` unless `--raw` is among the words
(`--bearer` says the default aloud). All operations take the same token. We store none, so `login`
and `logout` are refused for the registries that a profile covers, and left to the next provider for
all others.
"""

import credhelper
from credhelper.core import service, strict_json
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import complaint, json_object, json_string, one_line
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads
    from credhelper.core.service import Service

GREETING = b'{"v":[1]}\n'
USAGE = "cargo-credential-credhelper --cargo-plugin"
NOTHING = True
VERSIONS = (1,)

# Seconds: Cargo keeps a token until a minute before its end, and publishes with it meanwhile.
_MARGIN = 300
_WORDS = "[--bearer | --raw] [--profile NAME] [--min-ttl SECONDS]"


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `lines`: a dialogue, unless it is not Cargo that calls."""
    return "lines" if list(arguments) == ["--cargo-plugin"] else "nothing"


def parse(call: "Call") -> Request:
    """Return the request of one line: `get`, or `list` to see whether the registry is ours.

    Raises UsageError for the command line, UnsupportedVersionError, RequestError for a line that
    makes no sense, UnknownServiceError for a registry that may have no token.
    """
    if reads(call.arguments) != "lines":
        raise options.misuse("this is for Cargo to call", USAGE)
    document = strict_json.read(call.stdin, "line")
    version = document.get("v")
    if type(version) is not int or version not in VERSIONS:
        raise credhelper.errors.UnsupportedVersionError(
            f"unknown version: credhelper speaks {', '.join(map(str, VERSIONS))}"
        )
    found = _options(document.get("args", []))
    min_ttl = options.min_ttl(found)
    wanted = _registry(document.get("registry"))
    if document.get("kind") != "get":
        return Request("list", service=wanted)
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=min_ttl,
        margin=options.margin(found, _MARGIN),
        echo={"raw": "1"} if "raw" in found else None,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return one line with the header's value and its expiry.

    Raises CredhelperError for a token that does not fit in a header; for a `list`
    UnsupportedActionError where the registry is ours, UnknownServiceError where it is not.
    """
    if isinstance(answer, Credential):
        token = one_line(answer.token.reveal(), "token")
        members = {
            "kind": '"get"',
            "token": json_string(token if "raw" in request.echo else f"Bearer {token}"),
            "cache": '"expires"',
            "expiration": str(answer.expires_at),
            "operation_independent": "true",
        }
        return _line("Ok", members)
    assert isinstance(answer, Listing)  # noqa: S101  # parse makes no other actions
    assert request.service is not None  # noqa: S101  # each request names its registry
    if {name for name, _, _ in answer.entries}.isdisjoint(request.service.prefixes()):
        raise credhelper.errors.UnknownServiceError(f"no profile covers {request.service}")
    raise credhelper.errors.UnsupportedActionError(
        'credhelper stores no tokens for Cargo: use "credhelper login" and "credhelper logout"'
    )


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return one line with the error: the status is 0, or Cargo would not look at the line.

    Cargo asks its next provider when a token is not found, or the registry is not ours. Only an
    error in the command line goes to stderr, with the error's exit status.
    """
    if isinstance(error, credhelper.errors.UsageError):
        return options.refuse(error)
    if isinstance(error, credhelper.errors.UnknownServiceError):
        sought = request is not None and request.action == "get"
        return _line("Err", {"kind": '"not-found"' if sought else '"url-not-supported"'})
    if isinstance(error, credhelper.errors.UnsupportedActionError):
        reply = _line("Err", {"kind": '"operation-not-supported"'})
        reply.stderr = complaint(error.message, error.hint)
        return reply
    causes = json_string(f"hint: {error.hint}") if error.hint else ""
    members = {
        "kind": '"other"',
        "message": json_string(error.message),
        "caused-by": f"[{causes}]",
    }
    return _line("Err", members)


def _line(result: str, members: dict[str, str]) -> Reply:
    return options.json_reply({result: json_object(members)})


def _options(words: object) -> dict[str, str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise credhelper.errors.RequestError("args is not a list of strings")
    try:
        found, rest = options.split(words, options.COMMON, _WORDS, ("--bearer", "--raw"))
        options.min_ttl(found), options.margin(found, 0)
    except credhelper.errors.UsageError as error:
        message, hint = error.message, error.hint
    else:
        if not rest and not {"bearer", "raw"} <= found.keys():
            return found
        message, hint = "args hold more than options, or both --bearer and --raw", None
    # The words come from Cargo's config, inside the request: not a mistake on our command line.
    raise credhelper.errors.RequestError(message, hint or f"usage: {_WORDS}")


def _registry(registry: object) -> "Service":
    url = registry.get("index-url") if isinstance(registry, dict) else None
    if not isinstance(url, str):
        raise credhelper.errors.RequestError("the request names no index-url of a registry")
    return receivers.possible(service.receiver, receivers.of_index(url))
