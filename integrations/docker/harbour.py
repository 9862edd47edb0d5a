"""A registry behind a check of the live token, and a user whose clients are wired up for it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
        self._client = client
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
        return self.wired.run(self._client("skopeo"), "--insecure-policy", *words)

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


def digest(layout: Path) -> str:
    """Return the digest of the one manifest in an OCI layout."""
    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    return str(manifest["digest"])


def blobs(layout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (layout / "blobs/sha256").iterdir()}


def good(outcome: Outcome) -> bytes:
    assert outcome.status == 0, outcome
    return outcome.stdout


def image_in(folder: Path) -> Path:
    """Put an image of one small file into `folder`, as an OCI layout."""
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
