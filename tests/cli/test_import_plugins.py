"""`credhelper import` from icav2-cli-plugins, several icav2 sessions, and where variables lead."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.cli.test_import import jwt, put
from tests.support.worlds import snapshot

ENCRYPTED = "ENCRYPTED:U01XVjZkS0VZS0VZ+/=="
PLUGINS = ".icav2-cli-plugins"
PROJECT = "6f0a4d3c-93d9-4a57-8b2b-2f0f5b0c1a77"
OTHER = "7f0a4d3c-93d9-4a57-8b2b-2f0f5b0c1a77"


def canary(person: Person, secret: str) -> str:
    person.world.canaries.append(secret)
    return secret


def told_by(person: Person, *words: str, **how: object) -> str:
    outcome = person.types("import", *words, **how)  # type: ignore[arg-type]  # as `types` takes them
    assert (outcome.status, outcome.told) == (0, ""), outcome
    return outcome.stdout.decode()


@pytest.fixture
def plugins(person: Person) -> Person:
    """Give this test somebody with four profiles of the plugins, in the newer format."""
    token = canary(person, jwt(aud="ica", gty="api_key", exp=int(time.time()) + 3600))
    put(
        person,
        f"{PLUGINS}/config",
        f"""# made by icav2 configure set
[default]
server_url = {person.api.url}
x_api_key = {person.api.api_key}
project_id = 6f0a4d3c-93d9-4a57-8b2b-2f0f5b0c1a77
project_name = Alpha
output_format = table
access_token = {token}
access_token_expiry = 1800000000

[profile lab]
server_url=ica.illumina.com
x_api_key = {canary(person, ENCRYPTED)}
tenant_name = lab
encryption_private_key = /home/me/.icav2-cli-plugins/keys/id_rsa

  ; a comment
[ profile stage_2 ]
  x_api_key = {canary(person, "key-of-stage-0123456789")} # no comment
  server_url = stage.example

