"""skopeo and docker, with the files beside this one, against docker's own registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integrations.servers import registry
from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "registry.example.org"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine
IMAGE = "team/image:1"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Harbour:
    """A registry, and a user whose clients are wired up for it.

    Attributes: `wired`; `gate`, what the registry's door (Basic) or its token server (token) saw;
    `host`, as the user's files name the registry; `open_port`, of the same registry without a door,
    over plain http, where there is one.
    """

    def __init__(
        self,
        wired: Wired,
        client: Callable[[str], str],
        certificate: Certificate,
        stack: ExitStack,
        auth: str,
    ) -> None:
        self.wired = wired
        self.skopeo_path = client("skopeo")
        program = client("docker-registry")
        folder = wired.world.root / "registry"
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=auth == "token")
        self.open_port = 0
        if auth == "basic":
            self.open_port = stack.enter_context(registry.running(program, folder))
            door = registry.behind(self.gate, self.open_port)
            port = stack.enter_context(serving(door, certificate))
        else:
            counter = registry.tokens(self.gate, certificate)
            realm = f"https://127.0.0.1:{stack.enter_context(serving(counter, certificate))}/token"
            running = registry.running(program, folder, certificate, realm)
            port = stack.enter_context(running)
        self.host = f"127.0.0.1:{port}"
        self.trust = wired.world.root / "trust"
        self.trust.mkdir()
        (self.trust / "authority.crt").write_bytes(certificate.authority.read_bytes())
        # What skopeo would read of this machine: none of it is the user's.
        empty = wired.world.root / "empty"
        empty.mkdir()
        registries = wired.world.root / "registries.conf"
        registries.touch()
        wired.environ |= {
            "CONTAINERS_REGISTRIES_CONF": str(registries),
            "TMPDIR": str(empty),
        }

    def wire(self, *more: str) -> None:
        """Put the files in place, as the README tells; `more` are lines of credhelper's config."""
        places = {PLACEHOLDER: self.host}
        self.wired.configure(HERE / "credhelper.toml", places, *more)
        self.wired.place(HERE / "config.json", ".config/containers/auth.json", places)
        self.wired.place(HERE / "config.json", ".docker/config.json", places)

    def skopeo(self, *words: str) -> Outcome:
        """Run skopeo with no policy, and no file but those in the home folder."""
        return self.wired.run(self.skopeo_path, "--insecure-policy", *words)

    def push(self, layout: Path, image: str = IMAGE) -> Outcome:
        """Copy the image in `layout` to the registry."""
        target = f"docker://{self.host}/{image}"
        return self.skopeo("copy", "--dest-cert-dir", str(self.trust), f"oci:{layout}", target)

    def pull(self, layout: Path, image: str = IMAGE) -> Outcome:
        """Copy the image in the registry to `layout`."""
        source = f"docker://{self.host}/{image}"
        return self.skopeo("copy", "--src-cert-dir", str(self.trust), source, f"oci:{layout}")

    def inspect(self, image: str = IMAGE) -> Outcome:
        """Read the image's manifest from the registry."""
        source = f"docker://{self.host}/{image}"
        return self.skopeo("inspect", "--raw", "--cert-dir", str(self.trust), source)

    def open_inspect(self) -> Outcome:
        """Read the image's manifest from the same registry, where it has no door."""
        source = f"docker://127.0.0.1:{self.open_port}/{IMAGE}"
        return self.skopeo("inspect", "--raw", "--tls-verify=false", source)


@pytest.fixture
def open_harbour(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Harbour]]:
    with ExitStack() as stack:

        def start(*options: str, auth: str = "basic") -> Harbour:
            return Harbour(wire(*options), client, certificate, stack, auth)

        yield start


