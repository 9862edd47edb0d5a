"""Tools' files that are well-formed, but not as their tools write them; and files without end.

Whatever stands there, a setup, a check and an undo either do their work, or say what is wrong with
which file and what to do next, and leave it as it is.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml

from credhelper import setup
from tests.setup.cases import CASES
from tests.setup.test_pages import request_for
from tests.setup.test_tools import Bench, fine
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World

Place = tuple[str | int, ...]
OddTexts = Callable[[str, str], Iterator[tuple[str, str]]]

_DEEP = 20_000
_READ: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
_WRITE: dict[str, Callable[[Any], str]] = {
    "json": lambda data: json.dumps(data, indent=1) + "\n",
    "toml": tomlkit.dumps,
    "yaml": lambda data: yaml.safe_dump(data, sort_keys=False),
}
_NESTED = {"name": [], "auth": 5, "exec": "x", "user": {"exec": []}}
_PAIRS = [{"name": 5}, {"value": "x"}, {"name": "x", "value": 5}, {"name": "a=b", "value": "\0"}]
_ODD: tuple[Any, ...] = (
    5,
    None,
    True,
    [],
    {},
    "",
    "x",
    'an "unclosed',
    "a\0b",
    [5, [], {}],
    _PAIRS,
    _NESTED,
)
_ENDLESS = {
    "json": ["[" * _DEEP, '{"a":' * _DEEP, '{"a":' * _DEEP + "1" + "}" * _DEEP],
    "toml": ["a = " + "[" * _DEEP, "a = " + "{a=" * _DEEP, "a" + ".a" * _DEEP + " = 1\n"],
    "yaml": ["a: " + "[" * _DEEP, "a:\n" + "- " * _DEEP + "x\n", "{a: " * _DEEP],
}
# As deep as a reader just bears, but not those who go through what it has read.
for _depth in (60, 70, 300, 900):
    _ENDLESS["json"].append('{"a":' * _depth + "1" + "}" * _depth)
    _ENDLESS["toml"].append("a = " + "[" * _depth + "]" * _depth + "\n")
    _ENDLESS["yaml"].append("a: " + "[" * _depth + "]" * _depth + "\n")


# The tools whose files are plain data, and in which format.
KINDS = {
    **dict.fromkeys(("docker", "containers", "claude", "restish", "google"), "json"),
    **dict.fromkeys(("cargo", "uv", "codex"), "toml"),
    **dict.fromkeys(("kubectl", "kubelet", "flyte"), "yaml"),
}


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path, running_sandbox: RunningSandbox) -> Bench:
    """Give this test each tool whose file is JSON, TOML or YAML."""
    return Bench(World(tmp_path), running_sandbox, request.param)


def test_every_tool_with_a_file_of_plain_data_has_its_row(tmp_path: Path) -> None:
    kinds = {"json", "toml", "yaml", "yamlmap"}
    shown = {
        tool: setup.load(tool).plan(request_for(tool, CASES[tool].service)).files for tool in CASES
    }
    found = {tool for tool, files in shown.items() if any(file.format in kinds for file in files)}
    assert found == set(KINDS)


def _places(data: Any, at: Place = ()) -> Iterator[Place]:
    yield at
    items: list[tuple[Any, Any]] = []
    if isinstance(data, dict):
        items = [*data.items()]
    elif isinstance(data, list):
        items = [*enumerate(data)]
    for key, value in items:
        yield from _places(value, (*at, key))


def _with(data: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    changed = deepcopy(data)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


@pytest.fixture
def odd_texts(request: pytest.FixtureRequest) -> OddTexts:
    """Give what yields odd texts: a sixth of them, or all if the suite is to be thorough."""
    step = 1 if request.config.getoption("--thorough") else 6
    return lambda tool, text: _odd_texts(tool, text, step)


def _odd_texts(tool: str, text: str, step: int) -> Iterator[tuple[str, str]]:
    """Yield a file's text with each of its parts replaced by odd values, and what was done.

    Of the values, each place has every one that is `step` behind another, beginning elsewhere.
    """
    kind = KINDS[tool]
    data = _READ[kind](text)
    for number, place in enumerate(_places(data)):
        for value in _ODD[number % step :: step]:
            try:
                odd = _WRITE[kind](_with(data, place, value))
                _READ[kind](odd)
            except (TypeError, ValueError, AttributeError):
                continue  # TOML has no null, and a table at its top; tomlkit errs at times
            yield f"{'.'.join(map(str, place))} = {value!r}", odd


def _hold(bench: Bench, outcome: Outcome, text: bytes, what: str) -> bool:
    """Assert that a command did its work, or refused in words; tell which."""
    if outcome.status == 0:
        return True
    told = outcome.told
    assert "credhelper: error: " in told, (what, outcome)
    assert "credhelper: hint: " in told, (what, outcome)
    if "another password answers" not in told:
        assert bench.case.file in told, (what, outcome)
    assert bench.file.read_bytes() == text, what
    return False


def _restore(bench: Bench, journal: bytes) -> None:
    bench.journal().touch(0o600)
    bench.journal().write_bytes(journal)
    for one in json.loads(journal)["setups"]:
        for path, target in one["links"].items():
            if not os.path.lexists(path):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).symlink_to(target)


@pytest.mark.sampled(3)
def test_odd_values_stop_a_setup_in_words_or_not_at_all(bench: Bench, odd_texts: OddTexts) -> None:
    for what, text in odd_texts(bench.tool, bench.case.foreign):
        before = bench.put(text.encode())
        if _hold(bench, bench.sets_up(), before, what):
            fine(bench.sets_up("--undo"))
            assert bench.file.read_bytes() == before, what
        assert not bench.journal().exists()


@pytest.mark.parametrize("by_hand", [False, True], ids=["set up", "by hand"])
def test_odd_values_stop_a_check_and_an_undo_in_words_or_not_at_all(
    bench: Bench, by_hand: bool, odd_texts: OddTexts
) -> None:
    bench.put()
    fine(bench.sets_up())
    wired = bench.file.read_text()
    journal = bench.journal().read_bytes()
    for what, text in odd_texts(bench.tool, wired):
        before = bench.put(text.encode())
        if by_hand:
            bench.journal().unlink(missing_ok=True)
            _hold(bench, bench.sets_up("--check"), before, what)
            assert bench.file.read_bytes() == before, what
        else:
            _restore(bench, journal)
            _hold(bench, bench.sets_up("--check"), before, what)
            _hold(bench, bench.sets_up("--undo"), before, what)


@pytest.mark.parametrize("mode", [(), ("--dry-run",), ("--check",), ("--undo",)])
def test_a_file_that_nests_without_end_is_told_of(bench: Bench, mode: tuple[str, ...]) -> None:
    bench.put()
    fine(bench.sets_up())
    journal = bench.journal().read_bytes()
    for number, text in enumerate(_ENDLESS[KINDS[bench.tool]]):
        for set_up in (True, False):
            before = bench.put(text.encode())
            _restore(bench, journal)
            if not set_up:
                bench.journal().unlink()
            outcome = bench.sets_up(*mode)
            if mode == ("--undo",) and not set_up:
                assert "nothing to undo" in outcome.stdout.decode()
            elif not _hold(bench, outcome, before, f"text {number}"):
                continue
            assert "--check" not in mode


ENDLESS = "{home}/endless"  # a program that prints JSON without end


@pytest.mark.parametrize(
    ("tool", "text", "told"),
    [
        ("aws", "[profile main]\ncredential_process = 'x\n", "names no credential_process"),
        ("aws", "[profile main]\ncredential_process = x a\tb\n", "config: credential_process"),
        (
            "aws",
            f"[profile main]\ncredential_process = {ENDLESS}\n",
            "credential_process: no answer",
        ),
        (
            "dvc",
            '[\'remote "files"\']\nbearer_token_command = "x\n',
            "names no bearer_token_command",
        ),
        (
            "dvc",
            "['remote \"files\"']\nbearer_token_command = ''\n",
            "names no bearer_token",
        ),
        ("dvc", "['remote \"files\"']\nbearer_token_command = \"''\"\n", "no such program"),
        ("rclone", "[credhelper]\nbearer_token_command = '\n", "there is no such program"),
        (
            "databricks",
            f"[main]\nhost = https://dbc.example\ndatabricks_cli_path = {ENDLESS}\n",
            ": no",
        ),
        ("pnpm", "//npm.example/team/:tokenHelper='" + "[" * _DEEP + "'\n", "no such program"),
        ("reclient", f"credentials_helper={ENDLESS}\n", "endless: no answer"),
        ("terraform", 'credentials_helper "x" {\n  args = ["\0"]\n}\n', "NUL byte"),
        ("bazel", f"common --credential_helper={ENDLESS}\n", "endless: nothing for this host"),
        (
            "docker",
            '{"credHelpers": {"registry.example": "credhelper"}, "x": "' + "x" * 5_000_000,
            "MiB",
        ),
        (
            "kubectl",
            "a: &a [x]\nb: &b [" + "*a, " * 2000 + "]\nusers: [" + "*b, " * 500 + "]\n",
            "unfold",
        ),
        ("flyte", "a: &a [*a]\nadmin: {command: [x]}\n", "unfold"),
    ],
)
def test_a_check_tells_what_is_wrong_with_a_file(
    tmp_path: Path, running_sandbox: RunningSandbox, tool: str, text: str, told: str
) -> None:
    bench = Bench(World(tmp_path), running_sandbox, tool)
    program = bench.world.home / "endless"
    program.write_text(f"#!/bin/sh\nprintf '%{_DEEP}s' | tr ' ' '['\n")
    program.chmod(0o755)
    before = bench.put(text.replace(ENDLESS, str(program)).encode())
    outcome = bench.sets_up("--check")
    assert not _hold(bench, outcome, before, tool)
    assert told in outcome.told
