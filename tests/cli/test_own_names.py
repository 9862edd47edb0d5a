"""What the API's own programs read: set by `exec`, `env` and `write`, and warned of by `status`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping

import pytest

from tests.cli.conftest import Person
from tests.cli.test_run import SHOW, environment
from tests.support.programs import command

V1 = ("ICA_ACCESS_TOKEN", "ICA_SERVER_URL", "ICA_BASE_URL")
V2 = ("ICAV2_ACCESS_TOKEN", "ICAV2_SERVER_URL", "ICAV2_BASE_URL")
PROJECT = "ICAV2_PROJECT_ID"
# As somebody has them who works elsewhere, with another tool.
STRANGE = {
    **dict.fromkeys(("ICA_SERVER_URL", "ICAV2_SERVER_URL"), "use1.platform.illumina.com"),
    **dict.fromkeys(("ICA_BASE_URL", "ICAV2_BASE_URL"), "https://use1.platform.illumina.com"),
    **dict.fromkeys(("ICA_ACCESS_TOKEN", "ICAV2_ACCESS_TOKEN"), "strange"),
}


def warned(person: Person, **environ: str) -> list[str]:
    """Return the variables that `status` warns of."""
    outcome = person.types("status", "--json", environ=environ)
    assert outcome.status == 0, outcome
    found: list[str] = json.loads(outcome.stdout)["warnings"]
    return [message.partition(" is set")[0] for message in found]


def inside(person: Person, *words: str, **environ: str) -> dict[str, str]:
    """Return the environment of a command that `exec` starts."""
    outcome = person.world.run("exec", *words, "--", *SHOW, environ=environ)
    assert (outcome.status, outcome.told) == (0, "")
    return environment(outcome.stdout)


def expected(person: Person, token: str, names: tuple[str, ...], base: str) -> dict[str, str]:
    host = person.api.url.partition("://")[2]
    return dict(zip(names, (token, host, person.api.url + base), strict=True))


def holds(found: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return found.items() >= wanted.items()


def test_a_command_finds_token_server_and_url_of_one_profile_whatever_was_set(
    person: Person,
) -> None:
    person.logs_in()
    person.logs_in("--profile", "two", "--api", "ica")
    v1 = expected(person, person.token(), V1, "")
    v2 = expected(person, person.token("--profile", "two"), V2, "/ica/rest")
    for strange in ({}, STRANGE):
        assert holds(inside(person, **strange), v1)
        assert holds(inside(person, "--profile", "two", **strange), v2)
    # The other API's are somebody else's affair.
    assert inside(person, **STRANGE)["ICAV2_SERVER_URL"] == STRANGE["ICAV2_SERVER_URL"]


def test_the_project_of_a_profile_of_v2_is_told_and_replaces_another(person: Person) -> None:
    person.logs_in("--api", "ica", "--project", "Alpha")
    alpha = person.api.projects()["Alpha"]
    assert inside(person)[PROJECT] == inside(person, **{PROJECT: "other"})[PROJECT] == alpha
    person.logs_in("--profile", "v1", "--project", "Alpha")
    assert PROJECT not in inside(person, "--profile", "v1")


def test_a_project_that_a_person_chose_stays_where_the_profile_has_none(person: Person) -> None:
    person.logs_in("--api", "ica")
    assert inside(person, **{PROJECT: "mine"})[PROJECT] == "mine"
    assert PROJECT not in inside(person)


def test_an_exec_within_another_does_not_keep_the_project_of_the_outer_one(person: Person) -> None:
    person.logs_in("--profile", "with", "--api", "ica", "--project", "Alpha")
    person.logs_in("--profile", "without", "--api", "ica")
    inner = (*command(), "exec", "--profile", "without", "--", *SHOW)
    outcome = person.world.run("exec", "--profile", "with", "--", *inner)
    assert PROJECT not in environment(outcome.stdout)
    # What was chosen in between is a person's choice.
    chosen = ("env", f"{PROJECT}=mine", *inner)
    outcome = person.world.run("exec", "--profile", "with", "--", *chosen)
    assert environment(outcome.stdout)[PROJECT] == "mine"


@pytest.mark.parametrize("api", ["iap", "ica"])
def test_env_get_and_write_say_the_same(person: Person, api: str) -> None:
    person.logs_in("--api", api, *(["--project", "Beta"] if api == "ica" else []))
    names = (*V2, PROJECT) if api == "ica" else V1
    told = json.loads(person.types("env", "--format", "json").stdout)
    assert tuple(told) == names
    assert holds(inside(person), told)
    lines = "".join(f"export {name}={value}\n" for name, value in told.items()).encode()
    plain = "".join(f"{name}={value}\n" for name, value in told.items()).encode()
    path = person.world.root / "file"
    for form, text in (("env", lines), ("dotenv", plain)):
        assert person.types("get", "--format", form).stdout == text
        assert person.world.run("get", "--format", form).stdout == text
        assert person.types("write", "--to", str(path), "--format", form).status == 0
        assert path.read_bytes() == text
    assert person.types("env").stdout == person.types("env", "--shell", "sh").stdout == lines
    assert person.types("env", "--format", "dotenv").stdout == plain


def test_a_dotenv_file_holds_the_chosen_names_too(person: Person) -> None:
    person.logs_in()
    words = ("env", "--format", "dotenv", "--var", "IAP_ACCESS_TOKEN")
    told = person.types(*words).stdout.decode().splitlines()
    assert told[-1] == f"IAP_ACCESS_TOKEN={person.token()}"


@pytest.mark.parametrize("token", ["ps-$HOME", "ps-#1", "ps-;id", "ps-a:~b", "ps-é"[:3] + "&"])
def test_a_token_that_readers_would_take_differently_is_in_no_dotenv_file(
    person: Person, token: str
) -> None:
    person.api.fault({"path": "/v1/tokens", "access_token": token, "status": 201})
    path = person.world.root / "file"
    words = ("--format", "dotenv")
    environ = {
        "CREDHELPER_API_KEY": person.api.api_key,
        "CREDHELPER_URL": person.api.url,
    }
    person.world.config.write_text(
        f'[profiles.main]\nurl = "{person.api.url}"\ntoken = "session"\n'
        'grant = { env = "CREDHELPER_API_KEY" }\n'
    )
    for verb in (("write", "--to", str(path), *words), ("env", *words), ("get", *words)):
        outcome = person.world.run(*verb, environ=environ)
        assert (outcome.status, outcome.stdout) == (2, b""), outcome
        assert "the value of ICA_ACCESS_TOKEN holds" in outcome.told
        assert "credhelper env --profile main" in outcome.told
        assert token not in outcome.told
        assert not path.exists()
    # A shell can have it.
    assert person.world.run("env", environ=environ).status == 0


@pytest.mark.parametrize(
    ("api", "theirs", "others"),
    [
        (
            "iap",
            ("ICA_SERVER_URL", "ICA_BASE_URL", "ICA_ACCESS_TOKEN", "IAP_TOKEN", "IAP_BASE_URL"),
            (*V2, PROJECT, "ICAV2_X_API_KEY"),
        ),
        ("ica", (*V2, "ICAV2_X_API_KEY"), (*V1, "IAP_TOKEN", "IAP_BASE_URL")),
    ],
)
def test_status_warns_of_the_variables_of_the_apis_there_are(
    person: Person, api: str, theirs: tuple[str, ...], others: tuple[str, ...]
) -> None:
    every = dict.fromkeys((*theirs, *others), "other.example")
    assert warned(person, **every) == []  # no profile: nobody's affair
    person.logs_in("--api", api)
    assert sorted(warned(person, **every)) == sorted(theirs)
    person.logs_in("--profile", "more", "--api", "iap" if api == "ica" else "ica")
    assert sorted(warned(person, **every)) == sorted({*theirs, *others} - {PROJECT})


@pytest.mark.parametrize(("api", "variable"), [("iap", "ICA_SERVER_URL"), ("ica", V2[1])])
def test_a_server_that_a_profile_names_is_no_other_however_it_is_spelled(
    person: Person, api: str, variable: str
) -> None:
    person.logs_in("--api", api)
    host = person.api.url.partition("://")[2]
    for same in (host, person.api.url, f"{person.api.url}/", f"{host}/"):
        assert warned(person, **{variable: same}) == []
    for other in ("other.example", f"{host}0", f"me@{host}", "a b", f"{host}/x", "127.0.0.1"):
        assert warned(person, **{variable: other}) == [variable]


def test_a_project_is_another_where_each_profile_has_one(person: Person) -> None:
    person.logs_in("--profile", "one", "--api", "ica", "--project", "Alpha")
    alpha = tomllib.loads(person.config())["profiles"]["one"]["project"]
    assert warned(person, **{PROJECT: alpha}) == []
    assert warned(person, **{PROJECT: ""}) == []
    assert warned(person, **{PROJECT: "other"}) == [PROJECT]
    outcome = person.world.run("exec", "--", *command(), "status", environ={PROJECT: "other"})
    assert (outcome.status, outcome.told) == (0, "")
    person.logs_in("--profile", "two", "--api", "ica")
    assert warned(person, **{PROJECT: "other"}) == []


def test_execs_warning_names_the_token_of_its_own_api(person: Person) -> None:
    person.logs_in("--api", "ica")
    outcome = person.world.run("exec", "--walltime", "9d", "--", "true")
    assert "the token in ICAV2_ACCESS_TOKEN lives another 24 h" in outcome.told
