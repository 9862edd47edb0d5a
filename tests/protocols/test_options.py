"""Options on a machine's command line."""

from __future__ import annotations

import pytest

from credhelper.errors import UsageError
from credhelper.protocols.options import COMMON, LONGEST, min_ttl, split


@pytest.mark.parametrize(
    ("arguments", "found", "words"),
    [
        ([], {}, []),
        (["a", "b"], {}, ["a", "b"]),
        (["--profile", "p", "a"], {"profile": "p"}, ["a"]),
        (["a", "--profile=p=q"], {"profile": "p=q"}, ["a"]),
        (["-p", "--min-ttl"], {"profile": "--min-ttl"}, []),
        (["--", "--profile", "p", "--"], {}, ["--profile", "p", "--"]),
        (["-", "a"], {}, ["-", "a"]),
        (["", "a"], {}, ["", "a"]),
    ],
)
def test_options_and_words_are_told_apart(
    arguments: list[str], found: dict[str, str], words: list[str]
) -> None:
    assert split(arguments, COMMON, "x") == (found, words)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profil", "p"],
        ["-pp"],
        ["--PROFILE", "p"],
        ["---"],
        ["-p"],
        ["--profile", ""],
        ["--x=\x1b"],
    ],
)
def test_what_is_no_option_is_named_and_the_usage_is_told(arguments: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        split(arguments, COMMON, "credhelper x")
    assert arguments[0].partition("=")[0] in caught.value.message
    assert "\x1b" not in caught.value.message
    assert caught.value.hint == "usage: credhelper x"


def test_the_value_of_an_unknown_option_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        split(["--token=canary"], COMMON, "x")
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("text", ["0", "1", "60", "060", str(LONGEST)])
def test_a_life_is_a_plain_number_of_seconds(text: str) -> None:
    assert min_ttl({"min-ttl": text}) == int(text)


def test_no_life_is_insisted_on_unless_told() -> None:
    assert min_ttl({}) == 0
