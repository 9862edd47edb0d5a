"""docker's credential helper protocol: a raw server name in, JSON or an exact sentence out.

Source: docker/docker-credential-helpers, `credentials/credentials.go` and `credentials/error.go`.
Clients compare three sentences word for word, and they read errors on stdout. There is no expiry
and no Bearer in it: the token travels as the password of the profile's user name. We store no
passwords, so `store` fails and says what to do; `erase` has no token to compare with, so it
forgets nothing and succeeds.

docker, podman, skopeo, buildah, oras and helm ask; you only say for which registry. In
~/.docker/config.json (podman: ~/.config/containers/auth.json):

  { "credHelpers": { "registry.example": "credhelper" } }

and let a profile cover that registry:

  credhelper profile add default --service https://registry.example

To try it: echo registry.example | docker-credential-credhelper get
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import complaint, json_string, printable, quoted
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads

USAGE = "docker-credential-credhelper [--profile NAME] get|store|erase|list|version"
NOTHING = True
NOT_FOUND = "credentials not found in native keychain"
NO_SERVER = "no credentials server URL"
NO_USERNAME = "no credentials username"
NOT_A_DOCUMENT = "the credentials to store are not one JSON object in UTF-8"
STORE_REFUSED = (
    'credhelper does not store passwords: leave out the registry login, and run "credhelper login"'
)

_MARGIN = 300  # seconds: one answer serves a whole pull or push, as with the kubelet
_REGISTRY_PATHS = ("", "/v1", "/v2")


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `document` for the verbs with input.

    With `list`, some clients send the word `unused`; others send nothing and leave stdin open.
    """
    try:
        _, verb = _command(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "document" if verb in ("get", "store", "erase") else "nothing"


def parse(call: "Call") -> Request:
    """Return what the client asks: `get`, `erase`, `list` or `version`.

    Raises UsageError for the command line, UnsupportedActionError for `store`, NotFoundError for a
    server with a path of its own, RequestError for anything that is not one plain server name.
    """
    found, verb = _command(call.arguments)
    min_ttl = options.min_ttl(found)
    if verb in ("list", "version"):
        return Request("list" if verb == "list" else "version")
    if verb == "store":
        _check_document(call.stdin)
        raise credhelper.errors.UnsupportedActionError(
            STORE_REFUSED, "tokens are fetched when a client asks: there is nothing to store"
        )
    if verb == "erase":
        if not call.stdin.strip():
            raise credhelper.errors.RequestError(NO_SERVER)
        return Request("erase")
    server = _server(call.stdin)
    wanted = service.parse(server)
    if wanted.path not in _REGISTRY_PATHS:
        raise credhelper.errors.NotFoundError(f"registry {quoted(server)} has a path of its own")
    echo = {"server": server}
    if "://" not in server:
        echo["any_scheme"] = "1"
    return Request(
        "get",
        service=service.build(wanted.scheme, wanted.netloc),
        profile=found.get("profile"),
        min_ttl=min_ttl,
        margin=options.margin(found, _MARGIN),
        echo=echo,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the credential, the list of hosts and user names, the version, or nothing."""
    if request.action == "version":
        from credhelper import __version__

        return Reply(f"docker-credential-credhelper (credhelper) v{__version__}\n".encode())
    if isinstance(answer, Credential):
        members = {
            "ServerURL": json_string(request.echo["server"]),
            "Username": json_string(answer.username),
            "Secret": json_string(answer.token.reveal()),
        }
        return options.json_reply(members)
    if isinstance(answer, Listing):
        return options.json_reply(_hosts(answer))
    return Reply()


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return the exact sentence for "nothing here", and any other error's message, on stdout.

    The exit status is 1 in any case: clients know no other. If a profile is meant for this
    registry, but cannot be used, stderr says so beside the sentence.
    """
    errors = credhelper.errors
    if isinstance(error, errors.NotFoundError):
        meant = errors.PathRequiredError, errors.AmbiguousServiceError, errors.UnknownProfileError
        why = complaint(error.message, error.hint) if isinstance(error, meant) else b""
        return Reply(f"{NOT_FOUND}\n".encode(), why, 1)
    hint = f"credhelper: hint: {printable(error.hint)}\n" if error.hint else ""
    return Reply(f"{printable(error.message)}\n".encode(), hint.encode(), 1)


def _command(arguments: "Sequence[str]") -> tuple[dict[str, str], str]:
    if list(arguments) == ["--version"]:
        return {}, "version"
    found, words = options.split(arguments, options.COMMON, USAGE)
    if len(words) != 1 or words[0] not in ("get", "store", "erase", "list", "version"):
        raise credhelper.errors.UsageError(f"usage: {USAGE}")
    return found, words[0]


def _server(data: bytes) -> str:
    try:
        server = data.removesuffix(b"\n").decode().rstrip(" \t")
    except UnicodeDecodeError:
        raise credhelper.errors.RequestError("the server name is not UTF-8") from None
    if not server:
        raise credhelper.errors.RequestError(NO_SERVER)
    if "\n" in server:
        raise credhelper.errors.RequestError("the server name is more than one line")
    return server


def _check_document(data: bytes) -> None:
    import json

    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError):
        document = None
    # Raised out here, so that no exception carries the document, and with it a password.
    if not isinstance(document, dict):
        raise credhelper.errors.RequestError(NOT_A_DOCUMENT)
    for name, message in (("ServerURL", NO_SERVER), ("Username", NO_USERNAME)):
        value = document.get(name)
        if not isinstance(value, str) or not value.strip():
            raise credhelper.errors.RequestError(message)


def _hosts(listing: Listing) -> dict[str, str]:
    hosts: dict[str, str] = {}
    for name, username, _ in sorted(listing.entries):
        host = name.partition("://")[2]
        # A registry is asked for by host: what has a path is never asked for here.
        if host and "/" not in host:
            hosts.setdefault(host, json_string(username))
    return dict(sorted(hosts.items()))
