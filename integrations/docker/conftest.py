"""Fixtures for clients of registries: a harbour, and an image."""

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

from integrations.docker.harbour import CONFIG, LAYER, MANIFEST, Harbour
from integrations.servers.certificates import Certificate
from integrations.wired import Wired


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
