"""buildah and podman, which keep images on disk: with the files beside this one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.docker.harbour import HERE, IMAGE, SECONDS, Harbour, good
from tests.support.worlds import Outcome

# What no user needs: these two keep their images and their state out of this machine's own.
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{root}/images"\nrunroot = "{root}/run"\n'
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


class Ship:
    """One of the two clients, in a harbour. Attributes: `name`; `harbour`."""

    def __init__(self, name: str, program: str, harbour: Harbour) -> None:
        self.name = name
        self.harbour = harbour
        self._program = program
        home, root = harbour.wired.world.home, harbour.wired.world.root
        (home / ".config/containers").mkdir(0o700, parents=True)
        (home / ".config/containers/policy.json").write_text(json.dumps(POLICY))
        (root / "storage.conf").write_text(STORAGE.format(root=root / "kept"))
        (root / "containers.conf").touch()
        (root / "run").mkdir(0o700)
        harbour.wired.environ |= {
            "CONTAINERS_STORAGE_CONF": str(root / "storage.conf"),
            "CONTAINERS_CONF": str(root / "containers.conf"),
            "XDG_RUNTIME_DIR": str(root / "run"),
        }
        self._scratch = str(root / "scratch")

    @property
    def image(self) -> str:
        """The image's name, with the registry's."""
        return f"{self.harbour.host}/{IMAGE}"

    def run(self, *words: str, stdin: bytes = b"") -> Outcome:
        """Run the client."""
        own = ["--tmpdir", self._scratch, "--cgroup-manager", "cgroupfs"]
        return self.harbour.wired.run(
            self._program, *(own if self.name == "podman" else []), *words, stdin=stdin
        )

    def push(self, layout: Path) -> Outcome:
        """Take the image in `layout`, and push it to the registry."""
        held = good(self.run("pull", "--quiet", f"oci:{layout}")).decode().strip()
        certificates = ("--cert-dir", str(self.harbour.trust))
        return self.run("push", "--quiet", *certificates, held, f"docker://{self.image}")

    def pull(self) -> Outcome:
        """Pull the image from the registry; prints its id."""
        certificates = ("--cert-dir", str(self.harbour.trust))
        return self.run("pull", "--quiet", *certificates, f"docker://{self.image}")

    def forget(self) -> None:
        """Remove all images that are kept here."""
        good(self.run("rmi", "--all", "--force"))
        assert good(self.run("images", "--quiet")) == b""


@pytest.fixture(params=["buildah", "podman"])
def launch(
    open_harbour: Callable[..., Harbour],
    client: Callable[[str], str],
    request: pytest.FixtureRequest,
) -> Callable[..., Ship]:
    program = client(request.param)
    spaces = ("unshare", "--user", "--map-root-user", "true")
    if os.geteuid() != 0 and subprocess.run(spaces, capture_output=True).returncode != 0:
        pytest.skip("neither root, nor allowed user namespaces: layers cannot be unpacked here")

    def start(*options: str) -> Ship:
        return Ship(request.param, program, open_harbour(*options))

    return start


def test_what_is_pulled_is_what_was_pushed(launch: Callable[..., Ship], layout: Path) -> None:
    ship = launch()
    ship.harbour.wire()

    good(ship.push(layout))
    ship.forget()
    pulled = good(ship.pull()).decode().strip()

    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    blob = layout / "blobs/sha256" / manifest["digest"].partition(":")[2]
    # An image's id is the digest of its configuration.
    assert f"sha256:{pulled}" == json.loads(blob.read_text())["config"]["digest"]
    assert {(visit.scheme, visit.username) for visit in ship.harbour.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not ship.harbour.gate.refused
    assert ship.harbour.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(
    launch: Callable[..., Ship], layout: Path
) -> None:
    ship = launch("--token-lifetime", str(SECONDS))
    ship.harbour.wire()

    good(ship.push(layout))
    ship.harbour.wired.wait_until(ship.harbour.gate.admitted[-1].expires)
    good(ship.pull())

    assert ship.harbour.wired.counted() == (2, 0)
    assert not ship.harbour.gate.refused


def test_a_registry_that_no_profile_names_gets_nothing(
    launch: Callable[..., Ship], layout: Path
) -> None:
    ship = launch()
    ship.harbour.wire()
    # The client still asks us about it, but the config names another.
    ship.harbour.wired.configure(HERE / "credhelper.toml", {})

    outcome = ship.push(layout)

    assert outcome.status != 0
    assert "unauthorized" in outcome.told or "authentication required" in outcome.told, outcome
    assert {(visit.username, visit.admitted) for visit in ship.harbour.gate.visits} == {("", False)}
    assert ship.harbour.wired.counted() == (0, 0)


def test_trouble_with_a_registry_that_is_ours_is_told_and_ends_the_command(
    launch: Callable[..., Ship],
) -> None:
    ship = launch()
    ship.harbour.wire()
    ship.harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    outcome = ship.pull()

    assert outcome.status != 0
    assert "error getting credentials" in outcome.told, outcome
    assert "answered 403" in outcome.told
    assert ship.harbour.gate.admitted == ship.harbour.gate.refused == []


def test_the_login_that_is_shown_is_ours(launch: Callable[..., Ship]) -> None:
    ship = launch()
    ship.harbour.wire()

    assert good(ship.run("login", "--get-login", ship.harbour.host)) == b"oauth2\n"


@pytest.mark.parametrize("launch", ["buildah"], indirect=True)
def test_a_container_is_made_from_what_is_pulled(launch: Callable[..., Ship], layout: Path) -> None:
    ship = launch()
    ship.harbour.wire()
    good(ship.push(layout))
    ship.forget()

    certificates = ("--cert-dir", str(ship.harbour.trust))
    made = good(ship.run("from", "--isolation", "chroot", *certificates, ship.image))

    assert made.endswith(b"working-container\n")
    assert len(good(ship.run("containers", "--quiet")).splitlines()) == 1
    assert ship.harbour.wired.counted() == (1, 0)


@pytest.mark.parametrize("launch", ["podman"], indirect=True)
@pytest.mark.parametrize("named", [True, False])
def test_a_login_is_refused_where_it_is_sent_to_us(
    launch: Callable[..., Ship], *, named: bool
) -> None:
    ship = launch()
    ship.harbour.wire()
    wired = ship.harbour.wired
    live = good(wired.run("credhelper", "get", f"https://{ship.harbour.host}"))
    ours = wired.world.home / ".config/containers/auth.json"
    if named:
        wired.environ["REGISTRY_AUTH_FILE"] = str(ours)

    words = ("login", "--username", "oauth2", "--password-stdin")
    certificates = ("--cert-dir", str(ship.harbour.trust))
    outcome = ship.run(*words, *certificates, ship.harbour.host, stdin=live)

    # Of its own it writes into a file that our entry is not in, and that is read before ours.
    theirs = Path(wired.environ["XDG_RUNTIME_DIR"]) / "containers/auth.json"
    assert theirs.exists() is not named
    assert (outcome.status == 0) is not named
    assert ("credhelper does not store passwords" in outcome.told) is named
    assert json.loads(ours.read_text())["credHelpers"] == {ship.harbour.host: "credhelper"}
    assert "auths" not in json.loads(ours.read_text())
