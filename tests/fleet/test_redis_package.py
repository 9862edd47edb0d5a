"""Which part of redis-py a program of ours loads, and that nobody else's program notices."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosts import Hosts
from tests.support.programs import INSTALLED, clean_environment, python_program

OURS = ("-I", "-S")  # as the program files start Python
SPARE = (
    "import site; site.main(); from credhelper.fleet import redis_package; redis_package.spare()"
)


def python(*words: str, before: str = "", flags: tuple[str, ...] = OURS) -> str:
    """Return what a Python prints that ran some lines."""
    script = "\n".join(
        [*([f"import sys; sys.path.insert(0, {before!r})"] if before else []), *words]
    )
    done = subprocess.run(
        [sys.executable, *flags, "-c", script],
        capture_output=True,
        text=True,
        env=clean_environment("/"),
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not INSTALLED, reason="only an installed program file starts like this")
def test_a_host_that_adopts_loads_connections_and_neither_commands_nor_the_asyncio_half(
    hosts: Hosts,
) -> None:
    token = hosts.host().get()
    prefix = [sys.executable, *OURS, "-X", "importtime"]
    host = hosts.host()
    done = subprocess.run([*prefix, python_program(), "get"], capture_output=True, env=host.environ)
    assert done.stdout.decode().strip() == token
    loaded = set(re.findall(r"\| +(redis\S*)", done.stderr.decode()))
    assert "redis._parsers" in loaded
    assert not loaded & {"redis.asyncio", "redis.client", "redis.commands", "redis.cluster"}


@pytest.mark.parametrize("part", ["sentinel", "cluster"])
def test_the_rest_can_be_loaded_afterwards(part: str) -> None:
    told = python(
        SPARE,
        "import redis",
        "print(hasattr(redis, 'Redis'))",
        "redis_package.complete()",
        f"import redis.{part}",
        "print(redis.Redis.__name__, redis.asyncio.Redis.__name__)",
    )
    assert told.split() == ["False", "Redis", "Redis"]


def test_another_program_has_the_whole_package() -> None:
    told = python(SPARE, "import redis", "print(redis.Redis.__name__)", flags=("-I",))
    assert told == "Redis"


def test_a_version_whose_connections_need_more_is_loaded_whole(tmp_path: Path) -> None:
    package = tmp_path / "redis"
    package.mkdir()
    (package / "__init__.py").write_text("NEEDED = 1\n")
    (package / "other.py").touch()
    (package / "connection.py").write_text("import redis.other\nfrom redis import NEEDED\n")
    told = python(
        SPARE,
        "print('redis' in sys.modules, 'redis.other' in sys.modules)",
        "import redis.connection",
        "print(redis.NEEDED)",
        before=str(tmp_path),
    )
    assert told.split() == ["False", "False", "1"]


def test_without_the_package_nothing_happens(tmp_path: Path) -> None:
    told = python(
        "import sys",
        "from importlib import util",
        "util.find_spec = lambda name: None",
        SPARE,
        "print('redis' in sys.modules)",
    )
    assert told == "False"
