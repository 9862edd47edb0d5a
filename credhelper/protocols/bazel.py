"""The credential helper of Bazel and its kin: the URI of a request in, its headers out, in JSON.

Source: EngFlow's credential-helper-spec; bazel-snapshots speaks it too. Written as
`--credential_helper=*.example.com=/path/to/bazel-credential-NAME`, a link to credhelper, since
Bazel gives it no arguments but `get`. It may be asked about every download: for hosts that no
profile covers there are no headers, and the build continues. The answer is good until `expires`;
older releases do not look at that: they keep it for 30 minutes
(`--credential_helper_cache_duration`).
"""

import credhelper
from credhelper.core import service, strict_json
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import json_object, json_string, one_line, rfc3339
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads

USAGE = "credhelper bazel [--profile NAME] [--min-ttl SECONDS] get"
NOTHING = True

_MARGIN = 1800  # seconds: releases that do not know `expires` keep an answer as long
_TIMEOUT = (
    8  # seconds: Bazel gives up after 10 (`--credential_helper_timeout`), and so does a build
)


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `document` for `get`, the one command there is."""
    try:
        _command(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "document"


def parse(call: "Call") -> Request:
    """Return the request to get a token for the host that the URI leads to.

    Raises UsageError for the command line, RequestError for a document that makes no sense,
    UnknownServiceError for a URI that may have no token.
    """
    found = _command(call.arguments)
    min_ttl = options.min_ttl(found)
    return Request(
        "get",
        service=receivers.possible(service.receiver, uri(call.stdin)),
        profile=found.get("profile"),
        min_ttl=min_ttl,
        margin=options.margin(found, _MARGIN),
        timeout=_TIMEOUT,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the headers and their expiry.

    Raises CredhelperError for a token that does not fit in a header.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    members = {"headers": headers(answer), "expires": json_string(rfc3339(answer.expires_at))}
    return options.json_reply(members)


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return no headers if there is nothing for this URI, otherwise the error on stderr."""
    if isinstance(error, credhelper.errors.UnknownServiceError):
        return Reply(b'{"headers":{}}\n')
    return options.refuse(error)


def uri(data: bytes) -> str:
    """Return the `uri` in a request. Raises RequestError."""
    found = strict_json.read(data, "request").get("uri")
    if not isinstance(found, str):
        raise credhelper.errors.RequestError("the uri of the request is missing or not a string")
    return found


def headers(credential: Credential) -> str:
    """Return the headers of a request as JSON, each with a list of values."""
    bearer = f"Bearer {one_line(credential.token.reveal(), 'token')}"
    return json_object({"Authorization": f"[{json_string(bearer)}]"})


def _command(arguments: "Sequence[str]") -> dict[str, str]:
    found, words = options.split(arguments, options.COMMON, USAGE)
    if words != ["get"]:
        raise options.misuse("the only command is get", USAGE)
    return found
