"""What the front knows by heart is what the Python program has: names of fields and variables."""

from __future__ import annotations

import re
from pathlib import Path

from credhelper.core import lookup, routes
from credhelper.core.routes import Route
from native import backend
from tests.support.worlds import World

CODE = backend.FRONT.read_text()
# What turns the front off wherever it is set, or is for people alone.
NOT_OURS = {"CREDHELPER_TRACE", "CREDHELPER_SOCKET", "CREDHELPER_COMPLETE", "CREDHELPER_SHARE"}
NOT_OURS_BEGIN = "CREDHELPER_FLEET_"
OF_THE_BUILD = "CREDHELPER_NATIVE"  # often set for good, and nothing at run time reads it


def _known(array: str) -> list[str]:
    (body,) = re.findall(rf"static const Text {array}\[\] = \{{(.*?)\n\}};", CODE, re.DOTALL)
    pairs = re.findall(r'\{"([^"]*)", (\d+)\}', body)
    assert all(len(name) == int(size) for name, size in pairs), pairs
    return [name for name, _ in pairs]


def test_each_text_in_the_code_has_its_length() -> None:
    pairs = re.findall(r'\{"((?:[^"\\]|\\.)*)", (\d+)\}', CODE)
    assert len(pairs) > 40
    assert [pair for pair in pairs if len(pair[0]) != int(pair[1])] == []


def test_it_knows_all_members_of_a_route() -> None:
    route = Route(
        "p", "r", "jwt", "u", "l", "https://x", 1, "env:K", ["https://y"], "a", ("V", "p", "/b"), 2
    )
    names = {pair.partition(b"=")[0].decode() for pair in routes._line(route).strip().split(b"\t")}
    assert {*_known("ROUTE_KEYS"), "service"} == names


def test_it_knows_all_fields_of_a_record(scratch_world: World) -> None:
    scratch_world.prepare()
    (fields,) = scratch_world.held()
    known = set(_known("RECORD_KEYS"))
    assert set(fields) <= known
    assert known - set(fields) == {"skews", "given"}


def test_it_knows_all_variables_of_ours() -> None:
    told = {
        name
        for path in Path(backend.ROOT, "credhelper").rglob("*.py")
        for name in re.findall(r"\bCREDHELPER_[A-Z_]+", path.read_text())
    }
    known = set(_known("VARIABLES"))
    told = {name for name in told if not name.startswith(NOT_OURS_BEGIN) and name[-1] != "_"}
    assert OF_THE_BUILD not in told
    told = told - NOT_OURS | {OF_THE_BUILD}
    assert told == {name for name in known if name.startswith("CREDHELPER_")}
    assert lookup.SOCKET in NOT_OURS


def test_it_is_as_short_and_plain_as_it_says() -> None:
    assert len(CODE.split("\n")) < 900
    for banned in (
        "malloc",
        "alloca",
        "printf",
        "setlocale",
        "getenv",
        "strtol",
        "strcpy",
        "strcat",
        "sprintf",
        "system(",
    ):
        assert banned not in CODE + Path(backend.HERE, "text.h").read_text(), banned


def test_the_program_file_is_in_it() -> None:
    program = Path(backend.ROOT, "credhelper/bin/credhelper").read_text()
    shell, python = backend.halves(program)
    assert python.endswith(program.partition("\n'''\n")[2])
    assert shell.count('exec "$python" -I -S -c "$@"') == 1
    assert "python3 beside $self" in shell
