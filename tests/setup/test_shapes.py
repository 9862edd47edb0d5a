"""Files in the shapes in which people write them: `shapes/TOOL/SHAPE`, with made-up content.

The tool's own reader is the judge where it is installed, or one that somebody else wrote. Either
the tool is set up: everything else says what it said, our entry is there once, a check finds it and
an undo gives the very bytes back. Or setup refuses what that reader refuses, too.
"""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from lark.exceptions import LarkError
from ruamel.yaml.error import YAMLError

from credhelper import setup
from credhelper.cli.setup.request import read
from credhelper.core.service import parse
from credhelper.errors import CredhelperError
from credhelper.setup import apply, formats, journal, prepare
from credhelper.setup.journal import Setup
from credhelper.setup.plan import Outcome, Plan, WiringRequest
from credhelper.setup.program import Program
from credhelper.setup.work import Work
from tests.setup import oracles
from tests.setup.cases import CASES, LINKS
from tests.setup.test_tools import Bench, fine
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

FOLDER = Path(__file__).parent / "shapes"
SHAPES = {f"{path.parent.name}/{path.stem}": path for path in sorted(FOLDER.glob("*/*"))}

_PATH = "/usr/bin:/bin:/usr/local/bin"

_MARK = "its tool does not skip a byte order mark"
_COMMENT = "JSON has no comments"
_TWICE = "the same twice"

# What setup refuses, because the tool does.
REFUSED = {
    "aws/notepad": _MARK,
    "aws/section_twice": _TWICE,
    "cargo/no_quotes": "TOML has no words without quotes",
    "cargo/table_twice": _TWICE,
    "claude/infinity": "JSON has no such number",
    "containers/line_comment": _COMMENT,
    "containers/list": "a list has no members",
    "databricks/no_section": "a word above all sections",
    "databricks/notepad": _MARK,
    "databricks/section_twice": _TWICE,
    "docker/comments": _COMMENT,
    "docker/link_as_text": "where git wrote a link as a file",
    "docker/notepad": _MARK,
    "docker/single_quotes": "a dict of Python's",
    "docker/trailing_comma": "JSON has no such comma",
    "dvc/notepad": _MARK,
    "go/empty_item": "go stops at an empty command",
    "kubectl/page": "what a web server said",
    "kubectl/same_name_twice": _TWICE,
    "kubectl/tabs": "YAML is not indented by tabs",
    "pip/link_as_text": "where git wrote a link as a file",
    "pip/name_twice": _TWICE,
    "pip/no_section": "a name above all sections",
    "pip/no_value": "a name alone",
    "pip/notepad": _MARK,
    "pip/section_twice": _TWICE,
    "rclone/bare_name": "a name alone",
    "rclone/long_text": "a text over several lines",
    "reclient/indented": "a flag without a name",
    "terraform/notepad": _MARK,
    "terraform/open_block": "a block that does not end",
}

# What setup refuses although the tool reads it.
ADVISED = {
    "docker/twice": "two members of one name: which of them a tool reads depends on the tool",
    "flyte/anchored": "an alias repeats all that is added",
    "flyte/command_before": "another command is there already",
    "terraform/json": "JSON, to which no block can be added",
}

# --- readers --------------------------------------------------------------------------------------


