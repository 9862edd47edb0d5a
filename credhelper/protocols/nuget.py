"""NuGet's plugin protocol 2.0.0: one JSON object a line, both ways, requests from both sides.

Source: NuGet.Client, `NuGet.Protocol/Plugins`. NuGet 6.13 and newer find `nuget-plugin-*` on PATH
and start it with the one word `-Plugin`. Each side greets the other with a handshake. What is asked
for credentials once more (`IsRetry`) was refused those that it had: the token that it got in this
dialogue is rejected before it gets another. Credentials that NuGet has from elsewhere and wants to
share (`SetCredentials`) are not looked at. NuGet takes its pipe along when it dies, so there is no
process to be watched. The message of an answer reaches nobody: what a person has to know goes into
NuGet's log as well (`Log`).

NuGet 6.13 and newer start what is called nuget-plugin-* on PATH:

  ln -s "$(command -v credhelper)" ~/.local/bin/nuget-plugin-credhelper
  credhelper profile add default --service https://packages.example/v3
"""

import credhelper
from credhelper.core import service, strict_json
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import complaint, json_object, json_string, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import credhelper.errors
    from credhelper.core.model import Call, Reads

VERSION = (2, 0, 0)  # the only version that asks for credentials by URI
GREETING = (
    b'{"RequestId":"4f2d1c7a-6b0e-4c57-9a3d-8e51c0de0001","Type":"Request","Method":"Handshake",'
    b'"Payload":{"ProtocolVersion":"2.0.0","MinimumProtocolVersion":"2.0.0"}}\n'
)
USAGE = "nuget-plugin-credhelper -Plugin"

RETRIES = True
# Seconds: NuGet keeps an answer for the whole command, and asks again after a 401.
_MARGIN = 300
_SUCCESS = {"ResponseCode": '"Success"'}
_ACKNOWLEDGED = ("Initialize", "MonitorNuGetProcessExit", "SetLogLevel", "SetCredentials")


def reads(arguments: "Sequence[str]") -> "Reads":
    """Return `lines`: a dialogue, unless it is not NuGet that calls."""
    return "lines" if list(arguments) == ["-Plugin"] else "nothing"


def parse(call: "Call") -> Request:
    """Return what one line asks: `get`, `message` (needs no token) or `ignored` (no answer).

    Raises UsageError for the command line, RequestError for a line that is no message.
    """
    if reads(call.arguments) != "lines":
        raise credhelper.errors.UsageError("this is for NuGet to call", f"usage: {USAGE}")
    message = strict_json.read(call.stdin, "line")
    identity, kind, method = (message.get(name) for name in ("RequestId", "Type", "Method"))
    if not (isinstance(identity, str) and isinstance(kind, str) and isinstance(method, str)):
        raise credhelper.errors.RequestError("the line names no RequestId, Type or Method")
    if kind != "Request":
        return Request(
            "ignored"
        )  # an answer to our handshake, or a cancel of what we have answered
    payload = message.get("Payload")
    members = payload if isinstance(payload, dict) else {}
    echo = {"id": identity, "method": method}
    if method == "GetAuthenticationCredentials":
        return _credentials(call, members, echo)
    if method == "Handshake" and _suits(members):
        echo["suits"] = "1"
    # With a source, NuGet asks what we do for packages there; without, whether we give credentials.
    sources = members.get("PackageSourceRepository"), members.get("ServiceIndex")
    if method == "GetOperationClaims" and sources == (None, None):
        echo["claims"] = "1"
    return Request("message", echo=echo)


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return one line with the answer; nothing for `ignored`. `Close` ends the dialogue."""
    if request.action == "ignored":
        return Reply()
    echo = request.echo
    method = echo["method"]
    if isinstance(answer, Credential):
        return _response(
            echo,
            {
                "Username": json_string(answer.username),
                "Password": json_string(answer.token.reveal()),
                "AuthenticationTypes": '["Basic"]',
                **_SUCCESS,
            },
        )
    if method == "Close":
        return Reply(last=True)
    if method == "Handshake":
        version = json_string(".".join(map(str, VERSION)))
        suits = "suits" in echo
        return _response(
            echo,
            {**_SUCCESS, "ProtocolVersion": version} if suits else {"ResponseCode": '"Error"'},
        )
    if method == "GetOperationClaims":
        return _response(echo, {"Claims": '["Authentication"]' if "claims" in echo else "[]"})
    if method in _ACKNOWLEDGED:
        return _response(echo, _SUCCESS)
    if method == "GetAuthenticationCredentials":
        return _response(echo, {"ResponseCode": '"NotFound"'})
    return _message("Fault", echo, {"Message": json_string(f"no method {quoted(method)} here")})


def refuse(error: "credhelper.errors.CredhelperError", request: Request | None) -> Reply:
    """Return a line that says NotFound, for NuGet to ask elsewhere, or Error, and one for its log.

    A line that is no message has no id to answer: its error goes to stderr. The dialogue goes on,
    so the status is 0, except for an error in the command line.
    """
    if request is None or "id" not in request.echo:
        usage = isinstance(error, credhelper.errors.UsageError)
        status = error.exit_status if usage else 0
        return Reply(stderr=complaint(error.message, error.hint), status=status)
    if isinstance(error, credhelper.errors.UnknownServiceError):
        return _response(request.echo, {"ResponseCode": '"NotFound"'})
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    nothing = isinstance(error, credhelper.errors.NotFoundError)
    members = {
        "Message": json_string(message),
        "ResponseCode": '"NotFound"' if nothing else '"Error"',
    }
    answer = _response(request.echo, members)
    # A warning, because an error in the log fails the restore, which another plugin may save.
    note = {"LogLevel": '"Warning"', "Message": json_string(f"credhelper: {message}")}
    # Each side numbers its requests, and must not use a number of the other side.
    log = _message("Request", {"id": f"log-{request.echo['id']}", "method": "Log"}, note)
    return Reply(answer.stdout + log.stdout)


def _credentials(call: "Call", members: "Mapping[str, object]", echo: dict[str, str]) -> Request:
    uri = members.get("Uri")
    try:
        # .NET shows a URI as it was written, and sends it with its blanks escaped.
        wanted = service.receiver(uri.replace(" ", "%20") if isinstance(uri, str) else "")
    except credhelper.errors.CredhelperError:
        return Request("message", echo=echo)  # no source of ours: another plugin may know it
    retry = members.get("IsRetry") is True
    return Request(
        "get",
        service=wanted,
        margin=_MARGIN,
        rejected=call.given.get(str(wanted)) if retry else None,
        echo=echo,
    )


def _suits(members: "Mapping[str, object]") -> bool:
    newest, oldest = (
        _version(members.get(name)) for name in ("ProtocolVersion", "MinimumProtocolVersion")
    )
    return newest is not None and oldest is not None and oldest <= VERSION <= newest


def _version(text: object) -> tuple[int, ...] | None:
    parts = text.split(".") if isinstance(text, str) else []
    # Length and digits first: int() takes signs, blanks, underscores and other scripts' digits.
    if len(parts) != 3 or not all(len(p) < 6 and p.isascii() and p.isdigit() for p in parts):
        return None
    return tuple(map(int, parts))


def _response(echo: "Mapping[str, str]", members: dict[str, str]) -> Reply:
    return _message("Response", echo, members)


def _message(kind: str, echo: "Mapping[str, str]", members: dict[str, str]) -> Reply:
    message = {
        "RequestId": json_string(echo["id"]),
        "Type": json_string(kind),
        "Method": json_string(echo["method"]),
        "Payload": json_object(members),
    }
    return Reply(f"{json_object(message)}\n".encode())