[profile given]
access_token = {token}
""",
    )
    return person


def test_a_profile_of_the_plugins_keeps_its_project(plugins: Person) -> None:
    assert f"project  {PROJECT}\n" in told_by(plugins)
    told_by(plugins, "icav2-plugins", "--yes")
    assert tomllib.loads(plugins.config())["profiles"]["icav2-plugins"]["project"] == PROJECT


@pytest.mark.parametrize("other", ["", "../x", "My project", "p-1", "$(id)"])
def test_what_is_no_project_of_v2_is_left_out(plugins: Person, other: str) -> None:
    path = plugins.world.home / PLUGINS / "config"
    text = path.read_text().replace(PROJECT, other)
    path.write_text(text)
    told = told_by(plugins)
    assert "profile  icav2-plugins\n" in told
    assert "project  " not in told


def test_profiles_of_the_plugins_are_proposed_with_what_is_in_clear(plugins: Person) -> None:
    told = told_by(plugins)
    for words in (
        f"{PLUGINS}/config: an API key of icav2-cli-plugins, for default\n",
        "profile  icav2-plugins\n",
        f"api      {plugins.api.url}\n",
        f"project  {PROJECT}\n",
        "encrypts its key; credhelper login --profile lab --api ica --url https://ica.illumina.com\n",
        # A comment stands on a line of its own: this is no key.
        "--profile stage_2 --api ica --url https://stage.example\n",
        "cannot be renewed: credhelper login --profile given --api ica --url"
        " https://ica.illumina.com\n",
    ):
        assert words in told, words
    assert told.count(": a token\n") == 1


def test_a_key_of_the_plugins_becomes_a_profile_that_works(plugins: Person) -> None:
    before = snapshot(plugins.world.home)
    told_by(plugins, "--yes")
    assert snapshot(plugins.world.home) == before
    profiles = tomllib.loads(plugins.config())["profiles"]
    assert list(profiles) == ["icav2-plugins"]
    assert profiles["icav2-plugins"]["api"] == "ica"
    assert profiles["icav2-plugins"]["project"] == PROJECT
    assert plugins.token("--profile", "icav2-plugins")
    holders = [
        path
        for path in plugins.world.state.rglob("*")
        if path.is_file() and plugins.api.api_key.encode() in path.read_bytes()
    ]
    assert holders == [plugins.world.state / "grants/icav2-plugins.key"]


@pytest.fixture(params=["at home", "elsewhere"])
def tenants(person: Person, request: pytest.FixtureRequest) -> dict[str, str]:
    """Give this test two tenants in the older format; return the variables that lead there."""
    place = PLUGINS if request.param == "at home" else "elsewhere/plugins"
    put(
        person,
        f"{place}/tenants/umccr prod/config.yaml",
        f"server-url: {person.api.url}\nx-api-key: {person.api.api_key}\n"
        "token-tid: 0ba59ae1\ntoken-tns: umccr\napi-tid:\n",
    )
    token = canary(person, jwt(aud="ica", exp=1))
    put(person, f"{place}/tenants/umccr prod/.session.ica.yaml", f"access-token: {token}\n")
    put(
        person,
        f"{place}/tenants/beta/config.yaml",
        f"x-api-key: {canary(person, ENCRYPTED)}\n",
    )
    put(person, f"{place}/tenants/default_tenant.txt", "beta\n")
    home = {"ICAV2_CLI_PLUGINS_HOME": str(person.world.home / place)}
    return {} if request.param == "at home" else home


def test_tenants_of_the_older_plugins_become_profiles(
    person: Person, tenants: dict[str, str]
) -> None:
    told = told_by(person, "--yes", environ=tenants)
    assert "an API key of icav2-cli-plugins, for beta\n" in told
    assert "login --profile beta --api ica --url https://ica.illumina.com\n" in told
    assert list(tomllib.loads(person.config())["profiles"]) == ["umccr-prod"]
    assert person.token("--profile", "umccr-prod")


def test_one_key_in_several_places_makes_one_profile(plugins: Person) -> None:
    """As `icav2 tenants enter --global` leaves it: their file, by another name."""
    config = plugins.world.home / PLUGINS / "config"
    config.write_text(config.read_text().replace("project_id", "former"))
    text = f"server-url: {plugins.api.url}\nx-api-key: {plugins.api.api_key}\n"
    real = put(plugins, f"{PLUGINS}/tenants/umccr/config.yaml", text)
    (plugins.world.home / ".icav2").mkdir()
    (plugins.world.home / ".icav2/config.yaml").symlink_to(real)
    told = told_by(plugins, "--yes")
    assert told.count("the same as that of ") == 2
    assert list(tomllib.loads(plugins.config())["profiles"]) == ["icav2"]


def test_one_key_for_two_projects_makes_two_profiles(plugins: Person) -> None:
    text = f"server-url: {plugins.api.url}\nx-api-key: {plugins.api.api_key}\n"
    put(plugins, f"{PLUGINS}/tenants/umccr/config.yaml", text)
    put(plugins, f"{PLUGINS}/tenants/umccr/.session.127.yaml", f"project-id: {OTHER}\n")
    told_by(plugins, "--yes")
    found = tomllib.loads(plugins.config())["profiles"]
    projects = {name: one["project"] for name, one in found.items()}
    assert projects == {"icav2-plugins": PROJECT, "umccr": OTHER}


@pytest.mark.parametrize("key", ["key-0123456789", "!!binary U01XVjZk"])
def test_the_project_of_icav2_is_that_of_the_session_for_its_server(
    person: Person, key: str
) -> None:
    canary(person, "key-0123456789")
    put(person, ".icav2/config.yaml", f"server-url: stage.example\nx-api-key: {key}\n")
    put(person, ".icav2/.session.ica.yaml", f"project-id: {OTHER}\n")
    put(person, ".icav2/.session.stage.yaml", f"project-id: {PROJECT}\n")
    told = told_by(person)
    clear = f"project  {PROJECT}\n" in told
    assert clear or f"--url https://stage.example --project {PROJECT}\n" in told
    assert OTHER not in told


@pytest.mark.parametrize("project", ["", "a b", "../x", "p\x1b[2J", "-p", "!!binary cA==", "[p]"])
def test_a_project_that_is_no_id_is_left_out(person: Person, project: str) -> None:
    canary(person, "key-0123456789")
    put(person, ".icav2/config.yaml", "x-api-key: key-0123456789\n")
    put(person, ".icav2/.session.ica.yaml", f"project-id: {project}\n")
    put(
        person,
        f"{PLUGINS}/config",
        f"[default]\nx_api_key = key-0123456789\nproject_id={project}\n",
    )
    outcome = person.types("import")
    assert "project  " not in outcome.stdout.decode()
    assert outcome.stdout.decode().count("profile  icav2") >= 1


def test_each_session_of_icav2_names_its_own_server(person: Person) -> None:
    put(person, ".icav2/config.yaml", "server-url: stage.example\n")
    for server in ("ica", "stage", "other"):
        token = canary(person, jwt(aud="ica", sub=server))
        put(person, f".icav2/.session.{server}.yaml", f"access-token: {token}\nproject-id: p\n")
    told = told_by(person)
    for server, url in (
        ("ica", "https://ica.illumina.com"),
        ("stage", "https://stage.example"),
        ("other", "URL"),
    ):
        line = f"credhelper login --profile icav2-{server} --api ica --url {url}\n"
        before, _, after = told.partition(f".session.{server}.yaml: a token\n")
        assert before != told
        assert after.split("\n")[0].endswith(line.rstrip("\n"))


def test_a_token_in_the_config_of_icav2_is_told_of_too(person: Person) -> None:
    token = canary(person, jwt(aud="ica"))
    put(person, ".icav2/config.yaml", f"server-url: stage.example\naccess-token: {token}\n")
    told = told_by(person)
    assert ".icav2/config.yaml: a token\n" in told
    assert "credhelper login --profile icav2 --api ica --url https://stage.example\n" in told


@pytest.mark.parametrize("key", ["key-0123456789", "!!binary U01XVjZk"])
def test_a_session_that_icav2_renews_from_its_key_is_said_to_be_so(
    person: Person, key: str
) -> None:
    canary(person, "key-0123456789")
    put(person, ".icav2/config.yaml", f"x-api-key: {key}\n")
    put(person, ".icav2/.session.ica.yaml", f"access-token: {canary(person, jwt(aud='ica'))}\n")
    told = told_by(person)
    assert "the icav2 program renews it itself, with the API key in its config\n" in told
    assert "cannot be renewed" not in told


def lazy(person: Person, home: str) -> Path:
    token = canary(person, jwt(aud="iap-aps2", mem={"cid:dev": "*"}, scope="A.READ"))
    put(person, f"{home}/tokens/tokens.json", json.dumps({"development": {"admin": token}}))
    return person.world.home / home


def test_tokens_of_lazy_are_found_where_its_variable_says(person: Person) -> None:
    home = lazy(person, "opt/lazy")
    told = told_by(person, "--grant-env", "KEY", environ={"ICA_ICA_LAZY_HOME": str(home)})
    assert f"{home}/tokens/tokens.json: a token of ica-ica-lazy for project development" in told
    assert "project  dev\n" in told
    assert told_by(person) == (
        "no profile of ica, icav2, icav2-cli-plugins or ica-ica-lazy was found\n"
        "  next  credhelper login\n"
    )


def test_a_home_of_lazy_that_is_another_one_in_each_folder_is_refused(person: Person) -> None:
    lazy(person, ".ica-ica-lazy")
    outcome = person.types("import", environ={"ICA_ICA_LAZY_HOME": "lazy"})
    assert outcome.stdout == (
        b"no profile of ica, icav2, icav2-cli-plugins or ica-ica-lazy was found\n"
        b"  next  credhelper login\n"
    )
    assert "ICA_ICA_LAZY_HOME is not an absolute path: left alone\n" in outcome.told
    assert "hint: unset ICA_ICA_LAZY_HOME\n" in outcome.told


@pytest.mark.parametrize("entry", ["/lab/ica key", "lab/ica key"])
def test_the_key_of_lazy_is_the_entry_that_its_variable_names(person: Person, entry: str) -> None:
    lazy(person, ".ica-ica-lazy")
    put(person, ".password-store/lab/ica key.gpg", "encrypted")
    put(person, ".password-store/ica/api-keys/default-api-key.gpg", "encrypted")
    environ = {"ICA_ICA_LAZY_DEFAULT_API_KEY_PATH": entry}
    assert "the output of: pass show 'lab/ica key'\n" in told_by(person, environ=environ)
    assert "pass show ica/api-keys/default-api-key\n" in told_by(person)


@pytest.mark.parametrize("entry", ["../key", "/a/../../key", "-c", "gone", "a\nb", "/", "\x1b[2J"])
def test_an_entry_that_is_none_is_not_asked_for(person: Person, entry: str) -> None:
    lazy(person, ".ica-ica-lazy")
    for name in ("key.gpg", ".password-store/-c.gpg", ".password-store/a\nb.gpg"):
        put(person, name, "encrypted")
    told = told_by(person, environ={"ICA_ICA_LAZY_DEFAULT_API_KEY_PATH": entry})
    assert "say where the API key is: --grant-command" in told
    assert "pass show" not in told
