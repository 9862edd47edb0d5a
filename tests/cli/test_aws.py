"""AWS credentials as people meet them: `profile`, `status`, `logout` and `exec`."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from credhelper.core import record
from tests.cli.conftest import Person
from tests.support.programs import command
from tests.support.sandboxes import AWS_LIFE


def entry(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(person.types("status", "--json").stdout)["profiles"][0]
    return found


def has_aws(person: Person, *words: str) -> dict[str, Any]:
    """Let somebody log in, say what AWS credentials are for, and get them once."""
    person.logs_in(*(words or ("--aws", "folder=fol.alpha")))
    outcome = person.world.run("aws")
    assert outcome.status == 0, outcome
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def age(person: Person, seconds: int) -> None:
    for path in person.world.records():
        fields = record.decode(path.read_bytes()) or {}
        if fields["kind"] == "aws":
            times = {key: str(int(fields[key]) - seconds) for key in ("issued", "expires")}
            path.write_bytes(record.encode(fields | times))


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("folder=fol.1", {"folder": "fol.1"}),
        ("file=fil.1,read_only", {"file": "fil.1", "read_only": True}),
        ("read_only, folder=fol.1", {"folder": "fol.1", "read_only": True}),
        ("volume=vol.1", {"volume": "vol.1"}),
        ("path=gds://v/runs/42/", {"path": "gds://v/runs/42/"}),
        ("path=gds://v/a b=c.txt,read_only", {"path": "gds://v/a b=c.txt", "read_only": True}),
    ],
)
def test_what_for_is_told_on_the_command_line_and_shown_as_it_was_told(
    person: Person, told: str, written: dict[str, Any]
) -> None:
    person.logs_in()
    assert person.types("profile", "add", "default", "--aws", told).status == 0
    assert tomllib.loads(person.config())["profiles"]["default"]["aws"] == written
    shown = json.loads(person.types("profile", "show", "--json").stdout)["aws"]
    assert set(shown.split(",")) == {word.strip() for word in told.split(",")}
    assert shown in person.types("profile", "show").stdout.decode()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("fol.1", "--aws makes no sense"),
        ("folder=a,folder=b", "--aws makes no sense"),
        ("folder=a,read_only,read_only", "--aws makes no sense"),
        ("", "no option says"),
        ("bucket=b", "aws.bucket of profile default: unknown key"),
        ("project=p,data=d", "aws.project of profile default: means nothing to api = 'iap'"),
        ("folder=a/b", "aws.folder of profile default: expected an id"),
        ("folder=", "aws.folder of profile default: expected a text"),
        ("read_only", "aws of profile default: expected exactly one of"),
        ("volume=v,read_only", "aws.read_only of profile default: the API has no"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_config_stays(
    person: Person, told: str, message: str
) -> None:
    person.logs_in()
    before = person.config()
    outcome = person.types("profile", "add", "default", "--aws", told)
    assert (outcome.status, message in outcome.told) == (2, True), outcome
    assert person.config() == before


def test_status_shows_what_for_and_how_much_life_is_left(person: Person) -> None:
    person.logs_in("--aws", "folder=fol.alpha,read_only")
    told = person.types("status").stdout.decode()
    assert "folder=fol.alpha,read_only: none yet: the next credhelper aws makes one" in told
    assert entry(person)["aws"]["fingerprint"] is None
    found = json.loads(person.world.run("aws").stdout)
    told = person.types("status").stdout.decode()
    assert "read_only: temporary key, 36 h of 36 h left, until 2" in told
    aws = entry(person)["aws"]
    assert (aws["resource"], aws["id"], aws["read_only"]) == ("folder", ["fol.alpha"], True)
    assert (aws["expires_at"], aws["lifetime"]) == (found["Expiration"], AWS_LIFE)
    assert AWS_LIFE - 100 < aws["seconds_left"] <= AWS_LIFE
    assert aws["record"] in {str(path) for path in person.world.records()}
    assert aws["record"] != entry(person)["record"]
    age(person, AWS_LIFE + 400)
    told = person.types("status").stdout.decode()
    assert "temporary key, expired " in told
    assert entry(person)["aws"]["seconds_left"] == 0


def test_status_says_nothing_of_aws_for_a_profile_without(person: Person) -> None:
    person.logs_in()
    assert "aws" not in person.types("status").stdout.decode()
    assert entry(person)["aws"] is None


def test_an_expiry_that_was_assumed_is_shown_as_a_guess(person: Person) -> None:
    keys = {"access_Key_Id": "A", "secret_Access_Key": "B", "session_Token": "C"}
    answer = {"objectStoreAccess": {"awsS3TemporaryUploadCredentials": keys}}
    person.api.fault({"path": "/v1/folders", "json": answer})
    has_aws(person)
    assert "of 15 min left" in person.types("status").stdout.decode()
    assert "a guess: the API does not tell" in person.types("status").stdout.decode()
    assert entry(person)["aws"]["assumed"] is True


def test_logout_forgets_them_and_says_what_it_cannot_do(person: Person) -> None:
    found = has_aws(person)
    outcome = person.types("logout")
    assert outcome.status == 0, outcome
    told = outcome.stdout.decode()
    assert "cannot be revoked: a copy of the key works until" in told
    assert person.world.records() == []
    assert all(found["SecretAccessKey"].encode() not in path.read_bytes()
               for path in person.world.root.rglob("*") if path.is_file())  # fmt: skip


def test_logout_is_silent_about_keys_that_have_expired(person: Person) -> None:
    has_aws(person)
    age(person, AWS_LIFE + 400)
    assert "cannot be revoked" not in person.types("logout").stdout.decode()
    assert person.world.records() == []


def test_a_profile_that_is_removed_takes_them_along(person: Person) -> None:
    has_aws(person)
    assert person.types("profile", "remove", "default", "--yes").status == 0
    assert person.world.records() == []


def test_a_command_under_exec_asks_as_anybody_does(person: Person) -> None:
    found = has_aws(person)
    words = ["exec", "--", *command("credhelper"), "aws"]
    assert json.loads(person.world.run(*words).stdout) == found


def test_its_help_says_how_to_wire_it(person: Person) -> None:
    told = person.types("aws", "--help").stdout.decode()
    assert "credential_process = credhelper aws --profile default" in told
    assert "aws" in person.types("help", "protocols").stdout.decode()
