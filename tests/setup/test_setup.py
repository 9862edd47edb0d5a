"""`credhelper setup`: the command line, questions, profiles, and trouble in the middle."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper import setup
from credhelper.setup import disk
from tests.cli.conftest import Person
from tests.setup.cases import CANARY, CASES, LINKS
from tests.support.programs import command, python_environment
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, snapshot

GIT = ("setup", "git", "--service", "https://git.example")


@pytest.fixture
def person(tmp_path: Path, running_sandbox: RunningSandbox) -> Person:
    """Give this test somebody with two profiles, of which both name one service."""
    world = World(tmp_path)
    services = {"services": ["https://both.example"]}
    world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={"services": ["https://git.example", "https://registry.example"]},
        alpha=services,
        beta=services,
    )
    world.canaries.append(CANARY)
    return Person(world, running_sandbox)


def gitconfig(person: Person) -> Path:
    return person.world.home / ".gitconfig"


def on_a_terminal(person: Person, *words: str, types: str) -> tuple[int, str]:
    """Run a command whose stdin is a terminal, at which somebody types."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command(), *words],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=person.world.environ,
    ) as process:
        os.close(theirs)
        os.write(ours, types.encode())
        assert process.stdout
        told = process.stdout.read().decode()
    os.close(ours)
    return process.returncode, told


def test_without_a_tool_tools_and_setups_are_listed(person: Person) -> None:
    listed = person.types("setup").stdout.decode()
    assert all(f"{name} " in listed for name in setup.TOOLS)
    assert "set up here" not in listed
    assert person.types(*GIT).status == 0
    listed = person.types("setup").stdout.decode()
    assert listed.index("set up here") < listed.index("https://git.example")


@pytest.mark.parametrize(
    "words",
    [
        ["setup", "git"],
        ["setup", "git", "--print"],
        ["setup", "nonsense", "--service", "https://git.example"],
        ["setup", "--service", "https://git.example"],
        [*GIT, "--undo", "--check"],
        [*GIT, "--name", "two\nlines"],
        [*GIT, "--name", "[x]"],
        [*GIT, "--profile", "$(id)", "--print"],
        ["setup", "git", "--service", "https://me:pw@git.example"],
        ["setup", "git", "--service", "http://git.example"],
        ["setup", "docker", "--service", "https://registry.example/path", "--print"],
    ],
)
def test_what_makes_no_sense_is_refused(person: Person, words: list[str]) -> None:
    before = snapshot(person.world.home)
    outcome = person.types(*words)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert snapshot(person.world.home) == before


def test_a_profile_that_is_not_there_is_refused(person: Person) -> None:
    assert person.types(*GIT, "--profile", "gone").status == 3
    assert person.types(*GIT, "--profile", "alpha").status == 3
    assert not gitconfig(person).exists()


def test_a_person_is_asked_whether_the_service_may_be_added(person: Person) -> None:
    words = ("setup", "git", "--service", "https://new.example")
    status, told = on_a_terminal(person, *words, types="n\n")
    assert (status, "May main have tokens for it?" in told) == (3, True)
    assert not gitconfig(person).exists()
    assert "new.example" not in person.config()
    status, told = on_a_terminal(person, *words, types="y\n")
    assert status == 0, told
    assert "new.example" in gitconfig(person).read_text()
    assert "new.example" in person.config()


def test_nobody_is_added_for_a_file_that_cannot_be_written(person: Person) -> None:
    gitconfig(person).touch(0o400)
    words = ("setup", "git", "--service", "https://new.example", "--add-service")
    assert person.types(*words).status == 7
    assert "new.example" not in person.config()


def test_several_profiles_are_asked_about_or_named(person: Person) -> None:
    words = ("setup", "git", "--service", "https://both.example")
    outcome = person.types(*words)
    assert outcome.status == 3
    assert "say which: --profile NAME" in outcome.told
    status, told = on_a_terminal(person, *words, types="beta\n")
    assert status == 0, told
    assert "git --profile beta" in gitconfig(person).read_text()
    assert person.types("setup", "git", "--check").status == 0


