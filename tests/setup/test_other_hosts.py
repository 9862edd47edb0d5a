"""Hosts that are taken for ours and take no token: setup says so, and writes nothing."""

from __future__ import annotations

import pytest

from credhelper import setup
from tests.cli.conftest import Person
from tests.setup.conftest import GIT
from tests.support.worlds import snapshot

HOST = "docker.illumina.com"


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named by a profile"])
@pytest.mark.parametrize("tool", setup.TOOLS)
def test_no_tool_is_set_up_for_a_host_that_takes_no_token(
    person: Person, tool: str, named: bool
) -> None:
    if named:
        assert person.types("profile", "add", "main", "--service", f"https://{HOST}").status == 0
    file = ["--file", str(person.world.home / "file")] if tool in ("flyte", "reclient") else []
    before = snapshot(person.world.home), person.config()
    for mode in ([], ["--add-service"], ["--print"], ["--dry-run"], ["--check"]):
        outcome = person.types("setup", tool, "--service", HOST, *file, *mode)
        assert (outcome.status, outcome.stdout) == (2, b""), outcome
        assert f"error: {HOST} takes BaseSpace credentials" in outcome.told
        program = "podman" if tool == "containers" else "docker"
        assert outcome.told.endswith(f": {program} login {HOST}\n")
    assert (snapshot(person.world.home), person.config()) == before


@pytest.mark.parametrize(
    ("service", "netloc"),
    [
        ("DOCKER.Illumina.COM", HOST),
        (f"https://{HOST}/", HOST),
        (f"https://{HOST}:443", HOST),
        (f"HTTPS://{HOST}:5000", f"{HOST}:5000"),
        (f"https://{HOST}/team/image", HOST),
        (f"{HOST}:8443/v2", f"{HOST}:8443"),
    ],
)
def test_the_host_is_known_in_every_spelling(person: Person, service: str, netloc: str) -> None:
    before = snapshot(person.world.root)
    outcome = person.types("setup", "docker", "--service", service, "--add-service")
    assert outcome.status == 2
    assert f"error: {HOST} takes BaseSpace credentials" in outcome.told
    assert outcome.told.endswith(f": docker login {netloc}\n")
    assert snapshot(person.world.root) == before


@pytest.mark.parametrize(
    "service", [f"https://{HOST}.", f"http://{HOST}", f"docker://{HOST}", f"https://me@{HOST}"]
)
def test_what_no_service_can_be_is_refused_as_ever(person: Person, service: str) -> None:
    before = snapshot(person.world.root)
    outcome = person.types("setup", "docker", "--service", service, "--add-service")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert snapshot(person.world.root) == before


@pytest.mark.parametrize(
    "host", [f"x.{HOST}", f"{HOST}.example", "docker-illumina.com", "registry.illumina.com"]
)
def test_other_hosts_of_a_like_name_are_set_up(person: Person, host: str) -> None:
    outcome = person.types("setup", "docker", "--service", host, "--add-service")
    assert outcome.status == 0, outcome


def test_what_an_earlier_setup_wrote_is_checked_and_taken_back(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("credhelper.setup.plan._OTHERS", {})
        words = ("setup", "docker", "--service", HOST, "--add-service")
        assert person.types(*words).status == 0
    assert person.types(*GIT).status == 0
    assert f"{HOST} takes BaseSpace" in person.types("setup", "docker", "--check").told
    assert person.types("setup", "docker", "--undo").status == 0
    assert not (person.world.home / ".docker/config.json").exists()


def test_a_get_answers_only_where_a_profile_names_the_host(person: Person) -> None:
    assert person.types("get", "--service", HOST).status == 3
    assert person.types("profile", "add", "main", "--service", HOST).status == 0
    assert person.types("get", "--service", HOST).status == 0
