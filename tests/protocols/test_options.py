"""Options on a machine's command line."""

from __future__ import annotations

import pytest

from credhelper.errors import UsageError
from credhelper.protocols.options import COMMON, LONGEST, min_ttl, split
from credhelper.protocols.receivers import wanted


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


def test_a_flag_takes_no_value() -> None:
    for arguments in (["--raw", "a"], ["a", "--raw"]):
        assert split(arguments, COMMON, "x", ["--raw"]) == ({"raw": "--raw"}, ["a"])
    assert split(["-p", "--raw"], COMMON, "x", ["--raw"]) == ({"profile": "--raw"}, [])
    assert split(["--", "--raw"], COMMON, "x", ["--raw"]) == ({}, ["--raw"])


@pytest.mark.parametrize("arguments", [["--raw=x"], ["--raw="], ["--raw", "--raw"], ["--rawer"]])
def test_a_flag_with_a_value_or_given_twice_is_no_flag(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        split(arguments, COMMON, "x", ["--raw"])


def test_a_service_says_whether_its_scheme_was_told() -> None:
    for text, echo in (("127.0.0.1:80/x", {"any_scheme": "1"}), ("https://ica.example/x", {})):
        found, said = wanted(text)
        assert (found.path, said) == ("/x", echo)
