"""The AWS CLI, the AWS SDKs, and tools that use them: a process that gives credentials.

Source: "Sourcing credentials with an external process" of the AWS SDKs' guide. The command goes
through a shell in some SDKs and is split into words by others, so only double quotes are used. The
command always names the profile: AWS sends no host to choose one by.
"""

from __future__ import annotations

import re
from functools import partial

from credhelper.core.text import shell_word
from credhelper.errors import ConfigError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats import documents, ini
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
    called = reading.called(request, PROGRAMS[0], r"[\"\\$`]", f"{_KEY} has")
    program = f'"{called}"' if re.search(r"[^\w/.+@:-]", called) else called
    command = f"{program} aws --profile {shell_word(request.owner)}"
    section = _section(request)
    said = reading.sections(request, _file(request)).get(section, {})
    for key in _FIRST:
        if key in said:
            raise ConfigError(
                f"{_file(request)}: [{section}] has {key}, which comes first",
                hint="choose a section of its own: --name NAME",
            )
    values = [(_KEY, command)]
    # A region in the file stays; ours goes in only where there is none.
    region = said.get("region") or request.region
    if region:
        values.append(("region", region))
    return Plan((FileChange(_file(request), "ini", (Entry((section,), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the process that the file names says: see `setup`."""
    own = reading.sections(request, _file(request)).get(_section(request), {})
    words = asking.words_of(own.get(_KEY, ""))
    if not words:
        return Finding(trouble=f"{_file(request)} names no {_KEY} in [{_section(request)}]")
    keys = request.place("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")
    plain = _section(request).removeprefix("profile").strip(" \t\"'")
    # Some SDKs read keys that stand twice.
    known = reading.sections(request, keys, partial(ini.sections_in, strict=False)).get(plain, {})
    for path, section, said, before in (
        (_file(request), _section(request), own, _FIRST),
        (keys, plain, known, (*_FIRST, _KEY)),
    ):
        for key in before:
            if key in said:
                return shadowed(
                    f"{path} has {key} in [{section}]",
                    "remove it, or choose a section of its own: --name NAME",
                )
    answer = ask(words)
    try:
        told = documents.answer(answer.stdout)
    except ValueError:
        told = {}
    if told.get("Version") == 1 and told.get("AccessKeyId") and told.get("SecretAccessKey"):
        until = f" until {told['Expiration']}" if "Expiration" in told else ""
        return Finding(instead=f"AWS credentials{until}")
    return asking.failed(answer, f"{_file(request)}: {_KEY}")


def _section(request: WiringRequest) -> str:
    # Every tool uses the section `default`: it is changed only if the user names it.
    name = request.name or ("illumina" if request.owner == "default" else request.owner)
    plain = name if name == "default" else f"profile {name}"
    there = [*reading.sections(request, _file(request))]
    # AWS splits a section's name like a shell, and of two spellings of one profile uses only one.
    same = [section for section in there if section.startswith("profile") and _means(section, name)]
    return plain if plain in there or not same else same[0]


def _means(section: str, name: str) -> bool:
    return asking.words_of(section) == ["profile", name]


def _file(request: WiringRequest) -> str:
    return request.place("AWS_CONFIG_FILE", ".aws/config")
