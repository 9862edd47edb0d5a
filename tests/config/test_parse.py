"""The config: what is refused, with its line and the cure; secrets; a config without a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.config import parse as config
from credhelper.config.parse import Config, Profile
from credhelper.config.profile import Grant
from credhelper.config.schema import KEYS
from credhelper.errors import ConfigError
from tests.config.conftest import CANARY, KEY, PATH, message, parse, refusal


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["", "grnat = 1"], ", line 3: profiles.dev.grnat: unknown key; did you mean 'grant'?"),
        ([KEY, "URL = 1"], ", line 3: profiles.dev.URL: unknown key; did you mean 'url'?"),
        ([KEY, "zzz = 1"], ", line 3: profiles.dev.zzz: unknown key"),
        ([KEY, '"a\\u001Bb" = 1'], ", line 3: profiles.dev.'a\\x1bb': unknown key"),
        (
            [KEY, 'auth = "passwrod"'],
            ", line 3: profiles.dev.auth: expected api-key, password, session or token;"
            " did you mean 'password'?",
        ),
        ([KEY, 'token = "JWT"'], ", line 3: profiles.dev.token: expected jwt or session;"
            " did you mean 'jwt'?"),
        ([KEY, 'api = "v9"'], ", line 3: profiles.dev.api: expected iap or ica"),
        ([KEY, "api = 1"], ", line 3: profiles.dev.api: expected iap or ica"),
        ([KEY, "user = 1"], ", line 3: profiles.dev.user: expected a text between quotes"),
        ([KEY, 'cid = ""'], ", line 3: profiles.dev.cid: expected a text, not an empty one"),
        ([KEY, f'cid = "{"x" * 1025}"'], ", line 3: profiles.dev.cid: expected at most 1024"
            " characters"),
        ([KEY, 'cid = "x "'], ", line 3: profiles.dev.cid: has blanks at its beginning or end"),
        ([KEY, 'keep_session = "yes"'], ", line 3: profiles.dev.keep_session: expected true or"
            " false"),
        ([KEY, "keep_session = 1"], ", line 3: profiles.dev.keep_session: expected true or false"),
        (
            [KEY, 'scopes = ["a",', '"b,c"]'],
            ", line 4: profiles.dev.scopes[1]: expected one scope, without a comma or blank",
        ),
        ([KEY, 'scopes = "a"'], ", line 3: profiles.dev.scopes: expected a list of texts,"
            ' as in ["one", "two"]'),
        ([KEY, "scopes = [1]"], ", line 3: profiles.dev.scopes[0]: expected a text between quotes"),
        ([KEY, 'username = "a:b"'], ", line 3: profiles.dev.username: must not hold a colon, which"
            " ends a user name in Basic (RFC 7617)"),
        ([KEY, 'ca_file = "ca.pem"'], ", line 3: profiles.dev.ca_file: expected an absolute path,"
            " or one that begins with ~/"),
        (['auth = "password"', KEY], ", line 1: profiles.dev.user: missing: this way of logging in"
            " needs the login name"),
        ([KEY, 'api_key_as = "basic-password"'], ", line 1: profiles.dev.user: missing: this way of"
            " logging in needs the login name"),
        ([KEY, 'auth = "password"', 'user = "a:b"'], ", line 4: profiles.dev.user: must not hold a"
            " colon, which ends a user name in Basic (RFC 7617)"),
        ([KEY, 'auth = "session"', 'api_key_as = "basic"'], ", line 4: profiles.dev.api_key_as:"
            " goes with auth = 'api-key' only"),
        ([KEY, "[profiles.dev.services]"], ", line 3: profiles.dev.services: expected a list of"
            ' texts, as in ["one", "two"]'),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_its_key_and_what_was_expected(
    lines: list[str], told: str
) -> None:
    assert message(*lines) == told


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ('default_profile = "prd"\n[profiles.prod]\n' + KEY,
         ", line 1: default_profile: no profile has this name; did you mean 'prod'?", None),
        ('default_profile = "zz"\n[profiles.a]\n' + KEY + "\n[profiles.b]\n" + KEY,
         ", line 1: default_profile: no profile has this name; known profiles: a, b", None),
        ('default_profile = "a"',
         ", line 1: default_profile: no profile has this name; known profiles: none", None),
        ("default_profile = 1", ", line 1: default_profile: expected a text between quotes", None),
        ("[profile.dev]", ", line 1: profile: unknown key; did you mean 'profiles'?", None),
        ("\nurl = 1", ", line 2: url: belongs in a profile", "write it below [profiles.NAME]"),
        ("profiles = 1", ", line 1: profiles: expected a table", None),
        ("[[profiles]]", ", line 1: profiles: expected a table", None),
        ("\n[profiles]\ndev = 1", ", line 3: profiles.dev: expected a table", None),
        ("[[profiles.dev]]", ", line 1: profiles.dev: expected a table", None),
    ],
)  # fmt: skip
def test_mistakes_outside_of_profiles_are_told_likewise(
    text: str, told: str, hint: str | None
) -> None:
    error = refusal(text)
    assert (error.message.removeprefix(PATH), error.hint) == (told, hint)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n\na = \n", ", line 3: not valid TOML: invalid value"),
        (f"\napi_key = {CANARY}\n", ", line 2: not valid TOML: "),
        (f'a = 1\nb = "{CANARY}\n', ", line 2: not valid TOML: illegal character '\\n'"),
        ("a = 1\na = 2\n", ", line 2: not valid TOML: "),
        ("[a]\n[a]\n", ", line 2: not valid TOML: "),
        ("a = 1\rb = 2", ", line 1: not valid TOML: "),
        ("a = 1\n# \x00\n", ", line 2: not valid TOML: "),
        ("a = 1\n\x1b", ", line 2: not valid TOML: "),
        ('a = 1\nb = """x\ny', ", line 3: not valid TOML: "),
        ("a = [1,\n2\n\n", ", line 2: not valid TOML: "),
        (b"a = 1\nb = '\xff'\n", ", line 2: expected text in UTF-8"),
        ("\ufeff[profiles]", ", line 1: begins with a byte order mark"),
        ("[profiles]".encode("utf-16"), ", line 1: expected text in UTF-8"),
        (b"#" * (1024 * 1024 + 1), ": larger than 1 MiB"),
        ("a = " + "[" * 20000, ": too deeply nested"),
        ("a = " + "1" * 5000, ": not valid TOML: exceeds the limit"),
    ],
)
def test_what_is_not_toml_is_told_by_its_line(text: str | bytes, told: str) -> None:
    assert refusal(text).message.removeprefix(PATH).startswith(told)


