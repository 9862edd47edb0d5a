"""Who asks an endpoint for AWS keys, as real clients: copies that outlive their first keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.aws.bucket import PREFIX, Bucket
from integrations.wired import Wired
from tests.support.servers import Witness
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
LIFE = 4  # seconds, of the keys
DELAY = 0.5  # seconds for each request about an object
ENDPOINT = ("credhelper", "exec", "--profile", "work", "--aws-endpoint", "--")
VARIABLES = ("sh", "-c", 'eval "$(credhelper aws --profile work --format env)"; exec "$@"', "sh")
# With so many files a copy takes longer than two lives, whatever a client does at once.
COUNTS = {
    "awscli": 100,
    "aws-sdk-js": 10,
    "boto3": 50,
    "deltalake": 4,
    "obstore": 50,
    "polars": 6,
    "pyarrow": 20,
    "rclone-new": 50,
    "s5cmd": 50,
}
SCRIPTS = {
    "awscli": "copy_awscli.sh",
    "aws-sdk-js": "copy_sdk.mjs",
    "boto3": "copy_boto3.py",
    "deltalake": "copy_deltalake.py",
    "obstore": "copy_obstore.py",
    "polars": "copy_polars.py",
    "pyarrow": "copy_pyarrow.py",
    "rclone-new": "copy_rclone.sh",
    "s5cmd": "copy_s5cmd.sh",
}
# These know no `credential_process`.
NO_PROCESS = ("deltalake", "obstore", "polars")
NO_FILE = ("deltalake", "obstore")
IN_A_FILE = {
    "aws_access_key_id": "AccessKeyId",
    "aws_secret_access_key": "SecretAccessKey",
    "aws_session_token": "SessionToken",
}
# Runs a script whose last words may be an exception, and shows that alone.
PLAINLY = (
    "import runpy, sys; sys.tracebacklimit = 0; del sys.argv[0];"
    " runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture
def open_bucket(
    wire: Callable[..., Wired], client: Callable[[str], str]
) -> Iterator[Callable[..., Bucket]]:
    moto, ours = client("moto"), client("credhelper")
    with ExitStack() as stack:

        def opened(*options: str, delay: float = 0) -> Bucket:
            found = Bucket(wire(*options), moto, ours, stack, delay=delay)
            found.wired.environ["AWS_ALLOW_HTTP"] = "true"  # this S3 is on loopback
            found.wired.environ["RCLONE_S3_PROVIDER"] = "Other"
            # Who finds no keys otherwise asks the machine: this one has none.
            found.wired.environ["AWS_METADATA_ENDPOINT"] = found.endpoint
            return found

        yield opened


def copy(
    bucket: Bucket, name: str, where: str, count: int, *before: str, **environ: str
) -> Outcome:
    """Let the client `name`, which is at `where`, copy so many files with what it finds."""
    found = HERE / SCRIPTS[name]
    if found.suffix == ".mjs":
        script = bucket.wired.world.home / found.name
        script.write_text(found.read_text())
        (bucket.wired.world.home / "node_modules").symlink_to(Path(where) / "node_modules")
        words = ["node", str(script)]
    elif found.suffix == ".sh":
        words = ["sh", str(found), where]
    else:
        words = [where, "-c", PLAINLY, str(found)]
    return bucket.run(*before, *words, PREFIX, str(count), environ=environ)


@pytest.mark.parametrize("name", COUNTS)
def test_a_copy_outlives_the_keys_it_began_with(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], name: str
) -> None:
    bucket = open_bucket("--aws-lifetime", str(LIFE), delay=DELAY)
    outcome = copy(bucket, name, client(name), COUNTS[name], *ENDPOINT)
    assert outcome.status == 0, outcome
    assert len({visit["key"] for visit in bucket.visits()}) >= 3
    assert bucket.refusals() == set()
    assert bucket.counted()[0] == 1


@pytest.mark.parametrize("name", COUNTS)
def test_the_same_copy_dies_with_keys_in_variables(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], name: str
) -> None:
    bucket = open_bucket("--aws-lifetime", str(LIFE), delay=DELAY)
    outcome = copy(bucket, name, client(name), COUNTS[name], *VARIABLES)
    assert outcome.status != 0, outcome
    # botocore reads the variable that says until when, and asks no more.
    assert bucket.refusals() == {"ExpiredToken"} or "still expired" in outcome.told
    assert bucket.counted() == (1, 1)


@pytest.mark.parametrize("name", COUNTS)
def test_who_runs_a_process_for_its_keys(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], name: str
) -> None:
    bucket = open_bucket()
    environ = {"AWS_PROFILE": "illumina", "AWS_SDK_LOAD_CONFIG": "1"}
    outcome = copy(bucket, name, client(name), 1, **environ)
    assert (outcome.status == 0) == (name not in NO_PROCESS), outcome


@pytest.mark.parametrize("name", COUNTS)
def test_who_reads_a_file_for_its_keys(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], name: str
) -> None:
    bucket = open_bucket()
    keys = json.loads(bucket.wired.run("credhelper", "aws", "--profile", "work").stdout)
    lines = ["[default]", *(f"{ours} = {keys[theirs]}" for ours, theirs in IN_A_FILE.items())]
    (bucket.wired.world.home / ".aws/credentials").write_text("\n".join(lines))
    outcome = copy(bucket, name, client(name), 1, AWS_REGION="ap-southeast-2")
    assert (outcome.status == 0) == (name not in NO_FILE), outcome


# These send to a proxy what is for loopback, unless told otherwise.
@pytest.mark.parametrize("name", ["deltalake", "obstore", "polars"])
def test_a_proxy_sees_neither_the_token_nor_the_keys(
    open_bucket: Callable[..., Bucket], client: Callable[[str], str], name: str
) -> None:
    bucket, proxy = open_bucket(), Witness()
    try:
        environ = dict.fromkeys(("http_proxy", "HTTP_PROXY"), proxy.url)
        outcome = copy(bucket, name, client(name), 1, *ENDPOINT, **environ)
        assert outcome.status == 0, outcome
        assert proxy.visits == 0
    finally:
        proxy.stop()