@pytest.fixture
def harbour(open_harbour: Callable[..., Harbour]) -> Harbour:
    return open_harbour()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Give this test an image of one small file, as an OCI layout."""
    folder = tmp_path / "layout"
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(kind: str, data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = 6
        tar.addfile(entry, io.BytesIO(b"hello\n"))
    whole = archive.getvalue()
    diff = f"sha256:{hashlib.sha256(whole).hexdigest()}"
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(CONFIG, json.dumps(image).encode()),
        "layers": [put(LAYER, gzip.compress(whole, mtime=0))],
    }
    index = {"schemaVersion": 2, "manifests": [put(MANIFEST, json.dumps(manifest).encode())]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def digest(layout: Path) -> str:
    """Return the digest of the one manifest in an OCI layout."""
    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    return str(manifest["digest"])


def blobs(layout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (layout / "blobs/sha256").iterdir()}


def good(outcome: Outcome) -> bytes:
    assert outcome.status == 0, outcome
    return outcome.stdout


# --- skopeo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_what_is_pulled_is_what_was_pushed(
    open_harbour: Callable[..., Harbour], layout: Path, tmp_path: Path, auth: str
) -> None:
    harbour = open_harbour(auth=auth)
    harbour.wire()

    good(harbour.push(layout))
    good(harbour.pull(tmp_path / "pulled"))

    assert digest(tmp_path / "pulled") == digest(layout)
    assert blobs(tmp_path / "pulled") == blobs(layout)
    assert hashlib.sha256(good(harbour.inspect())).hexdigest() == digest(layout)[len("sha256:") :]
    assert {(visit.scheme, visit.username) for visit in harbour.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not harbour.gate.refused
    assert harbour.wired.counted() == (1, 0)


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_an_expired_token_is_renewed_by_the_next_command(
    open_harbour: Callable[..., Harbour], layout: Path, auth: str
) -> None:
    harbour = open_harbour("--token-lifetime", str(SECONDS), auth=auth)
    harbour.wire()

    good(harbour.push(layout))
    harbour.wired.wait_until(harbour.gate.admitted[-1].expires)
    good(harbour.inspect())

    assert harbour.wired.counted() == (2, 0)
    assert not harbour.gate.refused


def test_a_kept_session_mints_instead(open_harbour: Callable[..., Harbour], layout: Path) -> None:
    harbour = open_harbour("--token-lifetime", str(SECONDS))
    harbour.wire("keep_session = true")

    good(harbour.push(layout))
    harbour.wired.wait_until(harbour.gate.admitted[-1].expires)
    good(harbour.inspect())

    assert harbour.wired.counted() == (1, 2)
    assert not harbour.gate.refused


def test_the_user_name_can_say_that_the_token_is_an_identity_token(
    open_harbour: Callable[..., Harbour], layout: Path
) -> None:
    harbour = open_harbour(auth="token")
    harbour.wire('username = "<token>"')

    good(harbour.push(layout))

    # It came in the body of a POST, as a refresh token: the server calls that Bearer.
    assert {visit.scheme for visit in harbour.gate.admitted} == {"Bearer"}
    assert harbour.wired.counted() == (1, 0)


def test_the_helper_may_be_named_for_all_registries(harbour: Harbour, layout: Path) -> None:
    harbour.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: harbour.host})
    harbour.wired.place(HERE / "registries.conf", ".config/containers/registries.conf", {})
    del harbour.wired.environ["CONTAINERS_REGISTRIES_CONF"]

    good(harbour.push(layout))

    # It is asked about the other one as well, knows nothing of it, and is no hindrance.
    good(harbour.open_inspect())
    assert harbour.wired.counted() == (1, 0)


def test_a_registry_that_no_profile_names_gets_nothing(harbour: Harbour, layout: Path) -> None:
    harbour.wire()
    good(harbour.push(layout))
    visits = len(harbour.gate.visits)
    # The client still asks us about it, but the config names another.
    harbour.wired.configure(HERE / "credhelper.toml", {})

    outcome = harbour.inspect()

    assert outcome.status == 1
    assert "unauthorized" in outcome.told
    assert "error getting credentials" not in outcome.told
    # skopeo answers a Basic challenge in any case: with neither name nor password.
    seen = harbour.gate.visits[visits:]
    assert {(visit.username, visit.admitted) for visit in seen} == {("", False)}
    assert harbour.wired.counted() == (1, 0)


def test_not_found_is_no_hindrance_where_nobody_asks_for_a_name(
    harbour: Harbour, layout: Path
) -> None:
    harbour.wire()
    good(harbour.push(layout))
    host = f"127.0.0.1:{harbour.open_port}"
    harbour.wired.place(HERE / "config.json", ".config/containers/auth.json", {PLACEHOLDER: host})

    assert json.loads(good(harbour.open_inspect()))["mediaType"] == MANIFEST


def test_trouble_with_a_registry_that_is_ours_is_told_and_ends_the_command(
    harbour: Harbour,
) -> None:
    harbour.wire()
    harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    outcome = harbour.inspect()

    assert outcome.status == 1
    assert "error getting credentials" in outcome.told
    assert harbour.gate.admitted == harbour.gate.refused == []


# --- docker ---------------------------------------------------------------------------------------


@pytest.fixture
def docker(client: Callable[[str], str]) -> str:
    return client("docker")


def test_docker_reads_a_manifest(docker: str, harbour: Harbour, layout: Path) -> None:
    harbour.wire()
    good(harbour.push(layout))
    before = len(harbour.gate.admitted)

    image = f"{harbour.host}/{IMAGE}"
    told = good(harbour.wired.run(docker, "manifest", "inspect", "--insecure", image))

    assert json.loads(told)["config"]["mediaType"] == CONFIG
    assert len(harbour.gate.admitted) > before
    assert not harbour.gate.refused
    assert harbour.wired.counted() == (1, 0)


def test_docker_goes_on_without_a_login_when_there_is_trouble(
    docker: str, harbour: Harbour
) -> None:
    harbour.wire()
    harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    image = f"{harbour.host}/{IMAGE}"
    outcome = harbour.wired.run(docker, "manifest", "inspect", "--insecure", image)

    assert outcome.status == 1
    assert {(visit.username, visit.admitted) for visit in harbour.gate.visits} == {("", False)}


def test_docker_login_is_told_that_it_is_not_needed(docker: str, harbour: Harbour) -> None:
    harbour.wire()
    live = good(harbour.wired.run("credhelper", "get", f"https://{harbour.host}"))

    words = (docker, "login", "--username", "oauth2", "--password-stdin", harbour.host)
    outcome = harbour.wired.run(*words, stdin=live)

    assert outcome.status == 1
    assert "Error saving credentials" in outcome.told
    assert "credhelper does not store passwords" in outcome.told
    assert b"Login Succeeded" not in outcome.stdout
    kept = (harbour.wired.world.home / ".docker/config.json").read_text()
    assert live.decode().strip() not in kept


def test_docker_logout_changes_nothing_of_ours(docker: str, harbour: Harbour, layout: Path) -> None:
    harbour.wire()
    good(harbour.push(layout))

    config = harbour.wired.world.home / ".docker/config.json"
    before = json.loads(config.read_text())

    good(harbour.wired.run(docker, "logout", harbour.host))

    assert json.loads(config.read_text()) == before
    good(harbour.inspect())
    assert harbour.wired.counted() == (1, 0)
