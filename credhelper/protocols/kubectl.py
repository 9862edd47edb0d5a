"""The exec plugin of kubectl and everything else made of client-go: an ExecCredential in and out.

Source: kubernetes, `pkg/apis/clientauthentication` v1 and v1beta1. The request is in the variable
`KUBERNETES_EXEC_INFO`; nothing is read. In a kubeconfig: `command: credhelper`, `args: [kubectl]`
and `provideClusterInfo: true`, so that the cluster's server is the service. Where that is the near
end of a tunnel, `--service URL` says what is at the other end. Some clients set no variable: then a
service or profile on the command line will do. There is no word for "nothing here": whatever goes
wrong is told on stderr, with a status that is not 0.
"""

import credhelper
from credhelper.core.model import Credential, Listing, Reply, Request
from credhelper.core.text import json_object, json_string, one_line, quoted, rfc3339
from credhelper.protocols import options, receivers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import credhelper.errors
    from credhelper.core.model import Call

USAGE = "credhelper kubectl [--service URL] [--profile NAME] [--min-ttl SECONDS]"
VARIABLE = "KUBERNETES_EXEC_INFO"
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")

_MARGIN = 10  # seconds: client-go uses a credential at once, and asks again when it has expired
# What client-go sends for a cluster that it does not describe, byte for byte: it needs no json.
_USUAL = {
    f'{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":{answer}}}}}\n': {
        "kind": "ExecCredential",
        "apiVersion": version,
    }
    for version in VERSIONS
    for answer in ("false", "true")
}

reads = options.reads_nothing  # stdin is the terminal's, or empty
refuse = options.refuse


def parse(call: "Call") -> Request:
    """Return the request to get a token: for a service, from a profile if one is named.

    Raises UsageError for the command line, RequestError for the variable,
    UnsupportedVersionError for an apiVersion that we do not speak.
    """
    found, words = options.split(call.arguments, options.SERVICE, USAGE)
    options.at_most(0, words, USAGE)
    text = call.environ.get(VARIABLE, "")
    all_said = not text and ("service" in found or "profile" in found)
    document = {"apiVersion": VERSIONS[0]} if all_said else _document(text)
    named, server = found.get("service"), _server(document)
    profile = found.get("profile")
    if named is None and server is None and profile is None:
        raise credhelper.errors.RequestError(
            f"neither the command line nor {VARIABLE} names the cluster",
            "set provideClusterInfo: true in the kubeconfig, or --service URL in its args",
        )
    wanted, echo = receivers.wanted_if_named(server or named)
    if named and wanted and server:
        wanted, echo = receivers.agreed(named, wanted, VARIABLE)
    return Request(
        "get",
        service=wanted,
        profile=profile,
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, _MARGIN),
        echo={**echo, "version": str(document["apiVersion"])},
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the ExecCredential, in the version that was asked for.

    Raises CredhelperError for a token that does not fit in a header.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    status = {
        "token": json_string(one_line(answer.token.reveal(), "token")),
        "expirationTimestamp": json_string(rfc3339(answer.expires_at)),
    }
    members = {
        "apiVersion": json_string(request.echo["version"]),
        "kind": '"ExecCredential"',
        "status": json_object(status),
    }
    return options.json_reply(members)


def _document(text: str) -> "Mapping[str, object]":
    if text in _USUAL:
        return _USUAL[text]
    if not text:
        raise credhelper.errors.RequestError(
            f"{VARIABLE} is not set: this is for kubectl to call",
            "to print a token: credhelper get",
        )
    from credhelper.core import strict_json

    document = strict_json.read(text.encode("utf-8", "surrogateescape"), f"value of {VARIABLE}")
    version = document.get("apiVersion")
    if document.get("kind") != "ExecCredential" or not isinstance(version, str):
        raise credhelper.errors.RequestError(f"the value of {VARIABLE} is not an ExecCredential")
    if version not in VERSIONS:
        raise credhelper.errors.UnsupportedVersionError(
            f"unknown apiVersion {quoted(version)} of the ExecCredential",
            f"set apiVersion: {VERSIONS[0]} in the kubeconfig",
        )
    return document


def _server(document: "Mapping[str, object]") -> str | None:
    spec = document.get("spec")
    cluster = spec.get("cluster") if isinstance(spec, dict) else None
    if cluster is None:
        return None
    server = cluster.get("server") if isinstance(cluster, dict) else None
    if not isinstance(server, str) or not server:
        raise credhelper.errors.RequestError(f"the cluster in {VARIABLE} has no server")
    return server
