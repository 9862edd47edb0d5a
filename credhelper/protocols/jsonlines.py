"""credhelper's own protocol: one JSON object a line, one answer a line, until the end of input.

Requests and answers are described by `schema/json-request.schema.json` and
`schema/json-answer.schema.json`. A line ends in LF; the last may end with the input. A carriage
return is refused wherever it stands. Whatever a line holds, it gets exactly one answer, and the
next line is read. Members that we do not know are ignored; a name that occurs twice in one object
is refused, since two parsers would disagree about its value.

Version 2 is for an agent and those who ask it (`credhelper agent`): a request may name nothing,
which means the default profile, and the answer holds all that another credhelper needs.

For programs of your own: start it once, write one JSON object a line, read one a line.

Example:
  echo '{"version":1,"action":"get","service":"https://host.example"}' | credhelper json
"""

import time

import credhelper
from credhelper.core import service, strict_json
from credhelper.core.model import AWS, Credential, Listing, Reply, Request, Secret
from credhelper.core.text import json_object, json_string
from credhelper.protocols import options
from credhelper.protocols.get import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads, Wants
    from credhelper.core.service import Service

USAGE = "credhelper json [--profile NAME]"
VERSIONS = (1, 2)

_OPTIONS = {"--profile": "profile", "-p": "profile"}
_MARGIN = 60  # seconds: a caller that keeps a token longer sends `refresh_before`
_LONGEST_NAME = 1024  # characters of a user or profile name


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `lines`: a dialogue, unless the command line makes no sense."""
    try:
        _profile(arguments)
    except credhelper.errors.UsageError:
        return "nothing"
    return "lines"


def parse(call: "Call") -> Request:
    """Return the request of one line: `get`, `list`, or `erase` for `reject`.

    A profile on the command line is for the lines that name none. Raises UsageError for the
    command line, UnsupportedVersionError, and RequestError for what is not as the schema says.
    """
    default_profile = _profile(call.arguments)
    return read(strict_json.read(call.stdin, "line"), default_profile)


def read(document: dict[str, object], default_profile: str | None = None) -> Request:
    """Return the request that `document` holds.

    Parameters:
    - document: the members of a line.
    - default_profile: for a request that names none.

    Raises UnsupportedVersionError and RequestError.
    """
    version = document.get("version", 1)
    if type(version) is not int or version not in VERSIONS:
        raise credhelper.errors.UnsupportedVersionError(
            f"unknown version: credhelper speaks {', '.join(map(str, VERSIONS))}"
        )
    action = document.get("action")
    if action not in ("get", "reject", "list"):
        raise credhelper.errors.RequestError("action is not one of get, reject, list")
    newer = version > 1
    if action == "list" and newer:
        raise credhelper.errors.UnsupportedActionError(f"version {version} has no list")
    wanted = _service(document)
    profile = _name(document, "profile") or default_profile
    username = _name(document, "username")
    rejected = _token(document)
    min_ttl = _seconds(document, "min_ttl")
    least = _seconds(document, "margin", _MARGIN) if newer else _MARGIN
    margin = max(least, _seconds(document, "refresh_before"))
    if action == "list":
        return Request("list")
    if wanted is None and profile is None and not newer:
        raise credhelper.errors.RequestError(f"{action} names neither a service nor a profile")
    if action == "reject" and rejected is None:
        raise credhelper.errors.RequestError(
            "reject names no token: only the very token that was refused goes"
        )
    return Request(
        "get" if action == "get" else "erase",
        service=wanted,
        profile=profile,
        username=username,
        rejected=rejected if action == "reject" else None,
        min_ttl=min_ttl,
        margin=margin,
        timeout=_seconds(document, "timeout") if newer else 0,
        echo=_echo(document) if newer else None,
        wants=_wants(document) if newer else "token",
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return one line with the token, the services, or whether the token was forgotten."""
    version = request.echo.get("version", "1")
    if isinstance(answer, Credential):
        return options.json_reply(whole(answer) if version == "2" else members(answer))
    if isinstance(answer, Listing):
        services = ",".join(
            json_object(
                {
                    "service": json_string(name),
                    "username": json_string(username),
                    "profile": json_string(profile),
                }
            )
            for name, username, profile in answer.entries
        )
        return options.json_reply({"version": "1", "services": f"[{services}]"})
    return options.json_reply({"version": version, "rejected": "true" if answer else "false"})


