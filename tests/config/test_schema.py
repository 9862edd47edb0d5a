"""A profile of the config: what may stand in it, and what it may not hold."""

from __future__ import annotations

import dataclasses
import re

import pytest

from credhelper.config.parse import Config, Profile
from credhelper.config.profile import Grant, Resource
from tests.config.conftest import CANARY, KEY, PATH, message, parse, profile, refusal


def test_a_profile_needs_no_more_than_a_grant() -> None:
    found = profile(KEY)
    assert found == Profile(name="dev", grant=Grant("env", ("KEY",)))
    assert found.url == "https://aps2.platform.illumina.com"
    assert (found.auth, found.token, found.username) == ("api-key", "jwt", "oauth2")
    assert (found.min_ttl, found.session_lifetime, found.services) == (0, 3600, ())


def test_every_key_is_read() -> None:
    found = parse(
        """
        default_profile = "b.c"
        [profiles.dev]
        api = "iap"
        url = "https://USE1.platform.illumina.com/v1/"
        auth = "api-key"
        grant = { file = "~/keys/dev", allow_readable = true, member = "key" }
        user = "ada@example.org"
        domain = "acme"
        cid = "p-1"
        cwid = "w-1"
        scopes = ["GDS.FILES.READ", "GDS.FILES.LIST", "GDS.FILES.READ"]
        client_id = "app"
        data = "a note, with blanks"
        keep_session = true
        token = "session"
        services = ["https://Git.Example:443/a/", "git.example/a", "b.example:8443"]
        username = "x-token"
        min_ttl = "10m"
        refresh_before = "30m"
        session_lifetime = 900
        ca_file = "~/ca.pem"
        api_key_as = "basic-password"
        [profiles."b.c"]
        auth = "session"
        """
    )
    dev = found.profiles["dev"]
    assert found.default_profile == "b.c"
    assert found.path == PATH
    assert list(found.profiles) == ["dev", "b.c"]
    assert dataclasses.asdict(dataclasses.replace(dev, services=())) == {
        "name": "dev",
        "api": "iap",
        "url": "https://use1.platform.illumina.com",
        "auth": "api-key",
        "grant": {
            "how": "file",
            "words": ("/home/ada/keys/dev",),
            "allow_readable": True,
            "timeout": None,
            "member": "key",
        },
        "user": "ada@example.org",
        "domain": "acme",
        "cid": "p-1",
        "cwid": "w-1",
        "scopes": ("GDS.FILES.READ", "GDS.FILES.LIST"),
        "client_id": "app",
        "data": "a note, with blanks",
        "project": None,
        "keep_session": True,
        "token": "session",
        "services": (),
        "username": "x-token",
        "min_ttl": 600,
        "refresh_before": 1800,
        "session_lifetime": 900,
        "ca_file": "/home/ada/ca.pem",
        "api_key_as": "basic-password",
        "aws": None,
        "share": None,
        "share_session": False,
    }
    assert [str(one) for one in dev.services] == ["https://git.example/a", "https://b.example:8443"]
    assert found.profiles["b.c"].grant is None


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "[profiles]\n"])
def test_an_empty_file_is_a_config_without_profiles(text: str) -> None:
    assert parse(text) == Config(None, {}, PATH)


def test_profiles_cannot_be_changed_by_whoever_reads_them() -> None:
    found = parse(f"[profiles.dev]\n{KEY}")
    with pytest.raises(TypeError):
        found.profiles["dev"] = found.profiles["dev"]  # type: ignore[index]  # that is the test
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.profiles["dev"].url = "x"  # type: ignore[misc]  # that is the test


@pytest.mark.parametrize(
    ("written", "grant"),
    [
        ('{ env = "_K1" }', Grant("env", ("_K1",))),
        ('{ file = "/run/secrets/key" }', Grant("file", ("/run/secrets/key",))),
        ('{ command = ["pass", "a b", ""] }', Grant("command", ("pass", "a b", ""))),
        ('{ command = ["/bin/x"], timeout = 3 }', Grant("command", ("/bin/x",), timeout=3.0)),
        ('{ keyring = "ica" }', Grant("keyring", ("ica", "dev"))),
        (
            '{ keyring = ["ica", "ada"], timeout = 0.5 }',
            Grant("keyring", ("ica", "ada"), False, 0.5),
        ),
    ],
)
def test_a_grant_is_one_of_four(written: str, grant: Grant) -> None:
    assert profile(f"grant = {written}").grant == grant


