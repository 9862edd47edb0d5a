"""Bazel's credential helper, with the file beside this one, and a caller of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from integrations.bazel.caller import Bazel, HelperError, validator
from integrations.callers import Guarded

HERE = Path(__file__).parent
PLACEHOLDER = "builds.example.org"
FILES = {"/cache/x.tar": b"x", "/cache/y.tar": b"y"}
SECONDS = 6  # of a short-lived token: long enough for one fetch on a busy machine


@pytest.fixture
def open_yard(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    def start(*options: str) -> Guarded:
        yard = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)
        yard.on_path("bazel-credential-credhelper")
        return yard

    return start


@pytest.fixture
def yard(open_yard: Callable[..., Guarded]) -> Guarded:
    return open_yard()


def workspace(yard: Guarded) -> Path:
    """Return a workspace with the snippet as its .bazelrc; a scope has no port."""
    folder = yard.wired.world.home / "workspace"
    folder.mkdir(exist_ok=True)
    text = (HERE / "bazelrc").read_text()
    (folder / ".bazelrc").write_text(text.replace(PLACEHOLDER, "localhost"))
    return folder


def test_two_builds_fetch_with_one_token(yard: Guarded) -> None:
    for _ in range(2):
        bazel = Bazel(yard, workspace(yard))
        assert [bazel.fetch(path) for path in (*FILES, *FILES)] == [200] * 4
        assert bazel.asked == 2, "one question for each URI"

    assert yard.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in yard.gate.visits} == {("Bearer", True)}


def test_an_expired_token_is_renewed_by_the_next_build(open_yard: Callable[..., Guarded]) -> None:
    yard = open_yard("--token-lifetime", str(SECONDS))
    assert Bazel(yard, workspace(yard)).fetch("/cache/x.tar") == 200
    yard.outlive()
    assert Bazel(yard, workspace(yard)).fetch("/cache/x.tar") == 200
    assert yard.renewed_once()


def test_a_server_that_runs_on_asks_again_when_the_answer_has_expired(
    open_yard: Callable[..., Guarded],
) -> None:
    yard = open_yard("--token-lifetime", str(SECONDS))
    bazel = Bazel(yard, workspace(yard))
    assert bazel.fetch("/cache/x.tar") == 200
    yard.outlive()
    assert bazel.fetch("/cache/x.tar") == 200
    assert bazel.asked == 2
    assert yard.renewed_once()


def test_a_release_that_does_not_know_expires_keeps_a_token_that_lives_on(yard: Guarded) -> None:
    bazel = Bazel(yard, workspace(yard), expires=False)
    assert [bazel.fetch("/cache/x.tar") for _ in range(2)] == [200, 200]
    assert bazel.asked == 1


def test_a_host_that_no_profile_names_is_asked_without_headers(yard: Guarded) -> None:
    bazel = Bazel(yard, workspace(yard))
    assert bazel.headers("https://localhost:1/x") == {}
    assert bazel.headers(f"http://{yard.host}/cache/x.tar") == {}
    assert yard.wired.counted() == (0, 0)


def test_when_nobody_can_renew_the_fetch_shows_our_reason(yard: Guarded) -> None:
    yard.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    with pytest.raises(HelperError, match="credhelper: error: "):
        Bazel(yard, workspace(yard)).fetch("/cache/x.tar")
    assert not yard.gate.visits


def test_a_workspace_is_not_read(yard: Guarded) -> None:
    folder = workspace(yard)
    (folder / "json.py").write_text("raise SystemExit(9)\n")
    (folder / "credhelper.toml").write_text("[profiles.work]\nurl = 'https://evil.test'\n")
    assert Bazel(yard, folder).fetch("/cache/x.tar") == 200


def test_the_schemas_refuse_what_the_specification_does_not_know() -> None:
    for which, document in (
        ("request", {}),
        ("request", {"uri": 1}),
        ("response", {"headers": {"Authorization": "Bearer x"}}),
        ("response", {"headers": [], "expires": "2027-01-15T08:00:00Z"}),
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator(which).validate(document)
    for text in ("{}", '{"headers":{}}', '{"headers":{"a":[]},"more":1}'):
        validator("response").validate(json.loads(text))
