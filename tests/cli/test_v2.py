"""The v2 API from the people's door: what it can do is done, and what it cannot is said."""

from __future__ import annotations

import json
import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper.core import record
from tests.cli.conftest import Person
from tests.cli.test_logout import held
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

V2 = ("--api", "ica")


def claims(person: Person, token: str) -> dict[str, Any]:
    outcome = person.types("token", "details", stdin=token)
    assert outcome.status == 0, outcome
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def session(person: Person) -> Path:
    """Return the record of the one session that is held."""
    [found] = [p for p in (person.world.state / "sessions").iterdir() if p.suffix != ".lock"]
    return found


def age(person: Person, seconds: int) -> None:
    """Make the session `seconds` older, too."""
    person.world.age(seconds)
    fields = record.decode(session(person).read_bytes())
    assert fields is not None
    for key in ("issued", "expires", "not_before"):
        fields[key] = str(record.number(fields, key) - seconds)
    session(person).write_bytes(record.encode(fields))


def test_a_key_is_verified_and_tokens_are_for_ica(person: Person) -> None:
    outcome = person.logs_in(*V2, "--service", "https://git.example")
    told = outcome.stdout.decode()
    assert "Sandbox User (sandbox@example.com)" in told
    assert "session" not in told
    assert tomllib.loads(person.config())["profiles"]["default"]["api"] == "ica"
    token = person.token()
    assert claims(person, token)["aud"] == "ica"
    assert person.token("https://git.example") == token
    assert (person.api.stats()["created"], person.api.stats()["details"]) == (1, 0)


def test_a_key_creates_the_next_token_too(person: Person) -> None:
    person.logs_in(*V2)
    first = person.token()
    person.api.count_from_here()
    person.world.age(2 * 86400)
    assert person.token() != first
    assert (person.api.stats()["created"], person.api.stats()["requests"]) == (1, 1)


def test_a_wrong_key_is_refused_and_nothing_is_written(person: Person) -> None:
    outcome = person.types("login", "--url", person.api.url, *V2, stdin="wrong-key")
    assert outcome.status == 5
    assert "401" in outcome.told
    assert person.config() == ""


