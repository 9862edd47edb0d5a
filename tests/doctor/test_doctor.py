"""`credhelper doctor`: each fault is found by one check, and what it says is safe to paste."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from importlib import resources
from typing import Any

import jsonschema
import pytest

from tests.doctor.faults import FAULTS
from tests.doctor.stage import GIT, Stage
from tests.support.screens import DOCTOR

SCHEMA = json.loads(
    resources.files("credhelper.cli").joinpath("schema/doctor.schema.json").read_text()
)


# Faults whose fix is a command that mends them.
BY_COMMAND = [
    "tool: its lines are gone",
    "tool: a leaked token",
    "tool: another helper",
    "tool: a helper for all hosts",
    "tool: an empty helper",
    "tool: a helper by a variable",
    "tool: an empty helper by a variable",
    "tool: another file of git",
    "tool: a header with a token",
    "tool: another way to the host",
    "tool: a user that no profile has",
    "tool: such a user by a variable",
    "tool: a path that git leaves out",
    "tool: its helper is not on PATH",
]


def examined(stage: Stage, *words: str, **how: Any) -> tuple[int, list[dict[str, Any]]]:
    """Return the status of the doctor and what it found, once that is held to its schema."""
    how = {"environ": stage.environ, "prefix": stage.prefix, **how}
    outcome = stage.world.run("doctor", "--json", *words, **how)
    assert outcome.told == "", outcome
    document = json.loads(outcome.stdout)
    jsonschema.validate(document, SCHEMA)
    assert document.keys() == SCHEMA["properties"].keys()
    described = SCHEMA["properties"]["checks"]["items"]["properties"]
    assert all(one.keys() == described.keys() for one in document["checks"])
    assert document["exit_status"] == outcome.status
    assert str(stage.world.home) not in outcome.stdout.decode()
    return outcome.status, document["checks"]


def of(found: list[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    return [one for one in found if one["state"] == state]


def check(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (one,) = [one for one in found if one["name"] == name]
    return one


def test_where_all_is_well_every_check_passes(stage: Stage) -> None:
    stage.wires_git()
    status, found = examined(stage)
    assert status == 0
    assert [one for one in found if one["state"] != "pass"] == []
    assert {one["about"] for one in found} == {
        *("", "cache", "state", "main", f"git {GIT}", stage.api.url)
    }


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 25
    assert len({fault.check for fault in FAULTS.values()}) >= 20


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_makes_one_check_fail(stage: Stage, name: str) -> None:
    fault = FAULTS[name]
    if fault.wired:
        stage.wires_git()
    fault.spoil(stage)
    status, found = examined(stage, *fault.words)
    failed = of(found, "fail")
    assert [one["name"] for one in failed] == [fault.check], failed
    assert failed[0]["about"].startswith(fault.about)
    assert status == failed[0]["status"] == fault.status
    assert failed[0]["fix"], failed
    for one in of(found, "skipped"):
        assert re.match(r"needs: |--offline$|.*--ask-grants", one["why"]), one


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        (
            "cache: a read-only disk",
            "set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders that can be written",
        ),
        ("cache: a full disk", "free some space there: df -h {world.cache}"),
        ("state: a full disk", "free some space there: df -h {world.state}"),
    ],
)
def test_the_fix_is_one_for_that_very_fault(stage: Stage, name: str, fix: str) -> None:
    FAULTS[name].spoil(stage)
    (failed,) = of(examined(stage)[1], "fail")
    assert failed["fix"] == fix.format(world=stage.world)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", BY_COMMAND)
def test_what_the_doctor_tells_to_type_makes_all_well(stage: Stage, name: str) -> None:
    if FAULTS[name].wired:
        stage.wires_git()
    FAULTS[name].spoil(stage)
    (failed,) = of(examined(stage)[1], "fail")
    script = f"{failed['fix']} && exec credhelper doctor"
    environ = stage.world.environment(stage.environ)
    home = str(stage.world.home)
    assert home not in failed["fix"]
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, timeout=120)
    assert done.returncode == 0, (failed, done.stdout, done.stderr)


def test_a_tool_may_call_the_program_credhelper_itself_by_its_name(stage: Stage) -> None:
    stage.environ["PATH"] = stage.without("git-credential-credhelper")
    assert stage.world.run("setup", "git", "--service", GIT, environ=stage.environ).status == 0
    assert "!credhelper git" in (stage.world.home / ".gitconfig").read_text()
    status, found = examined(stage)
    assert (status, of(found, "fail")) == (0, [])
    assert check(found, "program")["why"] == "it calls credhelper by its name, and that runs"


def test_without_a_cache_a_check_of_a_setup_compares_no_tokens_that_were_made_apart(
    stage: Stage,
) -> None:
    stage.wires_git()
    stage.mounts(stage.world.cache, "ro")
    outcome = stage.world.run("setup", "git", "--check", prefix=stage.prefix)
    assert outcome.status == 0, outcome
    assert b"a token for the owner of profile main; no cache keeps it" in outcome.stdout
    # Another password is told from a token all the same.
    with (stage.world.home / ".gitconfig").open("a") as file:
        file.write(
            f'[credential "{GIT}"]\n\thelper =\n\thelper = "!echo username=a; echo password=b"\n'
        )
    outcome = stage.world.run("setup", "git", "--check", prefix=stage.prefix)
    assert outcome.status == 3, outcome


def test_what_was_only_warned_of_on_the_way_is_told_once(stage: Stage) -> None:
    stage.configure(refresh_before="10m")
    stage.wires_git()
    stage.world.prepare()
    stage.world.age(86400 - 300)
    stage.api.fault({"path": "/v1/tokens", "method": "POST", "status": 503, "times": 50})
    status, found = examined(stage)
    assert (status, [one["name"] for one in of(found, "warn")]) == (0, ["warning"])
    assert "could not renew profile main" in check(found, "warning")["why"]


def test_what_depends_on_a_failed_check_is_skipped(stage: Stage) -> None:
    stage.wires_git()
    stage.configure("http://127.0.0.1:1")
    _, found = examined(stage)
    for name in ("certificate", "server", "clock", "token", "answer"):
        assert check(found, name)["state"] == "skipped"
    assert check(found, "server")["why"] == "needs: certificate http://127.0.0.1:1"


def test_offline_it_asks_no_server_and_makes_no_token(stage: Stage) -> None:
    stage.wires_git()
    stage.api.count_from_here()
    status, found = examined(stage, "--offline")
    assert (status, of(found, "fail")) == (0, [])
    skipped = {one["name"] for one in of(found, "skipped")}
    assert skipped == {"dns", "connection", "certificate", "server", "clock", "answer"}
    assert check(found, "token")["why"].startswith("none yet")
    assert stage.api.stats()["requests"] <= 1  # the question for it


def test_a_command_is_run_only_if_grants_are_asked(stage: Stage) -> None:
    mark = stage.world.root / "was-run"
    text = f"touch {shlex.quote(str(mark))}; cat {shlex.quote(str(stage.world.root / 'api-key'))}"
    stage.configure(grant={"command": ["/bin/sh", "-c", text]})
    status, found = examined(stage)
    assert (status, mark.exists()) == (0, False)
    assert "--ask-grants" in check(found, "grant")["why"]
    assert check(found, "token")["state"] == "skipped"
    status, found = examined(stage, "--ask-grants")
    assert (status, mark.exists()) == (0, True)
    assert check(found, "token")["state"] == "pass"


def test_a_token_that_lives_needs_no_grant(stage: Stage) -> None:
    key = stage.world.root / "api-key"
    stage.configure(grant={"command": ["/bin/cat", str(key)]})
    stage.world.get()
    assert check(examined(stage)[1], "token")["state"] == "pass"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "about", "spoil", "words"),
    [
        (
            "variables",
            "",
            lambda s: s.environ.update(ICA_ACCESS_TOKEN="canary-in-a-variable"),
            (),
        ),
        ("clock", "http", lambda s: s.api.fault({"path": "/v1/tokens", "date": 300}), ()),
        ("region", "https", lambda s: s.configure("https://api.invalid"), ("--offline",)),
        (
            "path",
            "",
            lambda s: s.program("credhelper", "echo credhelper 0.0.1"),
            ("--offline",),
        ),
        ("path", "", lambda s: s.environ.update(PATH="/usr/bin:/bin"), ("--offline",)),
    ],
)
def test_what_may_surprise_is_a_warning_and_no_failure(
    stage: Stage, name: str, about: str, spoil: Any, words: tuple[str, ...]
) -> None:
    stage.world.canaries.append("canary-in-a-variable")
    spoil(stage)
    status, found = examined(stage, *words)
    assert status == 0
    warned = of(found, "warn")
    assert [one["name"] for one in warned] == [name]
    assert warned[0]["about"].startswith(about)
    assert warned[0]["fix"]


def test_files_of_a_project_are_looked_at_for_one_tool_alone(stage: Stage) -> None:
    stage.wires_git()
    project = stage.world.home / "project"
    (project / ".git").mkdir(parents=True)
    (project / ".git/config").write_text("[credential]\n\thelper = store --file canary-value\n")
    stage.world.canaries.append("canary-value")
    assert of(examined(stage, cwd=project)[1], "warn") == []
    (warned,) = of(examined(stage, "git", cwd=project)[1], "warn")
    assert warned["name"] == "project files"
    assert warned["why"].startswith("~/project/.git/config sets credential")


def test_a_home_and_a_user_name_are_not_shown(stage: Stage) -> None:
    world = stage.world
    place = world.home / "jdoe" / "my config.toml"
    place.parent.mkdir()
    world.config.rename(place)
    world.environ.update(CREDHELPER_CONFIG=str(place), USER="jdoe")
    for words in ([], ["--json"], ["--offline"]):
        told = world.run("doctor", *words).stdout.decode()
        assert "~/$USER/my config.toml" in told
        assert str(world.home) not in told
        assert "jdoe" not in told


def test_the_table_names_what_helps(stage: Stage) -> None:
    (stage.world.root / "api-key").chmod(0o644)
    outcome = stage.world.run("doctor", "--offline")
    assert outcome.status == 6
    told = outcome.stdout.decode()
    assert "\x1b" not in told
    assert re.search(r"^  fail    grant: grant file .* can be read by others$", told, re.MULTILINE)
    assert re.search(r"^          fix: chmod 600 .*api-key$", told, re.MULTILINE)
    assert re.search(r"^\d+ pass, 1 fail, \d+ skipped$", told, re.MULTILINE)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
        ({"CLICOLOR_FORCE": "0"}, False),
        ({}, False),
    ],
)
def test_a_pipe_gets_colours_only_where_they_are_forced(
    stage: Stage, variables: dict[str, str], coloured: bool
) -> None:
    told = stage.world.run("doctor", "--offline", environ=variables).stdout
    assert (b"\x1b[32mpass" in told) == coloured
    assert (b"\x1b" in told) == coloured


def test_fixes_can_be_typed_as_they_stand(stage: Stage) -> None:
    key = stage.world.root / "api-key"
    key.chmod(0o644)
    (failed,) = of(examined(stage)[1], "fail")
    assert os.system(failed["fix"]) == 0
    assert examined(stage)[0] == 0
    stage.api.revoke_all()
    (failed,) = of(examined(stage)[1], "fail")
    subprocess.run(failed["fix"], shell=True, check=True, env=stage.world.environ, timeout=60)
    assert examined(stage)[0] == 0


def test_the_page_names_every_check() -> None:
    text = DOCTOR.read_text()
    rows = re.findall(r"^\| ([a-z, ]+) \| ", text, re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")}
    assert {fault.check for fault in FAULTS.values()} <= named
