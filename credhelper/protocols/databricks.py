"""The part of the Databricks CLI that its SDKs call: `version` and `auth token`.

Source: the SDK for Python, `credentials_provider.py`. An SDK asks for the version first, to learn
which options `auth token` takes; then for a token, for a host or for a profile. One sentence on
stderr tells an SDK that tries several ways to log in that this is not the one.

The SDKs start a program of one word, so write a script of one line around it:

  #!/bin/sh
  exec credhelper databricks "$@"

  export DATABRICKS_CLI_PATH=/path/to/that/script
  export DATABRICKS_AUTH_TYPE=databricks-cli

To try it: credhelper databricks auth token --host https://workspace.example
"""

import credhelper
from credhelper import service
from credhelper.encode import complaint, json_object, json_string, quoted, rfc3339
from credhelper.model import Credential, Listing, Reply, Request
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import credhelper.errors
    from credhelper.model import Call
    from credhelper.service import Service

USAGE = "credhelper databricks version|auth token [--host URL] [--profile NAME] [--min-ttl SECONDS]"
NOT_CONFIGURED = "databricks OAuth is not configured for this host"
VERSION = (0, 296, 0)  # of the command line that we take: the first with all of its options

_OPTIONS = {
    **options.COMMON,
    "--host": "host",
    "--account-id": "account",
    "--output": "output",
    "-o": "output",
}
_FLAGS = ("--force-refresh",)


def reads(arguments: "Sequence[str]") -> str:
    """Return `nothing`: the SDKs send nothing."""
    return "nothing"


def parse(call: "Call") -> Request:
    """Return the request to get a token, or `version`.

    What `--force-refresh` bypasses is the CLI's own cache: our tokens are as fresh as they have to
    be. The account is the host's business. Raises UsageError for the command line, RequestError for
    the host.
    """
    found, words = options.split(call.arguments, _OPTIONS, USAGE, _FLAGS)
    if found.get("output", "json") != "json":
        raise credhelper.errors.UsageError(f"unknown output {quoted(found['output'])}", "json")
    if words == ["version"]:
        return Request("version")
    if words != ["auth", "token"]:
        raise credhelper.errors.UsageError("unknown command", f"usage: {USAGE}")
    wanted: Service | None = None
    if "host" in found:
        host = found["host"]
        wanted = service.receiver(host if "://" in host else f"https://{host}")
    return Request(
        "get", service=wanted, profile=found.get("profile"), min_ttl=options.min_ttl(found)
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token, or the version, as one JSON object."""
    if isinstance(answer, Credential):
        return _line(
            {
                "access_token": json_string(answer.token.reveal()),
                "token_type": '"Bearer"',
                "expiry": json_string(rfc3339(answer.expires_at)),
            }
        )
    major, minor, patch = map(str, VERSION)
    return _line(
        {
            "ProjectName": '"credhelper"',
            "Version": json_string(f"{major}.{minor}.{patch}"),
            "Major": major,
            "Minor": minor,
            "Patch": patch,
        }
    )


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return the complaint on stderr, with the CLI's own words for "nothing here" in front."""
    message = error.message
    if isinstance(error, credhelper.errors.NotFoundError):
        message = f"{NOT_CONFIGURED}: {message}"
    return Reply(stderr=complaint(message, error.hint), status=error.exit_status)


def _line(members: dict[str, str]) -> Reply:
    return Reply(f"{json_object(members)}\n".encode())
