"""`credhelper setup` and what somebody else wrote: it stays as it is."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Person
from tests.setup.cases import CANARY, CASES, LINKS
from tests.setup.conftest import GIT, gitconfig
from tests.support.worlds import snapshot


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
            "it is JSON, and what setup adds is HCL",
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
            ("pip", "--service", "https://git.example"),
            ".config/pip/pip.conf",
            "[global]\nKeyring_Provider = disabled\n",
            "global.keyring_provider is set already",
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
        ("flyte", "admin: {command: [%s]}\n"),
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


@pytest.mark.parametrize("tool", LINKS)
def test_what_is_in_the_place_of_a_link_stays(person: Person, tool: str) -> None:
    there = person.world.home / LINKS[tool]
    there.symlink_to("/usr/bin/true")
    before = snapshot(person.world.home)
    words = ("setup", tool, "--service", "https://git.example", "--bin", str(there.parent))
    assert person.types(*words).status == 6
    assert snapshot(person.world.home) == before


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


def test_a_setup_for_another_host_moves_none_below_a_part_of_it(person: Person) -> None:
    host, team, other = "https://git.example", "https://git.example/team", "https://other.example"
    person.world.configure(
        person.api.url,
        person.api.api_key,
        alpha={"services": [host]},
        beta={"services": [team, other]},
    )
    for service, profile in ((team, "beta"), (other, "beta"), (host, "alpha")):
        words = ("setup", "git", "--service", service, "--profile", profile)
        assert person.types(*words).status == 0
    outcome = person.types("setup", "git", "--service", team, "--check")
    assert (outcome.status, outcome.stdout.split()[-1]) == (0, b"beta"), outcome


@pytest.mark.parametrize(
    "include", ["[include]\n\tpath = more\n", '[includeIf "gitdir:x/"]\n\tpath = ~/more\n']
)
def test_a_file_that_includes_others_is_judged_by_its_own_lines(
    person: Person, include: str
) -> None:
    (person.world.home / "more").write_text('[credential "https://git.example"\n')
    gitconfig(person).write_text(include)
    assert "changed ~/.gitconfig" in person.types(*GIT).stdout.decode()
    assert person.types(*GIT, "--undo").status == 0
    assert gitconfig(person).read_text() == include


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
        (
            '[credential "https://git.example/x"]\n\thelper = x\n[credential]\n\tusername = y\n',
            "[credential",
        ),
        ('[credential "https://git.example/x"]\n\tusername = x\n[credential]\n\thelper=y\n', None),
        ('[credential "https://*.example"]\n\thelper = x\n', None),
        ('[credential "https://git.example"]\n\thelper = x\n', None),
        (
            '[credential "https://git.example/x"]\n\thelper =\n'
            '[credential "https://unrelated.example"]\n\thelper = x\n',
            "[credential",
        ),
        ('[credential "https://*.example/x"]\n\thelper = x\n', "[credential"),
        (
            '[credential "http://git.example/x"]\n\thelper = x\n'
            '[credential "https://git.example:8443/x"]\n\thelper = x\n'
            '[credential "https://a.git.example"]\n\thelper = x\n'
            '[credential "helperselector"]\n\tselected = x\n',
            None,
        ),
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


@pytest.mark.parametrize("more", ["[credential]", '[credential "https://*.example"]'])
def test_a_section_for_a_part_that_would_be_overridden_is_left_alone(
    person: Person, more: str
) -> None:
    """Above it, ours would tell the other helper our tokens; below it, it would count no more."""
    part = '[credential "https://git.example/x"]'
    text = f"{part}\n\thelper = x\n{more}\n\thelper = store\n"
    gitconfig(person).write_text(text)
    outcome = person.types(*GIT)
    assert (outcome.status, gitconfig(person).read_text()) == (6, text)
    assert f"hint: move {part} to the end of the file" in outcome.told
    gitconfig(person).write_text(f"{more}\n\thelper = store\n{part}\n\thelper = x\n")
    assert person.types(*GIT).status == 0
