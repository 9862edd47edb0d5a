"""The protocols that tools speak, as far as people need them: in the list, and how to wire them.

The edge serves them before click is loaded; what is here is only their help.
"""

from __future__ import annotations

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
}


def commands() -> list[click.Command]:
    """Return a command with help for each protocol that has no page of its own."""
    return [
        click.Command(
            name,
            help=f"Speak {summary}.\n\n{_WIRING.get(name) or _contract(name)}",
            short_help=f"For tools: {summary}.",
        )
        for name, (_, summary, _) in protocols.PROTOCOLS.items()
        if name != "get"
    ]


def _contract(name: str) -> str:
    """Return what the protocol's module says of itself, paragraph by paragraph."""
    return protocols.load(name).__doc__ or ""
