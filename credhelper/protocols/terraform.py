"""The credentials helper of Terraform and OpenTofu: a verb and a host in, one JSON object out.

Source: Terraform's "Credentials Helpers" internals page. Called as `terraform-credentials-NAME`, a
link to credhelper in `~/.terraform.d/plugins`, with `credentials_helper "NAME" { args = [] }` in
the CLI's configuration. The host comes as Terraform shows it, with its port and in ASCII; it is
always asked over https. We store no tokens, so `store` fails and says what to do; `forget` has
nothing to forget, and succeeds.
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import json_string, one_line, quoted
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads

USAGE = (
    "terraform-credentials-credhelper [--profile NAME] [--min-ttl SECONDS] get|store|forget HOST"
)
NOTHING = True
_MARGIN = 600  # seconds: Terraform asks once a command (`svcauth/cache.go`), as go does
STORE_REFUSED = (
    'credhelper does not store tokens: leave out "terraform login", and run "credhelper login"'
)


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `document` for `store`: the other verbs have no input."""
    try:
        _, verb, _ = _command(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "document" if verb == "store" else "nothing"


def parse(call: "Call") -> Request:
    """Return what Terraform asks: `get` or `forget`.

    Raises UsageError for the command line, UnsupportedActionError for `store`, RequestError for
    anything that is not one plain host with an optional port.
    """
    found, verb, host = _command(call.arguments)
    wanted = service.build("https", host)
    if verb == "store":
        _check_document(call.stdin)
        raise credhelper.errors.UnsupportedActionError(
            STORE_REFUSED, "a token from elsewhere goes into a credentials block, or TF_TOKEN_..."
        )
    if verb == "forget":
        return Request("forget")
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token in an object; nothing for `forget`.

    Raises CredhelperError for a token that does not fit in a header.
    """
    if not isinstance(answer, Credential):
        return Reply()
    token = json_string(one_line(answer.token.reveal(), "token"))
    return options.json_reply({"token": token})


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return an empty object if there is nothing for this host, otherwise the error on stderr.

    It is an error if a profile names only a path of the host: that never matches.
    """
    unknown = isinstance(error, credhelper.errors.UnknownServiceError)
    if unknown and not isinstance(error, credhelper.errors.PathRequiredError):
        return Reply(b"{}\n")
    return options.refuse(error)


def _command(arguments: "Sequence[str]") -> tuple[dict[str, str], str, str]:
    found, words = options.split(arguments, options.COMMON, USAGE)
    if not words:
        raise options.misuse("no verb given", USAGE)
    if words[0] not in ("get", "store", "forget"):
        raise options.misuse(f"unknown verb {quoted(words[0])}", USAGE)
    if len(words) != 2:
        raise options.misuse(f"{words[0]} takes one host", USAGE)
    return found, words[0], words[1]


def _check_document(data: bytes) -> None:
    from credhelper.core import strict_json

    document = strict_json.read(data, "object to store")
    if list(document) != ["token"] or not isinstance(document["token"], str):
        raise credhelper.errors.RequestError(
            "the object to store has to have a token, and no property besides"
        )
