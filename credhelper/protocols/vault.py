"""The token helper of Vault and OpenBao: a verb in, the bare token out, without a line feed.

Source: OpenBao, `api/tokenhelper`. `token_helper = "/path"` in `~/.vault` or `~/.bao` takes a
program and, not everywhere, arguments: a link to credhelper called `vault-token-NAME` needs none.
The service is the server that the client asks, as far as the environment tells: `BAO_ADDR` or
`VAULT_ADDR`, or else the address that both clients fall back to. An empty answer means "no token".
We store no tokens, so `store` fails and says what to do; `erase` has nothing to erase.
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import one_line, quoted
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import credhelper.errors
    from credhelper.core.model import Call
    from credhelper.core.service import Service

USAGE = "credhelper vault [--service URL] [--profile NAME] [--min-ttl SECONDS] get|store|erase"
NOTHING = True
ADDRESSES = ("BAO_ADDR", "VAULT_ADDR")
AGENTS = ("BAO_AGENT_ADDR", "VAULT_AGENT_ADDR")
LOOKUPS = ("BAO_SRV_LOOKUP", "VAULT_SRV_LOOKUP")
FALLBACK = "https://127.0.0.1:8200"
STORE_REFUSED = (
    'credhelper does not store tokens: log in with "credhelper login", or with -no-store'
)

_MARGIN = 60  # seconds: each command asks anew
_TRUE = ("1", "t", "true")  # as Go reads it, in any case

reads = options.reads_nothing  # only `store` has input: a token that we do not want


def parse(call: "Call") -> Request:
    """Return what Vault asks: `get` or `erase`.

    Raises UsageError for the command line, UnsupportedActionError for `store`, RequestError for an
    address that makes no sense, or two that contradict each other, UnknownServiceError for one that
    may have no token.
    """
    found, words = options.split(call.arguments, options.SERVICE, USAGE)
    if len(words) != 1 or words[0] not in ("get", "store", "erase"):
        raise credhelper.errors.UsageError(
            f"not one verb but {quoted(' '.join(words))}", f"usage: {USAGE}"
        )
    min_ttl = options.min_ttl(found)
    if words[0] == "store":
        raise credhelper.errors.UnsupportedActionError(
            STORE_REFUSED, "tokens are fetched when Vault asks: there is nothing to store"
        )
    if words[0] == "erase":
        return Request("erase")
    profile = found.get("profile")
    wanted, echo = _address(found.get("service"), call.environ)
    if wanted is None and profile is None:
        wanted = service.parse(FALLBACK)
    margin = options.margin(found, _MARGIN)
    return Request(
        "get", service=wanted, profile=profile, min_ttl=min_ttl, margin=margin, echo=echo
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token and not a byte more: OpenBao takes all of it. Nothing for `erase`.

    Raises CredhelperError for a token that does not fit on a line.
    """
    if not isinstance(answer, Credential):
        return Reply()
    return Reply(one_line(answer.token.reveal(), "token").encode())


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return silence if there is nothing for this server, otherwise the error on stderr.

    It is an error if a profile names only a path of the server: that never matches.
    """
    unknown = isinstance(error, credhelper.errors.UnknownServiceError)
    if unknown and not isinstance(error, credhelper.errors.PathRequiredError):
        return Reply()
    return options.refuse(error)


def _address(
    text: str | None, environ: "Mapping[str, str]"
) -> "tuple[Service | None, dict[str, str]]":
    # If an agent is set, the client sends everything to it.
    for names in AGENTS, ADDRESSES:
        urls = [environ[name] for name in names if environ.get(name)]
        if urls:
            break
    if urls and any(environ.get(name, "").lower() in _TRUE for name in LOOKUPS):
        raise credhelper.errors.RequestError(
            f"{' or '.join(LOOKUPS)} lets a record in DNS name the server", "unset it"
        )
    if len({service.receiver(url) for url in urls}) > 1:
        # Vault or OpenBao may be asking: only the command line can say which server it is.
        if text is None:
            raise credhelper.errors.RequestError(
                f"{' and '.join(names)} name different servers",
                "unset one of them, or name one to credhelper: --service URL",
            )
        named, echo = receivers.wanted(text)
        urls = [url for url in urls if receivers.covers(named, service.receiver(url), echo)] or urls
    return receivers.receiver(text, urls, " and ".join(names))
