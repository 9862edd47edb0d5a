"""google: what transcripts do not show: the file, the silence, and any environment."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core.model import SESSION, Call, Credential, Request, Secret
from credhelper.errors import ConfigError, CredhelperError, UnsupportedActionError, UsageError
from credhelper.protocols import google
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

if TYPE_CHECKING:
    from credhelper.core.model import Kind

PREFIX = "GOOGLE_EXTERNAL_ACCOUNT_"
FILE, TYPE = PREFIX + "OUTPUT_FILE", PREFIX + "TOKEN_TYPE"


def ask(*arguments: str, **told: str) -> Request:
    environ = {PREFIX + name: value for name, value in told.items()}
    return google.parse(Call("credhelper", arguments, b"", environ))


def credential(token: str = "a.b.c", kind: Kind = "jwt") -> Credential:
    return Credential(Secret(token), 1800000000, username="me", profile="main", kind=kind)


def test_it_reads_nothing_and_says_nothing_aside() -> None:
    assert google.QUIET
    for arguments in ([], ["x"], ["--bad"], ["--service", "https://ica.example"]):
        assert google.reads(arguments) == "nothing"


def test_a_service_a_profile_and_a_life_may_be_named() -> None:
    request = ask("--service", "https://ICA.example/x/", "-p", "main", "--min-ttl=90")
    assert str(request.service) == "https://ica.example/x"
    assert (request.profile, request.min_ttl, request.margin) == ("main", 90, 300)
    assert (ask().service, ask().profile) == (None, None)


@pytest.mark.parametrize(
    "arguments", [["x"], ["--format", "json"], ["--service"], ["--service", ""], ["--min-ttl", "x"]]
)
def test_a_command_line_that_makes_no_sense_is_told_as_an_answer(
    arguments: list[str], talk: Any
) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)
    reply = talk("google", arguments)
    assert (reply.stderr, reply.status) == (b"", 0)
    assert json.loads(reply.stdout)["success"] is False


@pytest.mark.parametrize("wanted", ["http://ica.example", "https://u:canary@ica.example", "a b"])
def test_a_service_that_makes_no_sense_is_told_as_an_answer(wanted: str, talk: Any) -> None:
    reply = talk("google", ["--service", wanted])
    assert (reply.stderr, reply.status) == (b"", 0)
    assert b"canary" not in reply.stdout
    assert json.loads(reply.stdout)["code"] == "bad_request"


@pytest.mark.parametrize(
    "token_type",
    [
        *("urn:ietf:params:oauth:token-type:saml2", "urn:ietf:params:oauth:token-type:saml1"),
        *("urn:ietf:params:oauth:token-type:access_token", "jwt", " ", "\n"),
        *("URN:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:jwt\n"),
        "urn:ietf:params:oauth:token-type:jwt ",
    ],
)
def test_no_other_type_is_ever_claimed(token_type: str) -> None:
    with pytest.raises(UnsupportedActionError):
        ask(TOKEN_TYPE=token_type)


def test_a_token_that_is_no_jwt_is_not_handed_over() -> None:
    with pytest.raises(ConfigError) as caught:
        google.render(ask(), credential("ps-canary", SESSION))
    assert "canary" not in str(caught.value)


def test_the_file_holds_what_stdout_says() -> None:
    reply = google.render(ask(OUTPUT_FILE="/x/y.json"), credential())
    assert reply.file == ("/x/y.json", reply.stdout)
    assert google.render(ask(), credential()).file is None
    assert google.render(ask(OUTPUT_FILE=""), credential()).file is None


def test_a_terminal_is_not_shown_the_token() -> None:
    reply = google.render(ask(OUTPUT_FILE="/x/y.json", INTERACTIVE="1"), credential())
    assert reply.stdout == b""
    assert reply.file is not None
    assert json.loads(reply.file[1])["id_token"] == "a.b.c"


def test_an_error_leaves_no_file() -> None:
    request = ask(OUTPUT_FILE="/x/y.json")
    assert google.refuse(CredhelperError("x"), request).file is None


@given(st.dictionaries(st.sampled_from(["TOKEN_TYPE", "REVOKE", "OUTPUT_FILE", "ID"]), st.text()))
def test_any_environment_is_a_request_or_an_answer(told: dict[str, str]) -> None:
    try:
        request = ask(**told)
    except CredhelperError as error:
        reply = google.refuse(error, None)
        assert json.loads(reply.stdout).keys() == {"version", "success", "code", "message"}
    else:
        reply = google.render(request, credential())
        assert json.loads(reply.stdout)["token_type"] in google.TOKEN_TYPES
    assert (reply.stderr, reply.status) == (b"", 0)


@given(st.text(st.characters()), st.one_of(st.none(), st.text(st.characters())))
def test_any_token_and_any_error_is_one_line_of_json(text: str, hint: str | None) -> None:
    for reply in (
        google.render(ask(), credential(text)),
        google.refuse(CredhelperError(text, hint), None),
    ):
        assert reply.stdout.isascii()
        assert reply.stdout.count(b"\n") == 1
        assert json.loads(reply.stdout)["version"] == 1


def test_the_file_is_written_for_us_alone(scratch_world: World, tmp_path: Path) -> None:
    file = tmp_path / "token.json"
    file.write_text("{}")
    file.chmod(0o644)
    for _ in range(2):
        outcome = scratch_world.run("google", environ={FILE: str(file)})
        assert (outcome.status, outcome.told) == (0, "")
        assert file.read_bytes() == outcome.stdout
        assert json.loads(outcome.stdout)["success"] is True
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if ".tmp" in path.name] == []


def test_nothing_but_a_file_of_ours_is_replaced(scratch_world: World, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    link = tmp_path / "link"
    link.symlink_to(target)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    missing = tmp_path / "missing" / "token.json"
    for path in (link, fifo, tmp_path, missing, Path("token.json"), Path("/dev/null")):
        outcome = scratch_world.run("google", environ={FILE: str(path)}, cwd=tmp_path)
        assert (outcome.status, outcome.told) == (0, ""), path
        assert json.loads(outcome.stdout)["success"] is True
    assert link.is_symlink()
    assert target.read_text() == "kept"
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert not missing.parent.exists()
    assert not (tmp_path / "token.json").exists()


def test_a_terminal_gets_the_token_in_the_file_alone(scratch_world: World, tmp_path: Path) -> None:
    file = tmp_path / "token.json"
    environ = {FILE: str(file), PREFIX + "INTERACTIVE": "1"}
    outcome = scratch_world.run("google", environ=environ)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"", b"")
    assert len(tokens_in(file.read_bytes())) == 1


def test_before_a_terminal_a_failure_is_one_to_the_library_too(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    # Its library reads the file after a status of 0, and nothing else: no file, no answer.
    target = tmp_path / "target"
    target.write_text("kept")
    link = tmp_path / "link"
    link.symlink_to(target)
    interactive = {PREFIX + "INTERACTIVE": "1"}
    for path in (link, tmp_path, tmp_path / "missing/token.json", Path("token.json")):
        environ = {FILE: str(path), **interactive}
        outcome = scratch_world.run("google", environ=environ, cwd=tmp_path)
        assert (outcome.status, outcome.stderr) == (7, b""), path
        told = json.loads(outcome.stdout)
        assert (told["success"], told["code"]) == (False, "cache")
        assert str(path) in told["message"]
    assert target.read_text() == "kept"

    file = tmp_path / "token.json"
    scratch_world.run("logout")
    running_sandbox.fault({"status": 401, "times": 5})
    outcome = scratch_world.run("google", environ={FILE: str(file), **interactive})
    assert (outcome.status, outcome.stderr) == (5, b"")
    assert json.loads(outcome.stdout)["code"] == "rejected"
    assert not file.exists()


def test_a_stale_token_is_served_without_a_word(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    first = scratch_world.run("google").token
    lifetime = _lifetime(scratch_world)
    scratch_world.age(lifetime - 60)
    running_sandbox.fault({"status": 503, "times": 5})
    outcome = scratch_world.run("google", environ={"CREDHELPER_TRACE": "1"})
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert outcome.token == first
    assert "warning" in scratch_world.run("get").told


def test_a_broken_config_is_told_on_stdout_alone(scratch_world: World) -> None:
    scratch_world.config.write_text("= broken")
    outcome = scratch_world.run("google")
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert json.loads(outcome.stdout)["code"] == "config"


def test_an_open_stdin_is_not_waited_for(scratch_world: World) -> None:
    process = scratch_world.start("google")
    try:
        assert process.stdout is not None
        assert process.wait(30) == 0
        assert json.loads(process.stdout.read())["success"] is True
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        process.communicate()


def _lifetime(world: World) -> int:
    (record,) = world.records()
    fields = dict(line.partition("=")[::2] for line in record.read_text().splitlines())
    return int(fields["expires"]) - int(fields["issued"])
