"""The part of the Databricks CLI that its SDKs call: `version` and `auth token`.

Source: the SDK for Python, `credentials_provider.py`. An SDK asks for the version first, to learn
which options `auth token` takes; then for a token, for a host or for a profile. One sentence on
stderr tells an SDK that tries several ways to log in that this is not the one.

The SDKs start a program of one word, so give credhelper a name that says the rest:

  ln -s "$(command -v credhelper)" ~/.local/bin/credhelper-databricks
  export DATABRICKS_CLI_PATH=~/.local/bin/credhelper-databricks
  export DATABRICKS_AUTH_TYPE=databricks-cli

To try it: credhelper databricks auth token --host https://workspace.example
"""

import time

import credhelper
from credhelper.core import service
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import complaint, json_string, quoted
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import credhelper.errors
    from credhelper.core.model import Call
    from credhelper.core.service import Service

USAGE = "credhelper databricks version|auth token [--host URL] [--profile NAME] [--min-ttl SECONDS]"
NOT_CONFIGURED = "databricks OAuth is not configured for this host"
VARIABLE = "DATABRICKS_HOST"
VERSION = (0, 296, 0)  # the first CLI with all options that we take

_OPTIONS = {
    **options.COMMON,
    "--host": "host",
    "--account-id": "account",
    "--output": "output",
    "-o": "output",
}
# Seconds: with less than 20 minutes or half of its life left, a token is stale to the SDK for
# Python, which then asks at each use (`databricks/sdk/oauth.py`).
_MARGIN = 1200
_FLAGS = ("--force-refresh",)
_LAST_SECOND = 253402300799 - 86400  # a day before the year 10000, which is a year somewhere

reads = options.reads_nothing  # the SDKs send nothing


def parse(call: "Call") -> Request:
    """Return the request to get a token, or `version`.

    `--force-refresh` is ignored: it bypasses the CLI's own cache, and our tokens are fresh. So is
    the account: the host is enough. Raises UsageError for the command line, RequestError for
    the host.
    """
    found, words = options.split(call.arguments, _OPTIONS, USAGE, _FLAGS)
    if found.get("output", "json") != "json":
        raise credhelper.errors.UsageError(f"unknown output {quoted(found['output'])}", "json")
    if words == ["version"]:
        return Request("version")
    if words != ["auth", "token"]:
        raise options.misuse("unknown command", USAGE)
    wanted: Service | None = None
    # An SDK need not repeat a host that the environment names, least of all beside a profile.
    host = found.get("host") or call.environ.get(VARIABLE)
    if host:
        wanted = service.receiver(host if "://" in host else f"https://{host}")
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
    )


def render(
    request: Request,
    answer: Credential | Listing | bool | None,
    local: "Callable[[int], time.struct_time]" = time.localtime,
) -> Reply:
    """Return the token, or the version, as one JSON object.

    Parameters: `local`, Unix seconds to the local time, which is how SDKs understand an expiry.
    """
    if isinstance(answer, Credential):
        moment = local(min(max(answer.expires_at, 86400), _LAST_SECOND))
        return options.json_reply(
            {
                "access_token": json_string(answer.token.reveal()),
                "token_type": '"Bearer"',
                "expiry": json_string(_rfc3339_nano(moment)),
            }
        )
    major, minor, patch = map(str, VERSION)
    return options.json_reply(
        {
            "ProjectName": '"credhelper"',
            "Version": json_string(f"{major}.{minor}.{patch}"),
            "Major": major,
            "Minor": minor,
            "Patch": patch,
        }
    )


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return the error on stderr; the CLI's words for "nothing here" come first, if that is so.

    An SDK does not show what follows those words: so an error about a profile that is meant for
    this host comes without them.
    """
    message = error.message
    errors = credhelper.errors
    meant = isinstance(error, (errors.AmbiguousServiceError, errors.PathRequiredError))
    if isinstance(error, errors.NotFoundError) and not meant:
        message = f"{NOT_CONFIGURED}: {message}"
    return Reply(stderr=complaint(message, error.hint), status=error.exit_status)


def _rfc3339_nano(moment: "time.struct_time") -> str:
    """Return a local time as the CLI does, say `2026-01-02T03:04:05.000000+01:00`.

    The SDK for Python cuts at the point and takes what is before it as local time, whatever comes
    behind; the one for Java wants a fraction.
    """
    year, month, day, hour, minute, second = moment[:6]
    minutes = moment.tm_gmtoff // 60
    sign = "-" if minutes < 0 else "+"
    offset = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "Z"
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000{offset}"