def whole(credential: Credential, clock: "Callable[[], float]" = time.time) -> dict[str, str]:
    """Return the members of an answer of version 2, each value as JSON text.

    Its times are also told in seconds from now: the clock of who asked may differ.
    Parameters: `clock`, Unix seconds.
    """
    found = {**members(credential), "version": "2"}
    if credential.kind == AWS:
        given = strict_json.read(credential.token.reveal().encode(), "record").items()
        strings = {name: json_string(value) for name, value in given if isinstance(value, str)}
        found["aws"] = json_object(strings)
        del found["token"], found["token_type"]
    now = clock()
    begin, project = credential.variables
    found |= {
        "kind": json_string(credential.kind),
        "expires_in": str(max(0, credential.expires_at - int(now))),
        "refresh_in": str(max(0, int(credential.fresh_until) - int(now))),
        "api": json_string(credential.url),
        "variables": json_string(begin),
        "project": json_string(project),
    }
    if credential.service is not None:
        found["service"] = json_string(str(credential.service))
    return found


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return one line with the error: the dialogue goes on, so the status is 0.

    Only an error in the command line goes to stderr, with the error's exit status.
    """
    if isinstance(error, credhelper.errors.UsageError):
        return options.refuse(error)
    return failure(error, request.echo.get("version", "1") if request else "1")


def failure(error: "credhelper.errors.CredhelperError", version: str) -> Reply:
    """Return one line with `error`. Parameters: `version`, of the protocol."""
    inner = {
        "code": json_string(error.code),
        "message": json_string(error.message),
        "retryable": "true" if error.retryable else "false",
    }
    if error.hint:
        inner["hint"] = json_string(error.hint)
    return options.json_reply({"version": version, "error": json_object(inner)})


def _profile(arguments: "Sequence[str]") -> str | None:
    found, words = options.split(arguments, _OPTIONS, USAGE)
    if words:
        raise options.misuse("unexpected word on the command line", USAGE)
    return found.get("profile")


def _service(document: dict[str, object]) -> "Service | None":
    if "service" not in document:
        return None
    url = document["service"]
    if not isinstance(url, str) or "://" not in url:
        raise credhelper.errors.RequestError("service is not a URL with its scheme")
    return service.parse(url)


def _name(document: dict[str, object], member: str) -> str | None:
    if member not in document:
        return None
    name = document[member]
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise credhelper.errors.RequestError(
            f"{member} is not a printable string of 1 to {_LONGEST_NAME} characters"
        )
    return name


def _token(document: dict[str, object]) -> Secret | None:
    if "token" not in document:
        return None
    token = document["token"]
    if not isinstance(token, str) or not token:
        raise credhelper.errors.RequestError("token is not a string of one character or more")
    return Secret(token)


def _wants(document: dict[str, object]) -> "Wants":
    wants = document.get("wants", "token")
    if wants == "token" or wants == "aws":
        return wants
    raise credhelper.errors.RequestError("wants is not one of token, aws")


def _echo(document: dict[str, object]) -> dict[str, str]:
    found = {"version": "2"}
    for name in ("any_scheme", "sure"):
        value = document.get(name, False)
        if type(value) is not bool:
            raise credhelper.errors.RequestError(f"{name} is not true or false")
        found[name] = "1" if value else ""
    return found


def _seconds(document: dict[str, object], member: str, default: int = 0) -> int:
    value = document.get(member, default)
    # bool is an int to Python, but not to JSON.
    if type(value) is not int or not 0 <= value <= options.LONGEST:
        raise credhelper.errors.RequestError(
            f"{member} is not a whole number of seconds from 0 to {options.LONGEST}"
        )
    return value
