"""Env files, read back as their readers do: a shell, docker, podman, systemd and compose.

What a shell reads is the shell's own word. The other readers are written here from their
documentation; `integrations/docker` has the real docker.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError
from credhelper.protocols import get

NAMES = ("ICAV2_ACCESS_TOKEN", "ICAV2_SERVER_URL", "ICAV2_BASE_URL", "ICAV2_PROJECT_ID")
PLAIN = ["eyJhbGciOi.eyJpc3Mi.c2ln-_", "aZ0-._~+/=", "a=b==", "a~b~", "a[0]", "x:y,z@%41"]
URLS = ["https://ica.illumina.com/ica/rest", "http://127.0.0.1:8080", "https://[::1]:8443/x"]
PROJECT = "4a8b3c0e-0d3f-4f9e-9a55-8f9d3a1b2c3d"

Values = dict[str, str]


def written(token: str, url: str = "https://b.example", project: str = PROJECT) -> str:
    credential = Credential(
        Secret(token),
        1800000000,
        username="me",
        profile="my profile",
        url=url,
        variables=("ICAV2", project),
    )
    request = get.parse(Call("credhelper", ["--format", "dotenv"], b"", {}))
    return get.render(request, credential).stdout.decode()


def a_shell(path: Path) -> Values:
    """`set -a` and `.`: what a person does, and what `env_file` is in many a script."""
    script = f"set -a; . {path}; exec env -0"
    done = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, env={"HOME": "/nowhere"}, check=True
    )
    pairs = (each.partition("=") for each in done.stdout.decode().split("\0"))
    return {name: value for name, _, value in pairs if name in NAMES}


def docker(path: Path) -> Values:
    """docker and podman: what stands behind the first `=`, to the letter; `#` begins a comment."""
    found = {}
    for line in path.read_text(encoding="utf-8-sig").split("\n"):
        text = line.lstrip()
        if text and not text.startswith("#"):
            name, equals, value = text.partition("=")
            assert equals
            assert not re.search(r"\s", name)
            found[name] = value
    return found


def systemd(path: Path) -> Values:
    """systemd's EnvironmentFile: quotes are taken off, a backslash takes the next character."""
    found = {}
    for line in path.read_text().split("\n"):
        if not line or line[0] in "#;":
            continue
        name, _, value = line.partition("=")
        found[name.strip()] = re.sub(r"\\(.)", r"\1", re.sub(r"[\"']", "", value.strip()))
    return found


def compose(path: Path) -> Values:
    """compose: `=` or `:` ends a name, ` #` begins a comment, `$` is filled in, quotes go."""
    found = {}
    for line in path.read_text().split("\n"):
        if not line or line.startswith("#"):
            continue
        parts = re.match(r"(?:export\s+)?([A-Za-z0-9_.\[\]-]+)\s*[=:]\s*(.*)", line)
        assert parts
        value = re.sub(r"\s#.*", "", parts[2]).rstrip()
        value = re.sub(r"\$\{?\w*\}?", "", value)
        found[parts[1]] = value.strip("\"'")
    return found


READERS = [a_shell, docker, systemd, compose]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("token", PLAIN)
def test_every_reader_reads_back_what_was_written(
    tmp_path: Path, reader: Callable[[Path], Values], token: str, url: str
) -> None:
    path = tmp_path / "env"
    path.write_text(written(token, url))
    host = url.partition("://")[2].partition("/")[0]
    assert reader(path) == dict(zip(NAMES, (token, host, url, PROJECT), strict=True))


# Every character that is printed, beside those that no reader takes for more than itself.
PRINTED = map(chr, range(0x20, 0x7F))
TRAPS = [char for char in PRINTED if not char.isalnum() and char not in "-._~+/:@%,=[]"]


@pytest.mark.parametrize("char", [*TRAPS, "\u00e9", "\u2028", "\u00a0"])
@pytest.mark.parametrize("place", ["{}zq", "z{}q", "zq{}"])
def test_a_value_that_some_reader_takes_differently_is_refused(char: str, place: str) -> None:
    value = place.format(char)
    for how in ({"token": value}, {"token": "t", "project": value}):
        with pytest.raises(CredhelperError) as told:
            written(**how)
        assert value not in told.value.message + (told.value.hint or "")


@pytest.mark.parametrize("value", ["~", "~root", "a:~", "a:~root/b"])
def test_a_tilde_that_a_shell_takes_for_a_home_is_refused(value: str) -> None:
    with pytest.raises(RequestError) as told:
        written(value)
    assert told.value.message.startswith("the value of ICAV2_ACCESS_TOKEN holds a quote")
    assert told.value.hint == "a shell can have it: credhelper env --profile 'my profile'"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "a\tb", "", "\x1b[0m", "\x85"])
def test_a_value_that_is_not_one_line_is_refused(value: str) -> None:
    with pytest.raises(CredhelperError):
        written(value)


def test_what_is_not_known_is_left_out() -> None:
    bare = Credential(Secret("t"), 0, username="u", profile="p")
    request = Request("get", echo={"format": "dotenv"})
    assert get.render(request, bare).stdout == b"ICA_ACCESS_TOKEN=t\n"
