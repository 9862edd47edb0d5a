"""Golden dialogues: tests/transcripts/*.toml, compared byte for byte.

A file is a protocol's; a `[[dialogue]]` has `name`, `arguments`, `stdin`, and what has to come
back: `stdout`, `stderr`, `status` (each empty or 0 unless told). `stdin_bytes` is for what is not
UTF-8: each character stands for the byte of its number. `error` makes the broker fail: the class,
the message and the hint. The services that are configured stand in conftest.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from credhelper import errors, protocols

FOLDER = Path(__file__).parent.parent / "transcripts"
KNOWN = {
    "name",
    "arguments",
    "stdin",
    "stdin_bytes",
    "stdout",
    "stderr",
    "status",
    "error",
    "environ",
}
DIALOGUES = [
    pytest.param(file.stem, dialogue, id=f"{file.stem}: {dialogue['name']}")
    for file in sorted(FOLDER.glob("*.toml"))
    for dialogue in tomllib.loads(file.read_text())["dialogue"]
]


@pytest.mark.parametrize(("protocol", "dialogue"), DIALOGUES)
def test_a_dialogue_goes_as_written(protocol: str, dialogue: dict[str, Any], talk: Any) -> None:
    assert dialogue.keys() <= KNOWN
    stdin = dialogue.get("stdin", "").encode()
    if "stdin_bytes" in dialogue:
        stdin = dialogue["stdin_bytes"].encode("latin-1")
    error = None
    if "error" in dialogue:
        name, *words = dialogue["error"]
        error = getattr(errors, name)(*words)
    reply = talk(
        protocol, dialogue["arguments"], stdin, error=error, environ=dialogue.get("environ")
    )
    assert reply.stdout.decode() == dialogue.get("stdout", "")
    assert reply.stderr.decode() == dialogue.get("stderr", "")
    assert reply.status == dialogue.get("status", 0)


def test_every_protocol_has_transcripts() -> None:
    with_files = {file.stem for file in FOLDER.glob("*.toml")}
    assert {"get", "git", "docker", "json"} <= with_files <= protocols.PROTOCOLS.keys()


def test_no_two_dialogues_bear_one_name() -> None:
    names = [param.id for param in DIALOGUES]
    assert len(set(names)) == len(names)
