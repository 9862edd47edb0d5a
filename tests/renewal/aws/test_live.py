"""AWS credentials from real processes and a real sandbox: one exchange for all, and the rest."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from credhelper.core import record as records
from tests.support.programs import command
from tests.support.sandboxes import AWS_LIFE, RunningSandbox
from tests.support.worlds import Outcome, World

FOLDER = {"aws": {"folder": "fol.alpha"}}
LATER = "could not renew profile main, its temporary AWS key still lives"


@pytest.fixture
def world(tmp_path: Path, running_sandbox: RunningSandbox) -> World:
    made = World(tmp_path)
    made.configure(running_sandbox.url, running_sandbox.api_key, main=FOLDER)
    made.canaries.append(running_sandbox.password)
    return made


def document(outcome: Outcome) -> dict[str, Any]:
    assert (outcome.status, outcome.told) == (0, ""), outcome
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def keys(world: World, *words: str, **how: Any) -> dict[str, Any]:
    """Return what `credhelper aws` prints; it must succeed without a word."""
    return document(world.run("aws", *words, **how))


def counts(sandbox: RunningSandbox) -> tuple[int, int]:
    """Return how many tokens were created, and how many exchanged."""
    found = sandbox.stats()
    return found["created"], found["exchanged"]


def record(world: World, kind: str) -> Path:
    """Return the one record of this kind."""
    (found,) = [
        path
        for path in world.records()
        if (records.decode(path.read_bytes()) or {}).get("kind") == kind
    ]
    return found


def change(path: Path, **fields: object) -> None:
    found = records.decode(path.read_bytes())
    assert found is not None
    path.write_bytes(records.encode(found | {key: str(value) for key, value in fields.items()}))


def age(path: Path, seconds: int) -> None:
    found = records.decode(path.read_bytes()) or {}
    times = {key: records.number(found, key) - seconds for key in ("issued", "expires")}
    change(path, **times)


def living(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return sandbox.aws()


def test_the_first_call_creates_and_exchanges_and_the_second_does_neither(
    world: World, running_sandbox: RunningSandbox
) -> None:
    first, second = keys(world), keys(world)
    assert first == second
    assert counts(running_sandbox) == (1, 1)
    (alive,) = [
        one for one in living(running_sandbox) if one["accessKeyId"] == first["AccessKeyId"]
    ]
    assert alive["sessionToken"] == first["SessionToken"]
    assert alive["secretAccessKey"] == first["SecretAccessKey"]
    assert (alive["prefix"], alive["readOnly"]) == ("volume/fol.alpha/", False)


def test_a_token_that_is_held_is_what_is_exchanged(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.prepare()
    keys(world)
    assert counts(running_sandbox) == (1, 1)


def test_read_only_credentials_are_others_than_those_that_can_write(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main=FOLDER,
        reader={"aws": {"folder": "fol.alpha", "read_only": True}},
    )
    writer, reader = keys(world), keys(world, "--profile", "reader")
    flags = {one["accessKeyId"]: one["readOnly"] for one in living(running_sandbox)}
    assert (flags[writer["AccessKeyId"]], flags[reader["AccessKeyId"]]) == (False, True)
    assert counts(running_sandbox) == (1, 2)  # one token for both


@pytest.mark.parametrize(
    ("resource", "prefix"),
    [
        ({"folder": "fol.beta"}, "volume/fol.beta/"),
        ({"file": "fil.1"}, "volume/fil.1"),
        ({"file": "fil.1", "read_only": True}, "volume/fil.1"),
        ({"volume": "vol.1"}, "vol.1/"),
        ({"file": "fol.alpha"}, "volume/fol.alpha"),
    ],
)
def test_a_changed_resource_is_a_miss(
    world: World, running_sandbox: RunningSandbox, resource: dict[str, Any], prefix: str
) -> None:
    before = keys(world)
    world.configure(running_sandbox.url, running_sandbox.api_key, main={"aws": resource})
    after = keys(world)
    assert before["AccessKeyId"] != after["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)
    told = world.run("aws", "--format", "url")
    assert told.stdout.decode() == f"s3://sandbox-bucket/{prefix}\n"


def test_another_project_is_a_miss_of_both(world: World, running_sandbox: RunningSandbox) -> None:
    keys(world)
    world.configure(
        running_sandbox.url, running_sandbox.api_key, main={**FOLDER, "cid": "project-beta"}
    )
    keys(world)
    assert counts(running_sandbox) == (2, 2)


def test_another_key_in_the_grant_file_is_a_miss_of_both(
    world: World, running_sandbox: RunningSandbox
) -> None:
    keys(world)
    key = world.root / "api-key"
    key.rename(world.root / "old")
    key.touch(0o600)
    key.write_text(running_sandbox.api_key)
    keys(world)
    assert counts(running_sandbox) == (2, 2)


def test_two_keys_in_the_environment_have_two_records(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.configure(
        running_sandbox.url, running_sandbox.api_key, main={**FOLDER, "grant": {"env": "KEY"}}
    )
    first = keys(world, environ={"KEY": running_sandbox.api_key})
    assert world.run("aws", environ={"KEY": "key-that-is-wrong"}).status == 5
    assert keys(world, environ={"KEY": running_sandbox.api_key}) == first
    assert counts(running_sandbox) == (1, 1)


def test_many_processes_make_one_exchange(world: World, running_sandbox: RunningSandbox) -> None:
    running_sandbox.fault({"path": "/v1/", "delay": 0.5, "times": 2})
    herd = [world.start("aws") for _ in range(24)]
    told = [document(world.finish(one)) for one in herd]
    assert len({one["AccessKeyId"] for one in told}) == 1
    assert counts(running_sandbox) == (1, 1)


def test_a_leader_that_is_killed_lets_the_next_one_in_at_once(
    world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"path": "/v1/folders", "delay": 5})
    leader = world.start("aws")
    deadline = time.monotonic() + 20
    while running_sandbox.faults_left() and time.monotonic() < deadline:
        time.sleep(0.02)
    waiters = [world.start("aws") for _ in range(4)]
    os.kill(leader.pid, signal.SIGKILL)
    assert world.finish(leader).status == -signal.SIGKILL
    told = {document(world.finish(one))["AccessKeyId"] for one in waiters}
    assert len(told) == 1
    assert running_sandbox.stats()["created"] == 1
    assert keys(world)["AccessKeyId"] in told


def test_credentials_that_have_expired_are_renewed_by_the_next_call(
    world: World, running_sandbox: RunningSandbox
) -> None:
    first = keys(world)
    age(record(world, "aws"), AWS_LIFE)
    assert keys(world)["AccessKeyId"] != first["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)


def test_what_botocore_would_renew_at_once_is_renewed_before_it_is_handed_over(
    world: World, running_sandbox: RunningSandbox
) -> None:
    first = keys(world)
    age(record(world, "aws"), AWS_LIFE - 1300)
    assert keys(world)["AccessKeyId"] == first["AccessKeyId"]
    age(record(world, "aws"), 200)
    second = keys(world)
    assert second["AccessKeyId"] != first["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)


def test_a_short_life_is_used_to_its_half_at_the_least(
    world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"path": "/v1/folders", "lifetime": 600})
    first = keys(world)
    age(record(world, "aws"), 200)
    assert keys(world)["AccessKeyId"] == first["AccessKeyId"]
    age(record(world, "aws"), 150)
    assert keys(world)["AccessKeyId"] != first["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)


def test_credentials_that_live_are_served_when_the_api_is_down(
    world: World, running_sandbox: RunningSandbox
) -> None:
    first = keys(world)
    age(record(world, "aws"), AWS_LIFE - 600)
    running_sandbox.fault({"status": 503, "times": "always"})
    told = world.run("aws")
    assert (told.status, json.loads(told.stdout)["AccessKeyId"]) == (0, first["AccessKeyId"])
    assert LATER in told.told
    running_sandbox.reset()
    age(record(world, "aws"), 1000)
    running_sandbox.fault({"status": 503, "times": "always"})
    for path in world.failures():
        path.unlink()
    told = world.run("aws")
    assert (told.status, told.stdout) == (5, b"")
    assert "answered 503" in told.told


def test_a_token_that_cannot_be_renewed_but_lives_is_exchanged_all_the_same(
    world: World, running_sandbox: RunningSandbox
) -> None:
    keys(world)
    age(record(world, "aws"), AWS_LIFE)
    age(record(world, "jwt"), 86400 - 40)
    running_sandbox.fault({"path": "/v1/tokens", "status": 503, "times": "always"})
    told = world.run("aws")
    assert told.status == 0, told
    assert "its token still lives" in told.told
    assert running_sandbox.stats()["exchanged"] == 2


def test_a_failure_is_remembered_for_a_herd(world: World, running_sandbox: RunningSandbox) -> None:
    running_sandbox.fault({"path": "/v1/folders", "status": 403, "times": "always", "delay": 0.3})
    herd = [world.start("aws") for _ in range(12)]
    told = [world.finish(one) for one in herd]
    assert {one.status for one in told} == {5}
    assert all(b"read_only" in one.stderr for one in told)
    assert running_sandbox.stats()["requests"] == 2  # one create, one exchange


def test_no_more_life_is_promised_than_there_is(
    world: World, running_sandbox: RunningSandbox
) -> None:
    assert keys(world, "--min-ttl", str(AWS_LIFE - 600))
    told = world.run("aws", "--min-ttl", str(AWS_LIFE + 400))
    assert (told.status, told.stdout) == (5, b"")
    wanted = f"a temporary AWS key that lives another {AWS_LIFE + 400} s was asked for"
    assert wanted in told.told
    assert counts(running_sandbox) == (1, 1)


def test_the_profiles_min_ttl_is_about_its_tokens(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.configure(running_sandbox.url, running_sandbox.api_key, main={**FOLDER, "min_ttl": "2h"})
    assert keys(world) == keys(world)
    assert counts(running_sandbox) == (1, 1)


def test_a_token_that_was_revoked_is_rejected_renewed_and_exchanged_in_one_call(
    world: World, running_sandbox: RunningSandbox
) -> None:
    token = world.prepare()
    running_sandbox.revoke_all()
    assert keys(world)
    assert counts(running_sandbox) == (2, 1)
    assert world.get() != token


def test_an_exchange_that_refuses_every_token_costs_one_new_one_and_ends(
    world: World, running_sandbox: RunningSandbox
) -> None:
    token = world.prepare()
    running_sandbox.fault({"path": "/v1/folders", "status": 401, "times": "always"})
    told = world.run("aws")
    assert (told.status, told.stdout) == (5, b"")
    assert "answered 401" in told.told
    stats = running_sandbox.stats()
    assert (stats["created"], stats["requests"]) == (2, 4)
    assert world.get() != token
    # And the next ones are told so at no cost.
    assert world.run("aws").status == 5
    assert running_sandbox.stats()["requests"] == 4


def test_inside_exec_the_key_is_gone_and_the_token_goes_on_buying(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.configure(
        running_sandbox.url, running_sandbox.api_key, main={**FOLDER, "grant": {"env": "KEY"}}
    )
    world.environ["KEY"] = running_sandbox.api_key
    words = ["exec", "--", *command_words("aws")]
    first = document(world.run(*words))
    assert document(world.run("aws")) == first
    age(record(world, "aws"), AWS_LIFE)
    second = document(world.run(*words))
    assert second["AccessKeyId"] != first["AccessKeyId"]
    assert counts(running_sandbox) == (1, 2)


def command_words(*words: str) -> list[str]:
    return [*command("credhelper"), *words]


def test_without_a_cache_it_works_and_says_so(world: World) -> None:
    told = world.run("aws", environ={"CREDHELPER_CACHE_DIR": "/proc/nowhere"})
    assert told.status == 0, told
    assert "cannot make folder /proc/nowhere" in told.told
    assert json.loads(told.stdout)["Version"] == 1


def test_stdin_left_open_does_not_hang_it(world: World) -> None:
    keys(world)
    process = world.start("aws")
    assert process.wait(30) == 0
    assert process.stdout is not None
    assert json.loads(process.stdout.read())["Version"] == 1
    process.communicate()


@pytest.mark.parametrize(
    ("api", "what"), [("iap", 'folder = "ID"'), ("ica", 'project = "ID", data = "ID"')]
)
def test_a_profile_that_does_not_say_what_for_is_told_what_to_add(
    world: World, running_sandbox: RunningSandbox, api: str, what: str
) -> None:
    world.configure(running_sandbox.url, running_sandbox.api_key, main={"api": api})
    for _ in range(2):
        told = world.run("aws")
        assert (told.status, told.stdout) == (6, b"")
        hint = f"add aws = {{ {what} }} to [profiles.main] in {world.config}\n"
        assert told.told.endswith(hint)
    assert running_sandbox.stats()["requests"] == 0


def test_a_key_in_the_environment_has_no_word_for_what_for(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.config.unlink()
    environ = {
        "CREDHELPER_API_KEY": running_sandbox.api_key,
        "CREDHELPER_URL": running_sandbox.url,
    }
    for api, what in (("iap", 'folder = "ID"'), ("ica", 'project = "ID"')):
        told = world.run("aws", environ={**environ, "CREDHELPER_API": api})
        assert (told.status, told.stdout) == (6, b"")
        assert f"write a config file, with aws = {{ {what}" in told.told


@pytest.mark.parametrize(
    ("resource", "status", "hint"),
    [
        ({"folder": "fol.foreign"}, 403, "may the token's user"),
        ({"file": "fil.missing"}, 404, "does it still exist"),
    ],
)
def test_what_is_not_ours_or_not_there_is_told_with_the_next_step(
    world: World,
    running_sandbox: RunningSandbox,
    resource: dict[str, str],
    status: int,
    hint: str,
) -> None:
    world.configure(running_sandbox.url, running_sandbox.api_key, main={"aws": resource})
    told = world.run("aws")
    assert (told.status, told.stdout) == (5, b"")
    assert f"answered {status}" in told.told
    assert hint in told.told


def test_the_files_are_private_and_what_is_traced_holds_no_secret(
    world: World,
) -> None:
    told = world.run(
        "aws", environ={"CREDHELPER_TRACE": "1"}, prefix=["sh", "-c", 'umask 0; exec "$@"', "sh"]
    )
    found = json.loads(told.stdout)
    for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        assert found[name] not in told.told
    assert "exchange=main" in told.told
    for path in world.cache.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path.name
        assert found["AccessKeyId"] not in path.name


@pytest.mark.parametrize("revoked", [False, True], ids=["alive", "revoked"])
def test_a_token_from_a_session_buys_as_well(
    world: World, running_sandbox: RunningSandbox, revoked: bool
) -> None:
    world.configure(
        running_sandbox.url, running_sandbox.api_key, main={**FOLDER, "keep_session": True}
    )
    first = keys(world)
    assert running_sandbox.stats()["minted"] == 1
    if revoked:
        running_sandbox.revoke_all()
    age(record(world, "aws"), AWS_LIFE)
    assert keys(world)["AccessKeyId"] != first["AccessKeyId"]
    # A session that was revoked costs a new one, and that a new token.
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"]) == ((2, 2) if revoked else (1, 1))
    assert stats["exchanged"] == 2


def test_who_is_not_logged_in_is_told_how_and_served_right_after(
    world: World, running_sandbox: RunningSandbox
) -> None:
    world.config.write_text(
        f'[profiles.main]\nurl = "{running_sandbox.url}"\nauth = "session"\n'
        f'user = "{running_sandbox.username}"\naws = {{ folder = "fol.alpha" }}\n'
    )
    told = world.run("aws")
    assert (told.status, told.stdout) == (4, b"")
    assert "credhelper login --profile main" in told.told
    words = ["login", "--profile", "main", "--user", running_sandbox.username, "--no-input"]
    assert world.run(*words, stdin=running_sandbox.password.encode()).status == 0
    assert keys(world) == keys(world)
    assert running_sandbox.stats()["exchanged"] == 1
