"""The registry of the tools that `setup` can configure, each by its own file.

A tool is a module of `tools` with `plan` and `check`, and a line here.
- plan(request): returns what the setup changes, or raises CredhelperError. Pure, except that it
  reads the tool's files with `request.read`.
- check(request, ask): calls our program as the tool does, and returns what the tool would send, as
  a `Finding`.
- PROGRAMS: our programs that the tool may look for on PATH; with `ON_PATH` it looks nowhere else.
- PROFILE: whether the tool has a place for a profile's name.
- SERVICE (optional): False when a profile is enough.
- NEEDS (optional): a key that the profile must have.
- FILE (optional): True when the user says which file.
- left(before, environ, read) (optional): returns the path of a file and what an undo leaves in it
  that has no use any more, for each; `before` has the former text of each changed file, by path.
- BIN (optional): the tool's own folder for links.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from credhelper.setup.plan import Ask, Finding, Plan, WiringRequest

# name -> summary
TOOLS = {
    "git": "git, git-lfs: a credential helper for one URL",
    "docker": "docker, helm, oras: a credential helper for one registry",
    "containers": "podman, skopeo, buildah: a credential helper for one registry",
    "aws": "the AWS CLI and SDKs: a process that gives credentials",
    "kubectl": "kubectl, helm, k9s: a user of the kubeconfig, with a context",
    "pip": "pip: a keyring",
    "uv": "uv: a keyring",
    "cargo": "Cargo: a credential provider",
    "go": "go: a command in GOAUTH",
    "terraform": "Terraform, OpenTofu: a credentials helper",
    "bazel": "Bazel: a credential helper for one host",
    "rclone": "rclone: a command for one WebDAV remote",
    "pnpm": "pnpm: a token helper for one registry",
    "dvc": "DVC: a command for one WebDAV remote",
    "vault": "Vault: a token helper",
    "bao": "OpenBao: a token helper",
    "codex": "Codex: a command for one model provider",
    "keyring": "pdm, hatch: a program called keyring",
    "nuget": "dotnet, nuget, MSBuild: a plugin",
    "claude": "Claude Code: headers for one MCP server",
    "restish": "restish: headers for one API",
    "askpass": "git, wget: a program that is asked what a person would type",
    "databricks": "the Databricks SDKs: what they take for their CLI, for one workspace",
    "google": "google-auth, gcloud: the command of a credential configuration",
    "kubelet": "the kubelet: a provider for the images of one registry",
    "flyte": "Flyte: a command for one platform",
    "reclient": "reproxy: the credentials helper of one config file",
}


class Tool(Protocol):
    """What a tool's module offers."""

    PROGRAMS: Sequence[str]
    ON_PATH: bool
    PROFILE: bool

    def plan(self, request: WiringRequest) -> Plan: ...
    def check(self, request: WiringRequest, ask: Ask) -> Finding: ...


def load(name: str) -> Tool:
    """Return the module of the tool `name`, imported now."""
    module = f"{__name__}.tools.{name}"
    __import__(module)
    found: Tool = sys.modules[module]
    return found
