"""Golden dialogues: tests/transcripts/*.toml, compared byte for byte.

A file is a protocol's; a `[[dialogue]]` has `name`, `arguments`, `stdin`, and what has to come
back: `stdout`, `stderr`, `status` (each empty or 0 unless told). `stdin_bytes` is for what is not
UTF-8: each character stands for the byte of its number. `error` makes the broker fail: the class,
the message and the hint. The services that are configured stand in conftest. What else a file
has is told in `tests/support/transcripts.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from credhelper import errors
from tests.support.transcripts import FILES

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
    pytest.param(protocol, dialogue, id=f"{protocol}: {dialogue['name']}")
    for protocol, told in FILES.items()
    for dialogue in told["dialogue"]
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


def test_no_two_dialogues_bear_one_name() -> None:
    names = [param.id for param in DIALOGUES]
    assert len(set(names)) == len(names)