def test_a_keyring_entry_is_by_default_the_login_names() -> None:
    found = profile('auth = "password"', 'user = "ada"', 'grant = { keyring = "ica" }')
    assert found.grant == Grant("keyring", ("ica", "ada"))


def test_a_session_may_have_a_grant_or_be_kept_by_login() -> None:
    assert profile('auth = "session"').grant is None
    assert profile('auth = "session"', KEY).grant == Grant("env", ("KEY",))


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://ica.example", "https://ica.example"),
        ("https://ica.example/", "https://ica.example"),
        ("https://ica.example/v1", "https://ica.example"),
        ("https://ica.example/v1/", "https://ica.example"),
        ("https://ica.example/ica/rest", "https://ica.example"),
        ("https://ica.example/ica/rest/", "https://ica.example"),
        ("HTTPS://ICA.Example:443/v1", "https://ica.example"),
        ("https://ica.example:8443", "https://ica.example:8443"),
        ("https://[2001:DB8:0:0:0:0:0:1]", "https://[2001:db8::1]"),
        ("https://[2001:db8::0001]:443/v1/", "https://[2001:db8::1]"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
    ],
)
def test_one_origin_has_one_spelling(written: str, origin: str) -> None:
    assert profile(KEY, f'url = "{written}"').url == origin


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ica.example",
        "https://",
        "https:///v1",
        "https://ica.example@evil.test",
        "https://user:pass@ica.example",
        "https://evil.test/?x=ica.example",
        "https://ica.example?",
        "https://ica.example#",
        "https://evil.test#@ica.example/",
        "https://ica.example/v2",
        "https://ica.example/V1",
        "https://ica.example/v1/tokens",
        "https://ica.example//",
        "https://ica.example/v1/../v1",
        "https://ica.example/%76%31",
        "https://ica.example%2f",
        "https://ica.example\\\\v1",
        "https://ica.example.",
        "https://ica.example:0443",
        "https://ica.example:",
        "https://ica.example:0",
        "https://ica.example:65536",
        "https://ica.example:\uff14\uff14\uff13",
        "https://icá.example",
        "https://ica .example",
        "https://ica\\t.example",
        "https://ica\\n.example",
        " https://ica.example",
        "http://ica.example",
        "http://localhost:8080",
        "http://127.0.0.1.evil.test",
        "http://127.1",
        "http://0.0.0.0",
        "http://[::ffff:127.0.0.1]",
        "https://[::1",
        "https://::1",
        "https://[fe80::1%25eth0]",
        "https://[fe80::1%eth0]",
        "https://[12345::]",
        "https://[::1]x",
        "ftp://ica.example",
        "file:///etc/passwd",
        "https://https://ica.example",
    ],
)
def test_any_other_url_is_refused_when_the_config_is_read(written: str) -> None:
    assert re.match(r", line 3: profiles\.dev\.url: ", message(KEY, f'url = "{written}"'))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0", 0), ("90", 90), ('"90s"', 90), ('"10m"', 600), ('"2h"', 7200), ('"1d"', 86400)],
)
def test_seconds_are_a_number_or_have_a_unit(written: str, seconds: int) -> None:
    assert profile(KEY, f"min_ttl = {written}").min_ttl == seconds


@pytest.mark.parametrize(
    "written",
    [
        "-1",
        "1.5",
        "true",
        "inf",
        "nan",
        '"10"',
        '"m"',
        '"-1m"',
        '"1 m"',
        '"\uff11m"',
        '"1w"',
        '"10m\\n"',
        "1" * 30,
        '"999999999d"',
        "[1]",
        "1979-05-27",
    ],
)
def test_any_other_time_is_refused(written: str) -> None:
    assert "line 3: profiles.dev.min_ttl: expected seconds" in message(KEY, f"min_ttl = {written}")


