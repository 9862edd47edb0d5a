"""Google's executable-sourced credentials: the environment in, one JSON object out.

Source: AIP-4117 and google-auth's `pluggable.py`. Libraries join stderr to stdout, and some leave
stdin open for ever: nothing is read, and nothing is written to stderr. An error is an answer like
any other, with status 0. Google exchanges the token for one of its own, so it has to be a JWT. A
library that is told a file (`output_file`) looks there before it asks again, and expects us to fill
it.

Google's libraries ask, and exchange the token for one of theirs. In the credential
configuration that GOOGLE_APPLICATION_CREDENTIALS names:

  "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
  "credential_source": { "executable": {
    "command": "/path/to/credhelper google --profile NAME" } }

  export GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1

Nothing is ever said on stderr: errors are in the answer.

To try it: credhelper google --profile NAME
"""

import credhelper
from credhelper.core.model import JWT, Credential, Listing, Reply, Request
from credhelper.core.text import json_object, json_string, quoted
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors
    from credhelper.core.model import Call

USAGE = "credhelper google [--service URL] [--profile NAME] [--min-ttl SECONDS]"
QUIET = True
TOKEN_TYPES = (
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
)

_MARGIN = 300  # seconds: libraries renew what has less
_TOLD = "GOOGLE_EXTERNAL_ACCOUNT_"
_AUDIENCE = _TOLD + "AUDIENCE"
_GOOGLES = "iam.googleapis.com"

reads = options.reads_nothing  # google-auth for Node leaves stdin open for ever


def parse(call: "Call") -> Request:
    """Return the request to get a token, of the type that the environment asks for.

    Raises UsageError for the command line, RequestError for the service, UnsupportedActionError for
    other types of tokens and for a revocation.
    """
    found, words = options.split(call.arguments, options.SERVICE, USAGE)
    options.at_most(0, words, USAGE)
    if call.environ.get(_TOLD + "REVOKE") == "1":
        raise credhelper.errors.UnsupportedActionError(
            "tokens are not revoked from here", "credhelper logout"
        )
    token_type = call.environ.get(_TOLD + "TOKEN_TYPE") or TOKEN_TYPES[0]
    if token_type not in TOKEN_TYPES:
        raise credhelper.errors.UnsupportedActionError(
            f"tokens of type {quoted(token_type)} are not available",
            f"say {TOKEN_TYPES[0]} as subject_token_type of the credential configuration",
        )
    echo = {"token_type": token_type}
    file = call.environ.get(_TOLD + "OUTPUT_FILE")
    if file:
        echo["file"] = file
        if call.environ.get(_TOLD + "INTERACTIVE") == "1":
            echo["terminal"] = "1"
    wanted, any_scheme = receivers.receiver(
        found.get("service"), _elsewhere(call.environ.get(_AUDIENCE, "")), _AUDIENCE
    )
    echo.update(any_scheme)
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
        echo=echo,
    )


def _elsewhere(audience: str) -> list[str]:
    # `//HOST/...`: the provider at Google whose token service takes the token. Other clouds that
    # speak this protocol have audiences of their own.
    scheme, slashes, rest = audience.partition("//")
    if not slashes or rest.partition("/")[0] == _GOOGLES:
        return []
    return [f"{scheme or 'https:'}//{rest}"]


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token on stdout and in the file, if there is one.

    A library that is interactive leaves stdout to the terminal and reads the file only. Parameters:
    `answer`, a Credential. Raises ConfigError for a token that is not a JWT.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    if answer.kind != JWT:
        raise credhelper.errors.ConfigError(
            f"profile {answer.profile} gives session tokens, and Google takes JWTs alone",
            f'let the profile say token = "{JWT}"',
        )
    members = {
        "version": "1",
        "success": "true",
        "token_type": json_string(request.echo["token_type"]),
        "id_token": json_string(answer.token.reveal()),
        "expiration_time": str(answer.expires_at),
    }
    line = f"{json_object(members)}\n".encode()
    if "file" not in request.echo:
        return Reply(line)
    return Reply(b"" if "terminal" in request.echo else line, file=(request.echo["file"], line))


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return one object with the error's code and message, and the hint in the latter.

    The status is 0, because with any other the libraries do not read stdout. An interactive
    library reads only the file: it gets the error's status, and a person reads stdout.
    """
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    members = {
        "version": "1",
        "success": "false",
        "code": json_string(error.code),
        "message": json_string(message),
    }
    status = error.exit_status if request and "terminal" in request.echo else 0
    return Reply(f"{json_object(members)}\n".encode(), status=status)
