"""AWS credentials from v2: the same processes, another API."""

from __future__ import annotations

import configparser
import json
import time
from pathlib import Path
from typing import Any

import pytest

from credhelper.core import record as records
from credhelper.core.text import rfc3339
from tests.renewal.aws.test_live import change, counts, document, living, record
from tests.support.sandboxes import AWS_LIFE, RunningSandbox
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


def test_its_end_is_the_true_one_and_the_lifetime_that_the_profile_says_does_not_count(
    world: World, running_sandbox: RunningSandbox, resource: dict[str, Any]
) -> None:
    configure(world, running_sandbox, resource | {"lifetime": 7})
    found = document(world.run("aws"))
    fields = records.decode(record(world, "aws").read_bytes()) or {}
    (alive,) = [k for k in living(running_sandbox) if k["accessKeyId"] == found["AccessKeyId"]]
    assert int(fields["expires"]) == int(alive["expires"])
    assert fields["assumed"] == "0"
    assert found["Expiration"] == rfc3339(int(alive["expires"]) - 10)
    status = json.loads(world.run("status", "--json").stdout)["profiles"][0]["aws"]
    assert (status["expires_at"], status["assumed"]) == (found["Expiration"], False)
    assert AWS_LIFE - 5 <= status["lifetime"] <= AWS_LIFE
    assert "36 h left" in world.run("status").stdout.decode()


@pytest.mark.parametrize("seconds", [40, 3600, 2 * AWS_LIFE])
def test_a_server_that_gives_another_life_is_believed(
    world: World, running_sandbox: RunningSandbox, seconds: int
) -> None:
    running_sandbox.fault({"path": PROJECT, "lifetime": seconds})
    world.run("aws")
    fields = records.decode(record(world, "aws").read_bytes()) or {}
    assert seconds - 5 <= int(fields["expires"]) - int(fields["issued"]) <= seconds


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("told", "seconds"), [(None, AWS_LIFE), ("2h", 7200), (30, 30)])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400},
        {"status": 501},
        {"json": {"rcloneTempCredentials": {"config": {"type": "s3"}, "expirationTime": "soon"}}},
    ],
    ids=["refused", "not done", "without keys"],
)
def test_where_the_end_is_not_told_the_life_is_what_the_profile_says_and_marked_as_a_guess(
    world: World,
    running_sandbox: RunningSandbox,
    resource: dict[str, Any],
    told: object,
    seconds: int,
    fault: dict[str, Any],
) -> None:
    configure(world, running_sandbox, resource | ({"lifetime": told} if told else {}))
    running_sandbox.fault({"path": PROJECT, **fault})
    found = document(world.run("aws"))
    fields = records.decode(record(world, "aws").read_bytes()) or {}
    assert int(fields["expires"]) - int(fields["issued"]) == seconds
    assert fields["assumed"] == "1"
    assert found["AccessKeyId"] in {one["accessKeyId"] for one in living(running_sandbox)}
    assert running_sandbox.stats()["requests"] == 3  # a token, and both forms
    assert b"a guess: the API does not tell" in world.run("status").stdout
    # The section for rclone is made from those keys.
    assert section(world.run("aws", "--format", "rclone"))["access_key_id"] == found["AccessKeyId"]
    assert counts(running_sandbox) == (1, 1)


def test_half_of_a_short_life_is_the_time_to_renew(
    world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"path": PROJECT, "lifetime": 40})
    first = document(world.run("aws"))
    now = int(time.time())
    change(record(world, "aws"), issued=now - 21, expires=now + 19)
    second = document(world.run("aws"))
    assert first["AccessKeyId"] != second["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)


def test_one_answer_and_one_record_serve_every_format(
    world: World, running_sandbox: RunningSandbox
) -> None:
    herd = [world.start("aws", *(("--format", "rclone") if n % 2 else ())) for n in range(12)]
    outcomes = [world.finish(one) for one in herd]
    assert {outcome.status for outcome in outcomes} == {0}
    first = section(outcomes[1])
    assert {name: first[name] for name in ("type", "provider", "env_auth", "region")} == {
        "type": "s3",
        "provider": "AWS",
        "env_auth": "false",
        "region": "ap-southeast-2",
    }
    assert first["server_side_encryption"] == "AES256"
    (alive,) = living(running_sandbox)[-1:]
    assert first["access_key_id"] == alive["accessKeyId"]
    assert first["secret_access_key"] == alive["secretAccessKey"]
    assert first["session_token"] == alive["sessionToken"]
    assert document(outcomes[0])["AccessKeyId"] == first["access_key_id"]
    assert counts(running_sandbox) == (1, 1)
    assert running_sandbox.stats()["requests"] == 2
    assert len(world.records()) == 2
    text = world.run("aws", "--format", "rclone").stdout.decode()
    assert "# main:sandbox-bucket/volume/fol.alpha/, until 2" in text


def test_what_does_not_lie_on_aws_is_for_rclone_and_says_so_to_all_else(
    world: World, running_sandbox: RunningSandbox
) -> None:
    config = {"type": "azureblob", "sas_url": "https://box.test/?sig=a"}
    told = {"config": config, "filePathPrefix": "box/a", "expirationTime": "2099-01-01T00:00:00Z"}
    running_sandbox.fault({"path": PROJECT, "json": {"rcloneTempCredentials": told}})
    assert section(world.run("aws", "--format", "rclone")) == config
    for form in ("process", "env", "url", "details"):
        outcome = world.run("aws", "--format", form)
        assert (outcome.status, outcome.stdout) == (3, b"")
        assert "does not lie on AWS" in outcome.told
        assert "credhelper aws --profile main --format rclone" in outcome.told
    assert running_sandbox.stats()["requests"] == 2


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


def test_logout_forgets_them_and_what_an_earlier_version_kept_for_rclone(world: World) -> None:
    world.run("aws")
    kept = record(world, "aws")
    kept.with_name(f"{kept.name}-rclone").write_bytes(kept.read_bytes())
    kept.with_name(f"{kept.name}-rclone").chmod(0o600)
    outcome = world.run("logout")
    assert outcome.status == 5  # v2 cannot revoke the token either
    assert outcome.stdout.count(b"a copy of the key works until") == 2
    assert world.records() == []


def test_keys_that_an_earlier_version_kept_are_served_in_each_format(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.run("aws")
    kept = record(world, "aws")
    keys = {"AccessKeyId": "ASIAOLD", "SecretAccessKey": "s", "SessionToken": "t"}
    change(kept, token=json.dumps(keys, separators=(",", ":")), assumed=1)
    assert document(world.run("aws"))["AccessKeyId"] == "ASIAOLD"
    assert section(world.run("aws", "--format", "rclone"))["access_key_id"] == "ASIAOLD"
    assert counts(running_sandbox) == (1, 1)


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
    assert shown == f"project={resource['project']},data=fol.alpha"
    assert world.run("profile", "add", "main", "--aws", shown).status == 0
    assert json.loads(world.run("profile", "show", "--json").stdout)["aws"] == shown
