"""AWS's own clients, with the files beside this one, against an S3 that checks the live keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.core.text import rfc3339
from integrations.aws.bucket import FOLDER, PREFIX, Bucket

HERE = Path(__file__).parent
SECONDS = 6  # of short-lived keys: long enough for one command on a busy machine
FILE = f"{PREFIX}reads.fq"
AS_ILLUMINA = {"AWS_PROFILE": "illumina"}


# --- bytes that travel ----------------------------------------------------------------------------


def test_the_aws_cli_copies_and_lists_twice_with_one_token_and_one_exchange(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    aws = [client("awscli"), "--profile", "illumina", "s3"]
    for _ in range(2):
        bucket.done(*aws, "cp", "up/reads.fq", FILE)
        bucket.done(*aws, "cp", FILE, "down")
        assert bucket.came_back()
        assert bucket.done(*aws, "ls", PREFIX).stdout.endswith(b" reads.fq\n")
    assert bucket.counted() == (1, 1)
    assert (bucket.refusals(), len({visit["key"] for visit in bucket.visits()})) == (set(), 1)


def test_the_url_that_the_keys_are_for_is_where_a_folder_is_synced(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    home = bucket.wired.world.home
    for number in range(20):
        (home / f"up/{number}").write_bytes(f"{number}\n".encode() * 1000)
    url = bucket.wired.run("credhelper", "aws", "--format", "url").stdout.decode().strip()
    assert url == PREFIX
    aws = [client("awscli"), "--profile", "illumina", "s3", "sync", "--no-progress"]
    bucket.done(*aws, "up", url)
    bucket.done(*aws, url, "down")
    assert {path.name: path.read_bytes() for path in (home / "up").iterdir()} == {
        path.name: path.read_bytes() for path in (home / "down").iterdir()
    }
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_boto3_copies_twice_with_one_token_and_one_exchange(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    for _ in range(2):
        bucket.done(client("boto3"), str(HERE / "transfer.py"), "up/reads.fq", FILE, "down")
        assert bucket.came_back()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_the_sdk_for_javascript_copies_twice_with_one_token_and_one_exchange(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    script = bucket.wired.world.home / "transfer.mjs"
    script.write_text((HERE / "transfer.mjs").read_text())
    modules = Path(client("aws-sdk-js")) / "node_modules"
    (bucket.wired.world.home / "node_modules").symlink_to(modules)
    for _ in range(2):
        bucket.done("node", str(script), "up/reads.fq", FILE, "down")
        assert bucket.came_back()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_rclone_copies_twice_with_one_token_and_one_exchange(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    rclone, there = client("rclone-new"), f"illumina:{FILE.removeprefix('s3://')}"
    for _ in range(2):
        bucket.done(rclone, "copyto", "up/reads.fq", there)
        bucket.done(rclone, "copyto", there, "down")
        assert bucket.came_back()
        (bucket.wired.world.home / "down").unlink()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_s5cmd_copies_twice_with_one_token_and_one_exchange(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    environ = {**AS_ILLUMINA, "AWS_SDK_LOAD_CONFIG": "1"}
    for _ in range(2):
        bucket.done(client("s5cmd"), "cp", "up/reads.fq", FILE, environ=environ)
        bucket.done(client("s5cmd"), "cp", FILE, "down", environ=environ)
        assert bucket.came_back()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_a_shell_that_was_told_needs_no_profile(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    script = f'eval "$(credhelper aws --format env)"; "$0" s3 cp up/reads.fq {FILE}'
    bucket.done("sh", "-ec", script, client("awscli"))
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


# --- keys that may not, and keys that end ---------------------------------------------------------


def test_keys_for_reading_read_and_do_not_write(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    aws = [client("awscli"), "--profile", "illumina", "s3", "cp"]
    bucket.done(*aws, "up/reads.fq", FILE)
    look = [client("awscli"), "--profile", "illumina-look", "s3", "cp"]
    bucket.done(*look, FILE, "down")
    assert bucket.came_back()
    refused = bucket.run(*look, "up/reads.fq", f"{PREFIX}other")
    assert (refused.status, "AccessDenied" in refused.told) == (1, True)
    assert bucket.counted() == (1, 2)  # one token buys both


def test_keys_that_have_expired_are_renewed_by_the_next_command(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str]
) -> None:
    bucket = open_bucket("--aws-lifetime", str(SECONDS))
    words = client("boto3"), str(HERE / "transfer.py"), "up/reads.fq", FILE, "down"
    bucket.done(*words)
    bucket.wired.wait_until(bucket.ends())
    bucket.done(*words)
    assert bucket.counted()[0] == 1
    assert bucket.counted()[1] >= 2
    assert bucket.refusals() == set()


def test_a_token_that_was_revoked_meanwhile_is_replaced_on_the_way(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str]
) -> None:
    bucket = open_bucket("--aws-lifetime", str(SECONDS))
    words = client("boto3"), str(HERE / "transfer.py"), "up/reads.fq", FILE, "down"
    bucket.done(*words)
    bucket.wired.sandbox.revoke_all()
    bucket.wired.wait_until(bucket.ends())
    bucket.done(*words)
    assert bucket.counted()[0] == 2
    assert bucket.refusals() == set()


@pytest.mark.parametrize("how", ["credential_process", "variables"])
def test_a_copy_of_many_files_outlives_its_keys_only_if_they_can_be_renewed(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], how: str
) -> None:
    # A hundred files, ten at a time, each a second: more than two lives of the keys.
    bucket = open_bucket("--aws-lifetime", "4", delay=1)
    home = bucket.wired.world.home
    for number in range(100):
        (home / f"up/{number}").write_text(f"{number}\n")
    copy = ["s3", "cp", "--recursive", "--no-progress", "up", PREFIX]
    if how == "credential_process":
        bucket.done(client("awscli"), "--profile", "illumina", *copy)
        assert bucket.refusals() == set()
        written = {visit["path"] for visit in bucket.visits() if visit["method"] == "PUT"}
        assert len(written) == 101
        assert bucket.counted()[0] == 1
        assert bucket.counted()[1] >= 3
    else:
        script = 'eval "$(credhelper aws --format env)"; exec "$0" "$@"'
        outcome = bucket.run("sh", "-ec", script, client("awscli"), *copy)
        assert outcome.status == 1, outcome
        # botocore reads AWS_CREDENTIAL_EXPIRATION, and so knows before S3 says it.
        assert re.search("refreshed credentials are still expired|ExpiredToken", outcome.told)
        written = {visit["path"] for visit in bucket.visits() if visit["method"] == "PUT"}
        assert len(written) < 101


def test_one_file_in_many_parts_outlives_its_keys(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str]
) -> None:
    # Five parts, one after the other, with a second for each, for the begin and for the end.
    bucket = open_bucket("--aws-lifetime", "4", delay=1)
    parts = "s3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB"
    slowly = f"{parts}\n  max_concurrent_requests = 1\nregion"
    bucket.change(".aws/config", "--profile work\nregion", f"--profile work\n{slowly}")
    large = bucket.wired.world.home / "up/reads.fq"
    large.write_bytes(bytes(range(256)) * (5 * 5 * 4096))

    aws = [client("awscli"), "--profile", "illumina", "s3", "cp", "--no-progress"]
    bucket.done(*aws, str(large), FILE)

    puts = [visit["key"] for visit in bucket.visits() if visit["method"] == "PUT"]
    assert (len(puts), bucket.refusals()) == (5, set())
    assert len(set(puts)) >= 2
    assert bucket.counted()[0] == 1
    bucket.done(*aws, FILE, "down")
    assert bucket.came_back()


def test_rclone_goes_on_when_its_keys_end(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str]
) -> None:
    bucket = open_bucket("--aws-lifetime", "10", delay=1)
    home = bucket.wired.world.home
    for number in range(30):
        (home / f"up/{number}").write_text(f"{number}\n")

    words = ["copy", "--retries", "1", "--low-level-retries", "1", "--transfers", "4", "up"]
    bucket.done(client("rclone-new"), *words, f"illumina:{PREFIX.removeprefix('s3://')}")

    puts = [visit for visit in bucket.visits() if visit["method"] == "PUT"]
    assert (len(puts), bucket.refusals()) == (31, set())
    assert len({visit["key"] for visit in puts}) >= 2
    assert bucket.counted()[0] == 1


def test_keys_that_live_are_used_while_the_api_is_down(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    words = client("boto3"), str(HERE / "transfer.py"), "up/reads.fq", FILE, "down"
    bucket.done(*words)
    bucket.wired.sandbox.fault({"path": "/v1/", "status": 503, "times": "always"})
    bucket.done(*words)
    assert bucket.counted() == (1, 1)


# --- what a user is told --------------------------------------------------------------------------


def test_a_profile_that_does_not_say_what_for_is_told_through_the_client(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    bucket.change(".config/credhelper/config.toml", "aws = {", "# aws = {")
    for words in (
        [client("awscli"), "--profile", "illumina", "s3", "ls", PREFIX],
        [client("boto3"), "-c", ASK, LISTED],
    ):
        outcome = bucket.run(*words)
        assert outcome.status != 0
        assert "profile work does not say what AWS credentials are for" in outcome.told
        assert 'add aws = { folder = "ID" } to [profiles.work]' in outcome.told
    assert (bucket.visits(), bucket.counted()) == ([], (0, 0))


def test_what_the_api_refuses_is_told_through_the_client(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    bucket.change(".config/credhelper/config.toml", FOLDER, "fol.missing")
    outcome = bucket.run(client("awscli"), "--profile", "illumina", "s3", "ls", PREFIX)
    assert outcome.status != 0
    assert "answered 404" in outcome.told
    assert "does it still exist" in outcome.told


# --- what botocore makes of the document ----------------------------------------------------------

ASK = """
import sys, boto3
try:
    s3 = boto3.Session(profile_name="illumina").client("s3")
    for _ in range(4):
        s3.list_objects_v2(Bucket="sandbox-bucket", Prefix=sys.argv[1])
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
LISTED = PREFIX.removeprefix("s3://sandbox-bucket/")


