"""boto3 with a session of ours, in its own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

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
    python, wired = client("python-boto3"), wire()
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
        "nobody": "NotFoundError",
        "a profile without": "ConfigError",
    }
    assert (place["Bucket"], place["Prefix"]) == (keys["bucket"], keys["prefix"])
    assert place["Region"] in place["Endpoint"]
    for name in ("secretAccessKey", "sessionToken"):
        assert keys[name].encode() not in outcome.stdout
    stats = wired.sandbox.stats()
    assert (stats["created"], stats["exchanged"]) == (1, 1)
