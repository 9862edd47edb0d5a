"""`credhelper login`: verified first, written once, and silent about secrets."""

from __future__ import annotations

import os
import pty
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from credhelper.cli import prompt
from credhelper.errors import LoginRequiredError
from tests.cli.conftest import Person
from tests.support.programs import command
from tests.support.worlds import snapshot


def profiles(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(person.config())["profiles"]
    return found


def test_a_login_says_who_where_how_long_and_what_next(person: Person) -> None:
    outcome = person.logs_in("--service", "https://git.example", "--cid", "project-alpha")
    told = outcome.stdout.decode()
    assert "Sandbox User (sandbox@example.com)" in told
    assert f"{person.api.url}, project project-alpha" in told
    assert "live 24 h; this one until 2" in told
    assert "https://git.example" in told
    assert str(person.world.config) in told
    assert "credhelper get\n" in told
    assert "credhelper setup git --service https://git.example" in told
    assert outcome.told == ""


def test_a_piped_key_lives_in_a_private_file_of_ours(person: Person) -> None:
    person.logs_in()
    key = person.world.state / "grants" / "default.key"
    assert key.read_text() == person.api.api_key + "\n"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert profiles(person) == {
        "default": {"url": person.api.url, "grant": {"file": str(key)}},
    }
    assert person.api.api_key not in person.config()


def test_a_login_and_the_gets_after_it_take_one_token(person: Person) -> None:
    person.logs_in("--service", "https://git.example")
    first = person.token()
    assert person.token("https://git.example") == first
    assert person.api.stats()["created"] == 1


def test_the_first_profile_is_the_default_and_the_next_one_is_not(person: Person) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two")
    assert tomllib.loads(person.config())["default_profile"] == "one"
    person.logs_in("--profile", "two", "--default")
    assert tomllib.loads(person.config())["default_profile"] == "two"


def test_a_login_again_keeps_the_other_settings_and_comments(person: Person) -> None:
    person.logs_in("--service", "https://git.example", "--cid", "project-alpha")
    person.world.config.write_text("# mine\n" + person.config() + 'username = "me"\n')
    before = profiles(person)["default"]
    assert person.types("login", stdin=person.api.api_key).status == 0
    assert person.config().startswith("# mine\n")
    assert profiles(person)["default"] == before
    person.logs_in("--service", "https://more.example", "--cid", "project-beta")
    after = profiles(person)["default"]
    assert after["services"] == ["https://git.example", "https://more.example"]
    assert (after["cid"], after["username"]) == ("project-beta", "me")


def test_a_password_is_used_once_and_kept_nowhere(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password + "\n")
    assert profiles(person)["default"] == {
        "url": person.api.url,
        "user": person.api.username,
        "auth": "session",
    }
    for path in person.world.root.rglob("*"):
        if path.is_file():
            assert person.api.password.encode() not in path.read_bytes(), path
    sessions = [
        path for path in (person.world.state / "sessions").iterdir() if path.suffix != ".lock"
    ]
    assert [path.stat().st_mode & 0o777 for path in sessions] == [0o600]
    person.token()
    assert (person.api.stats()["created"], person.api.stats()["minted"]) == (1, 1)


def test_after_a_password_login_tokens_go_on_without_a_person(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    first = person.token()
    for record in person.world.records():
        record.unlink()
    assert person.token() != first
    assert (person.api.stats()["created"], person.api.stats()["minted"]) == (1, 2)


def test_a_session_token_is_kept_the_same_way(person: Person) -> None:
    person.logs_in()
    made = person.types("token", "create", "--return-session-token")
    session = made.token
    person.logs_in("--profile", "ps", "--session", stdin=session)
    assert profiles(person)["ps"] == {"url": person.api.url, "auth": "session"}
    assert person.token("-p", "ps")
    assert session not in person.config()


def test_a_session_can_be_kept_with_a_key_too(person: Person) -> None:
    person.logs_in("--keep-session")
    assert profiles(person)["default"]["keep_session"] is True
    assert (person.api.stats()["created"], person.api.stats()["minted"]) == (1, 1)
    person.token()
    assert person.api.stats()["minted"] == 1


@pytest.mark.parametrize("how", ["env", "file", "command"])
def test_a_key_that_lives_elsewhere_is_not_copied(person: Person, how: str) -> None:
    key = person.world.secret_file("theirs", person.api.api_key)
    what = {"env": "MY_KEY", "file": str(key), "command": f"cat '{key}'"}[how]
    grant = {"env": "MY_KEY", "file": str(key), "command": ["cat", str(key)]}[how]
    environ = {"MY_KEY": person.api.api_key}
    outcome = person.types(
        "login", "--url", person.api.url, f"--grant-{how}", what, environ=environ
    )
    assert outcome.status == 0, outcome
    assert profiles(person)["default"]["grant"] == {how: grant}
    assert not (person.world.state / "grants").exists()
    person.token(environ=environ)
    assert person.api.stats()["created"] == 1


def test_a_login_again_where_the_key_lives_elsewhere_asks_nobody(person: Person) -> None:
    key = person.world.secret_file("theirs", person.api.api_key)
    person.logs_in("--grant-file", str(key), stdin="")
    outcome = person.types("login", "--no-input")
    assert outcome.status == 0, outcome
    assert person.api.stats()["created"] == 2


def test_a_profile_can_change_from_a_key_to_a_password_and_back(person: Person) -> None:
    person.logs_in()
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    assert profiles(person)["default"]["auth"] == "session"
    assert "grant" not in profiles(person)["default"]
    person.logs_in("--api-key")
    assert "auth" not in profiles(person)["default"]
    assert profiles(person)["default"]["grant"]
    assert person.token()


@pytest.mark.parametrize(
    ("words", "stdin", "status"),
    [
        ([], "wrong-key", 5),
        (["--cid", "project-foreign"], None, 5),
        (["--user", "me"], "wrong", 5),
        (["--session"], "ps-wrong", 5),
        (["--url", "http://127.0.0.1:1"], None, 5),
        (["--url", "https://user:pw@host"], None, 2),
        (["--url", "http://ica.example"], None, 2),
        (["--service", "https://h/?q=1"], None, 2),
        (["--profile", "../x"], None, 2),
        (["--grant-env", "1X"], None, 2),
        (["--grant-env", "NOT_SET"], None, 4),
        (["--grant-file", "/proc/nowhere"], None, 4),
        (["--grant-env", "A", "--grant-file", "/b"], None, 2),
        (["--grant-command", "unbalanced '"], None, 2),
        (["--grant-command", "no-such-program-here"], None, 6),
        (["--api-key", "--user", "me"], None, 2),
        (["--session", "--user", "me"], None, 2),
        ([], "", 4),
        ([], "\n", 4),
        ([], "two\nlines", 6),
        ([], "carriage\r\n", 6),
        ([], "nul\0", 6),
        ([], "a b", 6),
        ([], "schl\u00fcssel", 6),
        ([], "x" * 70000, 6),
    ],
)
def test_nothing_is_written_when_a_login_fails(
    person: Person, words: list[str], stdin: str | None, status: int
) -> None:
    before = snapshot(person.world.state), person.config()
    key = person.api.api_key if stdin is None else stdin
    outcome = person.types("login", "--url", person.api.url, *words, stdin=key)
    assert (outcome.status, outcome.stdout) == (status, b""), outcome
    assert outcome.told.startswith("credhelper: error: ")
    assert (snapshot(person.world.state), person.config()) == before
    assert not person.world.records()


def test_a_failed_login_leaves_the_profile_that_works(person: Person) -> None:
    person.logs_in()
    token = person.token()
    before = snapshot(person.world.state), person.config()
    assert person.types("login", stdin="wrong").status == 5
    assert (snapshot(person.world.state), person.config()) == before
    assert person.token() == token


def test_a_session_that_no_profile_will_use_is_revoked_again(person: Person) -> None:
    words = ["login", "--url", person.api.url, "--user", person.api.username]
    outcome = person.types(*words, "--cid", "project-foreign", stdin=person.api.password)
    assert outcome.status == 5
    assert person.api.stats()["revoked"] == 1


def test_the_new_account_is_used_at_once(person: Person) -> None:
    person.logs_in()
    first = person.token()
    person.api.revoke_all()
    assert person.types("login", stdin=person.api.api_key).status == 0
    assert person.token() != first
    assert len(person.world.records()) == 1


def test_a_remembered_failure_does_not_outlive_a_login(person: Person) -> None:
    person.logs_in()
    for record in person.world.records():
        record.unlink()
    person.api.fault({"path": "/v1/tokens", "method": "POST", "status": 403})
    assert person.world.run("get").status == 5
    assert person.world.failures()
    assert person.types("login", stdin=person.api.api_key).status == 0
    assert not person.world.failures()
    assert person.token()


@pytest.mark.parametrize("words", [["SECRET-WORD"], ["--service", "https://a", "SECRET-WORD"]])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    person: Person, words: list[str]
) -> None:
    outcome = person.types("login", *words)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "SECRET-WORD" not in outcome.told


def test_a_login_without_a_terminal_and_a_pipe_says_how(person: Person) -> None:
    outcome = person.world.run("login", "--url", person.api.url)
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert 'printf %s "$SECRET" | credhelper login' in outcome.told


def test_a_closed_stdin_is_told(person: Person) -> None:
    closed = ["sh", "-c", 'exec "$@" <&-', "sh"]
    outcome = person.world.run("login", "--url", person.api.url, prefix=closed)
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "stdin is closed" in outcome.told


def test_a_terminal_is_asked_without_an_echo(person: Person) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*command(), "login", "--url", person.api.url],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=person.world.environment(),
        cwd="/",
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while b": " not in shown:
        shown += os.read(master, 1024)
    assert b"API key for " in shown
    os.write(master, person.api.api_key.encode() + b"\n")
    stdout, _ = process.communicate(timeout=60)
    try:
        while chunk := os.read(master, 1024):
            shown += chunk
    except OSError:
        pass  # the other end is closed
    os.close(master)
    assert process.returncode == 0, shown
    assert b"logged in to profile default" in stdout
    assert person.api.api_key.encode() not in shown + stdout