def test_windows_line_ends_are_fine_and_do_not_move_lines() -> None:
    assert list(parse(f"[profiles.dev]\r\n{KEY}\r\n").profiles) == ["dev"]
    assert refusal(f"[profiles.dev]\r\n{KEY}\r\nzzz = 1\r\n").message.startswith(f"{PATH}, line 3:")


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{CANARY}"',
        f'[profiles.dev]\napi_key = "{CANARY}"',
        f'[profiles.dev]\nApi-Key = "{CANARY}"',
        f'[profiles.dev]\napikey = "{CANARY}"',
        f'[profiles.dev]\n"X-API-Key" = "{CANARY}"',
        f'[profiles.dev]\npassword = "{CANARY}"',
        f'[profiles.dev]\npassword = {{ x = "{CANARY}" }}',
        f'[profiles.dev]\nsecret = "{CANARY}"',
        f'[profiles.dev]\naccess_token = "{CANARY}"',
        f'[profiles.dev]\npsToken = "{CANARY}"',
        f'[profiles.dev]\ngrant = "{CANARY}"',
        f'[profiles.dev]\ngrant = {{ key = "{CANARY}" }}',
        f'[profiles.dev]\ngrant = {{ value = "{CANARY}" }}',
        f'[profiles.dev.grant]\npassword = "{CANARY}"',
    ],
)
def test_a_secret_in_the_file_is_refused_unshown_and_the_better_place_is_named(text: str) -> None:
    error = refusal(text)
    assert "secret" in error.message
    assert error.hint is not None
    assert 'grant = { file = "~/.config/credhelper/NAME.key" }' in error.hint
    assert 'grant = { env = "NAME" }' in error.hint


