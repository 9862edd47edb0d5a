"""Archives with the same bytes on each machine: sorted, without owners, all files of one time."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path


def pack(folder: Path, target: Path, name: str, epoch: int) -> None:
    """Write what lies in `folder` into the archive `target` (.tar.gz).

    Parameters:
    - name: of the one folder in the archive that holds all.
    - epoch: the time of each file, in seconds.
    """

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = epoch
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, str(Path(name) / path.relative_to(folder)), False, filter=plain)
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(made.getvalue())