@pytest.mark.parametrize(
    "line",
    ['cid = "a"', 'cwid = "a"', 'scopes = ["a"]', 'client_id = "a"', 'data = "a"',
     "keep_session = true", 'token = "session"', 'session_lifetime = "2h"', 'api_key_as = "basic"'],
)  # fmt: skip
def test_a_key_that_means_nothing_to_v2_is_refused_with_its_line(line: str) -> None:
    error = refusal(f"[profiles.dev]\n{KEY}\napi = 'ica'\n{line}\n")
    key = line.partition(" ")[0]
    assert error.message.endswith(f"line 4: profiles.dev.{key}: means nothing to api = 'ica'")
    assert profile(KEY, line).api == "iap"


def test_what_v2_does_anyway_may_be_said_to_it() -> None:
    said = ["keep_session = false", 'token = "jwt"', 'api_key_as = "header"', "scopes = []"]
    assert profile(KEY, 'api = "ica"', *said) == profile(KEY, 'api = "ica"')


def test_each_api_has_its_own_default_url_and_v2s_base_path_is_dropped() -> None:
    assert profile(KEY, 'api = "ica"').url == "https://ica.illumina.com"
    found = profile(KEY, 'api = "ica"', 'url = "https://ica.example/ica/rest/"')
    assert found.url == "https://ica.example"
    assert profile(KEY).url == "https://aps2.platform.illumina.com"


def test_the_url_of_one_api_is_none_of_the_other() -> None:
    error = refusal(f'[profiles.dev]\n{KEY}\nurl = "https://ica.illumina.com/ica/rest"\n')
    assert error.message.endswith("line 3: profiles.dev.url: is the one of api = 'ica'")
    assert error.hint == "set api = 'ica'"
    told = message(KEY, 'api = "ica"', 'url = "https://aps2.platform.illumina.com"')
    assert told == ", line 4: profiles.dev.url: is the one of api = 'iap'"
    # Other regions are v1's as well.
    told = message(KEY, 'api = "ica"', 'url = "https://use1.platform.illumina.com"')
    assert told == ", line 4: profiles.dev.url: is the one of api = 'iap'"


def test_a_tenant_is_called_domain() -> None:
    error = refusal(f"[profiles.dev]\n{KEY}\napi = 'ica'\ntenant = 'acme'\n")
    assert "line 4: profiles.dev.tenant: unknown key" in error.message
    assert "'domain'" in error.message


def test_a_session_must_live_for_some_time() -> None:
    assert "expected seconds from 1" in message(KEY, "session_lifetime = 0")


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        ("{}", "grant: expected exactly one of"),
        ('{ env = "A", file = "/a" }', "grant: expected exactly one of"),
        ("{ timeout = 3 }", "grant: expected exactly one of"),
        ("5", "grant: expected a table"),
        ('["env", "A"]', "grant: expected a table"),
        ('{ evn = "A" }', "grant.evn: unknown key; did you mean 'env'?"),
        ('{ env = "A-B" }', "grant.env: expected the name of an environment variable"),
        ('{ env = "1A" }', "grant.env: expected the name of an environment variable"),
        ('{ env = "Ä" }', "grant.env: expected the name of an environment variable"),
        ('{ env = "$A" }', "grant.env: expected the name of an environment variable"),
        ('{ env = "A\\n" }', "grant.env: holds a control character"),
        ('{ env = ["A"] }', "grant.env: expected a text"),
        ('{ file = "key" }', "grant.file: expected an absolute path"),
        ('{ file = "./key" }', "grant.file: expected an absolute path"),
        ('{ file = "~ada/key" }', "grant.file: expected an absolute path"),
        ('{ file = "/a\\u0000b" }', "grant.file: holds a control character"),
        ('{ command = "pass show" }', "grant.command: expected a program and its arguments"),
        ("{ command = [] }", "grant.command: expected a program and its arguments"),
        ('{ command = [""] }', "grant.command[0]: expected a text, not an empty one"),
        ('{ command = ["./x"] }', "grant.command[0]: expected an absolute path"),
        ('{ command = ["~/x"] }', "grant.command[0]: expected an absolute path"),
        ('{ command = ["x", 1] }', "grant.command[1]: expected a text"),
        ('{ command = ["x", "a\\rb"] }', "grant.command[1]: holds a control character"),
        ('{ keyring = ["a"] }', "grant.keyring: expected"),
        ('{ keyring = ["a", "b", "c"] }', "grant.keyring: expected"),
        ('{ keyring = "" }', "grant.keyring: expected a text, not an empty one"),
        ('{ env = "A", allow_readable = true }', "grant.allow_readable: goes with a file only"),
        ('{ file = "/a", timeout = 1 }', "grant.timeout: goes with a command or a keyring only"),
        ('{ file = "/a", allow_readable = 1 }', "grant.allow_readable: expected true or false"),
        *(
            (f'{{ command = ["x"], timeout = {seconds} }}', "grant.timeout: expected seconds")
            for seconds in ("0", "-1", "inf", "nan", "301", "true", '"5"', "1e400")
        ),
    ],
)
def test_a_grant_that_could_be_read_in_two_ways_is_refused(grant: str, told: str) -> None:
    assert message("", f"grant = {grant}").startswith(f", line 3: profiles.dev.{told}")


