"""The protocols that tools speak, as far as people need them: in the list, and how to wire them.

The edge serves them before click is loaded; what is here is only their help.
"""

from __future__ import annotations

from collections.abc import Container

import click

from credhelper import protocols

_WIRING = {
    "git": """
    git asks; you only say for which host. For one host, and nobody else:

    \b
      credhelper profile add default --service https://git.example
      git config --global credential.https://git.example.helper credhelper

    An empty helper before it silences other helpers for that host:

    \b
      git config --global --replace-all credential.https://git.example.helper ""
      git config --global --add credential.https://git.example.helper credhelper

    If a profile names a path below the host, let git tell paths:

    \b
      git config --global credential.https://git.example.useHttpPath true

    To try it: printf 'protocol=https\\nhost=git.example\\n\\n' | credhelper git get
    """,
    "docker": """
    docker, podman, skopeo, buildah, oras and helm ask; you only say for which registry. In
    ~/.docker/config.json (podman: ~/.config/containers/auth.json):

    \b
      { "credHelpers": { "registry.example": "credhelper" } }

    and let a profile name that registry:

    \b
      credhelper profile add default --service https://registry.example

    To try it: echo registry.example | docker-credential-credhelper get
    """,
    "json": """
    For programs of your own: start it once, write one JSON object a line, read one a line.

    \b
    Example:
      echo '{"version":1,"action":"get","service":"https://host.example"}' | credhelper json
    """,
    "google": """
    Google's libraries ask, and exchange the token for one of theirs. In the credential
    configuration that GOOGLE_APPLICATION_CREDENTIALS names:

    \b
      "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
      "credential_source": { "executable": {
        "command": "/path/to/credhelper google --profile NAME" } }

    \b
      export GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1

    Nothing is ever said on stderr: errors are in the answer.
    To try it: credhelper google --profile NAME
    """,
    "askpass": """
    git and wget start a program of one word, so give credhelper a name that ends in -askpass:

    \b
      ln -s "$(command -v credhelper)" ~/.local/bin/credhelper-askpass
      export GIT_ASKPASS=credhelper-askpass
      wget --use-askpass=credhelper-askpass https://files.example/x

    wget leaves the port out when it asks. To try it:

    \b
      credhelper askpass "Password for 'https://USER@files.example': "
    """,
    "databricks": """
    The SDKs start a program of one word, so write a script of one line around it:

    \b
      #!/bin/sh
      exec credhelper databricks "$@"

    \b
      export DATABRICKS_CLI_PATH=/path/to/that/script
      export DATABRICKS_AUTH_TYPE=databricks-cli

    To try it: credhelper databricks auth token --host https://workspace.example
    """,
    "reclient": """
    reproxy asks:

    \b
      reproxy --credentials_helper=/path/to/credhelper \\
        --credentials_helper_args="reclient --service https://builds.example"

    To try it: credhelper reclient --service https://builds.example
    """,
    "keyring": """
    pip and uv look for a program called keyring, which you place where nothing else looks:

    \b
      mkdir -p ~/.local/share/credhelper/bin
      ln -s "$(command -v credhelper)" ~/.local/share/credhelper/bin/keyring
      export PATH="$HOME/.local/share/credhelper/bin:$PATH"

    and have to be told to ask it. They send the user name of the profile:

    \b
      pip install --keyring-provider subprocess --index-url https://host.example/simple/ X
      uv pip install --keyring-provider subprocess --index-url https://USER@host.example/simple/ X

    What asks the keyring package (twine, poetry, hatch) finds credhelper by itself where both are
    installed side by side.
    To try it: credhelper keyring --mode=creds get https://host.example/simple/
    """,
    "nuget": """
    NuGet 6.13 and newer start what is called nuget-plugin-* on PATH:

    \b
      ln -s "$(command -v credhelper)" ~/.local/bin/nuget-plugin-credhelper
      credhelper profile add default --service https://packages.example/v3
    """,
}


def commands(known: Container[str]) -> list[click.Command]:
    """Return a command with help for each protocol, save the `known`: people have those, too."""
    return [
        click.Command(
            name,
            help=f"Speak {summary}.\n\n{_WIRING.get(name) or _contract(name)}",
            short_help=f"For tools: {summary}.",
        )
        for name, (_, summary, _) in protocols.PROTOCOLS.items()
        if name not in known
    ]


def _contract(name: str) -> str:
    """Return what the protocol's module says of itself, paragraph by paragraph."""
    return protocols.load(name).__doc__ or ""
