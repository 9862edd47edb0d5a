"""Whatever a config looks like, what is changed and taken back leaves every byte as it was.

tomllib judges what a change means, and the bytes judge that it was taken back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credhelper.config import parse
from credhelper.config import write as configfile
from credhelper.config.edit import edited
from tests.config.test_write import ENVIRON, KEY, Place

Data = dict[str, Any]
Call = Callable[..., Any]
Step = Callable[[Call], None]

GRANT = 'env = "K"'
WORK = [
    '[profiles.work]\ngrant = { env = "K" }\nSERVICES',
    '[profiles.work]   # at work\nurl = \'https://a.example\'  # no "x"\ngrant = {env="K"}\nSERVICES',
    '[ profiles . "work" ]\n\n  grant = { env = "K", }\n'.replace(", }", " }") + "  SERVICES",
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
    "services = [  # none yet",  # closed below
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
HEADS = ["", "# mine\n", "# mine\n\n", "\n", "\n# mine\n\n\n"]
ENDS = ["\n", "", "\n\n", "\n# the end\n", "\n\n# the end", "\n\n\n\t\n", "  \n"]


@st.composite
def configs(draw: st.DrawFn) -> str:
    """Return a config with the profile `work`, in some style."""
    services = draw(st.sampled_from(SERVICES))
    if "# none" in services:
        services += "\n]"
    at_top = draw(st.booleans())
    work = draw(st.sampled_from(TOP if at_top else [*WORK, *BARE]))
    if "{" in work and "SERVICES }" in work.replace("}}", " }"):
        services = 'services = ["https://a.example"]'  # braces hold no line ends
    text = work.replace("SERVICES", services)
    default = draw(
        st.sampled_from(["", 'default_profile = "work"\n', "default_profile='work' # x\n"])
    )
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


def changing(data: Data, **more: Any) -> tuple[Step, Data]:
    """Return the step that sets keys of the profile `work`, or removes those that are None."""
    old = data["profiles"]["work"]
    values = {**old, **more}
    values = {key: value for key, value in values.items() if value is not None}
    now = {**data, "profiles": {**data["profiles"], "work": values}}

    def step(call: Call) -> None:
        call(configfile.add_profile, "work", values, make_default=None, old=old)

    return step, now


# What it touches, what does it and returns what the config says then, and what takes it back: with
# what the config said before.
Pair = tuple[set[str], Callable[[Call, Data], Data], Callable[[Call, Data, Data], None]]


def setting(*keys: str) -> Pair:
    """Return what sets keys, and what removes them one by one, the first one first."""

    def do(call: Call, data: Data) -> Data:
        step, now = changing(data, **{key: VALUES[key] for key in keys})
        step(call)
        return now

    def undo(call: Call, data: Data, was: Data) -> None:
        for key in keys:
            step, data = changing(data, **{key: was["profiles"]["work"].get(key)})
            step(call)

    return {*keys}, do, undo


def adding_services(*services: str) -> Pair:
    """Return what adds services, and what removes them."""

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


def adding_a_profile(values: Data, *, make_default: bool = False) -> Pair:
    """Return what adds a profile, and what removes it."""

    def do(call: Call, data: Data) -> Data:
        call(configfile.add_profile, "new.one", values, make_default=make_default, old={})
        now = deepcopy(data)
        now["profiles"]["new.one"] = values
        if make_default:
            now["default_profile"] = "new.one"
        elif len(data["profiles"]) == 1:
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


def take_back(place: Place, text: str, pairs: list[Pair]) -> None:
    """Do what `pairs` do, undo it from the last one to the first, and judge each step."""
    place.write(text)
    data = tomllib.loads(text)
    before: list[tuple[str, Data]] = []
    for _, do, _ in pairs:
        before.append((place.text, data))
        data = do(place.call, data)
        assert place.data == data
        assert (
            parse.parse(place.text.encode(), "/c", ENVIRON).profiles.keys()
            == data["profiles"].keys()
        )
        if "\r\n" in text:
            assert "\n" not in place.text.replace("\r\n", "")
        for comment in [line for line in text.split("\n") if line.strip().startswith("#")]:
            assert comment in place.text
    for _, _, undo in reversed(pairs):
        was, said = before.pop()
        undo(place.call, data, said)
        assert place.text == was
        data = said


def _apart(pairs: list[Pair]) -> bool:
    touched = [key for keys, _, _ in pairs for key in keys]
    return len(touched) == len({*touched})


@settings(max_examples=400, deadline=None)
@given(configs(), st.lists(st.sampled_from(PAIRS), min_size=1, max_size=2).filter(_apart))
def test_what_is_done_and_undone_leaves_every_byte(
    tmp_path_factory: pytest.TempPathFactory, text: str, pairs: list[Pair]
) -> None:
    take_back(Place(tmp_path_factory.mktemp("x")), text, pairs)