def test_no_input_forbids_the_prompt(person: Person) -> None:
    master, slave = pty.openpty()
    process = person.world.start("login", "--no-input", stdin=slave)
    os.close(slave)
    outcome = person.world.finish(process)
    os.close(master)
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "--no-input" in outcome.told


def test_a_key_from_the_environment_gives_way_to_a_login(person: Person) -> None:
    environ = {"CREDHELPER_API_KEY": person.api.api_key, "CREDHELPER_URL": person.api.url}
    words = ["login", "--url", person.api.url]
    assert person.types(*words, stdin=person.api.api_key, environ=environ).status == 0
    assert list(profiles(person)) == ["default"]


def test_the_terminals_profile_is_the_one_to_log_in_to(person: Person) -> None:
    person.logs_in()
    words = ["login", "--url", person.api.url]
    environ = {"CREDHELPER_PROFILE": "other"}
    assert person.types(*words, stdin=person.api.api_key, environ=environ).status == 0
    assert list(profiles(person)) == ["default", "other"]


def test_a_disk_that_says_no_is_told_and_leaves_no_key_behind(person: Person) -> None:
    blocked = person.world.root / "blocked"
    blocked.write_text("a file where a folder should be")
    environ = {"CREDHELPER_CONFIG": str(blocked / "config.toml")}
    words = ["login", "--url", person.api.url]
    outcome = person.types(*words, stdin=person.api.api_key, environ=environ)
    assert (outcome.status, outcome.stdout) == (7, b""), outcome
    assert not list(person.world.state.rglob("*.key"))


