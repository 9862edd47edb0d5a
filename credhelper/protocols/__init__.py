"""The registry of the protocols that we speak, and of the program names that choose one.

A protocol is a plain module of pure functions, without streams, disk or network; a clock is passed
in. Each offers

- `reads(arguments)`: what the edge must read from stdin before `parse`. `nothing`; `paragraph`
  (to a blank line or the end of input); `document` (to the end of input); `lines` (a dialogue: one
  `parse` and one reply for each line, without its LF). Never raises. `options.reads_nothing` serves
  all protocols whose callers send nothing;
- `parse(call)`: a Request, or a CredhelperError;
- `render(request, answer)`: the Reply to `get` (a Credential), `list` (a Listing), `erase`
  (whether a token was forgotten) and everything else (None);
- `refuse(error, request)`: the Reply that reports an error in the protocol's own way.
  `options.refuse` serves all protocols that have no way of their own.

It may also have `GREETING`, the bytes that open a dialogue before its first line is read, and
`QUIET`, true if the caller reads stderr as part of the answer: then nothing is written there.
`RETRIES` is true if `parse` needs the tokens that the dialogue gave before. `NOTHING` is true if
`refuse` says of an unknown service always the same, and on stdout alone.

`arguments` are the words after the protocol's name, or after the program's name where that alone
chose the protocol.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections.abc import Sequence

    from credhelper.core.model import Call, Credential, Listing, Reads, Reply, Request
    from credhelper.errors import CredhelperError

    class Protocol(typing.Protocol):
        """What a protocol's module offers."""

        __name__: str

        def reads(self, arguments: Sequence[str]) -> Reads: ...
        def parse(self, call: Call) -> Request: ...
        def render(self, request: Request, answer: Credential | Listing | bool | None) -> Reply: ...
        def refuse(self, error: CredhelperError, request: Request | None) -> Reply: ...


# name -> (module, summary, patterns of program names; `*` stands for one character or more)
PROTOCOLS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "get": ("get", "print one token: bare, or as a header, JSON, netrc, curl config or env", ()),
    "git": ("git", "git credential helper: key=value lines", ("git-credential-*",)),
    "docker": (
        "docker",
        "docker credential helper: docker, podman, skopeo, buildah, oras, helm",
        ("docker-credential-*",),
    ),
    "aws": (
        "aws",
        "AWS's credential_process: credentials for S3, for every AWS SDK, rclone and s5cmd",
        (),
    ),
    "kubectl": (
        "kubectl",
        "kubectl's exec plugin: an ExecCredential for everything made of client-go",
        (),
    ),
    "terraform": (
        "terraform",
        "terraform credentials helper: Terraform and OpenTofu registries",
        ("terraform-credentials-*",),
    ),
    "vault": (
        "vault",
        "vault token helper: Vault and OpenBao, for servers that take our tokens as they are",
        ("vault-token-*",),
    ),
    "bazel": (
        "bazel",
        "Bazel's credential helper: a URI in, its headers out, in JSON",
        ("bazel-credential-*",),
    ),
    "headers": ("headers", "HTTP headers in JSON: Claude Code's MCP servers, restish", ()),
    "goauth": ("goauth", "GOAUTH: headers for go's downloads of modules", ()),
    "cargo": (
        "cargo",
        "Cargo's credential provider protocol: tokens for private registries",
        ("cargo-credential-*",),
    ),
    "kubelet": (
        "kubelet",
        "the kubelet's image credential provider: passwords for registries",
        ("*-credential-provider",),
    ),
    "token": (
        "bare",
        "a command that prints a token: pnpm, rclone, Codex, Claude Code, DVC, Flyte, mise",
        ("credhelper-token-*", "credhelper-bearer-*"),
    ),
    "json": ("jsonlines", "credhelper's own protocol: one JSON object a line, both ways", ()),
    "google": ("google", "Google executable-sourced credentials: environment in, JSON out", ()),
    "askpass": (
        "askpass",
        "askpass: the prompts of git and wget on the command line",
        ("*-askpass",),
    ),
    "databricks": (
        "databricks",
        "the Databricks CLI, as far as its SDKs call it",
        ("credhelper-databricks",),
    ),
    "reclient": ("reclient", "reclient and remote-apis-sdks credentials helper: JSON out", ()),
    "keyring": ("keyring", "the keyring program, as pip, uv and pdm call it", ("keyring",)),
    "nuget": ("nuget", "NuGet plugin 2.0: dotnet, nuget, MSBuild", ("nuget-plugin-*",)),
}

# name -> second words that make it a command for people, which begins with the same word.
PEOPLES = {"token": ("create", "details", "refresh", "revoke")}


def load(name: str) -> "Protocol":
    """Return the module of the protocol `name`, imported now. Raises KeyError for other names."""
    module = f"{__name__}.{PROTOCOLS[name][0]}"
    __import__(module)
    protocol: Protocol = sys.modules[module]
    return protocol


def by_program(basename: str) -> str | None:
    """Return the protocol that a program of this name speaks, or None.

    Parameters: `basename`, the last part of the program's path; `.exe` in any case may follow.
    """
    if basename[-4:].lower() == ".exe":
        basename = basename[:-4]
    for name, (_, _, patterns) in PROTOCOLS.items():
        for pattern in patterns:
            start, star, end = pattern.partition("*")
            if not star and basename == pattern:
                return name
            if (
                star
                and len(basename) > len(start) + len(end)
                and basename.startswith(start)
                and basename.endswith(end)
            ):
                return name
    return None
