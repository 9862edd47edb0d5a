"""skopeo and docker, with the files beside this one, against docker's own registry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.docker.harbour import (
    CONFIG,
    HERE,
    IMAGE,
    MANIFEST,
    PLACEHOLDER,
    SECONDS,
    Harbour,
    blobs,
    digest,
    good,
)

# --- skopeo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_what_is_pulled_is_what_was_pushed(
    open_harbour: Callable[..., Harbour], layout: Path, tmp_path: Path, auth: str
) -> None:
    harbour = open_harbour(auth=auth)
    harbour.wire()

    good(harbour.push(layout))
    good(harbour.pull(tmp_path / "pulled"))

    assert digest(tmp_path / "pulled") == digest(layout)
    assert blobs(tmp_path / "pulled") == blobs(layout)
    assert hashlib.sha256(good(harbour.inspect())).hexdigest() == digest(layout)[len("sha256:") :]
    assert {(visit.scheme, visit.username) for visit in harbour.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not harbour.gate.refused
    assert harbour.wired.counted() == (1, 0)


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_an_expired_token_is_renewed_by_the_next_command(
    open_harbour: Callable[..., Harbour], layout: Path, auth: str
) -> None:
    harbour = open_harbour("--token-lifetime", str(SECONDS), auth=auth)
    harbour.wire()

    good(harbour.push(layout))
    harbour.wired.wait_until(harbour.gate.admitted[-1].expires)
    good(harbour.inspect())

    assert harbour.wired.counted() == (2, 0)
    assert not harbour.gate.refused


def test_a_kept_session_mints_instead(open_harbour: Callable[..., Harbour], layout: Path) -> None:
    harbour = open_harbour("--token-lifetime", str(SECONDS))
    harbour.wire("keep_session = true")

    good(harbour.push(layout))
    harbour.wired.wait_until(harbour.gate.admitted[-1].expires)
    good(harbour.inspect())

    assert harbour.wired.counted() == (1, 2)
    assert not harbour.gate.refused


def test_the_user_name_can_say_that_the_token_is_an_identity_token(
    open_harbour: Callable[..., Harbour], layout: Path
) -> None:
    harbour = open_harbour(auth="token")
    harbour.wire('username = "<token>"')

    good(harbour.push(layout))

    # It came in the body of a POST, as a refresh token: the server calls that Bearer.
    assert {visit.scheme for visit in harbour.gate.admitted} == {"Bearer"}
    assert harbour.wired.counted() == (1, 0)


def test_the_helper_may_be_named_for_all_registries(harbour: Harbour, layout: Path) -> None:
    harbour.wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: harbour.host})
    harbour.wired.place(HERE / "registries.conf", ".config/containers/registries.conf", {})
    del harbour.wired.environ["CONTAINERS_REGISTRIES_CONF"]

    good(harbour.push(layout))

    # It is asked about the other one as well, knows nothing of it, and is no hindrance.
    good(harbour.open_inspect())
    assert harbour.wired.counted() == (1, 0)


def test_a_registry_that_no_profile_names_gets_nothing(harbour: Harbour, layout: Path) -> None:
    harbour.wire()
    good(harbour.push(layout))
    visits = len(harbour.gate.visits)
    # The client still asks us about it, but the config names another.
    harbour.wired.configure(HERE / "credhelper.toml", {})

    outcome = harbour.inspect()

    assert outcome.status == 1
    assert "unauthorized" in outcome.told
    assert "error getting credentials" not in outcome.told
    # skopeo answers a Basic challenge in any case: with neither name nor password.
    seen = harbour.gate.visits[visits:]
    assert {(visit.username, visit.admitted) for visit in seen} == {("", False)}
    assert harbour.wired.counted() == (1, 0)


def test_not_found_is_no_hindrance_where_nobody_asks_for_a_name(
    harbour: Harbour, layout: Path
) -> None:
    harbour.wire()
    good(harbour.push(layout))
    host = f"127.0.0.1:{harbour.open_port}"
    harbour.wired.place(HERE / "config.json", ".config/containers/auth.json", {PLACEHOLDER: host})

    assert json.loads(good(harbour.open_inspect()))["mediaType"] == MANIFEST


def test_trouble_with_a_registry_that_is_ours_is_told_and_ends_the_command(
    harbour: Harbour,
) -> None:
    harbour.wire()
    harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    outcome = harbour.inspect()

    assert outcome.status == 1
    assert "error getting credentials" in outcome.told
    assert harbour.gate.admitted == harbour.gate.refused == []


# --- docker ---------------------------------------------------------------------------------------


@pytest.fixture
def docker(client: Callable[[str], str]) -> str:
    return client("docker")


def test_docker_reads_a_manifest(docker: str, harbour: Harbour, layout: Path) -> None:
    harbour.wire()
    good(harbour.push(layout))
    before = len(harbour.gate.admitted)

    image = f"{harbour.host}/{IMAGE}"
    told = good(harbour.wired.run(docker, "manifest", "inspect", "--insecure", image))

    assert json.loads(told)["config"]["mediaType"] == CONFIG
    assert len(harbour.gate.admitted) > before
    assert not harbour.gate.refused
    assert harbour.wired.counted() == (1, 0)


def test_docker_goes_on_without_a_login_when_there_is_trouble(
    docker: str, harbour: Harbour
) -> None:
    harbour.wire()
    harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    image = f"{harbour.host}/{IMAGE}"
    outcome = harbour.wired.run(docker, "manifest", "inspect", "--insecure", image)

    assert outcome.status == 1
    assert {(visit.username, visit.admitted) for visit in harbour.gate.visits} == {("", False)}


def test_docker_login_is_told_that_it_is_not_needed(docker: str, harbour: Harbour) -> None:
    harbour.wire()
    live = good(harbour.wired.run("credhelper", "get", f"https://{harbour.host}"))

    words = (docker, "login", "--username", "oauth2", "--password-stdin", harbour.host)
    outcome = harbour.wired.run(*words, stdin=live)

    assert outcome.status == 1
    assert "Error saving credentials" in outcome.told
    assert "credhelper does not store passwords" in outcome.told
    assert b"Login Succeeded" not in outcome.stdout
    kept = (harbour.wired.world.home / ".docker/config.json").read_text()
    assert live.decode().strip() not in kept


def test_docker_logout_changes_nothing_of_ours(docker: str, harbour: Harbour, layout: Path) -> None:
    harbour.wire()
    good(harbour.push(layout))

    config = harbour.wired.world.home / ".docker/config.json"
    before = json.loads(config.read_text())

    good(harbour.wired.run(docker, "logout", harbour.host))

    assert json.loads(config.read_text()) == before
    good(harbour.inspect())
    assert harbour.wired.counted() == (1, 0)


@pytest.mark.parametrize(
    ("tool", "file"),
    [("containers", ".config/containers/auth.json"), ("docker", ".docker/config.json")],
)
def test_setup_wires_registries_up_and_takes_it_back(
    harbour: Harbour, layout: Path, tool: str, file: str
) -> None:
    harbour.wire()
    for path in (".config/containers/auth.json", ".docker/config.json"):
        (harbour.wired.world.home / path).unlink()
    (harbour.wired.world.home / file).write_text('{"auths": {}}')

    with harbour.wired.set_up(tool, "--service", f"https://{harbour.host}"):
        good(harbour.push(layout))
        good(harbour.inspect())
        assert harbour.wired.counted() == (1, 0)