def test_a_config_that_is_a_symlink_stays_one(person: Person) -> None:
    real = person.world.root / "dotfiles.toml"
    real.write_text("")
    Path(person.world.config).symlink_to(real)
    person.logs_in()
    assert person.world.config.is_symlink()
    assert "[profiles.default]" in real.read_text()


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/v1/tokens", "method": "POST", "nbf": 2},
        {"path": "/v1/tokens/details", "status": 401},
    ],
)
def test_a_token_that_is_not_valid_yet_is_waited_for(person: Person, fault: dict[str, Any]) -> None:
    person.api.fault(fault)
    person.logs_in()
    assert person.api.stats()["created"] == 1


def test_a_token_that_the_api_does_not_know_is_no_login(person: Person) -> None:
    person.api.fault({"path": "/v1/tokens/details", "status": 401, "times": "always"})
    outcome = person.types("login", "--url", person.api.url, stdin=person.api.api_key)
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert person.config() == ""


def test_a_pipe_that_stays_open_is_not_waited_for_without_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prompt, "_TIMEOUT", 0.05)
    reader, writer = os.pipe()
    try:
        with pytest.raises(LoginRequiredError, match="did not end"):
            prompt._piped(reader, "API key")
    finally:
        os.close(reader)
        os.close(writer)
