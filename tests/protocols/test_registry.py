"""The registry: names, modules, programs, and the price of loading one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from credhelper import protocols
from credhelper.core.model import Request
from credhelper.errors import UnknownServiceError

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_every_protocol_offers_the_four_functions(name: str) -> None:
    module = protocols.load(name)
    assert module.reads(["--no-such-option"]) in ("nothing", "paragraph", "document", "lines")
    for function in ("parse", "render", "refuse"):
        assert callable(getattr(module, function))


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_a_protocol_has_a_summary_and_plain_patterns(name: str) -> None:
    module, summary, patterns = protocols.PROTOCOLS[name]
    assert module not in sys.stdlib_module_names
    assert summary
    assert "\n" not in summary
    assert isinstance(patterns, tuple)
    assert all(pattern.count("*") <= 1 for pattern in patterns)


def test_an_unknown_protocol_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        protocols.load("frobnicate")


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("git-credential-credhelper", "git"),
        ("git-credential-my-own", "git"),
        ("git-credential-credhelper.exe", "git"),
        ("git-credential-credhelper.EXE", "git"),
        ("docker-credential-credhelper", "docker"),
        ("docker-credential-x", "docker"),
        ("git-credential-", None),
        ("git-credential-.exe", None),
        ("git-credential", None),
        ("xgit-credential-x", None),
        ("credhelper", None),
        ("credhelper.exe", None),
        ("git", None),
        (".exe", None),
        ("", None),
    ],
)
def test_a_programs_name_tells_its_protocol(program: str, name: str | None) -> None:
    assert protocols.by_program(program) == name


def test_patterns_may_have_an_end_or_no_star(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(protocols.PROTOCOLS, "x", ("x", "x", ("exact", "a*z")))
    assert protocols.by_program("exact") == "x"
    assert protocols.by_program("abz") == "x"
    assert protocols.by_program("az") is None
    assert protocols.by_program("exactly") is None


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_loading_a_protocol_loads_nothing_heavy(name: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
        f"from credhelper.protocols import load; load({name!r})\n"
        "print('\\n'.join(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    ours = {module for module in loaded if module.partition(".")[0] == "credhelper"}
    assert loaded == ours
    allowed = {"core", "errors", "protocols"}
    assert {module.partition(".")[2].partition(".")[0] for module in ours} <= {"", *allowed}


def test_the_schemas_are_json_with_a_version_in_their_names() -> None:
    for direction in ("request", "answer"):
        file = ROOT / f"credhelper/protocols/schema/json-{direction}.schema.json"
        assert json.loads(file.read_text())["$id"] == f"urn:credhelper:json-{direction}:1"


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_a_protocol_that_says_nothing_of_unknown_services_is_marked(name: str) -> None:
    module = protocols.load(name)
    one, other = (
        module.refuse(UnknownServiceError(word, f"hint: {word}"), Request("get"))
        for word in ("one", "other")
    )
    same = (one.stdout, one.stderr, one.status) == (other.stdout, other.stderr, other.status)
    assert getattr(module, "NOTHING", False) == (same and not one.stderr)
