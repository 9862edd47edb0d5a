"""Clients in namespaces of their own who ask an agent: key, cache and network stay outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.aws.bucket import HERE as AWS
from integrations.aws.bucket import PREFIX, Bucket
from integrations.docker.harbour import HERE as DOCKER
from integrations.docker.harbour import IMAGE, Harbour, digest, good, image_in
from integrations.docker.harbour import PLACEHOLDER as REGISTRY
from integrations.git.forge import HERE as GIT
from integrations.git.forge import PLACEHOLDER as GIT_HOST
from integrations.git.forge import Forge
from integrations.servers.certificates import Certificate
from integrations.wired import Wired
from tests.agent.agents import Agent
from tests.support.worlds import Outcome, World
from tests.tokenfile.jobs import until

HERE = Path(__file__).parent
APART = HERE / "apart.sh"
RELAY = HERE.parent / "servers/relay.py"
COPY = HERE.parent / "aws-endpoint/copy_boto3.py"
NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount", "--net")
HIDDEN = ("HOME", "XDG_RUNTIME_DIR")


class Apart:
    """A place in namespaces of its own, with a home of its own, whose programs ask an agent.

    Parameters: `wired`, the world outside, where the agent runs; `stack`, ends all; `options`, of
    the agent.
    """

    def __init__(self, wired: Wired, stack: ExitStack, *options: str) -> None:
        for words in (("ip", "link"), (*NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt")):
            if not shutil.which(words[0]) or subprocess.run(words, capture_output=True).returncode:
                pytest.skip(f"no namespaces are to be had here: {words[0]} fails")
        self._wired = wired
        self._stack = stack
        self._relays: list[str] = []
        self._shared = wired.world.root / "shared"
        outside = {name: None for name in wired.world.environ if name.startswith("CREDHELPER_")}
        self.agent = Agent(
            wired.world, *options, path=self._shared / "socket", environ=dict(outside)
        )
        stack.callback(self.agent.stop)
        assert self.agent.process.poll() is None, self.agent.told()
        (wired.world.root / "apart").mkdir()
        self.there = Wired(World(wired.world.root / "apart"), wired.sandbox)
        # What clients are told of their servers, but not where home is.
        told = {name: text for name, text in wired.environ.items() if name not in HIDDEN}
        self.there.environ |= {**told, "CREDHELPER_SOCKET": "/mnt/socket"}

    def reach(self, port: int) -> None:
        """Let a server at `port` of loopback be reached from there."""
        path = self._wired.world.root / f"relay-{port}"
        words = [sys.executable, "-I", str(RELAY), "unix", str(port), str(path)]
        relay = subprocess.Popen(words)
        self._stack.callback(relay.wait)
        self._stack.callback(relay.terminate)
        until(path.exists, "the relay did not start")
        self._relays.append(f"{port}:{path}")

    def run(self, *words: str, environ: dict[str, str] | None = None) -> Outcome:
        """Run a client there."""
        places = (self._wired.world.home, self._shared, sys.executable, RELAY)
        before = (*NAMESPACES, "sh", str(APART), *map(str, places), *self._relays, "--")
        return self.there.run(*before, *words, environ=environ)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_nothing_of_the_home_is_there_but_what_the_agent_hands_out(
    wire: Callable[..., Wired], stack: ExitStack
) -> None:
    wired = wire()
    wired.configure(GIT / "credhelper.toml", {})
    apart = Apart(wired, stack, "--service", f"https://{GIT_HOST}")
    assert apart.run("sh", "-c", f"ls -A {wired.world.home}; id -u").stdout == b"0\n"
    asked = apart.run("credhelper", "get", f"https://{GIT_HOST}/team")
    assert wired.sandbox.admits(asked.token)
    alone = apart.run("credhelper", "get", environ={"CREDHELPER_SOCKET": ""})
    assert (alone.status, b"no profile is configured" in alone.stderr) == (3, True)
    apart.agent.stop()
    gone = apart.run("credhelper", "get", f"https://{GIT_HOST}/team")
    assert (gone.status, gone.stderr.count(b"\n")) == (5, 1)
    assert b"/mnt/socket" in gone.stderr


@pytest.mark.parametrize("name", ["git", "git-new"])
def test_git_clones_and_pushes(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    stack: ExitStack,
    name: str,
) -> None:
    forge = Forge(wire(), client(name), certificate, stack, bearer=False)
    forge.wire()
    apart = Apart(forge.wired, stack, "--service", f"https://{forge.host}")
    apart.reach(forge.port)
    apart.there.place(GIT / "gitconfig", ".gitconfig", {GIT_HOST: forge.host})
    good(apart.run(forge.git, "clone", "--quiet", forge.url, "one"))
    clone = apart.there.world.home / "one"
    assert (clone / "file.txt").read_text() == "the first text\n"
    pushed = forge.commit(clone, "the second text\n")
    good(apart.run(forge.git, "-C", str(clone), "push", "--quiet"))
    assert pushed.encode() in good(apart.run(forge.git, "ls-remote", forge.url))
    assert forge.wired.counted() == (1, 0)
    assert forge.gate.admitted
    assert not forge.gate.refused


def test_skopeo_pushes_and_pulls(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    tmp_path: Path,
    stack: ExitStack,
) -> None:
    layout = image_in(tmp_path / "layout")
    harbour = Harbour(wire(), client, certificate, stack, "basic")
    harbour.wire()
    apart = Apart(harbour.wired, stack, "--service", f"https://{harbour.host}")
    apart.reach(int(harbour.host.rpartition(":")[2]))
    places = {REGISTRY: harbour.host}
    apart.there.place(DOCKER / "config.json", ".config/containers/auth.json", places)
    image, trust = f"docker://{harbour.host}/{IMAGE}", str(harbour.trust)
    skopeo = (client("skopeo"), "--insecure-policy", "copy")
    good(apart.run(*skopeo, "--dest-cert-dir", trust, f"oci:{layout}", image))
    pulled = tmp_path / "pulled"
    good(apart.run(*skopeo, "--src-cert-dir", trust, image, f"oci:{pulled}"))
    assert digest(pulled) == digest(layout)
    assert harbour.wired.counted() == (1, 0)
    assert not harbour.gate.refused


def test_boto3_copies_with_keys_from_the_agent(
    wire: Callable[..., Wired], client: Callable[[str], str], stack: ExitStack
) -> None:
    bucket = Bucket(wire(), client("moto"), client("credhelper"), stack)
    apart = Apart(bucket.wired, stack, "--service", bucket.wired.sandbox.url, "--profile", "work")
    apart.reach(int(bucket.endpoint.rpartition(":")[2]))
    apart.there.place(AWS / "config", ".aws/config", {})
    environ = {"AWS_PROFILE": "illumina"}
    good(apart.run(client("boto3"), "-I", str(COPY), PREFIX, "8", environ=environ))
    stats = bucket.wired.sandbox.stats()
    assert (stats["created"], stats["exchanged"]) == (1, 1)


def test_the_devcontainer_in_the_guide_is_json() -> None:
    guide = (HERE.parent.parent / "docs/agent.md").read_text()
    text = guide.partition("```json\n")[2].partition("```")[0]
    assert json.loads(text)["containerEnv"] == {"CREDHELPER_SOCKET": "/run/credhelper/socket"}