def test_a_tool_that_knows_no_profiles_is_not_given_one(person: Person) -> None:
    outcome = person.types("setup", "docker", "--service", "both.example", "--profile", "beta")
    assert outcome.status == 3
    assert "has no place for a profile's name" in outcome.told


def test_another_profile_takes_the_place_of_the_first(person: Person) -> None:
    gitconfig(person).write_text("[user]\n\tname = Ann\n")
    before = gitconfig(person).read_bytes()
    assert person.types(*GIT).status == 0
    assert person.types(*GIT, "--profile", "main").status == 0
    text = gitconfig(person).read_text()
    assert text.count("[credential") == 1
    assert "git --profile main" in text
    assert person.types(*GIT, "--check").status == 0
    assert person.types(*GIT, "--undo").status == 0
    assert gitconfig(person).read_bytes() == before


def test_a_line_of_ours_that_somebody_changed_is_left(person: Person) -> None:
    path = person.world.home / ".docker/config.json"
    words = ("setup", "docker", "--service", "registry.example")
    assert person.types(*words).status == 0
    path.write_text(path.read_text().replace('"credhelper"', '"other"'))
    outcome = person.types(*words, "--undo")
    assert outcome.status == 0
    assert "registry.example was changed since" in outcome.told
    assert json.loads(path.read_text()) == {"credHelpers": {"registry.example": "other"}}


def test_what_somebody_else_has_set_is_not_changed(person: Person) -> None:
    path = person.world.home / ".docker/config.json"
    path.parent.mkdir()
    path.write_text(f'{{"credHelpers": {{"registry.example": "{CANARY}"}}}}')
    before = snapshot(person.world.home)
    outcome = person.types("setup", "docker", "--service", "registry.example")
    assert outcome.status == 6
    assert "credHelpers.registry.example is set already" in outcome.told
    assert snapshot(person.world.home) == before


@pytest.mark.parametrize(
    ("words", "file", "text", "told"),
    [
        (
            ("terraform", "--service", "https://git.example"),
            ".terraformrc",
            'credentials_helper "other" {\n}\n',
            "credentials_helper is set already, to something else",
        ),
        (
            ("terraform", "--service", "https://git.example"),
            ".terraformrc",
            '{"plugin_cache_dir": "/x"}\n',
            "it is not HCL",
        ),
        (
            ("git", "--service", "https://git.example"),
            ".gitconfig",
            "[user]\r\tname = Ann\r",
            "its last line ends in a carriage return alone",
        ),
        (
            ("go", "--service", "https://git.example"),
            ".config/go/env",
            "GOAUTH=off\n",
            "GOAUTH says off",
        ),
        (
            ("go", "--service", "https://git.example"),
            ".config/go/env",
            "GOAUTH=\n",
            "GOAUTH has an empty command",
        ),
        (
            ("pip", "--service", "https://git.example"),
            ".config/pip/pip.conf",
            "[global]\nKeyring_Provider = disabled\n",
            "global.keyring_provider is set already",
        ),
        (
            ("cargo", "--service", "https://git.example", "--name", "mine"),
            ".cargo/config.toml",
            '[registries]\nmine = { index = "sparse+https://git.example/" }\n',
            "cannot be made without harm to what is there",
        ),
        (
            ("codex", "--service", "https://git.example", "--name", "p"),
            ".codex/config.toml",
            '[model_providers.p]\nbase_url = "https://git.example/v1"\nenv_key = "KEY"\n',
            "p has env_key",
        ),
        (
            ("rclone", "--service", "https://git.example"),
            ".config/rclone/rclone.conf",
            "[m]\ntype = webdav\nurl = https://git.example\nuser = me\n",
            "m.user is set already",
        ),
        (
            ("codex", "--service", "https://git.example", "--name", "p"),
            ".codex/config.toml",
            '[model_providers]\np = { base_url = "https://git.example/v1" }\n',
            "cannot be made without harm to what is there",
        ),
    ],
)
def test_what_the_tool_would_not_take_together_is_refused(
    person: Person, words: tuple[str, ...], file: str, text: str, told: str
) -> None:
    path = person.world.home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    before = snapshot(person.world.home)
    outcome = person.types("setup", *words)
    assert outcome.status == 6
    assert told in outcome.told
    assert snapshot(person.world.home) == before


