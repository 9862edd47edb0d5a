"""The kubelet's image credential provider: an image in, its registry's user and password out.

Source: kubernetes, `k8s.io/kubelet/pkg/apis/credentialprovider/v1`. Written as a provider of a
`CredentialProviderConfig`: `name: NAME-credential-provider`, a link to credhelper in the kubelet's
folder of providers, or `name: credhelper` with `args: [kubelet]`. The token travels as the password
of the profile's user name, and the kubelet keeps it for all images of that registry until we would
renew it. A registry that no profile covers is pulled from without a password. A pod's own token
may come with the request; we have no use for it.
"""

import time

import credhelper
from credhelper.core import service, strict_json
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import json_object, json_string, one_line, quoted
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads

USAGE = "credhelper kubelet [--profile NAME] [--min-ttl SECONDS]"
NOTHING = True
VERSION = "credentialprovider.kubelet.k8s.io/v1"
DOCKER_HUB = "index.docker.io"

_MARGIN = 300  # seconds: a pull that starts just before the answer expires takes a while


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `document`, unless the command line makes no sense."""
    try:
        _command(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "document"


def parse(call: "Call") -> Request:
    """Return the request to get a token for the registry of the image.

    Raises UsageError for the command line, UnsupportedVersionError for an apiVersion that we do not
    speak, UnknownServiceError for a registry that may have no token, RequestError for anything else
    that makes no sense.
    """
    found = _command(call.arguments)
    min_ttl = options.min_ttl(found)
    document = strict_json.read(call.stdin, "request")
    version, image = document.get("apiVersion"), document.get("image")
    if document.get("kind") != "CredentialProviderRequest" or not isinstance(version, str):
        raise credhelper.errors.RequestError("the request is not a CredentialProviderRequest")
    if version != VERSION:
        raise credhelper.errors.UnsupportedVersionError(
            f"unknown apiVersion {quoted(version)} of the CredentialProviderRequest",
            f"set apiVersion: {VERSION} in the CredentialProviderConfig",
        )
    if not isinstance(image, str) or not image:
        raise credhelper.errors.RequestError("the request names no image")
    registry = _registry(image)
    return Request(
        "get",
        service=receivers.possible(
            service.build, "https", DOCKER_HUB if registry == "docker.io" else registry
        ),
        profile=found.get("profile"),
        min_ttl=min_ttl,
        margin=options.margin(found, _MARGIN),
        echo={"registry": registry, "any_scheme": "1"},
    )


def render(
    request: Request,
    answer: Credential | Listing | bool | None,
    clock: "Callable[[], float]" = time.time,
) -> Reply:
    """Return user and password for the registry, and how long the kubelet keeps them.

    Parameters: `answer`, a Credential; `clock`, Unix seconds. Raises CredhelperError for a token
    that does not fit on a line.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    login = {
        "username": json_string(answer.username),
        "password": json_string(one_line(answer.token.reveal(), "token")),
    }
    auth = json_object({request.echo["registry"]: json_object(login)})
    return _response(_duration(int(answer.fresh_until - clock())), auth)


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return a response without users if there is nothing for this registry, else the error.

    It is an error if a profile names only a path of the registry: that never matches.
    """
    unknown = isinstance(error, credhelper.errors.UnknownServiceError)
    if unknown and not isinstance(error, credhelper.errors.PathRequiredError):
        return _response("0s", "null")
    return options.refuse(error)


def _command(arguments: "Sequence[str]") -> dict[str, str]:
    found, words = options.split(arguments, options.COMMON, USAGE)
    options.at_most(0, words, USAGE)
    return found


def _registry(image: str) -> str:
    """Return the registry that the image names, or Docker Hub if it names none."""
    first, slash, _ = image.partition("/")
    # The rule of docker's references: a first part that looks like a host is one, else a folder.
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    return first if slash and is_host else DOCKER_HUB


def _response(duration: str, auth: str) -> Reply:
    members = {
        "apiVersion": json_string(VERSION),
        "kind": '"CredentialProviderResponse"',
        "cacheKeyType": '"Registry"',
        "cacheDuration": json_string(duration),
        "auth": auth,
    }
    return options.json_reply(members)


def _duration(seconds: int) -> str:
    """Return `seconds` as Go writes them: `1h0m5s`, `5m0s`, `0s`."""
    minutes, seconds = divmod(max(seconds, 0), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    if hours or minutes:
        text += f"{minutes}m"
    return f"{text}{seconds}s"
