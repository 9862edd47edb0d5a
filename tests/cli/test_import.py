"""`credhelper import`: sample homes of other tools, and what becomes of them."""

from __future__ import annotations

import base64
import json
import os
import pty
import stat
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.support.worlds import snapshot

JWT_END = "c2lnbmF0dXJl"


def jwt(**claims: Any) -> str:
    parts = [{"alg": "RS256"}, claims]
    encoded = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts
    ]
    return ".".join([*encoded, JWT_END])


def put(person: Person, name: str, text: str) -> Path:
    path = person.world.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def region(person: Person) -> str:
    return person.api.url.partition("://")[2].partition(".")[0]


@pytest.fixture
def ica(person: Person) -> Person:
    """Give this test somebody who used the ica program: a config, a session, an access token."""
    put(
        person,
        ".ica/config.yaml",
        f"server-url: {person.api.url}\ndomain: acme\noutput-format: table\nsso: false\n",
    )
    request = urllib.request.Request(
        f"{person.api.url}/v1/tokens?returnSessionToken=true",
        headers={"X-API-Key": person.api.api_key},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        session = json.load(answer)["access_token"]
    token = jwt(mem={"cid:project-alpha": []}, exp=int(time.time()) + 3600)
    put(
        person,
        f".ica/.session.{region(person)}.yaml",
        f"access-token: {token}\nsession-token: {session}\n",
    )
    person.world.canaries += [token, session]
    return person


@pytest.fixture
def icav2(person: Person) -> Person:
    """Give this test somebody who used the icav2 program: a config with the API key in it."""
    put(
        person,
        ".icav2/config.yaml",
        f'access-token: ""\ncolormode: none\noutput-format: table\nserver-url: {person.api.url}\n'
        f"x-api-key: {person.api.api_key}\n",
    )
    token = jwt(aud="ica", exp=int(time.time()) + 3600)
    put(person, ".icav2/.session.ica.yaml", f"access-token: {token}\nproject-id: p-1\n")
    person.world.canaries.append(token)
    return person


@pytest.fixture
def lazy(person: Person) -> Person:
    """Give this test somebody who used UMCCR's ica-ica-lazy: tokens of two projects."""
    tokens = {
        "development": {
            "read-only": jwt(aud="iap-aps2", mem={"cid:dev": []}, scope="A.READ,B.READ"),
            "admin": jwt(aud="iap-aps2", mem={"cid:dev": []}, scope="A.ADMIN"),
        },
        "production data": {"read-only": jwt(aud="iap-use1", mem={"cid:prod": []}, scope="A.READ")},
    }
    put(person, ".ica-ica-lazy/tokens/tokens.json", json.dumps(tokens))
    person.world.canaries += [token for each in tokens.values() for token in each.values()]
    return person


def test_an_empty_home_holds_nothing(person: Person) -> None:
    outcome = person.types("import")
    assert (outcome.status, outcome.told) == (0, "")
    assert outcome.stdout == (
        b"no profile of ica, icav2, icav2-cli-plugins or ica-ica-lazy was found\n"
        b"  next  credhelper login\n"
    )


@pytest.mark.parametrize("home", ["ica", "icav2", "lazy"])
@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_without_a_yes_nothing_changes_and_no_secret_is_shown(
    home: str, stdin: str, request: pytest.FixtureRequest
) -> None:
    person: Person = request.getfixturevalue(home)
    before = snapshot(person.world.home), person.api.stats()["requests"]
    outcome = person.types("import", stdin=stdin)
    assert (outcome.status, outcome.told) == (0, "")
    assert (snapshot(person.world.home), person.api.stats()["requests"]) == before
    assert person.config() == ""
    assert not person.world.state.exists()


@pytest.mark.parametrize(
    ("typed", "status"), [("n\n", 0), ("\n", 0), ("perhaps\nno\n", 0), ("\4", 130)]
)
def test_whatever_is_typed_that_is_no_yes_changes_nothing(
    icav2: Person, typed: str, status: int
) -> None:
    before = snapshot(icav2.world.root), icav2.api.stats()["requests"]
    assert _at_a_terminal(icav2, typed) == status
    assert (snapshot(icav2.world.root), icav2.api.stats()["requests"]) == before


def test_a_yes_that_is_typed_makes_the_profile(icav2: Person) -> None:
    assert _at_a_terminal(icav2, "y\n") == 0
    assert "[profiles.icav2]" in icav2.config()


def _at_a_terminal(person: Person, typed: str) -> int:
    """Answer the first question of an import, and return its exit status."""
    ours, theirs = pty.openpty()
    process = person.world.start("import", stdin=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, typed.encode())
        return person.world.finish(process).status
    finally:
        os.close(ours)


def test_a_session_of_ica_becomes_a_profile_that_is_kept_alive(ica: Person) -> None:
    before = snapshot(ica.world.home)
    outcome = ica.types("import", "--yes")
    assert outcome.status == 0, outcome
    told = outcome.stdout.decode()
    assert "a session of the ica program" in told
    assert "logged in to profile ica" in told
    assert "Sandbox User" in told
    assert snapshot(ica.world.home) == before
    assert 'auth = "session"' in ica.config()
    assert 'domain = "acme"' in ica.config()
    assert 'cid = "project-alpha"' in ica.config()
    created = ica.api.stats()["created"]
    assert ica.token()
    assert ica.api.stats()["created"] == created
    (session,) = (ica.world.state / "sessions").glob("[0-9a-f]*[0-9a-f]")
    assert stat.S_IMODE(session.stat().st_mode) == 0o600


def test_a_session_goes_to_the_server_of_its_region_or_to_ones_own(ica: Person) -> None:
    folder = ica.world.home / ".ica"
    session = folder / f".session.{region(ica)}.yaml"
    session.rename(folder / ".session.aps2.yaml")
    assert ica.api.url in ica.types("import").stdout.decode()
    for server in ("use1.platform.illumina.com", "https://use1.platform.illumina.com/"):
        put(ica, ".ica/config.yaml", f"server-url: {server}\n")
        told = ica.types("import").stdout.decode()
        assert "api      https://aps2.platform.illumina.com\n" in told


def test_a_session_under_a_name_of_ones_own_goes_to_the_region_that_its_token_names(
    ica: Person,
) -> None:
    folder = ica.world.home / ".ica"
    session = folder / f".session.{region(ica)}.yaml"
    put(ica, ".ica/config.yaml", "output-format: table\n")
    token = jwt(aud=["iap-use1"], mem={"cid:project-alpha": []})  # a list is read, too
    ica.world.canaries.append(token)
    kept = session.read_text().partition("\n")[2]  # without the other access token
    put(ica, ".ica/.session.dev.yaml", f"{kept}access-token: {token}\n")
    session.unlink()
    told = ica.types("import").stdout.decode()
    assert "api      https://use1.platform.illumina.com\n" in told
    put(ica, ".ica/.session.dev.yaml", "session-token: ps-of-nowhere-0123\n")
    assert "its region is not told: credhelper login" in ica.types("import").stdout.decode()
    put(ica, ".ica/config.yaml", "server-url: cac1.platform.illumina.com\n")
    told = ica.types("import").stdout.decode()
    assert "api      https://cac1.platform.illumina.com\n" in told


def test_the_key_of_icav2_becomes_a_profile_with_the_key_in_a_private_file(icav2: Person) -> None:
    before = snapshot(icav2.world.home)
    outcome = icav2.types("import", "icav2", "--yes")
    assert outcome.status == 0, outcome
    assert "logged in to profile icav2" in outcome.stdout.decode()
    assert 'api = "ica"' in icav2.config()
    assert icav2.api.api_key not in icav2.config()
    key = icav2.world.state / "grants/icav2.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert snapshot(icav2.world.home) == before
    assert icav2.token("--profile", "icav2")


@pytest.mark.parametrize(
    "value", ["!!binary U01XVjZk", "!!binary |\n    U01XVjZk\n    U01XVjZk", "[k]", ">-\n  k\n  k"]
)
def test_a_key_that_icav2_encrypted_is_told_and_never_taken_for_the_key(
    person: Person, value: str
) -> None:
    put(person, ".icav2/config.yaml", f"server-url: {person.api.url}\nx-api-key: {value}\n")
    outcome = person.types("import", "--yes")
    assert (outcome.status, outcome.told) == (0, "")
    told = outcome.stdout.decode()
    assert "an API key of the icav2 program\n" in told
    assert (
        f"encrypts its key; credhelper login --profile icav2 --api ica --url {person.api.url}\n"
        in told
    )
    assert person.config() == ""


@pytest.mark.parametrize(
    "line", ["\ufeff{}", "'x-api-key': 'KEY'\r", '"x-api-key": "KEY" # mine', "x-api-key:\tKEY"]
)
def test_a_key_is_read_however_an_editor_left_its_line(person: Person, line: str) -> None:
    line = line.replace("{}", "x-api-key: KEY").replace("KEY", person.api.api_key)
    text = f"{line}\nserver-url: {person.api.url}/ica/rest\n"
    put(person, ".icav2/config.yaml", text)
    assert person.types("import", "--yes").status == 0
    assert f'url = "{person.api.url}"' in person.config()


@pytest.mark.parametrize(
    "value",
    ["&u {}", "!!str {}", "! '{}'", ">-\n  {}", "|-\n  {}", "\n  {} # mine", '"{}"\n---\na: b'],
)
def test_a_server_is_read_as_yaml_reads_it(icav2: Person, value: str) -> None:
    key = f"x-api-key: {icav2.api.api_key}\n"
    put(icav2, ".icav2/config.yaml", f"{key}server-url: {value.format(icav2.api.url)}\n")
    assert icav2.types("import", "--yes").status == 0
    assert f'url = "{icav2.api.url}"' in icav2.config()


@pytest.mark.parametrize("value", ["", '""', "~", "null", "&u"])
def test_only_a_server_that_is_missing_or_empty_is_the_usual_one(
    person: Person, value: str
) -> None:
    put(person, ".icav2/config.yaml", f"x-api-key: key-0123456789\nserver-url: {value}\n")
    person.world.canaries.append("key-0123456789")
    assert "api      https://ica.illumina.com\n" in person.types("import").stdout.decode()


@pytest.mark.parametrize(
    "value", ["[stage.test]", "{a: stage.test}", "!!binary c3RhZ2U=", "*u", "[", "a b"]
)
def test_a_server_that_is_no_text_gets_neither_key_nor_session(ica: Person, value: str) -> None:
    """An alias and a broken file say nothing of the server that was meant."""
    (session,) = (ica.world.home / ".ica").glob(".session.*")
    session.rename(session.with_name(".session.aps2.yaml"))
    text = f"domain: acme\nx-api-key: key-0123456789\nserver-url: {value}\n"
    ica.world.canaries.append("key-0123456789")
    for folder in (".ica", ".icav2"):
        put(ica, f"{folder}/config.yaml", text)
    outcome = ica.types("import", "--yes")
    assert (outcome.status, "illumina.com" in outcome.stdout.decode()) == (0, False)


def test_aliases_do_not_make_a_small_file_a_large_one(person: Person) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    put(person, ".icav2/config.yaml", "\n".join([*lines, "x-api-key: key-0123456789\n"]))
    outcome = person.types("import")
    assert ".icav2/config.yaml holds an alias: left alone\n" in outcome.told
    assert "nothing was found, but " in outcome.stdout.decode()


def test_a_key_whose_server_makes_no_sense_is_told_of(person: Person) -> None:
    text = "server-url: https://evil.test/path?x=ica\nx-api-key: key-0123456789\n"
    put(person, ".icav2/config.yaml", text)
    person.world.canaries.append("key-0123456789")
    outcome = person.types("import", "--yes")
    assert outcome.status == 0
    assert (
        "server-url makes no sense: credhelper login --profile icav2 --api ica"
        in outcome.stdout.decode()
    )


def test_a_token_alone_makes_no_profile(icav2: Person) -> None:
    put(icav2, ".icav2/config.yaml", "output-format: table\n")
    told = icav2.types("import").stdout.decode()
    assert ".icav2/.session.ica.yaml: a token\n" in told
    assert "a token alone cannot be renewed: credhelper login --profile icav2 --api ica" in told


def test_tokens_of_lazy_want_to_know_where_the_key_is(lazy: Person) -> None:
    told = lazy.types("import", "--yes").stdout.decode()
    assert told.count("say where the API key is: --grant-command") == 3
    assert lazy.config() == ""


def test_projects_of_lazy_become_profiles_with_project_and_scopes(lazy: Person) -> None:
    outcome = lazy.types("import", "--grant-command", "pass show some/key")
    told = outcome.stdout.decode()
    for words in (
        "profile  development-read-only",
        "profile  development-admin",
        "profile  production-data",
        "https://aps2.platform.illumina.com",
        "https://use1.platform.illumina.com",
        "project  dev",
        "scopes   A.READ, B.READ",
        "grant    the output of: pass show some/key",
        "next  credhelper import production-data --yes",
    ):
        assert words in told, words
    assert lazy.config() == ""


def test_two_projects_whose_names_become_one_are_two_profiles(person: Person) -> None:
    token = jwt(aud="iap-aps2", mem={"cid:dev": []})
    person.world.canaries.append(token)
    tokens = {name: {"admin": token} for name in ("a b", "a-b", "a/b")}
    put(person, ".ica-ica-lazy/tokens/tokens.json", json.dumps(tokens))
    told = person.types("import", "--grant-env", "KEY").stdout.decode()
    assert [told.count(f"import a-b{n} --yes") for n in ("", "-2", "-3")] == [1, 1, 1]


@pytest.mark.parametrize("members", [5, [1], "cid:x", [["cid:x"]], {"cid:a": 1, "cid:b": 2}, None])
def test_a_token_with_odd_claims_stops_nobody(person: Person, members: Any) -> None:
    token = jwt(aud=members, mem=members, scope=members)
    person.world.canaries.append(token)
    put(person, ".ica-ica-lazy/tokens/tokens.json", json.dumps({"odd": {"admin": token}}))
    put(person, ".ica/.session.aps2.yaml", f"access-token: {token}\nsession-token: ps-odd-0123\n")
    outcome = person.types("import", "--grant-env", "KEY")
    assert (outcome.status, outcome.told) == (0, "")
    assert "profile  odd" in outcome.stdout.decode()
    assert "profile  ica" in outcome.stdout.decode()
    assert "project  " not in outcome.stdout.decode()


def test_the_key_in_pass_is_found_where_their_readme_has_it(lazy: Person) -> None:
    put(lazy, ".password-store/ica/api-keys/default-api-key.gpg", "encrypted")
    told = lazy.types("import").stdout.decode()
    assert told.count("the output of: pass show ica/api-keys/default-api-key") == 3


def test_a_project_of_lazy_is_verified_before_it_is_written(lazy: Person) -> None:
    token = jwt(aud="iap-aps2", mem={"cid:project-alpha": []}, scope="A.READ")
    put(lazy, ".ica-ica-lazy/tokens/tokens.json", json.dumps({"alpha": {"admin": token}}))
    key = lazy.world.secret_file("api-key", "key-that-is-wrong-and-long-enough")
    # The region's real origin is not to be reached from here: a definite failure, nothing written.
    environ = {"HTTPS_PROXY": "http://127.0.0.1:1"}
    outcome = lazy.types("import", "--yes", "--grant-file", str(key), environ=environ)
    assert outcome.status == 5
    assert "credhelper: error: " in outcome.told
    assert lazy.config() == ""


def test_variables_are_told_of_and_a_key_in_one_stays_there(person: Person) -> None:
    token = jwt(exp=1)
    person.world.canaries.append(token)
    environ = {"ICA_ACCESS_TOKEN": token, "ICAV2_X_API_KEY": person.api.api_key}
    outcome = person.types("import", environ=environ)
    told = outcome.stdout.decode()
    assert "ICA_ACCESS_TOKEN: a token\n" in told
    assert "credhelper login --profile ica && unset ICA_ACCESS_TOKEN\n" in told
    assert "ICAV2_X_API_KEY: an API key in the environment" in told
    assert "grant    the environment variable ICAV2_X_API_KEY" in told


@pytest.mark.parametrize("variable", ["ICAV2_BASE_URL", "ICAV2_SERVER_URL"])
def test_a_key_in_a_variable_goes_to_the_server_that_the_variables_name(
    person: Person, variable: str
) -> None:
    environ = {"ICAV2_X_API_KEY": person.api.api_key, variable: f"{person.api.url}/ica/rest"}
    assert person.types("import", "--yes", environ=environ).status == 0
    assert f'url = "{person.api.url}"' in person.config()
    assert person.token(environ=environ)


def test_a_key_in_a_variable_goes_nowhere_where_its_server_makes_no_sense(person: Person) -> None:
    environ = {"ICAV2_X_API_KEY": person.api.api_key, "ICAV2_BASE_URL": "https://me@x.test/?a"}
    outcome = person.types("import", "--yes", environ=environ)
    assert outcome.status == 0
    assert "ICAV2_BASE_URL makes no sense" in outcome.stdout.decode()
    assert "x.test" not in outcome.stdout.decode() + outcome.told
    assert person.config() == ""


def test_each_token_in_a_variable_names_the_login_to_its_own_api(person: Person) -> None:
    names = ("ICA_ACCESS_TOKEN", "IAP_TOKEN", "ICAV2_ACCESS_TOKEN")
    environ = dict.fromkeys(names, jwt(exp=1)) | {"ICA_BASE_URL": "https://use1.platform.test/v1"}
    told = person.types("import", environ=environ).stdout.decode()
    for words in (
        "login --profile ica --url https://use1.platform.test && unset ICA_ACCESS_TOKEN",
        "login --profile iap && unset IAP_TOKEN",
        "login --profile icav2 --api ica && unset ICAV2_ACCESS_TOKEN",
    ):
        assert f"credhelper {words}\n" in told


def test_a_profile_that_is_there_is_left_alone(ica: Person) -> None:
    assert ica.types("import", "--yes").status == 0
    before = ica.config()
    outcome = ica.types("import", "--yes")
    assert "profile ica exists already: left alone" in outcome.stdout.decode()
    assert ica.config() == before


def test_a_name_that_is_not_proposed_is_told(icav2: Person) -> None:
    outcome = icav2.types("import", "nobody", "--yes")
    assert outcome.status == 3
    assert "profiles that can be made: icav2" in outcome.told


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\0",
        "- a\n- b\n",
        "server-url: [\n",
        "x-api-key: 'unclosed\n",
        "x-api-key: has a blank\n",
        "x-api-key:\nserver-url: ica.illumina.com\n",
        "server-url: https://evil.test/path?x=ica\nx-api-key: key-0123456789\n",
        "server-url: user@evil.test\nx-api-key: key-0123456789\n",
        f"server-url: {'a' * 500_000}!\nx-api-key: b{' ' * 500_000}c\n",
        f"{' ' * 500_000}x-api-key{' ' * 400_000}\n",
    ],
)
def test_odd_configs_propose_nothing_and_stop_nobody(person: Person, text: str) -> None:
    put(person, ".icav2/config.yaml", text)
    put(person, ".ica/config.yaml", text)
    put(person, ".ica/.session.x.yaml", text)
    put(person, ".ica-ica-lazy/tokens/tokens.json", text or "[1, {}]")
    outcome = person.types("import", "--yes")
    assert outcome.status == 0, outcome
    assert "profile  " not in outcome.stdout.decode()
    assert "key-0123456789" not in outcome.stdout.decode() + outcome.told


