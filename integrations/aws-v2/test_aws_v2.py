"""A hundred files through keys of v2 that end in mid-copy: renewed ones let them arrive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from credhelper.core.text import rfc3339
from integrations.aws.bucket import Bucket
from integrations.wired import Wired

HERE = Path(__file__).parent
V2 = "https://ica.illumina.com"
FILES = 100
FOLDER = "/runs/42/"  # as the snippet names it
LIFE = 8  # seconds, of the keys
DELAY = 1.2  # seconds for each file; ten at once take longer than a life
TEN = {"RCLONE_TRANSFERS": "10", "RCLONE_CHECKERS": "10", "RCLONE_S3_FORCE_PATH_STYLE": "true"}


@pytest.fixture
def bucket(wire: Callable[..., Wired], client: Callable[[str], str]) -> Iterator[Bucket]:
    moto, ours = client("moto"), client("credhelper")
    with ExitStack() as stack:
        found = Bucket(wire("--aws-lifetime", str(LIFE)), moto, ours, stack, delay=DELAY)
        project = found.wired.sandbox.projects()["Alpha"]
        found.wired.configure(HERE / "credhelper.toml", {"PROJECT-UUID": project}, upstream=V2)
        up = found.wired.world.home / "up"
        for path in up.iterdir():
            path.unlink()
        for number in range(FILES):
            (up / f"{number}.fq").write_bytes(f"{number}\n".encode() * 500)
        yield found


def place(bucket: Bucket) -> str:
    """Return where the folder lies that the sandbox has at that path: `BUCKET/PREFIX`."""
    project = bucket.wired.sandbox.projects()["Alpha"]
    (given_id,) = [
        one["id"]
        for one in bucket.wired.sandbox.data()["data"]
        if (one["place"], one["path"]) == (project, FOLDER)
    ]
    return f"sandbox-bucket/volume/{given_id}/"


def shows_the_true_end(bucket: Bucket) -> None:
    """Assert that `status` says of the keys that are held when they end at the sandbox."""
    bucket.done("credhelper", "aws", "--format", "details")
    told = json.loads(bucket.done("credhelper", "status", "--json").stdout)
    held = next(one["aws"] for one in told["profiles"] if one["profile"] == "work")
    assert (held["lifetime"], held["assumed"]) == (LIFE, False)
    # Of so short a life nothing is kept back.
    assert held["expires_at"] == rfc3339(bucket.ends())
    assert held["expires_at"].encode()[:10] in bucket.done("credhelper", "status", "-v").stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def arrived(bucket: Bucket) -> None:
    """Assert that all bytes came back, through several lives of the keys, and none was refused."""
    home = bucket.wired.world.home
    assert contents(home / "down") == contents(home / "up")
    assert len({visit["key"] for visit in bucket.visits()}) >= 3
    assert bucket.refusals() == set()
    created, exchanged = bucket.counted()
    assert (created, exchanged >= 3) == (1, True)
    assert bucket.wired.sandbox.data()["uploadSessions"] == []
    shows_the_true_end(bucket)


def test_the_aws_cli_copies_up_and_down_while_keys_come_and_go(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    aws = [client("awscli"), "--profile", "illumina", "s3", "cp", "--recursive", "--no-progress"]
    there = f"s3://{place(bucket)}"
    bucket.done(*aws, "up", there)
    bucket.done(*aws, there, "down")
    arrived(bucket)


def test_boto3_copies_up_and_down_in_one_program_while_keys_come_and_go(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    bucket.done(client("boto3"), str(HERE / "upload.py"), "up", f"s3://{place(bucket)}", "down")
    arrived(bucket)


def test_rclone_copies_up_and_down_while_keys_come_and_go(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    rclone = client("rclone-new")
    # A refusal would not be made good by trying again: there is none.
    once = ("--retries", "1", "--low-level-retries", "1")
    there = f"illumina:{place(bucket)}"
    bucket.done(rclone, "copy", *once, "up", there, environ=TEN)
    bucket.done(rclone, "copy", *once, there, "down", environ=TEN)
    arrived(bucket)


# As in the snippet of integrations/aws, rclone is told that this S3 is not Amazon's.
STATIC = {
    "awscli": """
        eval "$(credhelper aws --format env)"
        exec "$0" s3 cp --recursive --no-progress up "$1"
    """,
    "rclone-new": """
        credhelper aws --format rclone | sed "s/= AWS/= Other/" >static.conf
        exec "$0" --config static.conf copy --retries 1 --low-level-retries 1 up "work:$2"
    """,
}


@pytest.mark.parametrize("name", STATIC)
def test_the_same_copy_dies_with_keys_that_are_not_renewed(
    bucket: Bucket, client: Callable[[str], str], name: str
) -> None:
    environ = {**TEN, "RCLONE_S3_NO_CHECK_BUCKET": "true"}
    there = place(bucket)
    words = ("sh", "-ec", STATIC[name], client(name), f"s3://{there}", there)
    outcome = bucket.run(*words, environ=environ)
    assert outcome.status != 0, outcome
    assert "expired" in outcome.told.lower()
    written = {
        visit["path"] for visit in bucket.visits() if visit["method"] == "PUT" and not visit["code"]
    }
    assert 0 < len(written) < FILES
    assert bucket.counted() == (1, 1)


def test_rclone_reads_the_section_that_v2_wrote_for_it(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    home = bucket.wired.world.home
    environ = {**TEN, "RCLONE_S3_NO_CHECK_BUCKET": "true"}
    script = """
        credhelper aws --format rclone | sed "s/= AWS/= Other/" >static.conf
        "$0" --config static.conf copyto up/7.fq "work:$1"
        "$0" --config static.conf copyto "work:$1" 7.fq
    """
    bucket.done("sh", "-ec", script, client("rclone-new"), f"{place(bucket)}7.fq", environ=environ)
    assert (home / "7.fq").read_bytes() == (home / "up/7.fq").read_bytes()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_another_folder_at_the_path_gets_keys_of_its_own_and_the_old_one_none(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    aws = [client("awscli"), "--profile", "illumina", "s3", "cp"]
    sandbox, before = bucket.wired.sandbox, place(bucket)
    bucket.done(*aws, "up/7.fq", f"s3://{before}7.fq")
    old = before.rstrip("/").rpartition("/")[2]
    sandbox.put_data(old, sandbox.projects()["Alpha"], "/runs/forty-two/")
    sandbox.put_data("fol.second", sandbox.projects()["Alpha"], FOLDER)
    bucket.wired.wait_until(bucket.ends())
    bucket.done(*aws, "up/7.fq", "s3://sandbox-bucket/volume/fol.second/7.fq")
    refused = bucket.run(*aws, "up/8.fq", f"s3://{before}8.fq")
    assert (refused.status, "AccessDenied" in refused.told) == (1, True)