def test_a_password_is_used_once_and_its_jwt_carries_on(person: Person) -> None:
    outcome = person.logs_in(
        *V2, "--user", person.api.username, "--domain", "acme", stdin=person.api.password
    )
    assert "kept, and refreshed whenever it is used; it ends after 24 h" in outcome.stdout.decode()
    for path in person.world.root.rglob("*"):
        if path.is_file():
            assert person.api.password.encode() not in path.read_bytes(), path
    first = person.token()
    assert claims(person, first)["tns"] == "acme"
    age(person, 86400 // 2)
    second = person.token()
    assert second != first
    assert claims(person, second)["tns"] == "acme"
    assert (person.api.stats()["created"], person.api.stats()["refreshed"]) == (1, 1)


def test_a_herd_refreshes_a_kept_jwt_once(person: Person) -> None:
    person.logs_in(*V2, "--user", person.api.username, stdin=person.api.password)
    first = person.token()
    age(person, 86400)
    person.api.fault({"path": "/ica/rest/api/tokens:refresh", "delay": 0.5})
    herd = [person.world.start("get") for _ in range(16)]
    told = {person.world.finish(one).stdout for one in herd}
    assert len(told) == 1
    assert told != {f"{first}\n".encode()}
    assert (person.api.stats()["created"], person.api.stats()["refreshed"]) == (1, 1)


@pytest.mark.waits
def test_a_kept_jwt_is_never_shown_expired_as_long_as_somebody_asks(
    tmp_path: Path, start_sandbox: Callable[..., RunningSandbox]
) -> None:
    # Half of a life is how long a busy machine may keep it from asking.
    sandbox = start_sandbox("--token-lifetime", "16")
    person = Person(World(tmp_path), sandbox)
    person.logs_in(*V2, "--user", sandbox.username, stdin=sandbox.password)
    tokens: set[str] = set()
    while len(tokens) < 3:  # through more than one life
        token = person.token()
        assert sandbox.admits(token)
        tokens.add(token)
        time.sleep(0.8)
    assert sandbox.stats()["created"] == 1


def test_a_pstoken_is_used_once_likewise(person: Person) -> None:
    made = person.types(
        *("token", "create", "--url", person.api.url, "--secret-file", "-"),
        "--return-session-token",
        stdin=person.api.api_key,
    )
    pstoken = json.loads(made.stdout)["access_token"]
    person.logs_in(*V2, "--session", stdin=pstoken)
    person.token()
    age(person, 86400 // 2)
    person.token()
    stats = person.api.stats()
    assert (stats["minted"], stats["refreshed"]) == (1, 1)


def test_a_session_that_ended_says_how_to_log_in(person: Person) -> None:
    person.logs_in(*V2, "--user", person.api.username, stdin=person.api.password)
    age(person, 2 * 86400)
    person.api.revoke_all()
    outcome = person.world.run("get")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "credhelper login --profile default" in outcome.told


def test_details_are_the_tokens_own_claims_and_it_says_so(person: Person) -> None:
    person.logs_in(*V2)
    outcome = person.types("token", "details", stdin=person.token())
    assert outcome.status == 0
    assert "its own claims, which nobody has verified" in outcome.told
    assert json.loads(outcome.stdout)["tns"] == "sandbox"
    outcome = person.types("token", "details", stdin="opaque")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "not a JWT" in outcome.told


def test_logout_says_that_it_cannot_revoke_and_forgets(person: Person) -> None:
    person.logs_in(*V2)
    token = person.token()
    outcome = person.types("logout")
    told = outcome.stdout.decode()
    assert outcome.status == 5
    assert "token  NOT revoked: this API cannot, it lives until 2" in told
    assert "forgotten" in told
    assert held(person.world) == []
    assert person.api.stats()["revoked"] == 0
    assert claims_without_profile(person, token)["aud"] == "ica"
    assert person.types("logout").status == 0


def claims_without_profile(person: Person, token: str) -> dict[str, Any]:
    outcome = person.types("token", "details", "--url", person.api.url, *V2, stdin=token)
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_logout_of_a_password_login_names_its_one_jwt_once(person: Person) -> None:
    person.logs_in(*V2, "--user", person.api.username, stdin=person.api.password)
    outcome = person.types("logout")
    assert outcome.status == 5
    assert outcome.stdout.count(b"NOT revoked") == 1
    assert held(person.world) == []
    assert person.world.run("get").status == 4


def test_logout_of_what_has_expired_is_confirmed(person: Person) -> None:
    person.logs_in(*V2)
    person.world.age(2 * 86400)
    outcome = person.types("logout")
    assert outcome.status == 0
    assert "had expired already" in outcome.stdout.decode()


def test_token_revoke_says_that_it_cannot(person: Person) -> None:
    person.logs_in(*V2)
    outcome = person.types("token", "revoke", stdin=person.token())
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "this API cannot revoke" in outcome.told
    assert person.api.stats()["revoked"] == 0


def test_status_works_and_a_check_says_that_it_is_none(person: Person) -> None:
    person.logs_in(*V2, "--user", person.api.username, stdin=person.api.password)
    before = person.api.stats()["requests"]
    outcome = person.types("status", "--check")
    told = outcome.stdout.decode()
    assert outcome.status == 0
    assert "Sandbox User (sandbox@example.com)" in told
    assert "JWT, 24 h of 24 h left" in told
    assert "held, ends after 24 h without use" in told
    assert "not possible: this API has no call" in told
    assert person.api.stats()["requests"] == before
    shown = json.loads(person.types("status", "--json").stdout)["profiles"][0]
    assert shown["api"] == "ica"


def test_create_and_refresh_by_hand(person: Person) -> None:
    where = ("--url", person.api.url, *V2, "--secret-file", "-")
    words = ("token", "create", *where, "--user", person.api.username)
    made = person.types(*words, stdin=person.api.password)
    assert made.status == 0, made
    jwt = json.loads(made.stdout)["access_token"]
    again = person.types("token", "refresh", *where, stdin=jwt)
    assert json.loads(again.stdout)["access_token"] != jwt
    made = person.types("token", "create", *where, stdin=person.api.api_key)
    refused = person.types(
        "token", "refresh", *where, stdin=json.loads(made.stdout)["access_token"]
    )
    assert refused.status == 5
    assert "an API key made" in refused.told


def test_a_session_whose_jwt_an_api_key_made_is_told_and_never_refreshed(person: Person) -> None:
    """As a server may do whose psToken a key had made: the sandbox does not."""
    words = ("token", "create", "--url", person.api.url, *V2, "--secret-file", "-")
    by_key = json.loads(person.types(*words, stdin=person.api.api_key).stdout)["access_token"]
    person.api.fault({"path": "/ica/rest/api/tokens", "access_token": by_key, "status": 200})
    told = person.logs_in(*V2, "--session", stdin="ps-0123456789").stdout.decode()
    assert "ends after 24 h: an API key made it, so the API does not refresh it; log in" in told
    assert "without use" not in told
    person.api.count_from_here()
    age(person, 86400 - 60)
    outcome = person.world.run("get")
    assert (outcome.status, outcome.stdout.decode()) == (0, f"{by_key}\n")
    person.world.canaries.append(by_key)
    shown = person.types("status").stdout.decode()
    assert re.search("held, ends in [0-9]+ s: an API key made it, so it is not refreshed", shown)
    age(person, 120)
    outcome = person.world.run("get")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "an API key made it: the API refreshes no such JWT" in outcome.told
    assert "hint: credhelper login --profile default --api-key\n" in outcome.told
    assert person.api.stats()["requests"] == 0
    person.logs_in("--api-key")
    assert 'auth = "session"' not in person.config()


def test_what_only_v1_has_is_refused_by_name(person: Person) -> None:
    person.logs_in(*V2)
    outcome = person.types("token", "create", "--cid", "project-alpha")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "the v2 API has no cid" in outcome.told
    outcome = person.types("login", "--cid", "project-alpha", stdin=person.api.api_key)
    assert outcome.status == 2
    assert "cid of profile default: means nothing to api = 'ica'" in outcome.told


def test_a_kept_jwt_creates_no_other(person: Person) -> None:
    person.logs_in(*V2, "--user", person.api.username, stdin=person.api.password)
    outcome = person.types("token", "create")
    assert outcome.status == 2
    assert "creates no other" in outcome.told


def test_which_api_belongs_to_a_profile_or_to_a_url(person: Person) -> None:
    person.logs_in(*V2)
    outcome = person.types("token", "details", *V2, stdin="x")
    assert outcome.status == 2
    assert "--api goes with --url" in outcome.told
    for url, wrong in (
        ("https://ica.illumina.com", "iap"),
        ("https://use1.platform.illumina.com", "ica"),
    ):
        outcome = person.types("token", "create", "--url", url, "--api", wrong, stdin="a-key")
        assert outcome.status == 2
        assert f"--api {wrong}: {url} is the one of" in outcome.told


def test_a_v2_key_goes_to_v2_where_the_url_tells_which_api_it_is(person: Person) -> None:
    # Nobody is to be reached there from here: the message says where it would have gone.
    words = ("token", "create", "--url", "https://ica.illumina.com", "--domain", "x", "--cid", "p")
    outcome = person.types(*words, stdin="a-key-0123456789")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "the v2 API has no cid" in outcome.told


def test_commands_get_the_variables_that_v2_tools_read(person: Person) -> None:
    person.logs_in(*V2)
    token = person.token()
    told = json.loads(person.types("env", "--format", "json").stdout)
    assert told == {
        "ICAV2_ACCESS_TOKEN": token,
        "ICAV2_SERVER_URL": person.api.url.partition("://")[2],
        "ICAV2_BASE_URL": f"{person.api.url}/ica/rest",
    }
    lines = person.world.run("get", "--format", "env").stdout.decode().split("\n")
    assert lines == [*(f"export {name}={value}" for name, value in told.items()), ""]
    outcome = person.world.run("exec", "--", "env", "-0")
    found = dict(line.split("=", 1) for line in outcome.stdout.decode().split("\0") if line)
    assert found["ICAV2_ACCESS_TOKEN"] == token
    assert "ICA_ACCESS_TOKEN" not in found


def test_without_a_config_three_variables_are_enough(person: Person) -> None:
    environ = {
        "CREDHELPER_API_KEY": person.api.api_key,
        "CREDHELPER_URL": f"{person.api.url}/ica/rest",
        "CREDHELPER_API": "ica",
    }
    v2 = person.token(environ=environ)
    assert person.token(environ=environ) == v2
    v1 = person.token(environ={**environ, "CREDHELPER_API": None})
    assert v1 != v2
    assert person.token(environ=environ) == v2
    assert person.api.stats()["created"] == 2
    assert claims_without_profile(person, v2)["aud"] == "ica"


@pytest.mark.parametrize("rejected", [True, False])
def test_a_tool_that_refuses_a_kept_jwt_gets_another(person: Person, rejected: bool) -> None:
    service = "https://git.example"
    person.logs_in(
        *V2, "--service", service, "--user", person.api.username, stdin=person.api.password
    )
    first = person.token(service)
    age(person, 120)
    if rejected:
        dialogue = f"protocol=https\nhost=git.example\nusername=oauth2\npassword={first}\n\n"
        assert person.world.run("git", "erase", stdin=dialogue.encode()).status == 0
    assert (person.token(service) != first) is rejected
    assert session(person).exists()
