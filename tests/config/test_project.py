"""`project`, a key of v2's profiles: the one of tools, and of AWS credentials by default."""

from __future__ import annotations

import pytest

from credhelper.broker import routing
from credhelper.config import identity
from credhelper.config.profile import Resource
from tests.config.conftest import KEY, message, profile

V2 = 'api = "ica"'
IDS = ["p-1", "4a8b3c0e-0d3f-4f9e-9a55-8f9d3a1b2c3d"]


@pytest.mark.parametrize("project", IDS)
def test_a_profile_of_v2_has_a_project_that_its_route_tells(project: str) -> None:
    found = profile(KEY, V2, f'project = "{project}"')
    assert found.project == project
    assert routing.route_to(found).variables == ("ICAV2", project, "/ica/rest")
    assert routing.route_to(profile(KEY, V2)).variables == ("ICAV2", "", "/ica/rest")
    assert routing.route_to(profile(KEY)).variables == ("ICA", "", "")


def test_a_token_does_not_depend_on_it() -> None:
    one, other = (profile(KEY, V2, f'project = "{each}"') for each in IDS)
    assert identity.record_name(one, kind="jwt") == identity.record_name(other, kind="jwt")
    assert identity.session_name(one) == identity.session_name(other)


def test_aws_credentials_are_for_it_unless_they_name_another() -> None:
    default = profile(KEY, V2, 'project = "p-1"', 'aws = { data = "fol.1" }')
    own = profile(KEY, V2, 'project = "p-2"', 'aws = { project = "p-1", data = "fol.1" }')
    assert default.aws == own.aws
    assert default.aws is not None
    assert default.aws.words == ("p-1", "fol.1")
    other = profile(KEY, V2, 'project = "p-2"', 'aws = { data = "fol.1" }')
    assert isinstance(other.aws, Resource)
    assert identity.aws_name(default, default.aws) == identity.aws_name(own, default.aws)
    assert identity.aws_name(default, default.aws) != identity.aws_name(other, other.aws)


@pytest.mark.parametrize("text", ["a/b", "..", "a b", "a?b", "a%2Fb", "#a", "\u00e4", "x" * 129])
def test_what_is_no_id_is_refused(text: str) -> None:
    assert message(KEY, V2, f'project = "{text}"').startswith(
        ", line 4: profiles.dev.project: expected an id"
    )


@pytest.mark.parametrize(
    ("key", "api", "other"), [("project", "iap", "cid"), ("cid", "ica", "project")]
)
def test_each_api_calls_a_project_by_its_own_key(key: str, api: str, other: str) -> None:
    told = message(KEY, f'api = "{api}"', f'{key} = "p-1"')
    assert told.startswith(f", line 4: profiles.dev.{key}: means nothing to api = '{api}'")
    assert profile(KEY, f'api = "{api}"', f'{other} = "p-1"')
