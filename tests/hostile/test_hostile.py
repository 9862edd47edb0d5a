"""Hostile inputs, and the one safe outcome for each: the real programs, against a real sandbox.

`cases/*.toml` hold the inputs, one `[[case]]` each; what needs more than an input and an outcome
(files, locks, signals, processes) names a `scenario`, a function in `scenarios/`. A case has:

- `id`: `row-NN-in-words`; NN is the class of input that it stands for, see `ROWS`;
- `program` (by default `credhelper`), `arguments`, `environ`, `config` (text of the config file);
- `api`: of the one profile, where it is not v1; `aws`, what its AWS credentials are for;
- `stdin` (text), `stdin_bytes` (each character is the byte of its number), or `stdin_parts` (pairs
  of a text and how often it comes);
- `start`: what the cache holds. `shared`, the default: a fresh token, in a world that all cases of
  a process share, since none may change it: not a byte, not a time stamp. `cold`, `fresh`, `stale`
  and `expired` are worlds of the case's own;
- `faults`: what the sandbox does wrong;
- `outcome`: `nothing` (a status above 0, an empty stdout, one error on stderr), `silence` (status
  0, not a byte), `told` (docker: the error stands on stdout, status 1), `token` (the token that is
  held, or a new one where none is, and a stderr without errors), `exact` (as `stdout` says);
- `status`, `stdout`: exactly that; `says`: what the error or warning must hold; `hides`: what no
  stream may hold; `answers`: for json, of each line the error's code or what was answered;
- `requests`: how often the API was asked (0 unless told); `records`: how many tokens lie there
  after.

In texts `%TOKEN%` is the token held, `%EXPIRES%` what callers are told of its end, `%API%` the
sandbox's URL, `%KEY%` its API key, `%KEYFILE%` the file that holds it, `%ROOT%` the world's folder,
`%WITNESS%` the URL of a socket that nobody may talk to.
"""

from __future__ import annotations

import json
import tomllib
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.scenarios import SCENARIOS
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Witness
from tests.support.worlds import Outcome, World, snapshot, tokens_in

# The classes of input. The gaps are classes of protocols that we do not speak, and what unit tests
# hold better: faults injected into single system calls.
ROWS = {
    *(1, 2, 3, 5, 7, 8, 9, 11, 12, 13, 15, 16, 18, 19, 21, 22, 24, 25, 26, 27, 29, 30),
    *(31, 32, 33, 34, 35, 37, 39, 40, 41, 42, 43, 44, 45, 47, 49, 50, 52, 53, 54, 57, 58, 59),
    *(60, 61, 63, 64, 65, 66, 67, 68, 70, 72, 73, 76, 80, 81, 82, 83, 84, 86, 87, 88),
    *(91, 93, 94, 96, 98, 99, 101, 102, 103, 104),
}
KNOWN = {
    *("id", "program", "arguments", "environ", "config", "api", "aws"),
    *("stdin", "stdin_bytes", "stdin_parts"),
    *("start", "faults", "outcome", "status", "stdout", "says", "hides", "answers"),
    *("requests", "records"),
}
CASES = [
    case
    for file in sorted((Path(__file__).parent / "cases").glob("*.toml"))
    for case in tomllib.loads(file.read_text())["case"]
]
INPUTS = [pytest.param(case, id=case["id"]) for case in CASES if "scenario" not in case]
SET_UPS = [pytest.param(case, id=case["id"]) for case in CASES if "scenario" in case]
LIFETIME = 86400


@pytest.mark.sampled(8)
@pytest.mark.parametrize("case", INPUTS)
def test_an_input_has_its_one_safe_outcome(
    case: dict[str, Any],
    request: pytest.FixtureRequest,
    running_sandbox: RunningSandbox,
    witness: Witness,
) -> None:
    assert case.keys() <= KNOWN
    shared = case.get("start", "shared") == "shared"
    world: World = request.getfixturevalue("shared_world" if shared else "scratch_world")
    begin(world, case, running_sandbox, witness)
    told = fill(case, world, running_sandbox, witness)
    held = world.held()
    before = snapshot(world.root)
    running_sandbox.count_from_here()
    running_sandbox.fault(*told.get("faults", []))

    outcome = world.run(
        *told.get("arguments", []),
        program=case.get("program", "credhelper"),
        stdin=stdin_of(told),
        environ=told.get("environ", {}),
    )

    judge(told, outcome, held)
    assert running_sandbox.stats()["requests"] == case.get("requests", 0)
    assert witness.visits == 0
    if shared:
        assert snapshot(world.root) == before
    if "records" in case:
        assert len(world.held()) == case["records"]


