"""Canary secrets through every verb and error path: no secret is seen where it does not belong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.support.worlds import Outcome, tokens_in

FAULTS: list[dict[str, object]] = [
    {"path": "/v1/tokens", "status": 401, "times": "always"},
    {"path": "/v1/tokens", "status": 500, "times": "always"},
    {"path": "/v1/tokens", "drop": True, "times": "always"},
    {"path": "/v1/tokens", "redirect": "http://127.0.0.1:1/", "times": "always"},
    {"path": "/v1/tokens", "json": {"access_token": None}, "status": 200, "times": "always"},
]
SILENT = [
    ["status"],
    ["status", "--json"],
    ["status", "--check"],
    ["profile", "list"],
    ["profile", "list", "--json"],
    ["profile", "show"],
    ["profile", "show", "session"],
    ["profile", "use", "default"],
    ["profile", "add", "default", "--service", "https://h.example"],
    ["logout", "-p", "session"],
    ["login", "--no-input"],
    ["login", "--session"],
    ["login", "--user", "somebody"],
    ["login", "--grant-file", "/proc/nowhere"],
    ["token", "revoke"],
    ["token", "details"],
    ["exec", "no-such-command"],
    ["completion", "bash"],
    ["--help"],
    ["--version"],
    ["nonsense"],
    ["aws", "--format", "url"],
    ["aws", "nonsense"],
    ["aws", "-p", "session"],
    ["logout", "--all"],
    ["get", "https://evil.example"],
    ["env", "-p", "gone"],
    ["profile", "remove", "session", "--yes"],
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("fault", "stdin"),
    [(None, "nothing"), (None, "key"), (None, "token"), *((fault, "token") for fault in FAULTS)],
)
@pytest.mark.waits
def test_no_verb_shows_a_secret_on_any_way(
    person: Person, fault: dict[str, object] | None, stdin: str
) -> None:
    person.logs_in()
    person.logs_in(
        "-p", "session", "--user", person.api.username, "--cid", "project-alpha",
        stdin=person.api.password,
    )  # fmt: skip
    person.types("profile", "add", "default", "--aws", "folder=fol.alpha")
    assert person.world.run("aws").status == 0
    held = secrets_on_disk(person.world.root)
    assert len(held) == 5  # two JWTs, a psToken, the API key, AWS credentials
    if fault:
        person.api.fault(fault)
    given = {"nothing": "", "key": person.api.api_key, "token": held[0]}[stdin]
    for words in SILENT:
        outcome = run(person, words, given)
        hold(outcome, held, words)
    for words in (["get"], ["env"], ["token", "create"], ["token", "refresh"], ["aws"]):
        outcome = run(person, words, given)
        assert not tokens_in(outcome.stderr)
        assert person.api.api_key.encode() not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_server_that_echoes_the_secret_is_not_repeated(person: Person, status: int) -> None:
    person.logs_in()
    for record in person.world.records():
        record.unlink()
    message = f"the key {person.api.api_key} is wrong: {person.api.api_key}"
    person.api.fault(
        {
            "path": "/v1/tokens",
            "status": status,
            "json": {"code": "Unauthorized", "message": message, "details": [message]},
            "times": "always",
        }
    )
    where = ["--url", person.api.url]
    for words in (["login", *where], ["token", "create", *where], ["env"], ["get"]):
        outcome = person.types(*words, stdin=person.api.api_key)
        assert (outcome.status, outcome.stdout) == (5, b"")
        assert person.api.api_key not in outcome.told


def run(person: Person, words: list[str], stdin: str) -> Outcome:
    if words[0] in ("exec", "aws"):
        return person.world.run(*words, stdin=stdin.encode())
    return person.types(*words, stdin=stdin)


def parts(secret: str) -> list[str]:
    """Return what must not be shown of a secret: of AWS credentials, the two that are secret."""
    if not secret.startswith("{"):
        return [secret]
    found = json.loads(secret)
    return [secret, found["SecretAccessKey"], found["SessionToken"]]


def hold(outcome: Outcome, held: list[str], words: list[str]) -> None:
    for secret in (part for each in held for part in parts(each)):
        for stream in (outcome.stdout, outcome.stderr):
            assert secret.encode() not in stream, (words, "shows a secret")
    assert not tokens_in(outcome.stdout + outcome.stderr), words


def secrets_on_disk(root: Path) -> list[str]:
    found = set()
    for path in root.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            found |= set(re.findall(r"^(?:token|previous)=(.+)$", text, re.MULTILINE))
            if path.suffix == ".key":
                found.add(text.strip())
    return sorted(found)