@pytest.mark.parametrize("words", [(), ("--undo",), ("--check",)])
def test_a_folder_in_the_place_of_a_file_is_left_alone(
    person: Person, words: tuple[str, ...]
) -> None:
    if words:
        assert person.types(*GIT).status == 0
        gitconfig(person).unlink()
    gitconfig(person).mkdir()
    outcome = person.types(*GIT, *words)
    assert outcome.status == 6
    assert ".gitconfig: not a regular file" in outcome.told


def test_a_journal_that_does_not_hold_together_is_told_of(person: Person) -> None:
    assert person.types(*GIT).status == 0
    path = person.world.state / "setup.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "files": {}}))
    for mode in ("--check", "--undo"):
        outcome = person.types(*GIT, mode)
        assert outcome.status == 7
        assert "setup.json is damaged" in outcome.told


def test_terraform_has_one_helper_for_all_its_hosts(person: Person) -> None:
    words = ("setup", "terraform", "--service")
    path = person.world.home / ".terraformrc"
    assert person.types(*words, "https://git.example").status == 0
    assert person.types(*words, "https://registry.example").status == 0
    assert path.read_text().count("credentials_helper") == 1
    outcome = person.types(*words, "https://both.example", "--profile", "beta")
    assert outcome.status == 6
    assert "hint: it is for https://git.example: name the same profile" in outcome.told
    assert person.types("setup", "terraform", "--undo").status == 0
    assert not path.exists()


@pytest.mark.parametrize("section", ['profile "main"', "profile  main"])
def test_a_profile_that_aws_knows_by_another_spelling_is_not_doubled(
    person: Person, section: str
) -> None:
    aws = ("--aws", "folder=fol.0123456789abcdef")
    assert person.types("profile", "add", "main", *aws).status == 0
    path = person.world.home / ".aws/config"
    path.parent.mkdir()
    path.write_text(f"[{section}]\nregion = eu-west-1\n")
    before = path.read_bytes()
    assert person.types("setup", "aws", "--profile", "main").status == 0
    first, second, third = path.read_text().split("\n")[:3]
    assert (first, third) == (f"[{section}]", "region = eu-west-1")
    assert second.startswith("credential_process = ")
    assert person.types("setup", "aws", "--undo").status == 0
    assert path.read_bytes() == before


_MCP = '{"mcpServers": {"x": {"url": "https://git.example/mcp", "headersHelper": "%s"}}}'
_APIS = '{"x": {"base": "https://git.example", "profiles": {"default": {"auth": {"name": "%s"}}}}}'
_GOOGLE = '{"type": "external_account", "credential_source": {"executable": {"command": "%s"}}}'
_PROVIDER = """providers:
- name: credhelper-credential-provider
  matchImages: [git.example]
  args: [%s]
"""


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("claude", _MCP),
        ("restish", _APIS),
        ("google", _GOOGLE),
        ("kubelet", _PROVIDER),
        ("databricks", "[main]\nhost = https://git.example\nauth_type = %s\n"),
        ("flyte", "admin:\n  authType: %s\n"),
        ("flyte", "admin:\n  command: %s\n"),
        ("flyte", "admin:\n  command: [%s]\n"),
        ("flyte", "admin: {insecure: true, x: %s}\n"),
        ("flyte", "admin:\n  endpoint: dns:///%s.example\n"),
        ("reclient", "credentials_helper=/%s\n"),
    ],
)
def test_what_somebody_else_has_set_is_kept_in_any_file(
    person: Person, tool: str, text: str
) -> None:
    path = person.world.home / "file"
    if tool in ("claude", "databricks", "restish"):
        path = person.world.home / CASES[tool].file
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text % CANARY)
    before = snapshot(person.world.home)
    words = ["setup", tool, "--service", "https://git.example"]
    words += ["--file", str(path)] if path.name == "file" else []
    words += ["--bin", str(person.world.home / "bin")] if tool == "kubelet" else []
    outcome = person.types(*words)
    assert (outcome.status, str(path.name) in outcome.told) == (6, True), outcome
    assert "credhelper: hint: " in outcome.told
    assert snapshot(person.world.home) == before