@pytest.mark.sampled(6)
@pytest.mark.parametrize("case", SET_UPS)
@pytest.mark.waits
def test_a_set_up_has_its_one_safe_outcome(
    case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    scenario = SCENARIOS[case["scenario"]]
    told = {name: value for name, value in case.items() if name not in ("id", "scenario")}
    fixtures = {
        name: request.getfixturevalue(name)
        for name, parameter in signature(scenario).parameters.items()
        if name not in told and parameter.default is parameter.empty
    }
    scenario(**told, **fixtures)


def test_every_class_of_input_has_a_case() -> None:
    rows = [case["id"].split("-") for case in CASES]
    assert all(row[0] == "row" for row in rows)
    assert {int(row[1]) for row in rows} == ROWS


def test_no_two_cases_share_a_name() -> None:
    names = [case["id"] for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_every_scenario_is_used() -> None:
    assert {case["scenario"] for case in CASES if "scenario" in case} == SCENARIOS.keys()


def begin(world: World, case: dict[str, Any], sandbox: RunningSandbox, witness: Witness) -> None:
    start = case.get("start", "shared")
    told: dict[str, Any] = {key: case[key] for key in ("api", "aws") if key in case}
    if told:
        assert start != "shared"
        world.configure(sandbox.url, sandbox.api_key, main=told)
    if "config" in case:
        assert start == "cold"
        world.config.write_text(fill(case["config"], world, sandbox, witness))
    if start in ("fresh", "stale", "expired"):
        world.prepare()
        # A caller likes to see 60 seconds, and is told of the end 10 seconds early.
        world.age({"fresh": 0, "stale": LIFETIME - 45, "expired": LIFETIME + 60}[start])


def fill(value: Any, world: World, sandbox: RunningSandbox, witness: Witness) -> Any:
    """Return `value` with all that stands between percent signs filled in, however deep."""
    words = {
        "%API%": sandbox.url,
        "%KEY%": sandbox.api_key,
        "%KEYFILE%": str(world.root / "api-key"),
        "%ROOT%": str(world.root),
        "%WITNESS%": witness.url,
    }
    for fields in world.held():
        words["%TOKEN%"] = fields["token"]
        words["%EXPIRES%"] = str(int(fields["expires"]) - 10)
    return filled(value, words)


def filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, words) for each in value]
    if isinstance(value, str):
        for name, text in words.items():
            value = value.replace(name, text)
    return value


def stdin_of(case: dict[str, Any]) -> bytes:
    if "stdin_bytes" in case:
        return bytes(case["stdin_bytes"], "latin-1")
    if "stdin_parts" in case:
        return b"".join(text.encode() * times for text, times in case["stdin_parts"])
    return bytes(case.get("stdin", ""), "utf-8")


def judge(case: dict[str, Any], outcome: Outcome, held: list[dict[str, str]]) -> None:
    kind = case["outcome"]
    status = case.get(
        "status", {"silence": 0, "token": 0, "exact": 0, "told": 1, "nothing": None}[kind]
    )
    assert outcome.status > 0 if status is None else outcome.status == status, outcome
    complaints = outcome.told
    if kind == "silence":
        assert (outcome.stdout, outcome.stderr) == (b"", b""), outcome
    elif kind == "nothing":
        assert outcome.stdout == b"", outcome
        assert complaints.count("credhelper: error: ") == 1, outcome
    elif kind == "told":
        complaints += outcome.stdout.decode()
        assert outcome.stdout.count(b"\n") == 1, outcome
        assert not tokens_in(outcome.stdout), outcome
    elif kind == "token":
        if case.get("start", "shared") in ("shared", "fresh", "stale"):
            assert outcome.token == held[0]["token"]
        assert outcome.token
        assert "credhelper: error: " not in complaints, outcome
        assert not complaints or "says" in case, outcome
    assert only_complaints(outcome), outcome
    if "stdout" in case:
        assert outcome.stdout.decode() == case["stdout"], outcome
    if "answers" in case:
        answers = [what_was_answered(line) for line in outcome.stdout.split(b"\n")[:-1]]
        assert answers == case["answers"], outcome
    for words in case.get("says", []):
        assert words in complaints, outcome
    for words in case.get("hides", []):
        assert words.encode() not in outcome.stdout + outcome.stderr, outcome


def only_complaints(outcome: Outcome) -> bool:
    """Tell whether stderr holds nothing but lines of ours, and nothing that moves a cursor."""
    *lines, rest = outcome.stderr.decode().split("\n")
    ours = ("credhelper: error: ", "credhelper: warning: ", "credhelper: hint: ")
    return rest == "" and all(line.startswith(ours) and line.isprintable() for line in lines)


def what_was_answered(line: bytes) -> str:
    answer = json.loads(line)
    if "error" in answer:
        return str(answer["error"]["code"])
    return next(name for name in ("token", "rejected", "services") if name in answer)