@pytest.mark.parametrize("auth", ["api-key", "password"])
def test_a_grant_must_be_there_where_no_login_keeps_a_session(auth: str) -> None:
    told = message('user = "ada"', f'auth = "{auth}"')
    assert told.startswith(f", line 1: profiles.dev.grant: missing: auth = '{auth}' needs one of")


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("http://git.example", "plain http refused for git.example"),
        ("git.example.", ""),
        ("*.example", ""),
        ("https://git.example/a/../b", "has empty or dot segments"),
        (f"https://{CANARY}@git.example", "must not hold a user name or password"),
        (f"https://a:{CANARY}@git.example", "must not hold a user name or password"),
        (f"https://git.example/?token={CANARY}", "must not hold a query or a fragment"),
        (f"git.example#{CANARY}", "must not hold a query or a fragment"),
        ("[::ffff:1.2.3.4]", "expected an IPv6 address"),
        ("", "expected a text, not an empty one"),
    ],
)
def test_a_service_is_held_to_the_same_rules_as_a_request(service: str, told: str) -> None:
    said = message(KEY, "services = [", '  "git.example", # fine', f'  "{service}",', "]")
    assert said.startswith(", line 5: profiles.dev.services[1]: ")
    assert told in said


def test_an_ipv6_service_has_one_spelling() -> None:
    found = profile(KEY, 'services = ["[2001:DB8:0::1]", "https://[2001:db8::1]:443/"]')
    assert [str(one) for one in found.services] == ["https://[2001:db8::1]"]


@pytest.mark.parametrize("name", ["a", "9", "A.b_c-d", "x" * 64])
def test_a_profiles_name_is_plain(name: str) -> None:
    assert list(parse(f'[profiles."{name}"]\n{KEY}').profiles) == [name]


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "-a", ".", "..", "_a", "a/b", "a,b", "a\\n", "ä", "x" * 65, "a\\u202Eb"],
)
def test_any_other_name_is_refused(name: str) -> None:
    told = refusal(f'\n[profiles."{name}"]\n{KEY}').message
    assert re.match(r".*, line 2: profiles\..*: a profile's name is 1 to 64 letters", told)
    assert told.isprintable()


@pytest.mark.parametrize(
    ("written", "resource"),
    [
        ('{ folder = "fol.1" }', Resource("folder", ("fol.1",))),
        ('{ file = "fil.a-B_9" }', Resource("file", ("fil.a-B_9",))),
        ('{ volume = "vol.1", read_only = false }', Resource("volume", ("vol.1",))),
        ('{ read_only = true, folder = "fol.1" }', Resource("folder", ("fol.1",), read_only=True)),
    ],
)
def test_aws_credentials_are_for_a_folder_a_file_or_a_volume(
    written: str, resource: Resource
) -> None:
    assert profile(KEY, f"aws = {written}").aws == resource


