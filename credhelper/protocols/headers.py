"""HTTP headers in JSON, for tools that ask a command for them: Claude Code and restish.

Claude Code (`headersHelper` of an MCP server, `otelHeadersHelper`) sends nothing but names the
server in `CLAUDE_CODE_MCP_SERVER_URL`; `credhelper headers --service URL` is for where it does not.
restish (`external-tool`, with `commandline: credhelper headers --restish` and `omitbody: true`)
sends the request in JSON; silence leaves that request as it is.
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import json_string, one_line
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads
    from credhelper.core.service import Service

USAGE = "credhelper headers [--restish | --service URL] [--profile NAME] [--min-ttl SECONDS]"
_MARGIN = 60  # seconds: restish asks for each request
# Seconds: Claude Code asks when it connects to a server, and for a collector every 29 minutes
# (`CLAUDE_CODE_OTEL_HEADERS_HELPER_DEBOUNCE_MS`).
_KEPT = 1800
VARIABLE = "CLAUDE_CODE_MCP_SERVER_URL"
# The collectors to which Claude Code sends the headers of `otelHeadersHelper`.
COLLECTORS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `document` for restish; others leave stdin open for ever."""
    try:
        found = _command(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "document" if "restish" in found else "nothing"


def parse(call: "Call") -> Request:
    """Return the request to get a token, or `ignored` for a URI of restish without a token.

    Raises UsageError for the command line, RequestError for a document or URL that makes no sense,
    UnknownServiceError for a server that may have no token.
    """
    found = _command(call.arguments)
    min_ttl = options.min_ttl(found)
    profile = found.get("profile")
    wanted: Service | None = None
    echo: dict[str, str] = {}
    if "restish" in found:
        from credhelper.protocols import bazel

        try:
            wanted = service.receiver(bazel.uri(call.stdin))
        except credhelper.errors.UnknownServiceError:
            return Request("ignored")
        echo = {"restish": "1"}
    else:
        wanted, echo = _named(found.get("service"), call.environ)
    if wanted is None and profile is None:
        raise credhelper.errors.RequestError(
            f"neither the command line nor {VARIABLE} names a server", f"usage: {USAGE}"
        )
    margin = options.margin(found, _MARGIN if "restish" in found else _KEPT)
    return Request(
        "get", service=wanted, profile=profile, min_ttl=min_ttl, margin=margin, echo=echo
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the header; nothing for `ignored`.

    Raises CredhelperError for a token that does not fit in a header.
    """
    if not isinstance(answer, Credential):
        return Reply()
    if "restish" in request.echo:
        from credhelper.protocols import bazel

        return options.json_reply({"headers": bazel.headers(answer)})
    bearer = json_string(f"Bearer {one_line(answer.token.reveal(), 'token')}")
    return options.json_reply({"Authorization": bearer})


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return silence to restish if there is nothing for this URI, otherwise the error on stderr.

    Claude Code asks only about a server that a person configured: so it always gets the error.
    """
    unknown = isinstance(error, credhelper.errors.UnknownServiceError)
    if unknown and request is not None and "restish" in request.echo:
        return Reply()
    return options.refuse(error)


def _named(
    text: str | None, environ: "Mapping[str, str]"
) -> "tuple[Service | None, dict[str, str]]":
    server = environ.get(VARIABLE)
    if server:
        return receivers.receiver(text, [server], VARIABLE)
    if text is not None:
        return receivers.wanted(text)
    collectors = [environ[name] for name in COLLECTORS if environ.get(name)]
    return receivers.receiver(None, collectors, f"{COLLECTORS[0]} and its kin")


def _command(arguments: "Sequence[str]") -> dict[str, str]:
    found, words = options.split(arguments, options.SERVICE, USAGE, ("--restish",))
    options.at_most(0, words, USAGE)
    if "restish" in found and "service" in found:
        raise options.misuse(
            "--service has no place beside --restish: the request names its URI", USAGE
        )
    return found
