"""The session files of `ica` and `icav2`: what two YAML parsers read before and after."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
import ruamel.yaml
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper.cli import yaml_settings
from credhelper.errors import RequestError
from credhelper.tokenfile import session_yaml

TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
KEYS = ["access-token", "session-token", "server-url", "x-api-key", "a b", "access-token-2", "é"]
PLAIN = st.text(st.sampled_from("ab0~-:#'\"{}[],&*!|>%@`? \té=."), max_size=8)
VALUES = (
    st.sampled_from(
        [
            *("", "~", "null", "old", "'old'", '"o\\x6cd"', "old # why", "# nothing", "2026-01-01"),
            *("!!binary b2xk", "!!str 12", "12", "yes", "&a old", "*a", "[a, b]", "{a: b}", "!x y"),
            *("|\n  old\n  more", ">-\n  old\n\n  more", "|", "'a\n  b'", '"a\n  b"', "a\n  b"),
            *("\n  a: b", "\n- a\n- b", "\n  - a", "? a", "- a", "---", "...", "%YAML 1.2"),
        ]
    )
    | PLAIN
)
KEY = st.sampled_from([*KEYS, *(f"'{key}'" for key in KEYS), *(f'"{key}"' for key in KEYS)]) | PLAIN
LINE = st.one_of(
    st.tuples(KEY, st.sampled_from([": ", ":", " : ", ":\t"]), VALUES).map("".join),
    st.sampled_from(
        ["", "# c", "---", "...", "%YAML 1.1", "--- # c", "\t", "  ", "  # c", "{", "}"]
    ),
    PLAIN,
)
TEXT = st.tuples(
    st.sampled_from(["", "---\n", "\ufeff", "# c\n---\n"]),
    st.lists(LINE, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
).map(lambda parts: parts[0] + parts[2].join(parts[1]) + (parts[2] if parts[3] else ""))
BROKEN = object()


def by_pyyaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError):
        return BROKEN


def by_ruamel(text: str) -> Any:
    reader = ruamel.yaml.YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an anchor that stands twice
            return reader.load(io.StringIO(text))
    except (ruamel.yaml.error.YAMLError, ValueError, TypeError, NotImplementedError):
        return BROKEN


@pytest.mark.parametrize("read", [by_pyyaml, by_ruamel])
@given(text=TEXT)
@example(text="access-token: &a old\nserver-url: &a old\n")
def test_a_file_that_is_changed_says_one_thing_more_and_all_else_as_before(
    read: Any, text: str
) -> None:
    before = read(text)
    try:
        after = session_yaml.with_access_token(text, TOKEN)
    except RequestError:
        return
    if before is BROKEN:
        return  # its tool does not read it either
    assert read(after) == {**(before or {}), "access-token": TOKEN}


@given(text=TEXT)
@example("access-token: 'a''b'\n")
@example("access-token: &a x\nserver-url: *a\n")
@example('server-url: "https:\\/\\/x"\n')
def test_a_setting_that_is_read_is_the_text_that_two_parsers_read(text: str) -> None:
    try:
        found = yaml_settings.settings(text)
    except ValueError:
        return
    for read in (by_pyyaml, by_ruamel):
        document = read(text)
        if document is BROKEN:
            continue
        told = document if isinstance(document, dict) else {}
        texts = {name: value for name, value in told.items() if isinstance(name, str)}
        for name, value in texts.items():
            if isinstance(value, str):
                assert found[name] == value
            elif value is None:
                assert found[name] == ""
            elif isinstance(value, dict | list | bytes):
                assert found[name] is None