@pytest.mark.parametrize(
    ("aws", "told"),
    [
        ("{}", "aws: expected exactly one of { folder ="),
        ("{ read_only = true }", "aws: expected exactly one of { folder ="),
        ('{ folder = "a", file = "b" }', "aws: expected exactly one of"),
        ("5", "aws: expected a table"),
        ('"fol.1"', "aws: expected a table"),
        ('[{ folder = "a" }]', "aws: expected a table"),
        ('{ foldr = "a" }', "aws.foldr: unknown key; did you mean 'folder'?"),
        ('{ bucket = "a" }', "aws.bucket: unknown key"),
        ('{ folder = "a", secret = "x" }', "aws.secret: this file must not hold a secret"),
        ("{ folder = 5 }", "aws.folder: expected a text between quotes"),
        ('{ folder = "" }', "aws.folder: expected a text, not an empty one"),
        ('{ folder = "a/b" }', "aws.folder: expected an id"),
        ('{ folder = ".." }', "aws.folder: expected an id"),
        ('{ folder = "." }', "aws.folder: expected an id"),
        ('{ folder = "a?x=1" }', "aws.folder: expected an id"),
        ('{ folder = "a%2Fb" }', "aws.folder: expected an id"),
        ('{ folder = "a#b" }', "aws.folder: expected an id"),
        ('{ folder = "a b" }', "aws.folder: expected an id"),
        ('{ folder = "gds://volume/folder/" }', "aws.folder: expected an id"),
        ('{ folder = "ä" }', "aws.folder: expected an id"),
        (f'{{ folder = "{"x" * 129}" }}', "aws.folder: expected an id"),
        ('{ folder = "a\\n" }', "aws.folder: holds a control character"),
        ('{ folder = "a", read_only = "yes" }', "aws.read_only: expected true or false"),
        ('{ folder = "a", read_only = 1 }', "aws.read_only: expected true or false"),
        ('{ volume = "v", read_only = true }', "aws.read_only: the API has no credentials for a"),
    ],
)
def test_aws_credentials_for_anything_else_are_refused(aws: str, told: str) -> None:
    assert message(KEY, "", f"aws = {aws}").startswith(f", line 4: profiles.dev.{told}")


@pytest.mark.parametrize(
    ("written", "lifetime", "read_only"),
    [
        ("", 36 * 3600, False),
        (', lifetime = "2h"', 7200, False),
        (", lifetime = 30, read_only = true", 30, True),
    ],
)
def test_aws_credentials_of_v2_are_for_data_of_a_project_and_live_as_long_as_is_said(
    written: str, lifetime: int, read_only: bool
) -> None:
    found = profile(KEY, 'api = "ica"', f'aws = {{ project = "p-1", data = "fol.1"{written} }}')
    assert found.aws == Resource("data", ("p-1", "fol.1"), read_only, lifetime)


@pytest.mark.parametrize(
    ("aws", "told"),
    [
        ('{ folder = "a" }', "aws.folder: means nothing to api = 'ica'"),
        ('{ project = "a" }', "aws: expected data or path as well: one of { project ="),
        ('{ path = "/a/" }', "aws: expected project as well"),
        ('{ project = "a", data = "b", path = "/a/" }', "aws: expected exactly one of"),
        ('{ data = "a" }', "aws: expected project as well"),
        ('{ project = "a/b", data = "c" }', "aws.project: expected an id"),
        ('{ project = "a", data = "/folder/" }', "aws.data: expected an id"),
        ('{ project = "a", data = "b", lifetime = 0 }', "aws.lifetime: expected seconds from 1"),
        ('{ project = "a", data = "b", lifetime = "long" }', "aws.lifetime: expected seconds"),
    ],
)
def test_aws_credentials_of_v2_for_anything_else_are_refused(aws: str, told: str) -> None:
    found = message(KEY, 'api = "ica"', f"aws = {aws}")
    assert found.startswith(f", line 4: profiles.dev.{told}")


def test_the_life_of_v1s_is_told_by_the_api() -> None:
    told = message(KEY, "", 'aws = { folder = "a", lifetime = "1h" }')
    assert told.startswith(", line 4: profiles.dev.aws.lifetime: the API itself tells")


def test_aws_credentials_are_bought_with_a_jwt() -> None:
    told = message(KEY, 'token = "session"', 'aws = { folder = "a" }')
    assert told.startswith(", line 4: profiles.dev.aws: needs a JWT")
