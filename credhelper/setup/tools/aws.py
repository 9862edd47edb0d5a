"""The AWS CLI, the AWS SDKs, and tools that use them: a process that gives credentials.

Source: "Sourcing credentials with an external process" of the AWS SDKs' guide. The command goes
through a shell in some SDKs and is split into words by others, so only double quotes are used. The
command always names the profile: AWS sends no host to choose one by.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
from contextlib import suppress

from credhelper.core.text import shell_word
from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, shadowed

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
SERVICE = False
NEEDS = "aws"

_KEY = "credential_process"
# What all or some SDKs take from a section before they run its process.
_FIRST = (
    "aws_access_key_id",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    called = request.program.called(PROGRAMS[0])
    if re.search(r"[\"\\$`]", called):
        raise UsageError(
            f"{_KEY} has no way to write this path: {called}",
            hint="put a link to it into a folder with a plainer name, first on PATH",
        )
    program = f'"{called}"' if re.search(r"[^\w/.+@:-]", called) else called
    command = f"{program} aws --profile {shell_word(request.owner)}"
    section = _section(request)
    for key in _FIRST:
        if _parsed(request, _file(request)).has_option(section, key):
            raise ConfigError(
                f"{_file(request)}: [{section}] has {key}, which comes first",
                hint="choose a section of its own: --name NAME",
            )
    values = [(_KEY, command)]
    # A region in the file stays; ours goes in only where there is none.
    known = _parsed(request, _file(request)).get(section, "region", fallback=None)
    region = known or request.region
    if region:
        values.append(("region", region))
    return Plan((FileChange(_file(request), "ini", (Entry((section,), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the process that the file names says: see `setup`."""
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        parser.read_string(request.read(_file(request)) or "")
    except configparser.Error:
        return Finding(trouble=f"{_file(request)} cannot be read")
    command = parser.get(_section(request), _KEY, fallback="")
    if not command:
        return Finding(trouble=f"{_file(request)} names no {_KEY} in [{_section(request)}]")
    keys = request.place("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")
    plain = _section(request).removeprefix("profile").strip(" \t\"'")
    for path, section, before in (
        (_file(request), _section(request), _FIRST),
        (keys, plain, (*_FIRST, _KEY)),
    ):
        for key in before:
            if _parsed(request, path).has_option(section, key):
                return shadowed(
                    f"{path} has {key} in [{section}]",
                    "take it out, or choose a section of its own: --name NAME",
                )
    answer = ask(shlex.split(command))
    try:
        said = json.loads(answer.stdout)
        if said["Version"] == 1 and said["AccessKeyId"] and said["SecretAccessKey"]:
            until = f" until {said['Expiration']}" if "Expiration" in said else ""
            return Finding(instead=f"AWS credentials{until}")
    except (ValueError, KeyError, TypeError):
        pass
    return asking.failed(answer, _KEY)


def _section(request: WiringRequest) -> str:
    # Every tool uses the section `default`: it is changed only if the user names it.
    name = request.name or ("illumina" if request.owner == "default" else request.owner)
    plain = name if name == "default" else f"profile {name}"
    there = _sections(request)
    # AWS splits a section's name like a shell, and of two spellings of one profile uses only one.
    same = [section for section in there if section.startswith("profile") and _means(section, name)]
    return plain if plain in there or not same else same[0]


def _sections(request: WiringRequest) -> list[str]:
    return _parsed(request, _file(request)).sections()


def _parsed(request: WiringRequest, path: str) -> configparser.RawConfigParser:
    """Return what is in a file; nothing if it cannot be read (the edit will report that)."""
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    with suppress(configparser.Error):
        parser.read_string(request.read(path) or "")
    return parser


def _means(section: str, name: str) -> bool:
    try:
        return shlex.split(section) == ["profile", name]
    except ValueError:
        return False


def _file(request: WiringRequest) -> str:
    return request.place("AWS_CONFIG_FILE", ".aws/config")