def test_a_file_that_docker_wrote_anew_is_found_again(person: Person) -> None:
    path = person.world.home / ".docker/config.json"
    path.parent.mkdir()
    path.write_text('{"a": 1}')
    assert person.types("setup", "docker", "--service", "registry.example").status == 0
    path.write_text(json.dumps(json.loads(path.read_text()), indent="\t", sort_keys=True))
    assert person.types("setup", "docker", "--undo").status == 0
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_check_tells_another_password_from_the_token(person: Person) -> None:
    gitconfig(person).write_text("[user]\n\tname = Ann\n")
    assert person.types(*GIT).status == 0
    helper = '[credential "https://git.example"]\n\thelper =\n\thelper = "!echo password={}; :"\n'
    with gitconfig(person).open("a") as file:
        file.write(helper.format(CANARY) + "\tusername = me\n")
    outcome = person.types(*GIT, "--check")
    assert outcome.status == 3
    assert "another password answers" in outcome.told


@pytest.mark.parametrize("spot", ["put", "make_folder"])
def test_trouble_in_the_middle_leaves_all_as_it_was(
    person: Person, monkeypatch: pytest.MonkeyPatch, spot: str
) -> None:
    """A full disk, at each step that writes: what was done before it is undone."""
    real: Callable[..., object] = getattr(disk, spot)
    before = snapshot(person.world.home)
    for turn in range(3):
        calls: list[int] = []

        def full(*arguments: object, turn: int = turn, calls: list[int] = calls) -> object:
            calls.append(1)
            if len(calls) == turn + 1:
                raise OSError(28, "No space left on device", "somewhere")
            return real(*arguments)

        monkeypatch.setattr(disk, spot, full)
        words = ("setup", "terraform", "--service", "https://registry.example")
        outcome = person.types(*words)
        if len(calls) <= turn:
            assert outcome.status == 0
            break
        assert (outcome.status, "No space left" in outcome.told) == (7, True)
        assert {**snapshot(person.world.home), ".": ()} == {**before, ".": ()}
        assert not (person.world.state / "setup.json").exists()
    monkeypatch.undo()
    assert person.types("setup", "terraform", "--undo").status == 0


@pytest.mark.parametrize("tool", LINKS)
def test_a_link_is_placed_where_it_is_asked_for_and_taken_back(person: Person, tool: str) -> None:
    folder = person.world.home / "links here"
    words = ("setup", tool, "--service", "https://git.example", "--bin", str(folder))
    before = snapshot(person.world.home)
    shown = person.types(*words, "--dry-run")
    assert (shown.status, f"+link {folder}/{LINKS[tool]} -> " in shown.stdout.decode()) == (0, True)
    assert LINKS[tool] in person.types(*words, "--print").told
    assert snapshot(person.world.home) == before
    assert person.types(*words).status == 0
    once = snapshot(person.world.home)
    assert person.types(*words).status == 0
    assert snapshot(person.world.home) == once
    # Beside the tests' own Python lies a real keyring, with our backend; askpass needs no PATH.
    if tool == "nuget":
        assert person.types(*words, "--check").status == 3
    on_path = {"PATH": f"{folder}:{person.world.environ['PATH']}"}
    assert person.types(*words, "--check", environ=on_path).status == 0
    assert person.types("setup", tool, "--undo").status == 0
    assert {**snapshot(person.world.home), ".": ()} == {**before, ".": ()}


