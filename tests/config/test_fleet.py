"""The fleet in the config: what may stand there, and what each mistake is told as."""

from __future__ import annotations

import pytest

from credhelper.config import fleet as fleets
from credhelper.config import identity
from credhelper.config import parse as parsing
from credhelper.config.fleet import Address, address_of
from credhelper.config.parse import Config
from credhelper.config.profile import Grant
from credhelper.errors import ConfigError

HOME = {"HOME": "/home/ada"}
TABLE = """
[fleet]
store = "rediss://redis.example.org"
key = { file = "~/fleet.key" }
"""
PROFILE = '[profiles.a]\ngrant = { env = "KEY" }\nshare = "pipe"\n'


def parse(text: str) -> Config:
    return parsing.parse(text.encode(), "/config.toml", HOME)


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.message


def test_every_key_is_read() -> None:
    found = parse(
        PROFILE
        + """
        [fleet]
        store = "redis+sentinel://fleet%40a@one.example,two.example:1/main/3"
        password = { env = "STORE_PASSWORD" }
        key = { command = ["pass", "fleet"] }
        ca_file = "~/ca.pem"
        lead = false
        timeout = "5s"
        plain = true
        """
    ).fleet
    assert found == fleets.Fleet(
        store=Address(
            "sentinel", (("one.example", 26379), ("two.example", 1)), False, "fleet@a", 3, "main"
        ),
        password=Grant("env", ("STORE_PASSWORD",)),
        key=Grant("command", ("pass", "fleet")),
        ca_file="/home/ada/ca.pem",
        lead=False,
        timeout=5,
        plain=True,
    )