def asks_through(bucket: Bucket, expression: str) -> Path:
    """Let `sed EXPRESSION` change what boto3 is told; returns where its questions are counted."""
    home = bucket.wired.world.home
    wrapper = home / "wrapper"
    wrapper.write_text(
        f"#!/bin/sh\necho >> {home}/asked\ncredhelper aws \"$@\" | sed '{expression}'\n"
    )
    wrapper.chmod(0o755)
    bucket.change(".aws/config", "credhelper aws --profile work", f"{wrapper} --profile work")
    return home / "asked"


def test_botocore_is_told_once_what_lives_for_more_than_15_minutes(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    asked = asks_through(bucket, "")
    bucket.done(client("boto3"), "-c", ASK, LISTED)
    assert asked.read_text() == "\n"


def test_botocore_asks_each_time_about_what_lives_for_less_and_is_told_from_the_cache(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str]
) -> None:
    bucket = open_bucket("--aws-lifetime", "240")
    asked = asks_through(bucket, "")
    bucket.done(client("boto3"), "-c", ASK, LISTED)
    assert len(asked.read_text()) > 3
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ('s/"Version":1/"Version":"1"/', "Unsupported version '1'"),
        ('s/"Version":1,//', "Unsupported version"),
        ('s/"Expiration":"[^"]*"/"Expiration":1800000000/', "Error"),
        ('s/"Expiration":"20../"Expiration":"2019/', "still expired"),
        ('s/"Expiration":"[^"]*"/"Expiration":"soon"/', "Error"),
        ('s/"AccessKeyId":"[^"]*",//', "Missing required key in response: 'AccessKeyId'"),
        ('s/"SessionToken":"[^"]*",//', "InvalidToken"),
        ('s/"SecretAccessKey":"./"SecretAccessKey":"?/', "SignatureDoesNotMatch"),
        ("s/^/warning: /", "Error"),
    ],
)
def test_botocore_takes_no_other_document(
    bucket: Bucket, client: Callable[[str], str], expression: str, told: str
) -> None:
    asks_through(bucket, expression)
    outcome = bucket.run(client("boto3"), "-c", ASK, LISTED)
    assert (outcome.status, told in outcome.told) == (1, True), outcome
    assert not any(visit["code"] == "" for visit in bucket.visits())