@pytest.mark.parametrize("tool", LINKS)
def test_what_is_in_the_place_of_a_link_stays(person: Person, tool: str) -> None:
    there = person.world.home / LINKS[tool]
    there.symlink_to("/usr/bin/true")
    before = snapshot(person.world.home)
    words = ("setup", tool, "--service", "https://git.example", "--bin", str(there.parent))
    assert person.types(*words).status == 6
    assert snapshot(person.world.home) == before


def test_a_service_that_is_named_below_a_path_only_is_told_which(person: Person) -> None:
    person.world.configure(
        person.api.url, person.api.api_key, main={"services": ["https://git.example/team"]}
    )
    outcome = person.types(*GIT)
    assert outcome.status == 3
    assert "--service https://git.example/team" in outcome.told


def test_where_a_profile_alone_will_do_no_service_is_needed(person: Person) -> None:
    path = person.world.home / "credential.json"
    words = ("setup", "google", "--file", str(path))
    for profile, owner in (((), "main"), (("--profile", "beta"), "beta")):
        assert person.types(*words, *profile).status == 0
        assert f"google --profile {owner}" in path.read_text()
        assert person.types("setup", "google", "--check").status == 0
        assert person.types(*words, "--undo").status == 0
        assert not path.exists()


def test_one_service_in_two_files_is_two_setups(person: Person) -> None:
    one, two = (person.world.home / name for name in ("one.cfg", "two.cfg"))
    words = ("setup", "reclient", "--service", "https://git.example", "--file")
    for path in (one, two):
        assert person.types(*words, str(path)).status == 0
    assert str(two.relative_to(person.world.home)) in person.types("setup").stdout.decode()
    checked = person.types("setup", "reclient", "--check")
    assert (checked.status, checked.stdout.count(b"works")) == (0, 2)
    assert person.types(*words, str(one), "--undo").status == 0
    assert (one.exists(), two.exists()) == (False, True)
    assert person.types("setup", "reclient", "--undo").status == 0
    assert not two.exists()


def test_a_file_is_named_to_those_alone_who_are_told_theirs(person: Person) -> None:
    assert person.types(*GIT, "--file", "/nowhere").status == 2
    outcome = person.types("setup", "reclient", "--service", "https://git.example")
    assert (outcome.status, "--file PATH" in outcome.told) == (2, True)


def test_what_is_another_kind_of_login_is_left_alone(person: Person) -> None:
    path = person.world.home / "credential.json"
    for text in (
        f'{{"type": "service_account", "private_key": "{CANARY}"}}',
        '{"type": "external_account", "credential_source": {"file": "/tmp/token"}}',
        '{"type": "external_account", "credential_source": "x"}',
    ):
        path.write_text(text)
        outcome = person.types("setup", "google", "--file", str(path))
        assert (outcome.status, "another kind" in outcome.told) == (6, True)
        assert path.read_text() == text


def test_a_section_of_the_databricks_sdks_is_called_as_the_profile(person: Person) -> None:
    words = ("setup", "databricks", "--service", "https://git.example")
    assert person.types(*words, "--name", "other").status == 2
    assert person.types(*words, "--name", "main").status == 0
    config = person.world.home / ".databrickscfg"
    assert config.read_text().startswith("[main]\n")
    assert "\nhost = https://git.example\n" in config.read_text()
    # Another workspace is not answered for in this name.
    words = ("setup", "databricks", "--service", "https://registry.example")
    outcome = person.types(*words)
    assert (outcome.status, "host is set already" in outcome.told) == (6, True)


@pytest.mark.parametrize("tool", ["cargo", "claude", "codex", "dvc", "rclone", "restish"])
def test_what_the_tool_calls_a_service_is_found_in_its_file(person: Person, tool: str) -> None:
    case = CASES[tool]
    person.world.configure(person.api.url, person.api.api_key, main={"services": [case.service]})
    path = person.world.home / case.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(case.foreign)
    words = ("setup", tool, "--service", case.service)
    assert person.types(*words).status == 0
    assert case.wired in path.read_text()
    assert person.types(*words, "--check").status == 0
    assert person.types(*words, "--undo").status == 0
    assert path.read_text() == case.foreign


