"""boto3 with a session of ours, in its own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from integrations.aws.bucket import PREFIX, Bucket
from integrations.wired import UPSTREAM, Wired

HERE = Path(__file__).parent
PLAIN = """
[profiles.plain]
url = "{url}"
grant = {{ file = "~/.config/credhelper/api-key" }}
"""


def test_a_session_keeps_what_it_promises(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python, wired = client("boto3"), wire()
    more = PLAIN.format(url=wired.sandbox.url)
    wired.configure(HERE / "credhelper.toml", {UPSTREAM: wired.sandbox.url}, more)

    outcome = wired.run(python, str(HERE / "promises_boto3.py"))

    assert (outcome.status, outcome.told) == (0, ""), outcome
    (keys,) = wired.sandbox.aws()
    told = json.loads(outcome.stdout)
    place = told.pop("place")
    assert told == {
        "region": place["Region"],
        "method": "credhelper",
        "a region of one's own": "eu-west-1",
        "keys in twenty threads": 1,
        "id": keys["accessKeyId"],
        "another session has the same": True,
        "botocore has the same": True,
        "nobody": "UnknownProfileError",
        "a profile without": "ConfigError",
    }
    assert (place["Bucket"], place["Prefix"]) == (keys["bucket"], keys["prefix"])
    assert place["Region"] in place["Endpoint"]
    for name in ("secretAccessKey", "sessionToken"):
        assert keys[name].encode() not in outcome.stdout
    stats = wired.sandbox.stats()
    assert (stats["created"], stats["exchanged"]) == (1, 1)


def test_a_copy_of_many_files_outlives_its_keys(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python, moto, ours = client("boto3"), client("moto"), client("credhelper")
    with ExitStack() as stack:
        # Sixty files, ten at a time, each a second and more: more than one life of the keys.
        bucket = Bucket(wire("--aws-lifetime", "4"), moto, ours, stack, delay=1.2)
        home = bucket.wired.world.home
        # A session of ours needs neither of them.
        (home / ".aws/config").unlink()
        bucket.wired.environ["PATH"] = "/usr/bin:/bin"
        for number in range(59):
            (home / f"up/{number}").write_text(f"{number}\n")

        outcome = bucket.done(python, str(HERE / "with_boto3.py"), "up")

        assert outcome.told == ""
        assert len(outcome.stdout.split()) == 60
        assert all(url.startswith(PREFIX.encode()) for url in outcome.stdout.split())
        written = {visit["path"] for visit in bucket.visits() if visit["method"] == "PUT"}
        assert (len(written), bucket.refusals()) == (60, set())
        created, bought = bucket.counted()
        used = {visit["key"] for visit in bucket.visits()}
        assert created == 1
        assert 2 <= len(used) <= bought
