"""What `credhelper.boto3_session()` makes of the real boto3. Prints JSON, and no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3

import credhelper


def main() -> dict[str, Any]:
    session = credhelper.boto3_session()
    assert isinstance(session, boto3.Session)
    told: dict[str, Any] = {"region": session.region_name, "method": method(session)}
    told["a region of one's own"] = credhelper.boto3_session(region_name="eu-west-1").region_name

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(lambda _: key(session), range(100)))
    told["keys in twenty threads"] = len(ids)
    told["id"] = ids.pop()
    told["another session has the same"] = key(credhelper.boto3_session("work")) == told["id"]
    told["botocore has the same"] = (
        credhelper.aws.botocore_session().get_credentials().get_frozen_credentials().access_key
        == told["id"]
    )
    told["place"] = credhelper.aws.place()
    told["nobody"] = refused(lambda: key(credhelper.boto3_session("nobody")))
    told["a profile without"] = refused(lambda: key(credhelper.boto3_session("plain")))
    return told


def key(session: Any) -> str:
    return str(session.get_credentials().get_frozen_credentials().access_key)


def method(session: Any) -> str:
    return str(session.get_credentials().method)


def refused(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which one it is, is what is asked
        return type(error).__name__
    return "nothing"


print(json.dumps(main()))
