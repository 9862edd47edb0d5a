"""A command that prints a token: one line on stdout, and nothing else is asked or said.

Called by pnpm (`tokenHelper`), rclone (`bearer_token_command`), Codex, Claude Code
(`apiKeyHelper`), DVC, Flyte, mise and Cargo (`cargo:token-from-stdout`). Write `credhelper token
--profile NAME`, or better the URL where the tool can say it, as Cargo does for `{index_url}`. Cargo
and mise also name the receiver in the environment: there that decides. Where a tool takes no
arguments, a link to credhelper called `credhelper-token-NAME` asks for the profile NAME. Nothing is
read: some of these tools leave stdin open for ever.

pnpm up to 10 sends what is printed as the whole header, and newer ones see whether it is one:
`--bearer`, or a link called `credhelper-bearer-NAME`, prints `Bearer TOKEN`.
"""

import credhelper
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import one_line, quoted
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import credhelper.errors
    from credhelper.core.model import Call

USAGE = "credhelper token [SERVICE] [--bearer] [--profile NAME] [--min-ttl SECONDS]"

_BEARER_PROGRAM = "credhelper-bearer-"
_PROGRAMS = ("credhelper-token-", _BEARER_PROGRAM)
# Seconds: Codex (`refresh_interval_ms`) and Claude Code (`CLAUDE_CODE_API_KEY_HELPER_TTL_MS`) keep
# an answer for 5 minutes.
_MARGIN = 360
_TIMEOUT = 4  # seconds: Codex gives up after 5

reads = options.reads_nothing  # some callers leave stdin open for ever
refuse = options.refuse


def parse(call: "Call") -> Request:
    """Return the request to get a token: for a service, a profile, both, or the default profile.

    Raises UsageError for the command line, RequestError for the service.
    """
    found, words = options.split(call.arguments, options.SERVICE, USAGE, ("--bearer",))
    if "service" in found:
        words.append(found["service"])
    options.at_most(1, words, USAGE)
    wanted, echo = options.receiver_of_output(words[0] if words else None, call.environ)
    if "bearer" in found or call.program.startswith(_BEARER_PROGRAM):
        echo["bearer"] = "1"
    return Request(
        "get",
        service=wanted,
        profile=_profile(call.program, found.get("profile")),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
        timeout=_TIMEOUT,
        echo=echo,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token on a line. Raises CredhelperError for one that does not fit on a line."""
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    scheme = "Bearer " if "bearer" in request.echo else ""
    return Reply(f"{scheme}{one_line(answer.token.reveal(), 'token')}\n".encode())


def _profile(program: str, named: str | None) -> str | None:
    prefix = next(filter(program.startswith, _PROGRAMS), None)
    if prefix is None:
        return named
    if program[-4:].lower() == ".exe":
        program = program[:-4]
    profile = program.removeprefix(prefix)
    if named not in (None, profile):
        raise credhelper.errors.UsageError(
            f"--profile contradicts the program's name, which names {quoted(profile)}",
            f"usage: {program} [SERVICE] [--min-ttl SECONDS]",
        )
    return profile
