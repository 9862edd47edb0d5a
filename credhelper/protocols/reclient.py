"""reclient's credentials helper: one JSON object with the token, a header and their expiry.

Source: bazelbuild/remote-apis-sdks, `go/pkg/credshelper/credshelper.go`, as reproxy and its kin use
it (`--credentials_helper`, `--credentials_helper_args`). It looks like Bazel's protocol, and is
not: nothing is sent, token and headers are both needed, a header has one value, and the expiry is
written as Go's time.UnixDate. What has less than five minutes left is asked for anew, by each call
that the build makes.

reproxy asks:

  reproxy --credentials_helper=/path/to/credhelper \\
    --credentials_helper_args="reclient --service https://builds.example"

To try it: credhelper reclient --service https://builds.example
"""

import time

from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import json_object, json_string, one_line
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Call

USAGE = "credhelper reclient [--service URL] [--profile NAME] [--min-ttl SECONDS]"

# reproxy takes its flags from the environment as well, and passes the environment on.
SERVERS = ("RBE_service", "FLAG_service", "RBE_cas_service", "FLAG_cas_service")
# Seconds. reproxy does not keep a token with less than 300 left of the life that we state (a little
# less than the real one): then every call of a build would ask.
_MARGIN = 360
_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

reads = options.reads_nothing  # reproxy sends nothing
refuse = options.refuse


def parse(call: "Call") -> Request:
    """Return the request to get a token: for a service, a profile, both, or the default profile.

    Raises UsageError for the command line, RequestError for the service.
    """
    found, words = options.split(call.arguments, options.SERVICE, USAGE)
    options.at_most(0, words, USAGE)
    servers = [call.environ[name] for name in SERVERS if call.environ.get(name)]
    urls = [url if "://" in url else f"https://{url}" for url in servers]
    wanted, echo = receivers.receiver(found.get("service"), urls, " and ".join(SERVERS))
    return Request(
        "get",
        service=wanted,
        profile=found.get("profile"),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
        echo=echo,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the token, alone and as a header.

    Parameters: `answer`, a Credential. Raises CredhelperError for a token that no header can hold.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    token = one_line(answer.token.reveal(), "token")
    members = {
        "token": json_string(token),
        "headers": json_object({"Authorization": json_string(f"Bearer {token}")}),
        "expiry": json_string(unix_date(answer.expires_at)),
    }
    return options.json_reply(members)


def unix_date(seconds: int) -> str:
    """Return Unix `seconds` as Go's time.UnixDate, say `Mon Jan  2 15:04:05 UTC 2006`.

    A time outside of 1970 to 9999 becomes the nearest end.
    """
    moment = time.gmtime(min(max(seconds, 0), _LAST_SECOND))
    year, month, day, hour, minute, second, weekday = moment[:7]
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{_DAYS[weekday]} {_MONTHS[month - 1]} {day:2} {clock} UTC {year}"