@pytest.mark.parametrize("tool", ["cargo", "claude", "codex", "dvc", "restish"])
def test_what_the_tool_does_not_call_anything_needs_a_name(person: Person, tool: str) -> None:
    outcome = person.types("setup", tool, "--service", "https://git.example")
    assert outcome.status == 2
    assert "--name NAME" in outcome.told


_KILLED = """
import os, signal, sys
turn = int(sys.argv.pop(1))
def last_at(name):
    real = getattr(os, name)
    def step(*arguments, **options):
        global turn
        turn -= 1
        if not turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(os, name, step)
for name in ("replace", "unlink", "symlink", "mkdir", "rmdir"):
    last_at(name)
from credhelper.cli.main import people
sys.argv[0] = os.path.join(os.path.dirname(sys.executable), "credhelper")
sys.exit(people(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("before", "killed"),
    [
        ([], GIT),
        ([GIT], (*GIT, "--profile", "main")),
        ([GIT], (*GIT, "--undo")),
        ([GIT, (*GIT[:3], "https://registry.example")], (*GIT, "--undo")),
        ([], ("setup", "terraform", "--service", "https://git.example")),
    ],
    ids=["setup", "another profile", "undo", "undo of one", "file, folders, link"],
)
def test_who_is_killed_leaves_nothing_that_undo_does_not_find(
    person: Person, before: list[tuple[str, ...]], killed: tuple[str, ...]
) -> None:
    """Killed before each step that changes a name: what comes next finds all of it."""
    gitconfig(person).write_text(f"[user]\n\tname = {CANARY}")
    for turn in range(1, 40):
        as_it_was = {**snapshot(person.world.home), ".": (), ".gitconfig": ()}
        for words in before:
            assert person.types(*words).status == 0
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, str(turn), *killed],
            env={**python_environment(), **person.world.environ},
            capture_output=True,
        )
        for tool in ("git", "terraform"):
            assert person.types("setup", tool, "--undo").status == 0
        assert gitconfig(person).read_text() == f"[user]\n\tname = {CANARY}"
        assert {**snapshot(person.world.home), ".": (), ".gitconfig": ()} == as_it_was
        left = {path.name for path in person.world.state.rglob("*")}
        assert left <= {"files.lock", "setup.lock", "config.lock"}
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert turn > 3


def test_brackets_of_an_address_do_not_end_a_section(person: Person) -> None:
    service = "https://[::1]:8443/a%20b"
    person.world.configure(person.api.url, person.api.api_key, main={"services": [service]})
    foreign = '[credential "https://[::1]:9443"]\n\thelper = store\n'
    gitconfig(person).write_text(foreign)
    words = ("setup", "git", "--service", service)
    assert person.types(*words).status == 0
    assert person.types(*words, "--check").status == 0
    assert person.types(*words, "--undo").status == 0
    assert gitconfig(person).read_text() == foreign


@pytest.mark.parametrize(
    ("words", "file", "change"),
    [
        (("databricks",), ".databrickscfg", (" = ", "     = ")),
        (("rclone",), ".config/rclone/rclone.conf", (" = ", "=")),
        (("pip",), ".config/pip/pip.conf", (" = ", ": ")),
        (("git",), ".gitconfig", ("\thelper = ", "  helper=")),
        (("pnpm",), ".npmrc", ("=", " = ")),
        (("bazel",), ".bazelrc", ("common ", "common   ")),
    ],
)
def test_what_is_written_with_other_blanks_is_still_ours(
    person: Person, words: tuple[str, ...], file: str, change: tuple[str, str]
) -> None:
    """Their own programs write such files anew, and some put the signs below each other."""
    path = person.world.home / file
    assert person.types("setup", *words, "--service", "https://git.example").status == 0
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    outcome = person.types("setup", *words, "--undo")
    assert (outcome.status, "warning" in outcome.told) == (0, False), outcome
    assert not path.exists()


def test_what_undo_cannot_take_out_is_told_of(person: Person) -> None:
    assert person.types(*GIT).status == 0
    text = gitconfig(person).read_text()
    gitconfig(person).write_text(text.replace("helper = credhelper", 'helper = "cred"helper'))
    outcome = person.types(*GIT, "--undo")
    assert (outcome.status, "helper was changed since" in outcome.told) == (0, True)
    assert gitconfig(person).exists()


@pytest.mark.parametrize("deeper_first", [True, False])
def test_a_service_and_a_part_of_it_keep_their_profiles(person: Person, deeper_first: bool) -> None:
    host, team = "https://git.example", "https://git.example/team"
    person.world.configure(
        person.api.url,
        person.api.api_key,
        alpha={"services": [host]},
        beta={"services": [team]},
    )
    foreign = f"[user]\n\tname = Ann\n# {CANARY}\n"
    gitconfig(person).write_text(foreign)
    wanted = {host: "alpha", team: "beta"}
    for service in sorted(wanted, key=len, reverse=deeper_first):
        words = ("setup", "git", "--service", service, "--profile", wanted[service])
        assert person.types(*words).status == 0
    for service, profile in wanted.items():
        outcome = person.types("setup", "git", "--service", service, "--check")
        assert (outcome.status, outcome.stdout.split()[-1]) == (0, profile.encode()), outcome
    assert person.types("setup", "git", "--service", host, "--undo").status == 0
    assert person.types("setup", "git", "--undo").status == 0
    assert gitconfig(person).read_text() == foreign


@pytest.mark.parametrize(
    ("foreign", "before"),
    [
        ('[a]\n\tb = c\n# theirs\n[credential "https://git.example/x"]\n\thelper =\n', "# theirs"),
        ('[credential "https://me@git.example"]\n\thelper =\n\thelper = x', "[credential"),
        ('[credential "https://git.example/x"]\n\thelper = x\n[credential]\n\thelper = y\n', None),
        ('[credential "https://*.example"]\n\thelper = x\n', None),
        ('[credential "https://git.example"]\n\thelper = x\n', None),
        ('[Credential "https://GIT.example:443/x"]\r\n\thelper = x\r\n', "[Credential"),
    ],
)
def test_a_section_stands_above_those_for_a_part_of_its_service(
    person: Person, foreign: str, before: str | None
) -> None:
    gitconfig(person).write_bytes(foreign.encode())
    assert person.types(*GIT).status == 0
    text = gitconfig(person).read_bytes().decode()
    at = text.index('[credential "https://git.example"]', 0 if before else len(foreign))
    assert text[:at] + text[text.index("credhelper", at) :].partition("\n")[2] == foreign
    assert text[at:].partition("credhelper")[2].lstrip().startswith(before or "")
    assert "nothing to change" in person.types(*GIT).stdout.decode()
    assert person.types(*GIT, "--undo").status == 0
    assert gitconfig(person).read_bytes().decode() == foreign


def test_a_check_tells_how_to_set_the_same_thing_up_again(person: Person) -> None:
    words = ("setup", "git", "--service", "https://both.example", "--profile", "beta")
    assert person.types(*words).status == 0
    gitconfig(person).unlink()
    outcome = person.types("setup", "git", "--check")
    assert outcome.status == 6
    assert f"hint: credhelper {' '.join(words)}\n" in outcome.told


def test_a_check_tells_what_is_left_to_do(person: Person) -> None:
    words = ("setup", "google", "--file", str(person.world.home / "credential.json"))
    assert person.types(*words).status == 0
    allowed = {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"}
    for environ, told in (({}, True), (allowed, False)):
        outcome = person.types("setup", "google", "--check", environ=environ)
        assert (outcome.status, b"works" in outcome.stdout) == (0, True)
        assert ("export GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1" in outcome.told) == told
