"""What a person wrote in another way than we would is read as its tool reads it, and added to."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.conftest import Person

URL = "https://git.example"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        '[registries]\nmine = { index = "sparse+https://git.example/" } # c\nb = {index = "x"}\n',
        '[registries]\nmine = {index="sparse+https://git.example/"}',
        "[registries]\nmine = {}\n",
        '[registries]\nmine.index = "sparse+https://git.example/" # c\nmine.token = "t"\nb.x = 1\n',
        'registries.mine.index = "sparse+https://git.example/"\nz = 1\n[net]\nretry = 1\n',
        'registries.mine = { index = "sparse+https://git.example/" }\n[net]\nretry = 1\n',
        'registries = { mine = { index = "sparse+https://git.example/" } }\n[net]\nretry = 1\n',
        'registries = { b = { index = "x" } }\n',
        '[registries."mine"]\nindex = "sparse+https://git.example/"\n[registries.b]\n',
    ],
)
def test_cargo_with_inline_tables_and_dotted_keys(person: Person, text: str, line_end: str) -> None:
    path = person.world.home / ".cargo/config.toml"
    path.parent.mkdir()
    path.write_bytes(text.replace("\n", line_end).encode())
    before = path.read_bytes()
    words = ("setup", "cargo", "--service", URL, "--name", "mine")
    assert person.types(*words).status == 0
    said = tomllib.loads(path.read_text())
    assert said["registries"]["mine"].pop("credential-provider")
    there = tomllib.loads(before.decode())
    there["registries"].setdefault("mine", {})
    assert said == there
    assert person.types("setup", "cargo", "--check").status == 0
    assert "nothing to change" in person.types(*words).stdout.decode()
    assert person.types(*words, "--undo").status == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        '[model_providers]\np = { base_url = "https://git.example/v1" }\n',
        '[model_providers]\np = { base_url = "https://git.example/v1", q = { a = "b" } } # c\n',
        '[model_providers]\np.base_url = "https://git.example/v1"\np.name = "x"\n[tui]\n',
        'model_providers.p.base_url = "https://git.example/v1"\n',
        'model_providers = { p = { base_url = "https://git.example/v1" } }\n',
    ],
)
def test_codex_with_inline_tables_and_dotted_keys(person: Person, text: str) -> None:
    path = person.world.home / ".codex/config.toml"
    path.parent.mkdir()
    path.write_text(text)
    assert person.types("setup", "codex", "--service", URL).status == 0
    said = tomllib.loads(path.read_text())
    assert said["model_providers"]["p"].pop("auth")["command"]
    assert said == tomllib.loads(text)
    assert person.types("setup", "codex", "--check").status == 0
    assert person.types("setup", "codex", "--undo").status == 0
    assert path.read_text() == text
