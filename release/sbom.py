"""The SBOM: `python -m release.sbom WHEEL FILE` writes it, as CycloneDX 1.6 in JSON.

It is made of the wheel's own metadata and those of what it needs, as installed here, with the
versions that CI runs. The same wheel gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from datetime import UTC, datetime
from email.parser import Parser
from importlib.metadata import Distribution
from pathlib import Path
from uuid import UUID

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from release import licences

# What a user may install beside the package; the other extras are for the sandbox and tests.
EXTRAS = ("keyring", "fleet")


def main(wheel: Path, target: Path) -> None:
    """Write the SBOM of `wheel` into `target`. Raises SystemExit where the schema is not met."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [one for one in packed.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(packed.read(name).decode())
    required = metadata.get_all("Requires-Dist") or []
    found, edges = licences.needed(required, EXTRAS)
    data = wheel.read_bytes()
    ours = Component(
        name=str(metadata["Name"]),
        version=str(metadata["Version"]),
        type=ComponentType.APPLICATION,
        bom_ref=str(metadata["Name"]),
        description=str(metadata["Summary"]),
        licenses=[LicenseFactory().make_from_string(str(metadata["License"]))],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(data).hexdigest())],
        purl=PackageURL("pypi", None, str(metadata["Name"]), str(metadata["Version"])),
    )
    others = {each: _component(each, package) for each, package in found.items()}
    bom = Bom(
        # A serial number must be another for another wheel, and no other for the same.
        serial_number=UUID(bytes=hashlib.sha256(data).digest()[:16], version=4),
    )
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    bom.metadata.component = ours
    bom.components.update(others.values())
    bom.components.add(_musl())
    for owner, names in edges.items():
        bom.register_dependency(others[owner] if owner else ours, [others[one] for one in names])
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        raise SystemExit(f"the SBOM does not meet CycloneDX's schema: {wrong}")
    target.write_text(json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n")


def _musl() -> Component:
    return Component(
        name="musl",
        type=ComponentType.LIBRARY,
        bom_ref="musl",
        description="in the program files of the wheels with the native front, and in no other",
        licenses=[LicenseFactory().make_from_string("MIT")],
        purl=PackageURL("generic", None, "musl"),
    )


def _component(name: str, package: Distribution) -> Component:
    told = licences.licence(package)
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}@{package.version}",
        licenses=[LicenseFactory().make_from_string(told)] if told else [],
        purl=PackageURL("pypi", None, name, package.version),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
