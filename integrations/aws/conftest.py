"""Fixtures for clients of AWS: a bucket, and somebody who is wired up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from integrations.aws.bucket import Bucket
from integrations.wired import Wired


@pytest.fixture
def open_bucket(
    wire: Callable[..., Wired], client: Callable[[str], str]
) -> Iterator[Callable[..., Bucket]]:
    moto, ours = client("moto"), client("credhelper")
    with ExitStack() as stack:

        def opened(*options: str, delay: float = 0) -> Bucket:
            return Bucket(wire(*options), moto, ours, stack, delay=delay)

        yield opened


@pytest.fixture
def bucket(open_bucket: Callable[..., Bucket]) -> Bucket:
    return open_bucket()