@pytest.mark.parametrize("key", [*KEYS, "zzz", "default_profile"])
@pytest.mark.parametrize(
    "value",
    [f'"{CANARY}"', f'"{CANARY}\\n"', f'["{CANARY}", 1]', f'{{ "a" = "{CANARY}" }}', f'" {CANARY}"']
    + [f'{{ {how} = "{CANARY}" }}' for how in ("env", "file", "command", "timeout")],
)
def test_no_value_is_ever_repeated_in_a_message(key: str, value: str) -> None:
    lines = ["[profiles.dev]", f"{key} = {value}"]
    if key != "auth":
        lines.append('auth = "session"')
    try:
        parse("\n".join(lines))
    except ConfigError as error:
        assert CANARY not in f"{error.message} {error.hint} {error!r}"


@given(st.text(max_size=60), st.sampled_from(KEYS))
def test_any_text_at_any_key_is_read_or_refused_as_a_config_error(text: str, key: str) -> None:
    import tomlkit

    document = {"profiles": {"dev": {"grant": {"env": "KEY"}, key: text}}}
    try:
        found = parse(tomlkit.dumps(document))
    except ConfigError as error:
        assert error.message.startswith(f"{PATH}, line ")
    else:
        assert found.profiles["dev"].name == "dev"


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_as_a_config_error(data: bytes) -> None:
    try:
        parse(data)
    except ConfigError as error:
        assert error.message.startswith(PATH)


def test_a_key_in_the_environment_is_a_whole_config() -> None:
    found = config.from_environment({"CREDHELPER_API_KEY": CANARY})
    assert found == Config(
        "env", {"env": Profile(name="env", grant=Grant("env", ("CREDHELPER_API_KEY",)))}, None
    )
    assert CANARY not in repr(found)


def test_url_and_services_in_the_environment_count_with_a_key() -> None:
    environ = {
        "CREDHELPER_API_KEY": "k",
        "CREDHELPER_URL": "https://ICA.example/v1",
        "CREDHELPER_SERVICES": " git.example,registry.example/a ,,  b.example ",
    }
    found = config.from_environment(environ)
    assert found is not None
    assert found.profiles["env"].url == "https://ica.example"
    assert [str(one) for one in found.profiles["env"].services] == [
        "https://git.example",
        "https://registry.example/a",
        "https://b.example",
    ]


@pytest.mark.parametrize("environ", [{}, {"CREDHELPER_API_KEY": ""}])
def test_without_a_key_the_environment_configures_nothing(environ: dict[str, str]) -> None:
    others: dict[str, Any] = {
        "CREDHELPER_API": "nonsense",
        "CREDHELPER_URL": "nonsense",
        "CREDHELPER_SERVICES": "nonsense/?",
    }
    assert config.from_environment({**others, **environ}) is None


@pytest.mark.parametrize("empty", ["", " ", ", ,"])
def test_empty_services_are_none(empty: str) -> None:
    found = config.from_environment({"CREDHELPER_API_KEY": "k", "CREDHELPER_SERVICES": empty})
    assert found is not None
    assert found.profiles["env"].services == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CREDHELPER_API", "v2"),
        ("CREDHELPER_URL", "ica.example"),
        ("CREDHELPER_URL", f"https://{CANARY}@evil.test"),
        ("CREDHELPER_URL", "http://ica.example"),
        ("CREDHELPER_SERVICES", "git.example http://git.example"),
        ("CREDHELPER_SERVICES", f"https://a:{CANARY}@git.example"),
        ("CREDHELPER_SERVICES", "git.example\0b.example"),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{variable}: ") as caught:
        config.from_environment({"CREDHELPER_API_KEY": CANARY, variable: value})
    assert CANARY not in f"{caught.value.message} {caught.value.hint}"
