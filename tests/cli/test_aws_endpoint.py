"""What `exec --aws-endpoint` makes of an environment, and which files it warns of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.cli import aws_defaults
from credhelper.cli.aws_endpoint import REMOVED
from tests.cli.conftest import Person
from tests.cli.test_run import environment

EXEC = ("exec", "--aws-endpoint", "--")
KEYS = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n"
Run = Callable[..., tuple[dict[str, str], str]]


@pytest.fixture
def run(person: Person) -> Run:
    person.logs_in("--aws", "folder=fol.alpha")

    def run_(**environ: str | None) -> tuple[dict[str, str], str]:
        outcome = person.world.run(*EXEC, "sh", "-c", "env -0", environ=environ)
        assert outcome.status == 0, outcome
        return environment(outcome.stdout), outcome.told

    return run_


def test_what_sdks_would_believe_first_is_taken_out_and_the_rest_stays(run: Run) -> None:
    kept = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_CA_BUNDLE": "/ca", "AWS_REGION": "x"}
    found, told = run(**dict.fromkeys(REMOVED, "theirs"), **kept)
    assert told == ""
    assert "theirs" not in found.values()
    assert not set(REMOVED) & set(found)
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert found["AWS_CA_BUNDLE"] == "/ca"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] != "x"
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
    assert len(found["AWS_CONTAINER_AUTHORIZATION_TOKEN"]) > 40
    assert found["ICA_ACCESS_TOKEN"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("given", "no_proxy", "upper"),
    [
        ({}, None, None),
        ({"NO_PROXY": "a"}, None, "a"),
        ({"http_proxy": "http://proxy:3128"}, "127.0.0.1", "127.0.0.1"),
        ({"ALL_PROXY": "socks5://proxy"}, "127.0.0.1", "127.0.0.1"),
        ({"HTTP_PROXY": "x", "NO_PROXY": "a, .b"}, "a, .b,127.0.0.1", "a, .b,127.0.0.1"),
        ({"http_proxy": "x", "no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1", "b,127.0.0.1"),
        ({"http_proxy": "x", "no_proxy": "a, 127.0.0.1"}, "a, 127.0.0.1", None),
        ({"http_proxy": "x", "NO_PROXY": "*"}, None, "*"),
        ({"http_proxy": "", "https_proxy": "http://proxy:3128"}, None, None),
    ],
)
def test_the_way_to_the_endpoint_leads_past_a_proxy(
    run: Run, given: dict[str, str], no_proxy: str | None, upper: str | None
) -> None:
    # What credhelper itself asks is on loopback, and passes none.
    found, _ = run(**given)
    assert (found.get("no_proxy"), found.get("NO_PROXY")) == (no_proxy, upper)


def test_each_command_has_a_token_of_its_own(run: Run) -> None:
    name = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    assert run()[0][name] != run(AWS_CONTAINER_AUTHORIZATION_TOKEN="theirs")[0][name] != "theirs"


def test_keys_are_not_got_for_another_server_than_aws(person: Person) -> None:
    """As with `credhelper aws`: each request carries a session token there."""
    person.logs_in("--aws", "folder=fol.alpha")
    environ = {"AWS_ENDPOINT_URL": "https://s3.evil.example"}
    outcome = person.world.run(*EXEC, "echo", "began", environ=environ)
    assert (outcome.status, outcome.stdout) == (3, b"")
    assert "are not for https://s3.evil.example" in outcome.told


FILES = [
    (".aws/credentials", f"[default]\n{KEYS}", "aws_access_key_id in [default]"),
    (".aws/config", f"[default]\nregion = x\n{KEYS}", "aws_access_key_id in [default]"),
    (".aws/config", f"[profile default]\n{KEYS}", "aws_access_key_id in [profile default]"),
    (".aws/config", "[profile  'default']\nrole_arn=x\n", "role_arn in [profile default]"),
    (".aws/config", "[default]\ncredential_process = x\n", "credential_process in [default]"),
    (".aws/config", "[default]\nSSO_Session = x\n", "sso_session in [default]"),
    (".aws/credentials", f"[other]\n{KEYS}", ""),
    (".aws/credentials", f"[DEFAULT]\n{KEYS}", ""),
    (".aws/credentials", f"[profile default]\n{KEYS}", ""),
    (".aws/config", "[default]\nregion = eu-west-1\n", ""),
    (".aws/config", f"[default]\nregion = x\n[profile work]\n{KEYS}", ""),
    (".aws/credentials", f"[default]\n# {KEYS}", ""),
    (".aws/credentials", KEYS, ""),
    (".aws/credentials", "[default\n", ""),
    (".aws/credentials", f"[default]\n{KEYS}[default]\nregion=x\n", "aws_access_key_id"),
    (".aws/credentials", f"\ufeff[default]\n{KEYS}", ""),
]


@pytest.mark.parametrize(("name", "text", "told"), FILES)
def test_a_default_that_comes_first_is_warned_of(
    person: Person, run: Run, name: str, text: str, told: str
) -> None:
    path = person.world.home / name
    path.parent.mkdir()
    path.write_text(text)
    variable = {".aws/credentials": "AWS_SHARED_CREDENTIALS_FILE", ".aws/config": "AWS_CONFIG_FILE"}
    _, said = run()
    assert ("do not ask the endpoint" in said) == bool(told)
    if told:
        assert f"{path} has {told}" in said
        assert f"hint: export {variable[name]}=/dev/null\n" in said
        assert run(**{variable[name]: "/dev/null"})[1] == ""


@pytest.mark.parametrize("variable", ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"])
@pytest.mark.parametrize("form", ["{home}/mine", "~/mine"])
def test_the_files_that_variables_name_are_looked_at(
    person: Person, run: Run, variable: str, form: str
) -> None:
    (person.world.home / "mine").write_text(f"[default]\n{KEYS}")
    _, told = run(**{variable: form.format(home=person.world.home)})
    assert f"{person.world.home}/mine has aws_access_key_id" in told
    assert "AKIAEXAMPLE" not in told


@pytest.mark.parametrize("trouble", ["folder", "fifo", "large", "unreadable", "binary"])
def test_a_file_that_cannot_be_read_hinders_nothing(tmp_path: Path, trouble: str) -> None:

    path = tmp_path / "credentials"
    if trouble == "folder":
        path.mkdir()
    elif trouble == "fifo":
        os.mkfifo(path)
    elif trouble == "large":
        path.write_text(f"[default]\n{KEYS}" + "# more\n" * 200_000)
    else:
        path.write_bytes(b"\xff\x00[default]\n\x01")
        path.chmod(0 if trouble == "unreadable" else 0o600)
    assert list(aws_defaults.warnings({"AWS_SHARED_CREDENTIALS_FILE": str(path)})) == []