def _leaves(data: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a line for each text, number and truth in plain data; a named item by its name."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _leaves(value, (*path, str(name)))
    elif isinstance(data, list):
        names = [one.get("name") if isinstance(one, dict) else None for one in data]
        known = [name for name in names if name is not None]
        if len({*known}) < len(known):
            raise ValueError("two items of one name")
        for name, item in zip(names, data, strict=True):
            yield from _leaves(item, (*path, "-" if name is None else str(name)))
    elif data not in (None, ""):
        yield f"{path} {data!r}"


def _unmarked(data: bytes) -> str:
    return data.removeprefix(b"\xef\xbb\xbf").decode()


def _git(data: bytes) -> list[str]:
    if shutil.which("git", path=_PATH) is None:
        pytest.skip("git is not installed")
    return oracles.git(data.decode())


def _json(data: bytes) -> list[str]:
    def no_number(text: str) -> NoReturn:
        raise ValueError(text)

    found = json.loads(data.decode(), parse_constant=no_number)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return [*_leaves(found)]


def _ini(data: bytes) -> list[str]:
    parser = configparser.RawConfigParser(default_section="\0")
    parser.read_string(data.decode())
    return [*_leaves({name: dict(parser[name]) for name in parser.sections()})]


def _rclone(data: bytes) -> list[str]:
    return [*_leaves(oracles.goconfig(_unmarked(data)))]


def _hcl(data: bytes) -> list[str]:
    # HCL's first version, which these tools read, also has attributes in quotes.
    text = re.sub(
        r'^\s*"([^"]*)"(?=\s*=)',
        lambda found: re.sub(r"\W", "_", found[1]),
        data.decode(),
        flags=re.MULTILINE,
    )
    return [*_leaves(oracles.hcl(text))]


def _go(data: bytes) -> list[str]:
    found: dict[str, str] = oracles.go(data.decode())
    items = [item.strip() for item in found.pop("GOAUTH", "").split(";")]
    if len(items) > 1 and "" in items:
        raise ValueError("an empty command")
    # Without any, go asks netrc.
    return [*_leaves({**found, "GOAUTH": items if any(items) else ["netrc"]})]


# In a list of go's that we begin; in one that is there, it stands or it does not.
_NETRC = "('GOAUTH', '-') 'netrc'"


def _npmrc(data: bytes) -> list[str]:
    if oracles.NODE is None:
        return _unmarked(data).split()
    return [*_leaves(oracles.npmrc(_unmarked(data)))]


def _flags(data: bytes) -> list[str]:
    found = oracles.flags(data.decode())
    if "" in found:
        raise ValueError("no name")
    return [*_leaves(found)]


def _toml(data: bytes) -> list[str]:
    return [*_leaves(oracles.toml(_unmarked(data)))]


def _yaml(data: bytes) -> list[str]:
    return [*_leaves(oracles.yaml(_unmarked(data)))]


READERS: dict[str, Callable[[bytes], list[str]]] = {
    **dict.fromkeys(("docker", "containers", "claude", "restish", "google"), _json),
    **dict.fromkeys(("pip", "aws", "databricks", "dvc"), _ini),
    **dict.fromkeys(("cargo", "uv", "codex"), _toml),
    **dict.fromkeys(("kubectl", "kubelet", "flyte"), _yaml),
    **dict.fromkeys(("terraform", "vault", "bao"), _hcl),
    "bazel": lambda data: [*map(str, oracles.bazel(data.decode()))],
    "git": _git,
    "go": _go,
    "pnpm": _npmrc,
    "rclone": _rclone,
    "reclient": _flags,
}


def _printed(*words: str, **environ: str) -> bytes:
    done = subprocess.run(
        words, env={"PATH": _PATH, "HOME": "/nowhere", **environ}, capture_output=True, check=False
    )
    if done.returncode or b"Failed to load config" in done.stderr:
        raise ValueError(done.stderr)
    return done.stdout


def _kubectl(path: Path) -> list[str]:
    shown = _printed("kubectl", "config", "view", "--raw", "-o", "json", KUBECONFIG=str(path))
    return [*_leaves(json.loads(shown))]


def _rclone_itself(path: Path) -> list[str]:
    return [*_leaves(json.loads(_printed("rclone", "--config", str(path), "config", "dump")))]


def _terraform(path: Path) -> list[str]:
    """Return nothing: Terraform shows no more than whether it can read a file."""
    shown = _printed("terraform", "version", TF_CLI_CONFIG_FILE=str(path))
    assert b"Error parsing" not in shown
    return []


# What the tool itself reads in a file, where it is installed.
OWN = {"kubectl": _kubectl, "rclone": _rclone_itself, "terraform": _terraform}


def _less(many: list[str], few: list[str]) -> list[str]:
    left = list(many)
    for one in few:
        assert one in left, f"gone: {one}"
        left.remove(one)
    return sorted(left)


# --- who sets up ----------------------------------------------------------------------------------


class Desk:
    """Somebody's home with one tool's file in it. Attributes: `file`; `plan`, what setup adds."""

    def __init__(self, root: Path, tool: str, before: bytes) -> None:
        case = CASES[tool]
        self.tool, self.before = tool, before
        self.home, self.state = root / "home", root / "state"
        self.state.mkdir(mode=0o700)
        self.file = self.home / case.file
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(before)
        named = dict(zip(case.options[::2], case.options[1::2], strict=True))
        self.name = named.get("--name")
        self.own_file = named.get("--file", "").format(home=self.home) or None
        places = {f"CREDHELPER_{word}": f"/etc/{word}" for word in ("CONFIG", "CACHE_DIR")}
        programs = frozenset(("credhelper", *setup.load(tool).PROGRAMS))
        self.request = WiringRequest(
            parse(case.service),
            None,
            "main",
            self.name,
            Program("/opt/credhelper/bin/credhelper", programs, programs),
            {
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.home),
                "XDG_RUNTIME_DIR": str(self.home / "run"),
                **places,
            },
            str(self.home),
            str(self.home / "bin"),
            read,
            self.own_file,
        )

    @property
    def plan(self) -> Plan:
        return setup.load(self.tool).plan(self.request)

    def _work(self) -> Work:
        service = str(self.request.service)
        mine = Setup(self.tool, service, self.name, None, file=self.own_file)
        return prepare.add(self.plan, mine, journal.read(str(self.state)))

    def sets_up(self) -> None:
        apply.carry_out(self._work(), str(self.state))

    def takes_back(self) -> list[str]:
        known = journal.read(str(self.state))
        work = prepare.undo(known.setups, known)
        apply.carry_out(work, str(self.state))
        return work.left

    def hold_one_entry_more(self, old: list[str], new: list[str]) -> None:
        """Assert that `new` says what `old` does, and what is ours, once."""
        (change,) = self.plan.files
        ours = READERS[self.tool](formats.rendered(change.format, change.entries).encode())
        ours = [one for one in ours if one != _NETRC]
        whole = formats.FORMATS[change.format][1]
        assert _less(new, old) == sorted(one for one in ours if whole or one not in old)

    def hold_to_the_check(self) -> None:
        """Assert that a check finds our entry, and asks a program; and that nothing is left to do.

        That the program answers is for other tests.
        """
        asked: list[list[str]] = []

        def ask(words: list[str], *_: object) -> Outcome:
            asked.append(words)
            return Outcome(0, b"pip 99.0 from here") if "--version" in words else Outcome(1)

        known = journal.read(str(self.state))
        assert prepare.missing(known.setups[0], known) == []
        finding = setup.load(self.tool).check(self.request, ask)
        assert asked, finding
        assert not self._work().changes


