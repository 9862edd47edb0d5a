"""Completion in a real bash, at a terminal: somebody types the beginning of a line, and Tab."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from credhelper import protocols
from credhelper.cli.commands.protocols import option_names
from credhelper.cli.main import commands
from credhelper.core.model import Call
from credhelper.errors import CredhelperError
from credhelper.protocols import options
from tests.cli.conftest import Person
from tests.support.programs import command
from tests.support.worlds import TIMEOUT, World

CONFIG = """
[profiles.work]
url = "{url}"
grant = {{ env = "KEY" }}
services = ["https://git.example/team", "https://registry.example:8443"]

[profiles.home]
url = "{url}"
grant = {{ env = "KEY" }}
services = ["https://files.example"]
"""
# What is typed, and what the line is after Tab.
LINES = {
    # commands and options
    "stat": "status ",
    "profile serv": "profile service ",
    "login --keep-k": "login --keep-key ",
    "get --format cu": "get --format curl ",
    # profiles
    "get --profile w": "get --profile work ",
    "get --profile=w": "get --profile=work ",
    "profile show h": "profile show home ",
    "git --profile w": "git --profile work ",
    "token --profile w": "token --profile work ",
    # services, with colons, which bash takes for ends of words
    "get https://f": "get https://files.example ",
    "get ht": "get https://",
    "get --service https://r": "get --service https://registry.example:8443 ",
    "get --service=https://g": "get --service=https://git.example/team ",
    "get https://registry.example:8": "get https://registry.example:8443 ",
    "get --profile home h": "get --profile home https://files.example ",
    "setup git --service https://g": "setup git --service https://git.example/team ",
    "setup git --profile home --service h": (
        "setup git --profile home --service https://files.example "
    ),
    "exec --service https://f": "exec --service https://files.example ",
    "write --to x --service https://f": "write --to x --service https://files.example ",
    "profile service remove home h": "profile service remove home https://files.example ",
    "kubectl --service https://f": "kubectl --service https://files.example ",
    "token --service https://f": "token --service https://files.example ",
    # tools
    "setup dock": "setup docker ",
    "doctor gi": "doctor git ",
    "setup --profile work terraf": "setup --profile work terraform ",
    # options of protocols
    "git --pro": "git --profile ",
    "docker --min": "docker --min-ttl ",
    "aws --fo": "aws --format ",
    "headers --rest": "headers --restish ",
    "token --bea": "token --bearer ",
    "cargo --cargo": "cargo --cargo-plugin ",
    # nothing to say: the line stays
    "get --profile x": "get --profile x",
    "get https://other": "get https://other",
}

_RAN = re.compile(r"\nRAN *\d+ +credhelper (.*)#end\r\n")


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Give this test a folder in which `credhelper` is ours."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "credhelper"
    words = " ".join(f"'{word}'" for word in command())
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_each(person: Person, bin_folder: Path) -> None:
    person.world.config.write_text(CONFIG.format(url=person.api.url))
    script = bin_folder / "complete.bash"
    script.write_bytes(person.types("completion", "bash").stdout)
    assert completed(person.world, bin_folder, script, [*LINES]) == LINES


def completed(world: World, folder: Path, script: Path, lines: list[str]) -> dict[str, str]:
    """Return each line that is typed, and what it is when Tab was pressed behind it."""
    # A function prints the line in place of the program, once Tab has asked the program itself.
    setup = (
        f"PATH='{folder}':$PATH; source '{script}'; PS1=; HISTFILE=\n"
        "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'\n"
        "credhelper() { printf 'RAN%s\\n' \"$(HISTTIMEFORMAT= history 1)\"; }\n"
    )
    ours, theirs = pty.openpty()
    found, told = {}, ""
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**world.environ, "TERM": "dumb"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, setup.encode())
        for line in lines:
            # Typed ahead: bash takes the line as it is when the answer to Tab stands in it.
            os.write(ours, f"credhelper {line}\t#end\n".encode())
            while not (ran := _RAN.search(told)):
                assert select.select([ours], [], [], TIMEOUT)[0], told
                told += os.read(ours, 65536).decode()
            found[line] = ran[1]
            told = told[ran.end() :]
        process.kill()
    os.close(ours)
    return found


def test_the_options_of_each_protocol_are_those_that_it_takes() -> None:
    for name in protocols.PROTOCOLS:
        known = set(option_names(name))
        if name == "get":  # a command on click as well
            known = {
                one.opts[0] for one in commands.commands["get"].params if one.name != "service"
            }
            known -= {"-q", "-v"}
        assert known == taken(name), name


def taken(name: str) -> set[str]:
    """Return the long options that a protocol takes, as it says itself when it reads them."""
    found: set[str] = set()

    def split(
        arguments: Sequence[str], known: dict[str, str], usage: str, flags: Sequence[str] = ()
    ) -> None:
        found.update(word for word in (*known, *flags) if word.startswith("--"))
        raise CredhelperError(usage)

    module = protocols.load(name)
    with patch.object(options, "split", split), pytest.raises(CredhelperError):
        module.parse(Call("credhelper", [], b"", {}))
    # These two are read from stdin: on the command line there is the client's own word.
    return {"cargo": {"--cargo-plugin"}, "nuget": {"-Plugin"}}.get(name, found)
