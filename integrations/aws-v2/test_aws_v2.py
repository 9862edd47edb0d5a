"""A hundred files through keys of v2 that end in mid-copy: renewed ones let them arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.aws.bucket import PREFIX, Bucket
from integrations.wired import Wired

HERE = Path(__file__).parent
V2 = "https://ica.illumina.com"
FILES = 100
LIFE = 8  # seconds, of the keys
STATED = 7  # what the profile says of it: a second for what is on its way
DELAY = 1.2  # seconds for each file; ten at once take longer than a life
THERE = PREFIX.removeprefix("s3://")
TEN = {"RCLONE_TRANSFERS": "10", "RCLONE_CHECKERS": "10", "RCLONE_S3_FORCE_PATH_STYLE": "true"}


@pytest.fixture
def bucket(wire: Callable[..., Wired], client: Callable[[str], str]) -> Iterator[Bucket]:
    moto, ours = client("moto"), client("credhelper")
    with ExitStack() as stack:
        found = Bucket(wire("--aws-lifetime", str(LIFE)), moto, ours, stack, delay=DELAY)
        project = found.wired.sandbox.projects()["Alpha"]
        places = {"PROJECT-UUID": project, '"1h"': str(STATED)}
        found.wired.configure(HERE / "credhelper.toml", places, upstream=V2)
        up = found.wired.world.home / "up"
        for path in up.iterdir():
            path.unlink()
        for number in range(FILES):
            (up / f"{number}.fq").write_bytes(f"{number}\n".encode() * 500)
        yield found


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


def test_the_aws_cli_copies_up_and_down_while_keys_come_and_go(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    aws = [client("awscli"), "--profile", "illumina", "s3", "cp", "--recursive", "--no-progress"]
    bucket.done(*aws, "up", PREFIX)
    bucket.done(*aws, PREFIX, "down")
    arrived(bucket)


def test_boto3_copies_up_and_down_in_one_program_while_keys_come_and_go(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    bucket.done(client("boto3"), str(HERE / "upload.py"), "up", PREFIX, "down")
    arrived(bucket)


def test_rclone_copies_up_and_down_while_keys_come_and_go(
    bucket: Bucket, client: Callable[[str], str]
) -> None:
    rclone = client("rclone-new")
    # A refusal would not be made good by trying again: there is none.
    once = ("--retries", "1", "--low-level-retries", "1")
    bucket.done(rclone, "copy", *once, "up", f"illumina:{THERE}", environ=TEN)
    bucket.done(rclone, "copy", *once, f"illumina:{THERE}", "down", environ=TEN)
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
    outcome = bucket.run("sh", "-ec", STATIC[name], client(name), PREFIX, THERE, environ=environ)
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
    bucket.done("sh", "-ec", script, client("rclone-new"), f"{THERE}7.fq", environ=environ)
    assert (home / "7.fq").read_bytes() == (home / "up/7.fq").read_bytes()
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())