def test_what_is_left_out_has_a_default() -> None:
    found = parse(PROFILE + TABLE).fleet
    assert found is not None
    assert (found.lead, found.timeout, found.plain, found.password) == (True, 2, False, None)
    assert parse('[profiles.a]\ngrant = { env = "KEY" }\n').fleet is None


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("rediss://h", Address("server", (("h", 6379),), True, "")),
        ("rediss://u@H.example:1/2", Address("server", (("h.example", 1),), True, "u", 2)),
        ("redis://127.0.0.1", Address("server", (("127.0.0.1", 6379),), False, "")),
        ("redis://[::1]:7", Address("server", (("::1", 7),), False, "")),
        ("unix:///run/redis", Address("unix", (), False, "", 0, "/run/redis")),
        ("rediss+cluster://a,b:2", Address("cluster", (("a", 6379), ("b", 2)), True, "")),
        ("rediss+sentinel://a/m", Address("sentinel", (("a", 26379),), True, "", 0, "m")),
    ],
)
def test_an_address_is_read(url: str, address: Address) -> None:
    assert address_of(url, plain=False) == address
    assert "@" not in str(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "http://h",
        "rediss://",
        "rediss://h:x",
        "rediss://h:99999",
        "rediss://u:secret@h",
        "rediss://h/x",
        "rediss://h/70000",
        "rediss://h?ssl_cert_reqs=none",
        "rediss://h#x",
        "rediss://a,b",
        "rediss://a b",
        "rediss+cluster://a/1",
        "rediss+sentinel://a",
        "unix://relative",
        "unix://u:secret@/run/redis",
        "redis://192.0.2.1",
        "redis://redis.example.org",
        "redis://127.0.0.1.example.org",
        "redis+cluster://127.0.0.1,192.0.2.1",
    ],
)
def test_another_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        address_of(url, plain=False)
    assert str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_store_without_tls_is_taken_if_the_user_insists() -> None:
    assert not address_of("redis://192.0.2.1", plain=True).tls


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PROFILE, "profiles.a.share: no fleet is configured"),
        ("[fleet]\nstore = 'rediss://h'\n", "fleet.key: missing"),
        ("[fleet]\nkey = { env = 'K' }\n", "fleet.store: missing"),
        (TABLE + "sotre = 1\n", "fleet.sotre: unknown key; did you mean 'store'?"),
        (TABLE + "lead = 1\n", "fleet.lead: expected true or false"),
        (TABLE + "timeout = 60\n", "fleet.timeout: expected seconds from 1 to 10"),
        (TABLE.replace("rediss", "redis"), "without TLS only this host may be named"),
        (TABLE.replace('{ file = "~/fleet.key" }', '"abc"'), "fleet.key: expected one of"),
        (PROFILE.replace("pipe", "a/b") + TABLE, "profiles.a.share: expected an id"),
        ("[profiles.a]\nshare = 'x'\n" + TABLE, "profiles.a.grant: missing"),
        ("[profiles.a]\n" + TABLE + "lead = false\n", "profiles.a.grant: missing"),
        (PROFILE + "token = 'session'\n" + TABLE, "profiles.a.share: shares JWTs"),
        (PROFILE + "share_session = true\n" + TABLE, "profiles.a.share_session: means nothing"),
        (
            "[profiles.a]\nauth = 'session'\nshare_session = true\n",
            "profiles.a.share_session: goes with share = 'NAME' only",
        ),
        (
            PROFILE + "auth = 'token'\nshare_session = true\n" + TABLE,
            "profiles.a.share_session: means nothing to auth = 'token'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    assert told in mistake(text)


def test_a_host_that_makes_no_token_needs_no_grant() -> None:
    found = parse("[profiles.a]\nshare = 'x'\n" + TABLE + "lead = false\n")
    assert found.profiles["a"].grant is None


def test_variables_make_a_fleet() -> None:
    environ = {
        **HOME,
        "CREDHELPER_SHARE": "pipe",
        "CREDHELPER_FLEET_STORE": "rediss://u@h",
        "CREDHELPER_FLEET_LEAD": "0",
        "CREDHELPER_FLEET_PASSWORD": "word",
        "CREDHELPER_FLEET_CA_FILE": "/etc/redis-ca.pem",
    }
    found = parsing.from_environment(environ)
    assert found is not None and found.fleet is not None
    assert found.profiles["env"].share == "pipe"
    assert found.profiles["env"].grant is None
    assert found.fleet.key == Grant("env", ("CREDHELPER_FLEET_KEY",))
    assert found.fleet.password == Grant("env", ("CREDHELPER_FLEET_PASSWORD",))
    assert found.fleet.ca_file == "/etc/redis-ca.pem"
    assert not found.fleet.lead


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"CREDHELPER_FLEET_STORE": "redis://h"}, "CREDHELPER_FLEET_STORE"),
        ({"CREDHELPER_FLEET_STORE": ""}, "CREDHELPER_SHARE"),
        ({"CREDHELPER_FLEET_LEAD": "perhaps"}, "CREDHELPER_FLEET_LEAD"),
        ({"CREDHELPER_FLEET_CA_FILE": "ca.pem"}, "CREDHELPER_FLEET_CA_FILE"),
        ({"CREDHELPER_SHARE": "a b"}, "CREDHELPER_SHARE"),
    ],
)
def test_a_mistake_in_a_variable_names_it(changes: dict[str, str], variable: str) -> None:
    environ = {
        **HOME,
        "CREDHELPER_API_KEY": "key",
        "CREDHELPER_SHARE": "pipe",
        "CREDHELPER_FLEET_STORE": "rediss://h",
        **changes,
    }
    with pytest.raises(ConfigError) as caught:
        parsing.from_environment(environ)
    assert caught.value.message.startswith(f"{variable}: ")


def test_what_hosts_have_in_common_is_all_that_a_token_depends_on_but_its_grant() -> None:
    seen = []
    for more in (
        "",
        "user = 'a'",
        "domain = 'a'",
        "cid = 'a'",
        "cwid = 'a'",
        "client_id = 'a'",
        "data = 'a'",
        "scopes = ['a']",
        "scopes = ['a', 'b']",
        "url = 'https://use1.platform.illumina.com'",
        "api = 'ica'",
    ):
        profile = parse(f"{PROFILE}{more}\n{TABLE}").profiles["a"]
        seen.append(tuple(identity.shared(profile, None)))
    assert len(set(seen)) == len(seen)
    for same in (
        "services = ['a.example']",
        "username = 'x'",
        "min_ttl = 9",
        "api_key_as = 'basic'",
    ):
        profile = parse(f"{PROFILE}{same}\n{TABLE}").profiles["a"]
        assert tuple(identity.shared(profile, None)) == seen[0]
    other = parse(PROFILE.replace("env", "file").replace("KEY", "/key") + TABLE).profiles["a"]
    assert tuple(identity.shared(other, None)) == seen[0]
