"""What is put into a tool's file reads, to others than us, as exactly one entry more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from credhelper.setup import formats
from credhelper.setup.draft import Draft
from credhelper.setup.plan import Entry
from tests.cli.conftest import Person
from tests.setup import oracles
from tests.setup.cases import CASES
from tests.support.worlds import snapshot

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

# What a URL, a name or a path may hold, and what some reader makes something else of.
ODD = some.text("ab/:=;#'\"\\$`{}[]()%&*!, \t\n\r\0\x7f\x85é\u2028~-_.@0", max_size=12)

Read = Callable[[Any], list[Any]]


def _ini(said: Any) -> list[Any]:
    return [(name, key, value) for name, one in said.items() for key, value in one.items()]


def _flat(said: Any) -> list[Any]:
    if isinstance(said, dict):
        return [
            (key, *rest)
            for key, value in said.items()
            if key != "__is_block__"
            for rest in _flat(value)
        ]
    if isinstance(said, list):
        return [("-", *rest) for value in said for rest in _flat(value)]
    return [] if said is None else [(said,)]


# format -> (a text of somebody, an entry made of two odd texts, what an oracle's answer tells)
SHAPES: dict[str, tuple[str, Callable[[str, str], Entry], Read]] = {
    "flags": (
        "# theirs\nservice=x:443\n",
        lambda _, value: Entry((), (("credentials_helper_args=", value),)),
        lambda said: [*said.items()],
    ),
    "git": (
        '[user]\n\tname = "A;b" ; c\n[credential "https://a"]\n\thelper = x\n',
        lambda name, value: Entry(("credential", f"https://{name}"), (("helper", value),)),
        list,
    ),
    "goconfig": (
        "; c\n[a]\nb = c\n  d: e\n[a]\nb = f\n",
        lambda name, value: Entry((f"x{name}",), ((f"k{name}", value),)),
        _ini,
    ),
    "goenv": (
        "GOPROXY=https://x\nGOAUTH=git /x; netrc\n",
        lambda _, value: Entry((), (("GOAUTH", f"x {value}"),)),
        lambda said: [
            *(item.strip() for item in said.pop("GOAUTH", "").split(";")),
            *said.items(),
        ],
    ),
    "hcl": (
        'a = "x" # c\nb "c" {\n  d = [1]\n}\n',
        lambda name, value: Entry(("credentials_helper", f"x{name}"), (("args", [value]),)),
        _flat,
    ),
    "ini": (
        "; c\n[a]\nb = c\n  d\n",
        lambda name, value: Entry((f"x{name}",), ((f"k{name}", value),)),
        _ini,
    ),
    "json": (
        '{"a": [1, {"b": null}]}',
        lambda name, value: Entry((name, "y"), ((value, {name: [value]}),)),
        _flat,
    ),
    "lines": (
        "build --x='a b' \\\n  --y # c\n",
        lambda _, value: Entry((), (("common ", f"--flag=h={value}"),)),
        list,
    ),
    "npmrc": (
        '; c\na = "b" ; c\n[section]\nd = e\n',
        lambda name, value: Entry((), ((f"//h/{name}/:tokenHelper=", f"/{value}"),)),
        _flat,
    ),
    "toml": (
        'a = "x" # c\n[t.u]\nb = [\n 1,\n]\n',
        lambda name, value: Entry(("t", name), ((f"k{value}", [value]),)),
        _flat,
    ),
    "yaml": (
        "a: {b: c} # c\nusers:\n- name: me\n  user: {}\n",
        lambda name, value: Entry(("users",), ((f"x{name}", {"user": {"k": [value]}}),)),
        _flat,
    ),
    "yamlmap": (
        "admin:\n  # c\n  a: b\nz: y\n",
        lambda _, value: Entry(("admin",), (("command", ["x", value]),)),
        _flat,
    ),
}


def test_every_format_has_its_shape() -> None:
    assert SHAPES.keys() == formats.FORMATS.keys() == oracles.OF.keys()


def _less(many: list[Any], few: list[Any]) -> list[Any]:
    left = list(many)
    for one in few:
        left.remove(one)
    return left


def _can_be_asked(kind: str) -> bool:
    return (kind != "npmrc" or oracles.NODE is not None) and (
        kind != "git" or shutil.which("git", path="/usr/bin") is not None
    )


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", SHAPES)
@settings(QUICK, max_examples=25)
@given(name=ODD, value=ODD)
def test_another_reader_finds_our_one_entry_more_or_it_is_refused(
    kind: str, name: str, value: str
) -> None:
    if not _can_be_asked(kind):
        pytest.skip("its reader is not installed")
    text, entry_of, told = SHAPES[kind]
    entry = entry_of(name, value)
    module = formats.load(kind)
    try:
        ours = formats.says(kind, entry)
        if module.leaves(formats.written(kind, (entry,))) != ours:
            return
    except ValueError:
        return
    draft, made = Draft(text), formats.Made()
    try:
        module.put(draft, entry, made)
    except ValueError:  # something else stands in its place
        assert draft.text == text
        return
    read = oracles.OF[kind]
    more = _less(told(read(draft.text)), told(read(text)))
    assert len(more) == len(ours), (draft.text, more)
    if kind != "hcl":  # that oracle tells texts with their quotes
        parts = [part for leaf in more for part in ([leaf] if isinstance(leaf, str) else leaf)]
        assert any(value in str(part) for part in parts), more
    module.take(draft, entry, made)
    assert draft.text == text


_NUMBERS = [
    "1e3",
    "0o17",
    "012",
    "1_000",
    "y",
    "N",
    "on",
    "null",
    "~",
    "1:30",
    ".inf",
    "+1",
    "0x1F",
]


@pytest.mark.parametrize("name", [*_NUMBERS, "yes", "-", "<<", "=", "2001-01-01", "@x", "1.5"])
def test_a_name_that_looks_like_something_else_stays_a_name(name: str) -> None:
    entry = Entry(("users",), ((name, {"user": {"args": [name]}}),))
    said = oracles.yaml(formats.rendered("yaml", (entry,)))
    assert said == {"users": [{"name": name, "user": {"args": [name]}}]}


_EVIL = [
    "/mod;/tmp/evil/run",
    "/:tokenHelper=/tmp/evil/run;",
    "/x,y",
    "/it's",
    "/$(id)",
    "/a=b",
    "/a&b!c*d",
    "/x;",
]


@pytest.mark.parametrize("path", _EVIL)
@pytest.mark.parametrize(
    "tool", ["git", "go", "pnpm", "rclone", "dvc", "kubectl", "codex", "claude"]
)
def test_a_service_with_odd_characters_is_one_entry_or_none(
    person: Person, tool: str, path: str
) -> None:
    case = CASES[tool]
    kind = {
        "git": "git",
        "go": "goenv",
        "pnpm": "npmrc",
        "rclone": "goconfig",
        "dvc": "ini",
        "kubectl": "yaml",
        "codex": "toml",
        "claude": "json",
    }[tool]
    if not _can_be_asked(kind):
        pytest.skip("its reader is not installed")
    service = f"https://odd.example{path}"
    person.world.configure(person.api.url, person.api.api_key, main={"services": [service]})
    file = person.world.home / case.file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(case.foreign)
    before = snapshot(person.world.home)
    words: tuple[str, ...] = ("setup", tool, "--service", service)
    words += ("--name", "odd") if tool in ("dvc", "codex", "claude", "rclone") else ()
    outcome = person.types(*words)
    if outcome.status == 0:
        told = SHAPES[kind][2]
        read = oracles.OF[kind]
        more = _less(told(read(file.read_text())), told(read(case.foreign)))
        assert more
        assert person.types("setup", tool, "--check").status == 0
        assert person.types(*words, "--undo").status == 0
        assert file.read_text() == case.foreign
    else:
        assert (outcome.status, "credhelper: hint: " in outcome.told) == (2, True), outcome
        assert person.types(*words, "--print").status == 2
        assert snapshot(person.world.home) == before
