"""AWS's own clients, with nothing but a shared credentials file that credhelper keeps fresh."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integrations.aws.bucket import PREFIX, Bucket
from tests.support.programs import command

AS_WORK = {"AWS_PROFILE": "work", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
THEIRS = "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = mine\n"
FORM = ("--format", "aws-credentials", "--profile", "work")

BOTO3 = """
import sys, time, boto3
from botocore.exceptions import ClientError
url, until = sys.argv[1:]
bucket, _, key = url.removeprefix("s3://").partition("/")
s3 = boto3.client("s3")
s3.put_object(Bucket=bucket, Key=key, Body=b"1")
while time.time() <= float(until):
    time.sleep(0.1)
try:
    s3.put_object(Bucket=bucket, Key=key, Body=b"2")
except ClientError as refused:
    sys.exit(str(refused))
"""
JAVASCRIPT = """
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
const [url, until] = process.argv.slice(2);
const [, Bucket, Key] = url.match(/^s3:\\/\\/([^/]+)\\/(.+)$/);
const s3 = new S3Client({ forcePathStyle: true });
await s3.send(new PutObjectCommand({ Bucket, Key, Body: "1" }));
while (Date.now() / 1000 <= Number(until)) await new Promise((done) => setTimeout(done, 100));
await s3.send(new PutObjectCommand({ Bucket, Key, Body: "2" }));
"""


@pytest.fixture(params=["awscli", "boto3", "aws-sdk-js"])
def copy(
    request: pytest.FixtureRequest, client: Callable[[str], str]
) -> Callable[[Bucket, float], list[str]]:
    """Give a way to write an object: once now, and for SDKs again once a moment has passed."""

    def words(bucket: Bucket, until: float) -> list[str]:
        home, url = bucket.wired.world.home, f"{PREFIX}reads.fq"
        if request.param == "awscli":
            return [client("awscli"), "s3", "cp", "up/reads.fq", url]
        if request.param == "boto3":
            script = home / "twice.py"
            script.write_text(BOTO3)
            return [client("boto3"), str(script), url, str(until)]
        script = home / "twice.mjs"
        script.write_text(JAVASCRIPT)
        modules = home / "node_modules"
        if not modules.is_symlink():
            modules.symlink_to(Path(client("aws-sdk-js")) / "node_modules")
        return ["node", str(script), url, str(until)]

    return words


def file_alone(bucket: Bucket) -> Path:
    """Leave somebody with a credentials file of their own, and no config."""
    (bucket.wired.world.home / ".aws/config").unlink()
    path = bucket.wired.world.home / ".aws/credentials"
    path.write_text(THEIRS)
    return path


@contextmanager
def watched(bucket: Bucket, path: Path) -> Iterator[None]:
    """Keep the file fresh for a while."""
    words = [*command(), "watch", "--to", str(path), *FORM]
    with subprocess.Popen(words, env=bucket.wired.environ, stderr=subprocess.PIPE) as keeper:
        try:
            yield
        finally:
            keeper.terminate()
            assert keeper.communicate()[1] == b""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_client_copies_with_the_file_alone(
    bucket: Bucket, copy: Callable[[Bucket, float], list[str]], elsewhere: bool
) -> None:
    path = file_alone(bucket)
    environ = dict(AS_WORK)
    if elsewhere:
        path = path.rename(path.with_name("a file"))
        environ["AWS_SHARED_CREDENTIALS_FILE"] = str(path)
    bucket.done(*command(), "write", "--to", str(path), *FORM)
    bucket.done(*copy(bucket, 0), environ=environ)
    assert path.read_text().startswith(THEIRS)
    assert (bucket.counted(), bucket.refusals()) == ((1, 1), set())


def test_each_command_uses_the_keys_that_live(
    open_bucket: Callable[..., Bucket], copy: Callable[[Bucket, float], list[str]]
) -> None:
    bucket = open_bucket("--aws-lifetime", "8")
    path = file_alone(bucket)
    bucket.done(*command(), "write", "--to", str(path), *FORM)
    with watched(bucket, path):
        for _ in range(2):
            bucket.done(*copy(bucket, 0), environ=AS_WORK)
            bucket.wired.wait_until(bucket.ends())
    assert bucket.refusals() == set()
    assert len({visit["key"] for visit in bucket.visits()}) >= 2
    assert bucket.counted()[0] == 1


@pytest.mark.parametrize("copy", ["boto3", "aws-sdk-js"], indirect=True)
def test_these_sdks_read_the_file_once_and_die_with_its_keys(
    open_bucket: Callable[..., Bucket], copy: Callable[[Bucket, float], list[str]]
) -> None:
    """Whoever finds this failing has good news for the README."""
    bucket = open_bucket("--aws-lifetime", "8")
    path = file_alone(bucket)
    bucket.done(*command(), "write", "--to", str(path), *FORM)
    with watched(bucket, path):
        outcome = bucket.run(*copy(bucket, bucket.ends() + 1), environ=AS_WORK)
    assert outcome.status == 1, outcome
    assert "ExpiredToken" in outcome.told
    assert len({visit["key"] for visit in bucket.visits() if not visit["code"]}) == 1