def _as_it_is(data: bytes) -> bytes:
    return data


def _with_crlf_but_at_the_end(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").rstrip(b"\n").replace(b"\n", b"\r\n")


# --- the tests ------------------------------------------------------------------------------------


def test_every_tool_has_its_shapes() -> None:
    assert {shape.partition("/")[0] for shape in SHAPES} == setup.TOOLS.keys() - LINKS.keys()
    assert READERS.keys() == CASES.keys()
    assert SHAPES.keys() >= REFUSED.keys() | ADVISED.keys()


@pytest.mark.parametrize("shape", [one for one in SHAPES if one not in REFUSED | ADVISED])
def test_a_tool_is_set_up_in_a_file_of_this_shape(tmp_path: Path, shape: str) -> None:
    tool = shape.partition("/")[0]
    for turn in (_as_it_is, _with_crlf_but_at_the_end):
        before = turn(SHAPES[shape].read_bytes())
        (root := tmp_path / turn.__name__).mkdir()
        desk = Desk(root, tool, before)
        old = READERS[tool](before)
        asked = turn is _as_it_is and shutil.which(tool, path=_PATH)
        own = OWN.get(tool) if asked else None
        own_old = own(desk.file) if own else []
        desk.sets_up()
        desk.hold_one_entry_more(old, READERS[tool](desk.file.read_bytes()))
        if own:
            _less(own(desk.file), own_old)
        desk.hold_to_the_check()
        assert desk.takes_back() == []
        assert desk.file.read_bytes() == before


@pytest.mark.parametrize("shape", [*REFUSED, *ADVISED])
def test_what_is_refused_stays_and_its_reader_refuses_it_too(tmp_path: Path, shape: str) -> None:
    tool = shape.partition("/")[0]
    before = SHAPES[shape].read_bytes()
    desk = Desk(tmp_path, tool, before)
    if shape in REFUSED:
        with pytest.raises((ValueError, configparser.Error, LarkError, YAMLError)):
            READERS[tool](before)
    with pytest.raises(CredhelperError) as refused:
        desk.sets_up()
    assert str(desk.file) in str(refused.value)
    assert refused.value.hint
    assert desk.file.read_bytes() == before
    assert [*desk.state.iterdir()] == []


@pytest.mark.parametrize("shape", ["git/deeper", "git/two_headers_in_a_line"])
def test_git_comes_to_ours_before_the_section_for_a_part(tmp_path: Path, shape: str) -> None:
    desk = Desk(tmp_path, "git", SHAPES[shape].read_bytes())
    desk.sets_up()
    said = _git(desk.file.read_bytes())
    ours = "credential.https://git.example.helper\ncredhelper"
    assert said.index(ours) < said.index("credential.https://git.example/team.helper\nteam")


@pytest.mark.parametrize("shape", ["dvc/comments", "dvc/quoted_values", "dvc/unindented"])
def test_dvc_knows_a_remote_by_its_url(tmp_path: Path, shape: str) -> None:
    desk = Desk(tmp_path, "dvc", SHAPES[shape].read_bytes())
    desk.request = replace(desk.request, name=None)
    (entry,) = desk.plan.files[0].entries
    assert entry.at == ("'remote \"files\"'",)


# One for each format, through the program's own door, with a real token.
DONE = (
    *("git/selector", "docker/uneven", "kubectl/flow_lists", "cargo/spaced_headers", "pip/lists"),
    *("rclone/section_twice", "terraform/mirrors", "go/empty_auth", "bazel/quoted", "pnpm/lists"),
    *("flyte/flow_admin", "reclient/spaced"),
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("shape", DONE)
def test_a_check_agrees_through_the_program_itself(
    tmp_path: Path, running_sandbox: RunningSandbox, shape: str
) -> None:
    tool = shape.partition("/")[0]
    needs = CASES[tool].needs
    if needs and shutil.which(needs, path=_PATH) is None:
        pytest.skip(f"{needs} is not installed")
    bench = Bench(World(tmp_path), running_sandbox, tool)
    before = bench.put(SHAPES[shape].read_bytes())
    fine(bench.sets_up())
    assert b"works" in fine(bench.sets_up("--check")).stdout
    fine(bench.sets_up("--undo"))
    assert bench.file.read_bytes() == before
