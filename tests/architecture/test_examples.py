"""No example puts a token into the arguments of a program, where other users can read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credhelper import protocols
from tests.support.worlds import World

ROOT = Path(__file__).parents[2]
_EXAMPLES = (".md", ".py", ".sh", ".toml", ".yml", ".yaml", ".smk", ".nf", ".config")
# The output of a command of ours, as an argument of another program. `eval` and assignments start
# none; what `aws --format url` and `details` print is no secret.
_OUTPUT = re.compile(
    r"(?<![\w=\"'./~-])(?:curl|wget|git|docker|podman|skopeo|aws|vault|http|pip|helm|kubectl|npm)\b"
    r"[^\n|;&`]*\$\((?:docker-credential-)?credhelper\b(?! aws [^)]*--format (?:url|details))"
)
_SECRET = re.compile(
    r"credhelper [^\n|;&`]*--(?:api-key|password|bearer|token|secret|key)[= ][\"']?(?:\$|eyJ|`cred)"
    r"|(?:-H|--header)[= ][\"']?Authorization: Bearer (?:\$|eyJ)"
    r"|(?:-u|--user)[= ][^ \n]*:[\"']?\$"
)


def _leaks(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").split("\n")
    return [line for line in lines if _OUTPUT.search(line) or _SECRET.search(line)]


def test_no_example_puts_a_token_into_arguments() -> None:
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for folder in ("docs", "integrations", "credhelper"):
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in _EXAMPLES]
    assert len(found) > 300
    assert {path: _leaks(path.read_text()) for path in found if _leaks(path.read_text())} == {}


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_no_help_of_a_protocol_does_either(scratch_world: World, name: str) -> None:
    shown = scratch_world.run(name, "--help").stdout.decode()
    assert "Usage: " in shown
    assert not _leaks(shown)


@pytest.mark.parametrize(
    ("line", "leaks"),
    [
        ('curl -H "$(credhelper get --format header)" https://host', True),
        ('    curl -H "Authorization: Bearer $(credhelper get)" https://host', True),
        ('`vault write auth/jwt/login jwt="$(credhelper get)" role=x`', True),
        ('git -c http.extraHeader="$(credhelper get --format header)" fetch', True),
        ("credhelper login --api-key $KEY", True),
        ('curl -H "Authorization: Bearer $TOKEN" https://host', True),
        ("skopeo login -u oauth2:$TOKEN host", True),
        ("credhelper get --format curl | curl -K - https://host", False),
        ('printf %s "$KEY" | credhelper login', False),
        ('eval "$(credhelper env)"', False),
        ('TOKEN="$(credhelper get)"', False),
        ('aws s3 sync run42 "$(credhelper aws --format url)"', False),
        ('ln -s "$(command -v credhelper)" NAME', False),
    ],
)
def test_the_check_of_examples_finds_what_leaks(line: str, leaks: bool) -> None:
    assert bool(_leaks(line)) == leaks
