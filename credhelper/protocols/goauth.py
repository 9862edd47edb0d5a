"""GOAUTH: a URL on the command line, and lines of URLs and headers out.

Source: `go help goauth` and cmd/go/internal/auth (Go 1.24 and newer). Written as
`GOAUTH="credhelper goauth"`. go calls twice: before its first request, without a URL, and after an
answer of 4xx, with the URL as the last word and that answer on stdin, which is not needed. The
first call is answered for a `--service URL` only, which spares that service's first 401: otherwise
every go command would make a token for nothing. go keeps an answer as long as it runs, so the
lines say no more than the profile does: the host as go wrote it, and the path that is named.
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import one_line
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors
    from credhelper.core.model import Call

USAGE = "credhelper goauth [--service URL] [--profile NAME] [--min-ttl SECONDS] [URL]"
NOTHING = True

_MARGIN = 600  # seconds: time for a go command that fetches much

reads = options.reads_nothing  # the server's answer on stdin tells us nothing that we need


def parse(call: "Call") -> Request:
    """Return the request to get a token, or `ignored` where no URL is named.

    Raises UsageError for the command line, RequestError for an odd URL, UnknownServiceError for one
    that is not https.
    """
    found, words = options.split(call.arguments, options.SERVICE, USAGE)
    options.at_most(1, words, USAGE)
    min_ttl = options.min_ttl(found)
    if words:
        wanted = service.receiver(words[0])
        # go compares hosts letter for letter, with the port as it stands in the URL.
        netloc = words[0].replace("#", "?").partition("?")[0].split("/")[2]
    elif "service" in found:
        wanted, _ = receivers.wanted(found["service"])
        netloc = wanted.netloc
    else:
        return Request("ignored")
    if wanted.scheme != "https":
        raise credhelper.errors.UnknownServiceError("nothing for plain http: go asks over https")
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=min_ttl,
        margin=options.margin(found, _MARGIN),
        echo={"netloc": netloc},
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return one URL and one header; nothing for `ignored`.

    Raises CredhelperError for a token that does not fit in a header.
    """
    if not isinstance(answer, Credential):
        return Reply()
    assert answer.service is not None  # noqa: S101  # parse names one, so one was matched
    url = f"https://{request.echo['netloc']}{answer.service.path}"
    token = one_line(answer.token.reveal(), "token")
    # The last line has to be empty, or go takes none of it.
    return Reply(f"{url}\n\nAuthorization: Bearer {token}\n\n".encode())


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return silence if there is nothing for this URL, otherwise the error on stderr.

    go shows stderr when it is called with `-x`.
    """
    if isinstance(error, credhelper.errors.UnknownServiceError):
        return Reply()
    return options.refuse(error)
