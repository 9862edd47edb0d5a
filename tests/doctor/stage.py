"""A world for the doctor to look at, in which all is well, and hands that spoil it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Served
from tests.support.worlds import World

GIT = "https://git.example"
ROOT = os.geteuid() == 0
STRANGER = 12345
RECORD = "0123456789abcdef" * 2  # the name of one
JOURNAL = '{\n "version": 1,\n "setups": [],\n "files": {},\n "folders": []\n}\n'
FILL = '! head -c 1000000 /dev/zero 2>/dev/null >"$0/filling"'
# Looks like a token, so that a line that shows it is caught.
LEAKED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


class Stage:
    """A world in which all is well, and hands that spoil it.

    Attributes: `world`; `api`, the sandbox of its profile; `environ`, variables for the doctor;
    `served`, servers to stop in the end; `prefix`, words in front of the doctor's.
    """

    def __init__(self, world: World, api: RunningSandbox) -> None:
        self.world = world
        self.api = api
        self.environ: dict[str, str | None] = {}
        self.served: list[Served] = []
        self.prefix: list[str] = []

    def configure(self, url: str | None = None, **members: object) -> None:
        """Write the config again: profile `main`, with other members."""
        own: Mapping[str, object] = {"services": [GIT], **members}
        self.world.configure(url or self.api.url, self.api.api_key, main=own)

    def wires_git(self) -> None:
        """Set git up for the profile's service."""
        assert self.world.run("setup", "git", "--service", GIT).status == 0

    def answers(self, *answers: bytes, certificate: str = "", trusted: bool = True) -> None:
        """Point the profile to a TLS server of this test's own."""
        authority = Authority(self.world.root)
        context = authority.context(certificate or "right")
        server = Served(lambda connection, _: connection.sendall(answers[0]), context)
        self.served.append(server)
        named = {"ca_file": str(authority.path)} if trusted else {}
        self.configure(server.url.replace("127.0.0.1", "localhost"), **named)

    def program(self, name: str, text: str) -> None:
        """Put a program in front of PATH."""
        folder = self.world.root / "front"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
        self.environ["PATH"] = f"{folder}:{self.world.environ['PATH']}"

    def without(self, name: str) -> str:
        """Return a PATH that leads to all programs but the one called `name`."""
        folder = self.world.root / "rest"
        folder.mkdir()
        for place in self.world.environ["PATH"].split(":")[::-1]:
            for path in Path(place).iterdir() if os.path.isdir(place) else ():
                (folder / path.name).unlink(missing_ok=True)
                (folder / path.name).symlink_to(path)
        (folder / name).unlink()
        return str(folder)

    def mounts(self, folder: Path, options: str, then: str = ":") -> None:
        """Run the doctor where a disk of its own is at `folder`; skip the test where none can be.

        Parameters: `options`, of mount; `then`, what a shell does first, with the folder as $0.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
        script = f'mount -t tmpfs -o mode=0700,{options} none "$0"; {then}; exec "$@"'
        self.prefix = [*words, script, str(folder)]
        if not shutil.which("unshare") or subprocess.run([*self.prefix, "true"]).returncode:
            pytest.skip("no mounts of one's own here")
