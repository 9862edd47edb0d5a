"""What a Python program loads, and when: next to nothing before it is needed."""

from __future__ import annotations

import importlib.util
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import credhelper
from tests.support.programs import python_environment
from tests.support.worlds import World

HEAVY = {"boto3", "botocore", "click", "filelock", "httpx", "requests", "ssl", "tomllib", "urllib3"}


def loaded_by(program: str, world: World | None = None) -> set[str]:
    """Return what a program of its own has loaded at its end, beyond what it began with."""
    whole = f"import sys; before = set(sys.modules)\n{program}\n"
    whole += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", whole],
        env={**(world.environ if world else {}), **python_environment()},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


def test_the_import_loads_nothing_else() -> None:
    assert loaded_by("import credhelper") == {"credhelper"}


def test_every_public_name_is_there_and_told() -> None:
    assert sorted(credhelper.__all__) == dir(credhelper)
    for name in credhelper.__all__:
        assert getattr(credhelper, name) is getattr(credhelper, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        credhelper.nothing  # noqa: B018  # what it raises is the question


@pytest.mark.parametrize("name", [name for name in credhelper.__all__ if name != "__version__"])
def test_no_public_name_loads_what_is_heavy(name: str) -> None:
    found = loaded_by(f"import credhelper; credhelper.{name}")
    assert {module.partition(".")[0] for module in found} & HEAVY == set()


@pytest.mark.parametrize(
    "name",
    [
        *("get_token", "Credentials", "boto3_session", "aws.botocore_session", "aws.place"),
        *("libica.configuration", "libica.refresh_api_key_hook", "inprocess.tokens.reject"),
    ],
)
def test_help_on_a_public_name_shows_nothing_of_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDHELPER_API_KEY", "key-canary")
    what = pydoc.locate(f"credhelper.{name}") or getattr(credhelper, name)
    shown = pydoc.render_doc(what)
    assert name.rpartition(".")[2] in shown
    assert "key-canary" not in shown


def test_credentials_and_a_warm_token_load_no_http(scratch_world: World) -> None:
    scratch_world.prepare()
    found = loaded_by(
        "import credhelper\n"
        "credentials = credhelper.Credentials()\n"
        "credentials.token(), credentials.headers('https://ica.example'), credentials.auth",
        scratch_world,
    )
    assert {module.partition(".")[0] for module in found} & HEAVY == set()


# logging first: it asks a fork that waits for its own import to let go of what that never took.
FORKING = """
import logging, os, signal, sys, threading, time
import credhelper

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "credhelper.{module}":
            begun.set()
            time.sleep(0.5)

def use():
    {use}

begun = threading.Event()
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=use)
thread.start()
begun.wait()
child = os.fork()
if not child:
    signal.alarm(30)
    use()
    os._exit(0)
thread.join()
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("inprocess.tokens", "credhelper.get_token"),
        ("inprocess.credentials", "credhelper.Credentials"),
        ("core.service", "credhelper.Credentials"),
        ("protocols", "credhelper.aws"),
        ("inprocess.http_auth", "credhelper.Credentials().auth"),
        ("renewal.renewal", "from credhelper.inprocess import tokens; tokens.preload()"),
        (
            "inprocess.single_flight",
            "import asyncio; asyncio.run(credhelper.Credentials('main').atoken())",
        ),
    ],
)
def test_a_fork_in_the_middle_of_an_import_leaves_no_child_behind_that_waits_for_it(
    scratch_world: World, module: str, use: str
) -> None:
    scratch_world.prepare()
    # From 3.12 on Python warns of a fork beside threads: it is tested that this one goes well.
    quiet = ("-W", "ignore:This process:DeprecationWarning")
    done = subprocess.run(
        [sys.executable, *quiet, "-c", FORKING.format(module=module, use=use)],
        env={**scratch_world.environ, **python_environment()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


USER = """
import asyncio
import credhelper

credentials = credhelper.Credentials(profile="work", service="https://ica.example", min_ttl=60)
token: str = credhelper.get_token(service="https://ica.example")
headers: dict[str, str] = credentials.headers("https://ica.example")
maybe: str | None = credentials.token_for("https://ica.example")
later: str = asyncio.run(credentials.atoken())
configuration = credhelper.libica.configuration(profile="work")
hook = credhelper.libica.refresh_api_key_hook(profile="work")
place: dict[str, str] = credhelper.aws.place("work")
try:
    credentials.token()
except credhelper.errors.CredhelperError as error:
    told: str | None = error.hint
reveal_type(credentials.auth)
"""


@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="needs mypy: credhelper[check]")
def test_a_strict_program_of_a_user_is_typed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(USER)
    words = ["--strict", "--cache-dir", str(tmp_path / "cache"), "--no-color-output", "program.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "", *words],
        cwd=tmp_path,
        env=python_environment(),
        capture_output=True,
        text=True,
    )
    notes = [line for line in done.stdout.split("\n") if "note:" in line]
    assert done.returncode == 0, done.stdout
    assert ["credhelper.inprocess.http_auth.Auth" in note for note in notes] == [True]

    (tmp_path / "program.py").write_text("import credhelper\ncredhelper.get_token(profil='x')\n")
    wrong = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "", *words],
        cwd=tmp_path,
        env=python_environment(),
        capture_output=True,
        text=True,
    )
    assert (wrong.returncode, "profil" in wrong.stdout) == (1, True)
