"""AWS credentials from v2: the same processes, another API."""

from __future__ import annotations

import configparser
import json
import time
from pathlib import Path
from typing import Any

import pytest

from credhelper.core import record as records
from tests.renewal.aws.test_live import change, counts, document, living, record
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World

PROJECT = "/ica/rest/api/projects"


@pytest.fixture
def resource(running_sandbox: RunningSandbox) -> dict[str, Any]:
    """Give what the sandbox's project Alpha holds."""
    projects = running_sandbox.projects()
    return {"project": projects["Alpha"], "data": "fol.alpha"}


@pytest.fixture
def world(tmp_path: Path, running_sandbox: RunningSandbox, resource: dict[str, Any]) -> World:
    made = World(tmp_path)
    configure(made, running_sandbox, resource)
    made.canaries.append(running_sandbox.password)
    return made


def configure(world: World, sandbox: RunningSandbox, aws: dict[str, Any]) -> None:
    world.configure(sandbox.url, sandbox.api_key, main={"api": "ica", "aws": aws})


def section(outcome: Outcome) -> dict[str, str]:
    """Return the options of the one section that rclone would read."""
    assert (outcome.status, outcome.told) == (0, ""), outcome
    parser = configparser.RawConfigParser()
    parser.read_string(outcome.stdout.decode())
    assert parser.sections() == ["main"]
    return dict(parser["main"])


def test_the_first_call_creates_and_exchanges_and_the_second_does_neither(
    world: World, running_sandbox: RunningSandbox
) -> None:
    first, second = document(world.run("aws")), document(world.run("aws"))
    assert first == second
    assert counts(running_sandbox) == (1, 1)
    (alive,) = [k for k in living(running_sandbox) if k["accessKeyId"] == first["AccessKeyId"]]
    assert (alive["prefix"], alive["readOnly"]) == ("volume/fol.alpha/", False)
    assert world.run("aws", "--format", "url").stdout == b"s3://sandbox-bucket/volume/fol.alpha/\n"


def test_read_only_is_what_the_profile_says(
    world: World, running_sandbox: RunningSandbox, resource: dict[str, Any]
) -> None:
    configure(world, running_sandbox, resource | {"read_only": True})
    keys = document(world.run("aws"))
    (alive,) = [k for k in living(running_sandbox) if k["accessKeyId"] == keys["AccessKeyId"]]
    assert alive["readOnly"] is True


@pytest.mark.parametrize(("told", "seconds"), [(None, 3600), ("2h", 7200), (30, 30)])
def test_its_life_is_what_the_profile_says_and_marked_as_a_guess(
    world: World,
    running_sandbox: RunningSandbox,
    resource: dict[str, Any],
    told: object,
    seconds: int,
) -> None:
    configure(world, running_sandbox, resource | ({"lifetime": told} if told else {}))
    world.run("aws")
    fields = records.decode(record(world, "aws").read_bytes()) or {}
    assert int(fields["expires"]) - int(fields["issued"]) == seconds
    assert fields["assumed"] == "1"


def test_half_of_a_stated_life_is_the_time_to_renew(
    world: World, running_sandbox: RunningSandbox, resource: dict[str, Any]
) -> None:
    configure(world, running_sandbox, resource | {"lifetime": 40})
    first = document(world.run("aws"))
    now = int(time.time())
    change(record(world, "aws"), issued=now - 21, expires=now + 19)
    second = document(world.run("aws"))
    assert first["AccessKeyId"] != second["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)


def test_rclone_gets_its_own_form_cached_beside_the_other(
    world: World, running_sandbox: RunningSandbox
) -> None:
    first, second = (section(world.run("aws", "--format", "rclone")) for _ in range(2))
    assert first == second
    assert {name: first[name] for name in ("type", "provider", "env_auth", "region")} == {
        "type": "s3",
        "provider": "AWS",
        "env_auth": "false",
        "region": "ap-southeast-2",
    }
    (alive,) = living(running_sandbox)[-1:]
    assert first["access_key_id"] == alive["accessKeyId"]
    assert first["session_token"] == alive["sessionToken"]
    assert counts(running_sandbox) == (1, 1)
    assert document(world.run("aws"))["AccessKeyId"] != first["access_key_id"]
    assert counts(running_sandbox) == (1, 2)
    text = world.run("aws", "--format", "rclone").stdout.decode()
    assert "# main:sandbox-bucket/volume/fol.alpha/, until 2" in text


def test_rclones_form_tells_when_it_ends(
    world: World, running_sandbox: RunningSandbox, resource: dict[str, Any]
) -> None:
    configure(world, running_sandbox, resource | {"lifetime": 7})
    world.run("aws", "--format", "rclone")
    fields = records.decode(record(world, "aws").read_bytes()) or {}
    assert 3595 <= int(fields["expires"]) - int(fields["issued"]) <= 3600
    assert fields["assumed"] == "0"


def test_v1_has_no_form_for_rclone_and_is_told_in_its_words_all_the_same(
    world: World, running_sandbox: RunningSandbox
) -> None:
    v1 = {"aws": {"folder": "fol.alpha"}}
    world.configure(running_sandbox.url, running_sandbox.api_key, main=v1)
    told = section(world.run("aws", "--format", "rclone"))
    (alive,) = living(running_sandbox)[-1:]
    assert told == {
        "type": "s3",
        "provider": "AWS",
        "access_key_id": alive["accessKeyId"],
        "secret_access_key": alive["secretAccessKey"],
        "session_token": alive["sessionToken"],
        "region": "ap-southeast-2",
        "server_side_encryption": "AES256",
    }


def test_logout_forgets_both_and_says_what_lives_on(world: World) -> None:
    world.run("aws")
    world.run("aws", "--format", "rclone")
    outcome = world.run("logout")
    assert outcome.status == 5  # v2 cannot revoke the token either
    assert outcome.stdout.count(b"who has a copy of the key may use it until") == 2
    assert world.records() == []


@pytest.mark.parametrize(
    ("changes", "status", "hint"),
    [
        ({"project": "no-such-project"}, b"404", b"in this project"),
        ({"data": "fol.missing"}, b"404", b"in this project"),
        ({"data": "fol.foreign"}, b"403", b"read_only = true"),
    ],
)
def test_what_is_not_ours_or_not_there_is_told_with_the_next_step(
    world: World,
    running_sandbox: RunningSandbox,
    resource: dict[str, Any],
    changes: dict[str, Any],
    status: bytes,
    hint: bytes,
) -> None:
    configure(world, running_sandbox, resource | changes)
    outcome = world.run("aws")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert status in outcome.stderr
    assert hint in outcome.stderr


def test_it_is_shown_as_it_was_told(world: World, resource: dict[str, Any]) -> None:
    shown = json.loads(world.run("profile", "show", "--json").stdout)["aws"]
    assert shown == f"project={resource['project']},data=fol.alpha,lifetime=3600s"
    assert world.run("profile", "add", "main", "--aws", shown).status == 0
    assert json.loads(world.run("profile", "show", "--json").stdout)["aws"] == shown
