"""`credhelper import` in prepared homes: each flaw is told in a line, and the rest is taken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.cli.test_import import jwt, put

KEY = "key-0123456789"
FILES = (
    ".ica/config.yaml",
    ".ica/.session.aps2.yaml",
    ".icav2/config.yaml",
    ".icav2/.session.ica.yaml",
    ".icav2-cli-plugins/config",
    ".icav2-cli-plugins/tenants/one/config.yaml",
    ".ica-ica-lazy/tokens/tokens.json",
)
YAML = [name for name in FILES if name.endswith(".yaml")]


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def looping(path: Path) -> None:
    path.symlink_to(path)


def open_to_all(path: Path) -> None:
    path.write_text(f"x-api-key: {KEY}\n")
    path.chmod(0o666)


def of_another(path: Path) -> None:
    path.write_text(f"x-api-key: {KEY}\n")
    os.chown(path, 12345, 12345)


def linked_by_another(path: Path) -> None:
    real = path.with_name("real")
    real.write_text(f"x-api-key: {KEY}\n")
    path.symlink_to(real)
    os.lchown(path, 12345, 12345)


def latin(path: Path) -> None:
    path.write_bytes(b"x-api-key: \xff\xfe\n")


ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
WAYS: list[tuple[Callable[[Path], None], str]] = [
    (huge, "is larger than 1 MiB"),
    (lambda path: path.mkdir(), "is not a regular file"),
    (os.mkfifo, "is not a regular file"),
    (looping, "cannot read"),
    (open_to_all, "may be written by anybody"),
    (latin, "is not text in UTF-8"),
    pytest.param(of_another, "belongs to another user", marks=ROOT),  # type: ignore[list-item] # pytest's
    pytest.param(linked_by_another, "belongs to another user", marks=ROOT),  # type: ignore[list-item] # as above
]


def hold_to_a_line_each(person: Person, *flaws: tuple[str, str]) -> None:
    """Expect a warning of each file, and a profile of the key that is still there."""
    put(person, ".icav2-cli-plugins/tenants/zz/config.yaml", f"{_server(person)}x-api-key: {KEY}\n")
    person.world.canaries.append(KEY)
    outcome = person.types("import")
    assert outcome.status == 0, outcome
    warnings = [line for line in outcome.told.split("\n") if "warning: " in line]
    assert len(warnings) == len(flaws), outcome.told
    for (path, flaw), line in zip(flaws, warnings, strict=True):
        assert path in line
        assert flaw in line
    assert outcome.told.count("\n") <= 2 * len(flaws)
    assert outcome.stdout.decode().count("profile  zz\n") == 1
    assert outcome.stdout.decode().count("profile  ") == 1


def _server(person: Person) -> str:
    return f"server-url: {person.api.url}\n"


@pytest.mark.parametrize(("make", "flaw"), WAYS)
def test_a_file_that_is_not_ours_to_read_is_told_in_a_line(
    person: Person, make: Callable[[Path], None], flaw: str
) -> None:
    for name in FILES:
        path = person.world.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    hold_to_a_line_each(person, *((name, flaw) for name in FILES))


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (f"a: &a [x]\nb: *a\nx-api-key: {KEY}\n", "holds an alias"),
        (f"x-api-key: &k {KEY}\nserver-url: *k\n", "holds an alias"),
        (f"x-api-key: {KEY}\nserver-url: a.example\nserver-url: b.example\n", "a setting twice"),
        (f"x-api-key: {KEY}\nserver-url: a.example\nServer-URL: b.example\n", "a setting twice"),
        (f"x-api-key: {KEY}\nServer-Url: a.example\n", "spells server-url with capitals"),
        (f"x-api-key: {KEY}\n<<: {{server-url: a.example}}\n", "merges settings into its own"),
        (f"x-api-key: [{KEY}\n", "is not YAML"),
        (f"x-api-key: a\0{KEY}\n", "is not YAML"),
        (f"- x-api-key: {KEY}\n", "has no settings at its top"),
        (f"{KEY}\n", "has no settings at its top"),
        ("[" * 200_000, "is not YAML"),
    ],
)
def test_yaml_that_could_be_read_in_two_ways_is_told_in_a_line(
    person: Person, text: str, flaw: str
) -> None:
    for name in YAML:
        put(person, name, text)
    hold_to_a_line_each(person, *((name, flaw) for name in YAML))


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (f"[default]\nx_api_key = {KEY}\nx_api_key = {KEY}\n", "has profile default"),
        (f"[profile a]\nx_api_key = {KEY}\n[profile a]\n", "has profile a, or a setting of it,"),
        (f"x_api_key = {KEY}\n", "makes no sense: line 1"),
        (f"[default]\nx_api_key {KEY}\n", "makes no sense: line 2"),
        (f"[default\nx_api_key = {KEY}\n", "makes no sense: line 1"),
        (f"[other]\nx_api_key = {KEY}\n", "makes no sense: line 1"),
        (f"[profile ]\nx_api_key = {KEY}\n", "makes no sense: line 1"),
        (f"[profile ../x]\nx_api_key = {KEY}\n", "makes no sense: line 1"),
        (f"[profile a\x1b[2J]\nx_api_key = {KEY}\n", "makes no sense: line 1"),
        (f"[default]\nx_api_key = {KEY}\r[profile b]\n\0\n", "makes no sense: line 3"),
    ],
)
def test_a_config_of_the_plugins_that_makes_no_sense_is_told_in_a_line(
    person: Person, text: str, flaw: str
) -> None:
    put(person, ".icav2-cli-plugins/config", text)
    hold_to_a_line_each(person, (".icav2-cli-plugins/config", flaw))


def test_one_bad_profile_of_the_plugins_spoils_no_other(person: Person) -> None:
    person.world.canaries.append(f"{KEY}-b")
    put(
        person,
        ".icav2-cli-plugins/config",
        f"[profile a]\nserver_url = a.example\nserver_url = b.example\nx_api_key = {KEY}-b\n"
        f"[profile b]\nserver_url = b.example\nx_api_key = {KEY}-b\n",
    )
    outcome = person.types("import")
    assert "has profile a, or a setting of it, twice: left alone\n" in outcome.told
    assert "profile  b\n" in outcome.stdout.decode()
    assert "profile  a\n" not in outcome.stdout.decode()


@pytest.mark.parametrize(
    "server",
    ["me@evil.test", "evil.test/path?x=ica.illumina.com", "ftp://evil.test", "a b", "[evil]", "/"],
)
def test_a_key_of_the_plugins_goes_nowhere_where_its_server_makes_no_sense(
    person: Person, server: str
) -> None:
    person.world.canaries.append(KEY)
    text = f"[default]\nserver_url = {server}\nx_api_key = {KEY}\n"
    put(person, ".icav2-cli-plugins/config", text)
    outcome = person.types("import", "--yes")
    assert (outcome.status, outcome.told) == (0, "")
    assert "server-url makes no sense: credhelper login" in outcome.stdout.decode()
    assert person.config() == ""


@pytest.mark.parametrize(
    "value", ["a\x1b]0;owned\x07b", "\u202egnp", "has a blank", "k\x85y", '"k"']
)
def test_a_key_that_is_none_is_neither_shown_nor_sent(person: Person, value: str) -> None:
    put(person, ".icav2-cli-plugins/config", f"[default]\nx_api_key = {value}\n")
    person.world.canaries.append(value)
    outcome = person.types("import", "--yes")
    assert (outcome.status, outcome.told) == (0, "")
    told = outcome.stdout.decode()
    assert "not plain text" in told
    assert all(line.isprintable() for line in told.split("\n"))
    assert person.api.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ({"p": 5}, "no scopes with their tokens: left alone"),
        ({"p": ["TOKEN"]}, "no scopes with their tokens: left alone"),
        ({"p": {"admin": 5}}, "not a token: left alone"),
        ({"p": {"admin": {"x": "TOKEN"}}}, "not a token: left alone"),
        ({"p": {"admin": "no.jwt.at-all"}}, "not a token: left alone"),
        ({"p\x1b[2J" * 40: {"admin": 5}}, "not a token: left alone"),
    ],
)
def test_tokens_of_lazy_of_a_wrong_type_are_told_and_the_rest_is_taken(
    person: Person, tokens: dict[str, object], told: str
) -> None:
    token = jwt(aud="iap-aps2", mem={"cid:dev": "*"})
    person.world.canaries.append(token)
    text = json.dumps(tokens | {"good": {"admin": "TOKEN"}}).replace("TOKEN", token)
    put(person, ".ica-ica-lazy/tokens/tokens.json", text)
    outcome = person.types("import", "--grant-env", "KEY")
    assert (outcome.status, outcome.told) == (0, "")
    shown = outcome.stdout.decode()
    assert shown.count(told) == 1
    assert shown.count("profile  good\n") == 1
    assert all(line.isprintable() and len(line) < 500 for line in shown.split("\n"))


def test_a_project_that_lazy_has_twice_is_not_guessed_at(person: Person) -> None:
    token = jwt(aud="iap-aps2")
    person.world.canaries.append(token)
    entry = f'"p": {{"admin": "{token}"}}'
    put(person, ".ica-ica-lazy/tokens/tokens.json", f"{{{entry}, {entry}}}")
    told = person.types("import", "--grant-env", "KEY").stdout.decode()
    assert "it is not JSON, or names something twice: left alone\n" in told
    assert "profile" not in told


@pytest.mark.parametrize(
    "value", ["[ps-0123456789]", "{a: ps-0123456789}", "!!binary cHM=", '"p s"']
)
def test_a_session_of_ica_that_is_no_text_is_told(person: Person, value: str) -> None:
    put(person, ".ica/.session.aps2.yaml", f"session-token: {value}\n")
    outcome = person.types("import", "--yes")
    assert (outcome.status, outcome.told) == (0, "")
    assert "left alone: its session-token" in outcome.stdout.decode()
    assert person.config() == ""


def test_many_tenants_are_looked_at_in_one_pass(person: Person) -> None:
    for number in range(300):
        put(person, f".icav2-cli-plugins/tenants/t{number:03}/config.yaml", "x-api-key: ''\n")
    assert person.types("import").stdout == (
        b"no profile of ica, icav2, icav2-cli-plugins or ica-ica-lazy was found\n"
        b"  next  credhelper login\n"
    )
