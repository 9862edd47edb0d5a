"""The `keyring` program, as far as pip, uv and pdm call it: `get`, for a password or for both.

Source: keyring's cli.py; pip's network/auth.py; uv's keyring.rs. A service is asked for by up to
three names in turn: the index URL, `host:port`, `http://host:port`. Others keep other secrets in a
keyring, under names of all kinds: nothing is known of those, and nothing is said. Nor is anything
answered to credhelper, which may ask a keyring for a grant. We store no passwords, so `set` and
`del` are refused.

pip and uv look for a program called keyring, which you place where nothing else looks:

  mkdir -p ~/.local/share/credhelper/bin
  ln -s "$(command -v credhelper)" ~/.local/share/credhelper/bin/keyring
  export PATH="$HOME/.local/share/credhelper/bin:$PATH"

and have to be told to ask it. They send the user name of the profile:

  pip install --keyring-provider subprocess --index-url https://host.example/simple/ X
  uv pip install --keyring-provider subprocess --index-url https://USER@host.example/simple/ X

What asks the keyring package (twine, poetry, hatch) finds credhelper by itself where both are
installed side by side.

To try it: credhelper keyring --mode=creds get https://host.example/simple/
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import complaint, json_object, json_string, one_line, quoted
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import credhelper.errors
    from credhelper.core.model import Call
    from credhelper.core.service import Service

USAGE = (
    "keyring [--mode password|creds] [--output plain|json] [--profile NAME] [--min-ttl SECONDS]"
    " get SERVICE [USERNAME]"
)
NOTHING = True
STORE_REFUSED = "credhelper does not store passwords: tokens are fetched when a tool asks"
MARGIN = 300  # seconds: an installation asks once, and takes a while

_OPTIONS = {
    "--profile": "profile",
    "--min-ttl": "min-ttl",
    "--refresh-before": "refresh-before",
    "--mode": "mode",
    "--output": "output",
}
_CHOICES = {"mode": ("password", "creds"), "output": ("plain", "json")}
_HOST_MARKS = frozenset(".:/[")
_ASKING = "CREDHELPER_ASKING"  # set while we ask a keyring ourselves

reads = options.reads_nothing  # a password to store is not looked at


def parse(call: "Call") -> Request:
    """Return the request to get a password, or a user name and a password.

    Raises UsageError for the command line, UnsupportedActionError for `set` and `del`, and what
    `wanted` raises.
    """
    found, words = options.split(call.arguments, _OPTIONS, USAGE)
    chosen = {option: options.choice(found, option, _CHOICES[option]) for option in _CHOICES}
    if words[:1] in (["set"], ["del"]):
        raise credhelper.errors.UnsupportedActionError(STORE_REFUSED)
    if words[:1] != ["get"] or len(words) not in (2, 3):
        raise options.misuse("unknown command", USAGE)
    username = words[2] if len(words) == 3 else None
    if username is None and chosen["mode"] == "password":
        raise options.misuse("get requires service and username", USAGE)
    named, echo, user = wanted(words[1], call.environ)
    if username is None or not user:
        username = username or user
    elif username != user:
        raise credhelper.errors.NotFoundError(f"{quoted(words[1])} has another user name")
    return Request(
        "get",
        service=named,
        profile=found.get("profile"),
        username=username or None,
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, MARGIN),
        echo={**echo, **chosen},
    )


def wanted(name: str, environ: "Mapping[str, str]") -> "tuple[Service, dict[str, str], str | None]":
    """Return the service in a keyring's `name`, the echo of a request for it, and the user name.

    Raises NotFoundError for a name of another kind, and while credhelper itself asks; RequestError
    for a URL with a password, and for one that two parsers could read differently.
    """
    if environ.get(_ASKING):
        raise credhelper.errors.NotFoundError("credhelper asks this keyring itself")
    if _HOST_MARKS.isdisjoint(name):
        raise credhelper.errors.NotFoundError(f"{quoted(name)} is no URL or host")
    if "://" in name:
        url, user = service.without_user(name)
        return service.receiver(url), {}, user
    try:
        return (*receivers.wanted(name), None)
    except credhelper.errors.RequestError as error:
        raise credhelper.errors.NotFoundError(error.message) from None


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token, and the user name before it if both are wanted.

    Parameters: `answer`, a Credential. Raises CredhelperError for what does not fit on a line.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    values = {"password": one_line(answer.token.reveal(), "token")}
    if request.echo["mode"] == "creds":
        values = {"username": one_line(answer.username, "user name"), **values}
    if request.echo["output"] == "json":
        text = json_object({member: json_string(value) for member, value in values.items()})
    else:
        text = "\n".join(values.values())
    return Reply(f"{text}\n".encode())


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return status 1; unless there is nothing for this name, with the error on stderr.

    If a profile is meant for this host, but cannot be used, stderr says so.
    """
    if not isinstance(error, credhelper.errors.NotFoundError):
        return options.refuse(error)
    errors = credhelper.errors
    if isinstance(error, (errors.AmbiguousServiceError, errors.UnknownProfileError)):
        return Reply(stderr=complaint(error.message, error.hint), status=1)
    return Reply(status=1)
