"""Whatever a config looks like, what is changed and taken back leaves every byte as it was.

tomllib judges what a change means, and the bytes judge that it was taken back.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credhelper.config import parse, splice
from credhelper.config import write as configfile
from credhelper.errors import ConfigError
from tests.config.test_write import ENVIRON, KEY, Place

Data = dict[str, Any]
Call = Callable[..., Any]

WORK = [
    '[profiles.work]\ngrant = { env = "K" }\nSERVICES',
    "[profiles.work]   # at work\nurl = 'https://a.example'  # \"\ngrant = {env='K'}\nSERVICES",
    '[ profiles . "work" ]\n\n  grant = { env = "K" }\n  SERVICES',
    '[profiles.work]\nSERVICES\n[profiles.work.grant]\nenv = "K"',
    '[profiles.work]\nSERVICES\n\n[profiles.work.grant]  # it\n# where\nenv = "K"',
    '[profiles.work.grant]\nenv = "K"\n\n[profiles.work]\nSERVICES',
    '[profiles]\n[profiles.work]\ngrant.env = "K"\nSERVICES',
    '[profiles]\n# all\nwork.grant.env = "K"\nwork.SERVICES',
    '[profiles]\nwork = { grant = { env = "K" }, SERVICES }  # short',
]
# Without services: they are another place for a key to go wrong.
BARE = [
    '[profiles.work.grant]\nenv = "K"',
    '# about work\n[profiles.work.grant]  # it\nenv = "K"  # from CI',
    '[profiles.work]\n[profiles.work.grant]\nenv = "K"',
    '[profiles.work]\n\n[profiles.work.grant]\nenv = "K"',
    '[profiles.work]  # it\n\n\n# how\n[profiles.work.grant]\nenv = "K"',
    '[profiles.work]\n# nothing\n\n[profiles.work.grant]\nenv = "K"',
    '[profiles]\n[profiles.work.grant]\nenv = "K"',
    '[profiles]\nwork = { grant = { env = "K" } }',
    '[profiles]\n"work" = { grant.env = "K" }',
    "[profiles]\n  work . 'grant' . env = \"K\"",
    '[profiles]\nwork.auth = "api-key"\n[profiles.work.grant]\nenv = "K"',
    '[profiles.work]\ngrant.env = "K"',
    '[profiles.work]\nauth = "session"',
]
# Nothing but comments can stand above these.
TOP = [
    'profiles.work.grant.env = "K"',
    'profiles.work.grant = { env = "K" }\nprofiles.work.SERVICES',
    'profiles = { work = { grant = { env = "K" } } }',
    'profiles = { work.grant.env = "K", "work".token = "jwt" }',
    'profiles={work={grant={env="K"},SERVICES}}',
]
SERVICES = [
    'services = ["https://a.example"]',
    'services = [ "https://a.example" ,"https://b.example" ]  # who',
    "services=['https://a.example',]",
    "services = []",
    "services = [  # none yet\n]",
    'services = [\n    "https://a.example",   # one\n    "https://b.example"\n]',
    'services = [\n  # the first\n  "https://a.example",\n\n  # more to come\n]',
    'services = [ "https://a.example",\n             "https://b.example" ]',
]
OTHERS = [
    "",
    '\n\n[profiles.other]\ngrant = { env = "O" }',
    '\n\n# the other one\n[profiles.other]  # rarely\ngrant.env = "O"  # why\n# below',
    '\n[profiles.other.grant]\nenv = "O"',
]
DEFAULT = "default_profile='work' # x\n"
HEADS = ["", "# mine\n", "# mine\n\n", "\n", "\n# mine\n\n\n"]
ENDS = ["\n", "", "\n\n", "\n# the end\n", "\n\n# the end", "\n\n\n\t\n", "  \n"]


@st.composite
def configs(draw: st.DrawFn) -> str:
    """Return a config with the profile `work`, in some style."""
    services = draw(st.sampled_from(SERVICES))
    at_top = draw(st.booleans())
    work = draw(st.sampled_from(TOP if at_top else [*WORK, *BARE]))
    if "SERVICES }" in work or "SERVICES}" in work:
        services = services.removesuffix("  # who")  # the braces are closed behind it
    text = work.replace("SERVICES", services)
    default = draw(st.sampled_from(["", 'default_profile = "work"\n', DEFAULT]))
    if default and draw(st.booleans()) and not at_top:
        default += "\n"
    other = draw(st.sampled_from(OTHERS))
    if "profiles = {" in text or "profiles={" in text:
        other = ""
    text = draw(st.sampled_from(HEADS)) + default + text + other + draw(st.sampled_from(ENDS))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


VALUES: Data = {
    "grant": {"env": "OTHER_ONE"},
    "domain": "a\"b'c",
    "cid": "x",
    "scopes": ["A", "B"],
    "keep_session": True,
    "min_ttl": 600,
    "aws": {"folder": "fol.1", "read_only": True},
}


def change(call: Call, data: Data, values: Data) -> Data:
    """Set keys of the profile `work`, remove those that are None, and return what it says then."""
    old = data["profiles"]["work"]
    new = {key: value for key, value in {**old, **values}.items() if value is not None}
    call(configfile.add_profile, "work", new, make_default=None, old=old)
    return {**data, "profiles": {**data["profiles"], "work": new}}


# What it touches, what does it and returns what the config says then, and what takes it back: with
# what the config said before.
Pair = tuple[set[str], Callable[[Call, Data], Data], Callable[[Call, Data, Data], None]]


def setting(*keys: str) -> Pair:
    """Return what sets keys, and what removes them one by one, the first one first."""

    def do(call: Call, data: Data) -> Data:
        return change(call, data, {key: VALUES[key] for key in keys})

    def undo(call: Call, data: Data, was: Data) -> None:
        for key in keys:
            data = change(call, data, {key: was["profiles"]["work"].get(key)})

    return {*keys}, do, undo


def adding_services(*services: str) -> Pair:
    """Return what adds services, and what removes them, the first one first."""

    def do(call: Call, data: Data) -> Data:
        now = deepcopy(data)
        for one in services:
            assert call(configfile.add_service, "work", one)
            now["profiles"]["work"].setdefault("services", []).append(one)
        return now

    def undo(call: Call, data: Data, was: Data) -> None:
        for one in services:
            assert call(configfile.remove_service, "work", one)

    return {"services"}, do, undo


def adding_a_profile(values: Data) -> Pair:
    """Return what adds a profile, and what removes it."""

    def do(call: Call, data: Data) -> Data:
        call(configfile.add_profile, "new.one", values, make_default=False, old={})
        now = deepcopy(data)
        now["profiles"]["new.one"] = values
        if len(data["profiles"]) == 1:
            now.setdefault("default_profile", "work")
        return now

    def undo(call: Call, data: Data, was: Data) -> None:
        call(configfile.remove_profile, "new.one")

    return {"a profile"}, do, undo


PAIRS = [
    *(setting(key) for key in VALUES),
    setting("domain", "cid"),
    setting("cid", "aws", "domain"),
    adding_services("https://new.example/x"),
    adding_services("https://new.example/x", "https://more.example"),
    adding_a_profile(KEY),
    adding_a_profile({**KEY, "services": ["https://new.example"], "scopes": ["A"]}),
]


def take_back(place: Place, text: str, pairs: list[Pair], order: list[Pair]) -> None:
    """Do what `pairs` do, judge what it means, and undo it in an order."""
    place.write(text)
    before = data = tomllib.loads(text)
    for _, do, _ in pairs:
        data = do(place.call, data)
        assert place.data == data
        assert parse.parse(place.text.encode(), "/c", ENVIRON).profiles
        if "\r\n" in text:
            assert "\n" not in place.text.replace("\r\n", "")
        for comment in [line for line in text.split("\n") if line.strip().startswith("#")]:
            assert comment in place.text
    for _, _, undo in order:
        undo(place.call, place.data, before)
    assert place.text == text


def _apart(pairs: list[Pair]) -> bool:
    touched = [key for keys, _, _ in pairs for key in keys]
    return len(touched) == len({*touched})


@settings(max_examples=250, deadline=None)
@given(
    configs(),
    st.lists(st.sampled_from(PAIRS), min_size=1, max_size=3).filter(_apart),
    st.randoms(use_true_random=False),
)
def test_what_is_done_and_undone_leaves_every_byte(
    tmp_path_factory: pytest.TempPathFactory, text: str, pairs: list[Pair], chance: random.Random
) -> None:
    order = chance.sample(pairs, len(pairs))
    take_back(Place(tmp_path_factory.mktemp("home")), text, pairs, order)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    ["", "\n", "\n\n", "  ", "# mine", "# mine\n", "# mine\n\n", "[profiles]\n", "profiles = {}"],
)
def test_the_first_profile_comes_and_goes(text: str, newline: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    text = text.replace("\n", newline)
    place.write(text)
    place.call(configfile.add_profile, "one", KEY, make_default=False, old={})
    assert place.data == {"default_profile": "one", "profiles": {"one": KEY}}
    place.call(configfile.remove_profile, "one")
    assert place.text == text


@pytest.mark.parametrize("default", ["", DEFAULT, '# first\ndefault_profile = "other"\n\n'])
@pytest.mark.parametrize("end", ENDS)
def test_another_default_is_chosen_and_the_old_one_again(
    default: str, end: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    text = f"{default}{WORK[0].replace('SERVICES', 'min_ttl = 9')}{OTHERS[2]}{end}"
    place.write(text)
    was = place.data.get("default_profile")
    for name in ("other", "work"):
        place.call(configfile.set_default, name)
        assert place.data["default_profile"] == name
    if was:
        place.call(configfile.set_default, was)
        assert place.text == text


def test_a_default_that_the_user_chose_stays_when_the_others_are_gone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write(f'default_profile = "work"\n\n{BARE[0]}\n')
    before = place.text
    place.call(configfile.add_profile, "new", KEY, make_default=False, old={})
    place.call(configfile.remove_profile, "new")
    assert place.text == before


@pytest.mark.parametrize("error", [IndexError, KeyError, ValueError, RecursionError])
def test_an_edit_that_fails_is_refused_and_leaves_the_file(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    place.write(TOP[0])
    monkeypatch.setattr(splice, "added", lambda *_: (_ for _ in ()).throw(error()))
    with pytest.raises(ConfigError, match="this change would damage what is there") as caught:
        change(place.call, place.data, {"cid": "x"})
    assert caught.value.hint == "edit the file by hand"
    assert place.text == TOP[0]


def test_an_edit_that_says_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    place.write(TOP[0])
    monkeypatch.setattr(splice, "added", lambda text, *_: f"{text}\n# nothing")
    with pytest.raises(ConfigError, match="this change would damage what is there"):
        change(place.call, place.data, {"cid": "x"})
    assert place.text == TOP[0]
