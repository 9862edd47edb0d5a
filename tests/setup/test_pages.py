"""What the documentation and the integrations show is what setup does."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from credhelper import protocols, setup
from credhelper.core.service import parse
from credhelper.setup import formats
from credhelper.setup.plan import WiringRequest
from credhelper.setup.program import Program
from tests.setup.cases import CASES, LINKS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/setup.md").read_text()


@pytest.mark.parametrize("tool", setup.TOOLS)
def test_every_tool_is_in_the_page_with_its_file(tool: str) -> None:
    row = next(line for line in PAGE.split("\n") if line.startswith(f"| `{tool}` |"))
    file = CASES[tool].file if tool in CASES else LINKS[tool]
    assert f"~/{file}" in row or Path(file).name in row
    assert re.search(rf"^- .*`{tool}`", PAGE, re.MULTILINE), f"what --check asks of {tool}"


SHOWN = {
    "git/gitconfig": ("git", "https://git.example.org", None, True),
    "git/gitconfig-path": ("git", "https://git.example.org", None, False),
    "git/gitconfig-profile": ("git", "https://git.example.org", "work", False),
    "terraform/terraformrc": ("terraform", "https://modules.example.org", None, True),
    "terraform/terraformrc-profile": ("terraform", "https://modules.example.org", "work", True),
    "docker/config.json": ("docker", "https://registry.example.org", None, True),
    "databricks/databrickscfg": ("databricks", "https://dbc.example.org", "work", True),
    "kubelet/credential-provider-config.yaml": (
        "kubelet",
        "https://registry.example.org",
        None,
        True,
    ),
    "flyte/config.yaml": ("flyte", "https://api.example.org", None, True),
    "reclient/reproxy.cfg": ("reclient", "https://builds.example.org", None, False),
    "headers/mcp.json": ("claude", "https://mcp.example.org/mcp", None, True),
    "headers/apis.json": ("restish", "https://mcp.example.org", None, True),
}


KUBELETS = {
    "CREDHELPER_CONFIG": "/etc/credhelper/config.toml",
    "CREDHELPER_CACHE_DIR": "/var/cache/credhelper",
    "CREDHELPER_STATE_DIR": "/var/lib/credhelper",
}

# What no tool's file can wire up, and why.
BY_HAND = {
    "get": "for scripts and people, who type it",
    "json": "for programs of one's own, which start it",
}


def request_for(
    tool: str, service: str, profile: str | None = None, *, on_path: bool = True
) -> WiringRequest:
    module = setup.load(tool)
    names = frozenset((*module.PROGRAMS, "credhelper"))
    program = Program("/opt/credhelper/bin/credhelper", names if on_path else frozenset(), names)
    return WiringRequest(
        parse(service),
        profile,
        profile or "work",
        "team" if tool in NAMED else None,
        program,
        KUBELETS if tool == "kubelet" else {},
        "/home/me",
        "/home/me/bin",
        lambda path: None,
        "/home/me/file" if getattr(module, "FILE", False) else None,
    )


# Tools that have to be told what they call a service that their file does not know.
NAMED = {"cargo", "claude", "codex", "dvc", "restish"}


@pytest.mark.parametrize("shown", SHOWN)
def test_the_integrations_show_what_setup_prints(shown: str) -> None:
    tool, service, profile, on_path = SHOWN[shown]
    request = request_for(tool, service, profile, on_path=on_path)
    printed = "".join(
        formats.rendered(change.format, change.entries)
        for change in setup.load(tool).plan(request).files
    )
    text = (ROOT / "integrations" / shown).read_text()
    assert printed == re.sub(r"^[#;].*\n", "", text, flags=re.MULTILINE)


def test_google_gets_what_the_integrations_show() -> None:
    (change,) = (
        setup.load("google").plan(request_for("google", "https://x.example", on_path=False)).files
    )
    shown = json.loads((ROOT / "integrations/google/credential.json").read_text())
    # What is Google's, nobody but Google can tell.
    del shown["audience"], shown["token_info_url"]
    assert json.loads(formats.rendered(change.format, change.entries)) == shown


def test_every_protocol_is_spoken_to_a_tool_that_can_be_set_up() -> None:
    spoken = set().union(*map(spoken_to, setup.TOOLS))
    assert spoken.isdisjoint(BY_HAND)
    assert spoken | set(BY_HAND) == set(protocols.PROTOCOLS)


def spoken_to(tool: str) -> set[str]:
    """Return the protocols that the programs in a tool's plan speak."""
    plan = setup.load(tool).plan(request_for(tool, "https://host.example"))
    told: list[str] = []
    for change in plan.files:
        for entry in change.entries:
            told += [text for _, value in entry.values for text in strings_in(value)]
    words = " ".join(told).replace('"', " ").split()
    programs = [Path(link.path).name for link in plan.links] + [Path(word).name for word in words]
    programs += setup.load(tool).PROGRAMS
    found = {protocols.by_program(name) for name in programs}
    found |= {
        after
        for program, after in pairwise(words)
        if Path(program).name == "credhelper" and after in protocols.PROTOCOLS
    }
    return {name for name in found if name}


def strings_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings_in(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings_in(one)]
    return [str(value)]