# --- a folder by its path -------------------------------------------------------------------------

UP_AND_DOWN = {
    "awscli": """
        "$0" --profile illumina s3 cp up/reads.fq "s3://$1reads.fq"
        "$0" --profile illumina s3 cp "s3://$1reads.fq" down
    """,
    "boto3": 'exec "$0" transfer.py up/reads.fq "s3://$1reads.fq" down',
    "rclone-new": """
        "$0" copyto up/reads.fq "illumina:$1reads.fq"
        "$0" copyto "illumina:$1reads.fq" down
    """,
}


@pytest.mark.parametrize("name", UP_AND_DOWN)
def test_keys_for_a_path_copy_before_and_after_they_end(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], name: str
) -> None:
    bucket = open_bucket("--aws-lifetime", str(SECONDS))
    home, sandbox = bucket.wired.world.home, bucket.wired.sandbox
    bucket.change(".aws/config", "--profile work", "--profile path")
    (home / "transfer.py").write_text((HERE / "transfer.py").read_text())
    (given_id,) = [
        one["id"]
        for one in sandbox.data()["data"]
        if (one["place"], one["path"]) == ("volume", "/runs/42/")
    ]
    there = f"sandbox-bucket/volume/{given_id}/"
    before = sandbox.data()
    for _ in range(2):
        bucket.done("sh", "-ec", UP_AND_DOWN[name], client(name), there)
        assert bucket.came_back()
        (home / "down").unlink()
        status = json.loads(bucket.done("credhelper", "status", "--json").stdout)
        held = next(one["aws"] for one in status["profiles"] if one["profile"] == "path")
        assert (held["assumed"], held["expires_at"]) == (False, rfc3339(bucket.ends()))
        bucket.wired.wait_until(bucket.ends())
    assert bucket.refusals() == set()
    assert len({visit["key"] for visit in bucket.visits()}) >= 2
    assert sandbox.data() == before


def test_setup_wires_aws_up_and_takes_it_back(bucket: Bucket, client: Callable[[str], str]) -> None:
    (bucket.wired.world.home / ".aws/config").write_text(
        "# mine\n[profile other]\nregion=us-east-1"
    )
    words = ["aws", "--profile", "work", "--name", "new"]
    environ = {"AWS_REGION": "us-east-1"}

    with bucket.wired.set_up(*words):
        aws = [client("awscli"), "--profile", "new", "s3", "cp"]
        bucket.done(*aws, "up/reads.fq", FILE, environ=environ)
        bucket.done(*aws, FILE, "down", environ=environ)
        assert bucket.came_back()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())
