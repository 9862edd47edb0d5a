"""AWS's own clients, with nothing but a shared credentials file that credhelper keeps fresh."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from credhelper.errors import RequestError
from credhelper.tokenfile.aws_credentials import with_section as put_into
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

# What these two find in each text of a list; null for a text that they refuse.
BOTOCORE = """
import json, pathlib, sys
from botocore.configloader import raw_config_parse
from botocore.exceptions import ConfigParseError
def found(text):
    path = pathlib.Path("a text")
    path.write_bytes(text.encode())
    try:
        return raw_config_parse(str(path), parse_subsections=False)
    except ConfigParseError:
        return None
print(json.dumps([found(text) for text in json.load(sys.stdin)]))
"""
SMITHY = """
import { readFileSync, writeFileSync } from "node:fs";
import { loadSharedConfigFiles } from "@smithy/core/config";
const all = [];
for (const text of JSON.parse(readFileSync(0))) {
  writeFileSync("a text", text);
  const files = await loadSharedConfigFiles({ filepath: "a text", ignoreCache: true });
  all.push(files.credentialsFile);
}
console.log(JSON.stringify(all));
"""
OLD = put_into("", "work", {"AccessKeyId": "OLD", "SecretAccessKey": "o", "SessionToken": "o"}, 0)
KEYS = {"AccessKeyId": "NEW", "SecretAccessKey": "n/%(x)s=", "SessionToken": "n=="}
ENTRY = {
    "aws_access_key_id": "NEW",
    "aws_secret_access_key": "n/%(x)s=",
    "aws_session_token": "n==",
}
PIECES = (
    *(
        "[a]",
        "[default]",
        "[profile a]",
        "[profile work]",
        "[ c ]",
        "[work] # c",
        "[work]#",
        " [d]",
    ),
    *("[e] x]", "[f] ; [g]", "[sso-session q]", "[\u00a0h]", "\x1c[i]", "\x85[j]", "aws_x = AKIA"),
    *("aws_access_key_id=OLD", "aws_secret_access_key : s", "aws_session_token = t # u", "x ="),
    *("  y = 1", "\tz = 2", "s3 =", "role_arn = %(r)s", "# c", "; c", "  # c", "", "  ", "\r"),
    *("x = [b]", "\u00e9 = \u00fc", "k = v\u2028w", "k\u00a0= v", "\u00a0k = v", "\x0bk = v"),
    OLD.split("\n")[1],
)


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


@pytest.mark.parametrize("reader", ["boto3", "aws-sdk-js"])
def test_aws_s_own_readers_find_one_section_more_and_all_else_as_before(
    client: Callable[[str], str], tmp_path: Path, reader: str
) -> None:
    chance = random.Random(33)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < 500:
        end = chance.choice(["\n", "\r\n"])
        lines = [chance.choice(PIECES) for _ in range(chance.randrange(9))]
        before = chance.choice(["", "[q]\n", OLD]) + end.join(lines) + chance.choice(["", end])
        try:
            pairs.append((before, put_into(before, "work", KEYS, 0)))
        except RequestError:
            continue
    if reader == "boto3":
        words = [client("boto3"), "-c", BOTOCORE]
    else:
        (tmp_path / "read.mjs").write_text(SMITHY)
        (tmp_path / "node_modules").symlink_to(Path(client("aws-sdk-js")) / "node_modules")
        words = ["node", "read.mjs"]
    environ = {"PATH": os.environ["PATH"], "AWS_CONFIG_FILE": "/nonexistent", "HOME": str(tmp_path)}
    told = json.dumps([text for pair in pairs for text in pair]).encode()
    done = subprocess.run(
        words, input=told, stdout=subprocess.PIPE, env=environ, cwd=tmp_path, check=True, timeout=60
    )
    found = json.loads(done.stdout)
    for (before, after), was, now in zip(pairs, found[::2], found[1::2], strict=True):
        assert was is not None, before
        assert now == {**was, "work": {**was.get("work", {}), **ENTRY}}, (before, after)
