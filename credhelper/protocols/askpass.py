"""Askpass: a prompt as the one argument, its answer as the one line of stdout.

Called as GIT_ASKPASS, core.askPass or SSH_ASKPASS by git and git-lfs, and by `wget --use-askpass`.
Source: git's credential.c and prompt.c; git-lfs's creds.go; wget's init.c. They ask for a user name
and a password of a URL, and only those two prompts are answered, letter for letter. SSH_ASKPASS is
asked for passphrases, for one-time codes and whether a host is to be trusted: those are a person's
to answer. Nothing is read: stdin is the caller's own.

git and wget start a program of one word, so give credhelper a name that ends in -askpass:

  ln -s "$(command -v credhelper)" ~/.local/bin/credhelper-askpass
  export GIT_ASKPASS=credhelper-askpass
  wget --use-askpass=credhelper-askpass https://files.example/x

wget leaves the port out when it asks, and reads no more than 1024 bytes of an answer: most tokens
are longer, so give it a wgetrc instead. To try it:

  credhelper askpass "Password for 'https://USER@files.example': "
"""

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import complaint, one_line
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors
    from credhelper.core.model import Call

USAGE = "credhelper-askpass [--profile NAME] PROMPT"

_MARGIN = 60  # seconds: git and wget ask for each transfer
_PROMPTS = {"Username for ": "username", "Password for ": "password"}
_AROUND = (("'", "': "), ('"', '"'))  # a URL, as git and wget write it, and as git-lfs does
_TRAPS = frozenset(" \"'\\:?#")  # what no caller leaves in a user name; `/` ends the host
_HEX = frozenset("0123456789abcdefABCDEF")

reads = options.reads_nothing  # stdin is git's own pipe


def parse(call: "Call") -> Request:
    """Return the request to get what the prompt asks for.

    Raises UsageError for the command line, UnsupportedActionError for a prompt that is not one of
    the two, RequestError for its URL.
    """
    found, words = options.split(call.arguments, options.COMMON, USAGE)
    if len(words) != 1:
        raise options.misuse("one prompt is needed", USAGE)
    what, url = _asked(words[0])
    scheme, _, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    user, at, host = netloc.rpartition("@")
    if not rest or bool(at) != (what == "password") or (at and not _plain(user)):
        raise _unknown(words[0])
    return Request(
        "get",
        service=service.build(scheme, host, slash + path),
        profile=found.get("profile"),
        username=_decoded(user, words[0]) if at else None,
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
        echo={"what": what},
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the user name or the token, whichever was asked for.

    Parameters: `answer`, a Credential. Raises CredhelperError for what does not fit on a line.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    if request.echo["what"] == "username":
        text = one_line(answer.username, "user name")
    else:
        text = one_line(answer.token.reveal(), "token")
    return Reply(f"{text}\n".encode())


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return the error on stderr, and status 1: with 0, the empty stdout would be a password."""
    return Reply(stderr=complaint(error.message, error.hint), status=1)


def _asked(prompt: str) -> tuple[str, str]:
    for start, what in _PROMPTS.items():
        for before, behind in _AROUND:
            if prompt.startswith(start + before) and prompt.endswith(behind):
                return what, prompt[len(start + before) : -len(behind)]
    raise _unknown(prompt)


def _unknown(prompt: str) -> "credhelper.errors.CredhelperError":
    # The prompt is not shown: it may hold anything.
    return credhelper.errors.UnsupportedActionError(
        "this prompt asks for no user name or password of a URL: a person has to answer it",
        "if it does, in another language: start wget with LC_ALL=C" if "://" in prompt else None,
    )


def _plain(user: str) -> bool:
    return bool(user) and user.isprintable() and _TRAPS.isdisjoint(user)


def _decoded(user: str, prompt: str) -> str:
    # Newer gits escape characters that older ones do not.
    head, *escapes = user.split("%")
    name = head.encode()
    for escape in escapes:
        digits = escape[:2]
        if len(digits) != 2 or not _HEX.issuperset(digits):
            raise _unknown(prompt)
        name += bytes.fromhex(digits) + escape[2:].encode()
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _unknown(prompt) from None