def test_a_file_that_is_not_ours_to_read_is_told_and_passed_over(person: Person) -> None:
    path = put(person, ".icav2/config.yaml", "x")
    path.unlink()
    path.mkdir()
    outcome = person.types("import")
    assert outcome.status == 0
    assert "credhelper: warning: " in outcome.told


@pytest.mark.parametrize(
    ("text", "told"),
    [(b"\xef\xbb\xbf{}", False), (b"", False), (b'{"a": ', True), (b"[1]", True)],
)
def test_a_broken_file_of_tokens_is_told_of(person: Person, text: bytes, told: bool) -> None:
    path = person.world.home / ".ica-ica-lazy" / "tokens" / "tokens.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    assert ("it is not JSON" in person.types("import").stdout.decode()) is told


def test_a_file_that_is_too_large_is_not_taken_for_none(person: Person) -> None:
    tokens = {f"p{number}": {"read": jwt(aud="iap-use1", cid="x" * 300)} for number in range(3000)}
    path = put(person, ".ica-ica-lazy/tokens/tokens.json", json.dumps(tokens))
    outcome = person.types("import")
    assert outcome.status == 0
    assert f"{path} is larger than 1 MiB" in outcome.told
    assert f"nothing was found, but {path} could not be read" in outcome.stdout.decode()
    assert "credhelper profile add" in outcome.stdout.decode()
