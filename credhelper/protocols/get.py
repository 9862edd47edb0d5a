"""`credhelper get` as machines use it: one token on stdout, in the shape that the next tool reads.

Reads nothing, ever. Scripts depend on these shapes: see the formats below.

- `token`: the token alone;
- `json`: one object with `version`, `token`, `token_type`, `expires_at`, `profile`, `username`, the
  members of the json protocol's answer;
- `header`: an HTTP header line;
- `curl`: the same as a line for `curl -K -`;
- `netrc`: a `machine` entry. The format has no word for a port or a scheme: programs that read it
  send the token to every port of that host;
- `env`: shell assignments, for `eval`, of the variables that the API's other clients read;
- `dotenv`: the same as `NAME=value` lines, unquoted: what compose, `docker run --env-file`, podman,
  systemd and a shell all read alike.
"""

import credhelper
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import (
    BARE,
    command,
    export,
    json_object,
    json_string,
    one_line,
    rfc3339,
)
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import credhelper.errors
    from credhelper.core.model import Call

FORMATS = ("token", "json", "header", "curl", "netrc", "env", "dotenv")
USAGE = (
    f"credhelper get [SERVICE] [--profile NAME] [--format {'|'.join(FORMATS)}] [--min-ttl SECONDS]"
)

_OPTIONS = {**options.COMMON, "--service": "service", "--format": "format"}
_MARGIN = 60  # seconds: a script uses the token at once
_KEPT = 600  # seconds: a shell keeps its variables for a while, as readers of a file do (`write`)
_LASTING = ("env", "dotenv", "netrc")
_NETRC_TRAPS = frozenset(" \"\\#'")

reads = options.reads_nothing  # some callers leave stdin open for ever
refuse = options.refuse


def parse(call: "Call") -> Request:
    """Return the request to get a token: for a service, a profile, both, or the default profile.

    Raises UsageError for the command line, RequestError for the service.
    """
    found, words = options.split(call.arguments, _OPTIONS, USAGE)
    if "service" in found:
        words.append(found["service"])
    options.at_most(1, words, USAGE)
    form = options.choice(found, "format", FORMATS)
    if form == "netrc" and not words:
        raise options.misuse("format netrc needs a service: it names a machine", USAGE)
    wanted, echo = options.receiver_of_output(words[0] if words else None, call.environ)
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _KEPT if form in _LASTING else _MARGIN),
        echo={**echo, "format": form},
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token in the shape that was asked for.

    Parameters: `answer`, a Credential. Raises CredhelperError for a credential that does not fit
    on a line, RequestError for one that netrc or an env file cannot hold.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    form = request.echo["format"]
    if form == "json":
        text = json_object(members(answer))
    else:
        token = one_line(answer.token.reveal(), "token")
        if form == "token":
            text = token
        elif form == "header":
            text = f"Authorization: Bearer {token}"
        elif form == "curl":
            inner = token.replace("\\", "\\\\").replace('"', '\\"')
            text = f'header = "Authorization: Bearer {inner}"'
        elif form == "env":
            text = "\n".join(export(name, value) for name, value in variables(answer).items())
        elif form == "dotenv":
            text = dotenv(variables(answer), answer.profile)
        else:
            text = _netrc(request, answer.username, token)
    return Reply(f"{text}\n".encode())


def members(credential: Credential) -> dict[str, str]:
    """Return the members of a JSON answer that holds a token, each value as JSON text."""
    return {
        "version": "1",
        "token": json_string(credential.token.reveal()),
        "token_type": '"Bearer"',
        "expires_at": json_string(rfc3339(credential.expires_at)),
        "profile": json_string(credential.profile),
        "username": json_string(credential.username),
    }


def variables(credential: Credential) -> dict[str, str]:
    """Return the variables that the API's other clients read, with their values for `credential`.

    The programs `ica` and `icav2` read a server, which is a host alone, and a project; the SDKs
    read a base URL. Raises CredhelperError for a value that does not fit on a line.
    """
    begin, project = credential.variables
    found = {f"{begin}_ACCESS_TOKEN": one_line(credential.token.reveal(), "token")}
    if credential.url:
        url = one_line(credential.url, "base URL")
        found[f"{begin}_SERVER_URL"] = url.partition("://")[2].partition("/")[0]
        found[f"{begin}_BASE_URL"] = url
    if project:
        found[f"{begin}_PROJECT_ID"] = one_line(project, "project")
    return found


def dotenv(values: "Mapping[str, str]", profile: str) -> str:
    """Return the lines of an env file with these `values` by name, without the last line feed.

    Parameters: `profile`, for the hint. Raises RequestError for a value that readers of such files
    take in different ways.
    """
    for name, value in values.items():
        # Brackets are IPv6's. A tilde at the beginning, or behind a colon, is a home in a shell.
        if not (BARE | {"[", "]", "~"}).issuperset(value) or ":~" in f":{value}":
            raise credhelper.errors.RequestError(
                f"the value of {name} holds a quote, a blank, $, # or the like, which readers of"
                " env files take in different ways",
                f"a shell can have it: {command('credhelper', 'env', '--profile', profile)}",
            )
    return "\n".join(f"{name}={value}" for name, value in values.items())


def _netrc(request: Request, username: str, token: str) -> str:
    assert request.service is not None  # noqa: S101  # parse refuses netrc without a service
    for what, word in (("user name", username), ("token", token)):
        if not _NETRC_TRAPS.isdisjoint(one_line(word, what)):
            raise credhelper.errors.RequestError(
                f"the {what} holds a blank, a quote, # or \\, which netrc cannot hold"
            )
    return f"machine {request.service.host.strip('[]')}\nlogin {username}\npassword {token}"
