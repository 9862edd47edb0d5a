"""Each tool is set up, checked and taken back in a home that holds what others put there."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper import setup
from tests.cli.conftest import Person
from tests.setup.cases import CANARY, CASES, LINKS
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World, snapshot

MARK = b"\xef\xbb\xbf"


def test_every_tool_has_its_row() -> None:
    assert set(CASES) | set(LINKS) == set(setup.TOOLS)


class Bench(Person):
    """Somebody who sets one tool up. Attributes: `tool`, `case`, `file`."""

    def __init__(self, world: World, api: RunningSandbox, tool: str) -> None:
        super().__init__(world, api)
        self.tool = tool
        self.case = CASES[tool]
        self.file = world.home / self.case.file
        world.canaries.append(CANARY)
        for name, value in self.case.environ.items():
            old = world.environ.get(name, "")
            world.environ[name] = value.format(home=world.home, old=old)
        for name, text in self.case.programs.items():
            program = world.root / "programs" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f"#!/bin/sh\necho '{text}'\n")
            program.chmod(0o755)
        profiles = {"main": {"services": [self.case.service, self.case.other], **self.case.keys}}
        if self.case.apart:
            profiles["main"]["services"] = [self.case.service]
            profiles["second"] = {"services": [self.case.other]}
        world.configure(api.url, api.api_key, **profiles)

    def put(self, data: bytes | None = None) -> bytes:
        """Put the foreign file there, or these bytes."""
        data = self.case.foreign.encode() if data is None else data
        self.file.parent.mkdir(0o755, parents=True, exist_ok=True)
        self.file.write_bytes(data)
        return data

    def sets_up(self, *words: str, other: bool = False) -> Outcome:
        """Run `credhelper setup` for the row's service, or for the other one."""
        case = self.case
        service, more = (case.service, case.options)
        if other:
            service, more = (case.other, case.other_options)
        more = tuple(word.format(home=self.world.home) for word in more)
        return self.types("setup", self.tool, "--service", service, *more, *words)

    def journal(self) -> Path:
        return self.world.state / "setup.json"


@pytest.fixture(params=CASES)
def bench(request: pytest.FixtureRequest, tmp_path: Path, running_sandbox: RunningSandbox) -> Bench:
    """Give this test each tool in turn."""
    needs = CASES[request.param].needs
    if needs and shutil.which(needs, path="/usr/bin:/bin") is None:
        pytest.skip(f"{needs} is not installed")
    return Bench(World(tmp_path), running_sandbox, request.param)


def seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what lies in a folder, but for inodes and times: a file written whole has new ones."""
    return {
        name: (mode, owner, content)
        for name, (mode, owner, _, _, content) in snapshot(folder).items()
    }


def fine(outcome: Outcome) -> Outcome:
    assert outcome.status == 0, outcome
    return outcome


def _plain(bench: Bench) -> None:
    bench.put()


def _with_crlf(bench: Bench) -> None:
    bench.put(bench.case.foreign.replace("\n", "\r\n").encode())


def _without_final_line_end(bench: Bench) -> None:
    bench.put(bench.case.foreign.rstrip("\n").encode())


def _with_crlf_but_at_the_end(bench: Bench) -> None:
    bench.put(bench.case.foreign.rstrip("\n").replace("\n", "\r\n").encode())


def _with_blank_lines_at_the_end(bench: Bench) -> None:
    bench.put((bench.case.foreign + "\n\n").encode())


def _with_byte_order_mark(bench: Bench) -> None:
    bench.put((MARK if bench.case.skips_mark else b"") + bench.case.foreign.encode())


def _for_the_group(bench: Bench) -> None:
    bench.put()
    bench.file.chmod(0o640)


def _private(bench: Bench) -> None:
    bench.put()
    bench.file.chmod(0o600)


def _behind_symlinks(bench: Bench) -> None:
    kept = bench.world.home / "dotfiles" / "kept"
    kept.parent.mkdir()
    bench.put()
    bench.file.rename(kept)
    (kept.parent / "hop").symlink_to("kept")
    bench.file.symlink_to(kept.parent / "hop")


def _empty(bench: Bench) -> None:
    bench.put(b"")


def _missing(bench: Bench) -> None:
    bench.file.parent.mkdir(parents=True, exist_ok=True)


def _missing_with_its_folder(bench: Bench) -> None:
    pass


HOMES = {
    function.__name__.strip("_"): function
    for function in (
        _plain,
        _with_crlf,
        _without_final_line_end,
        _with_crlf_but_at_the_end,
        _with_blank_lines_at_the_end,
        _with_byte_order_mark,
        _for_the_group,
        _private,
        _behind_symlinks,
        _empty,
        _missing,
        _missing_with_its_folder,
    )
}


# Where one end of the file, or the file itself, is of our making.
EDGES = ["plain", "with_crlf_but_at_the_end", "empty", "missing_with_its_folder"]


@pytest.fixture(params=HOMES)
def home(request: pytest.FixtureRequest, bench: Bench) -> Path:
    """Give this test a home with the tool's file in each state in turn."""
    prepare: Callable[[Bench], None] = HOMES[request.param]
    prepare(bench)
    return bench.world.home


def test_to_show_it_changes_nothing(bench: Bench, home: Path) -> None:
    before = snapshot(home)
    shown = fine(bench.sets_up("--print")).stdout.decode()
    assert bench.case.wired.strip() in shown
    diff = fine(bench.sets_up("--dry-run")).stdout.decode()
    added = [line[1:] for line in diff.split("\n") if line.startswith("+")]
    for line in bench.case.wired.split("\n"):
        assert any(line.strip() in one for one in added), diff
    assert snapshot(home) == before
    assert not bench.world.state.exists()


def hold_line_ends(before: bytes, after: bytes) -> None:
    """Assert that the file's lines end as they did, and that it begins as it did."""
    if before:
        assert after.endswith(b"\n") == before.endswith(b"\n")
        if b"\n" in before:
            assert after.count(b"\r\n") == (after.count(b"\n") if b"\r\n" in before else 0)
        assert after.startswith(MARK) == before.startswith(MARK)
    else:
        assert after.endswith(b"\n")


@pytest.mark.sampled(10)
def test_a_setup_that_is_undone_leaves_no_trace(bench: Bench, home: Path) -> None:
    before = seen(home)
    raw = bench.file.read_bytes() if bench.file.exists() else b""
    mode = bench.file.stat().st_mode if bench.file.exists() else None
    said = fine(bench.sets_up())
    wired = bench.file.read_bytes()
    expected = bench.case.wired.encode()
    assert expected in wired.replace(b"\r\n", b"\n")
    if mode is not None:
        assert bench.file.stat().st_mode == mode
        backup = next((bench.world.state / "backups").iterdir())
        assert str(backup) in said.stdout.decode()
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    else:
        assert stat.S_IMODE(bench.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(bench.journal().stat().st_mode) == 0o600
    assert CANARY not in bench.journal().read_text()
    hold_line_ends(raw, wired)
    once = snapshot(home)
    again = fine(bench.sets_up())
    assert "nothing to change" in again.stdout.decode()
    assert snapshot(home) == once
    check = fine(bench.sets_up("--check"))
    assert "works" in check.stdout.decode()
    fine(bench.sets_up("--undo"))
    assert seen(home) == before
    assert not bench.journal().exists()
    assert not (bench.world.state / "backups").exists()
    nothing = fine(bench.sets_up("--undo"))
    assert "nothing to undo" in nothing.stdout.decode()
    assert seen(home) == before


@pytest.mark.parametrize("first", [True, False], ids=["in turn", "in reverse"])
@pytest.mark.parametrize("home", EDGES, indirect=True)
def test_two_setups_are_undone_in_either_order(bench: Bench, home: Path, first: bool) -> None:
    before = seen(home)
    fine(bench.sets_up())
    alone = bench.file.read_bytes()
    fine(bench.sets_up(other=True))
    fine(bench.sets_up("--undo", other=first))
    if first:
        assert bench.file.read_bytes() == alone
    fine(bench.sets_up("--undo", other=not first))
    assert seen(home) == before


def test_undo_without_a_service_takes_back_all_of_the_tool(bench: Bench) -> None:
    bench.put()
    before = seen(bench.world.home)
    fine(bench.sets_up())
    fine(bench.sets_up(other=True))
    fine(bench.types("setup", bench.tool, "--check"))
    fine(bench.types("setup", bench.tool, "--undo"))
    assert seen(bench.world.home) == before


@pytest.mark.sampled(10)
@pytest.mark.parametrize("twice", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("ending", ["\n", ""], ids=["ended", "unended"])
def test_what_a_user_changes_meanwhile_stays(bench: Bench, twice: bool, ending: str) -> None:
    foreign = bench.case.foreign.rstrip("\n") + ending
    bench.put(foreign.encode())
    fine(bench.sets_up())
    if twice:
        fine(bench.sets_up(other=True))

    def edited(text: str) -> str:
        for old, new in bench.case.edits.items():
            assert old in text
            text = text.replace(old, new)
        return text

    bench.file.write_text(edited(bench.file.read_text()))
    fine(bench.sets_up("--check"))
    fine(bench.sets_up("--undo"))
    if twice:
        fine(bench.sets_up("--undo", other=True))
    assert bench.file.read_text() == edited(foreign)


def _refused(bench: Bench, status: int, *words: str) -> Outcome:
    before = snapshot(bench.world.home)
    for more in ((), ("--dry-run",)):
        outcome = bench.sets_up(*words, *more)
        if more and outcome.status == 0:
            continue  # a diff may well show what could not be written
        assert outcome.status == status, outcome
        assert "credhelper: hint: " in outcome.told
    assert snapshot(bench.world.home) == before
    assert not bench.journal().exists()
    return outcome


def test_a_file_that_its_tool_could_not_read_is_left_alone(bench: Bench) -> None:
    if bench.case.broken:
        bench.put(bench.case.broken.encode())
        assert bench.case.file in _refused(bench, 6).told
    bench.put(bench.case.foreign.encode("utf-16"))
    assert bench.case.file in _refused(bench, 6).told


@pytest.mark.parametrize(
    "bench", [tool for tool, case in CASES.items() if not case.skips_mark], indirect=True
)
def test_a_byte_order_mark_that_the_tool_does_not_skip_is_taken_out_first(bench: Bench) -> None:
    bench.put(MARK + bench.case.foreign.encode())
    told = _refused(bench, 6).told
    assert bench.case.file in told
    hint = told.partition("remove it: ")[2]
    subprocess.run(["/bin/sh", "-c", hint], check=True, env=bench.world.environment())
    assert bench.file.read_text() == bench.case.foreign
    fine(bench.sets_up())


def test_a_read_only_file_is_left_alone(bench: Bench) -> None:
    bench.put()
    bench.file.chmod(0o440)
    _refused(bench, 7)


def test_a_file_in_a_read_only_folder_is_left_alone(bench: Bench) -> None:
    bench.put()
    bench.file.parent.chmod(0o555)
    try:
        _refused(bench, 7)
    finally:
        bench.file.parent.chmod(0o755)


def test_a_file_with_two_names_is_left_alone(bench: Bench) -> None:
    bench.put()
    os.link(bench.file, bench.world.home / "twin")
    _refused(bench, 7)


def test_what_is_no_file_is_left_alone(bench: Bench) -> None:
    bench.file.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(bench.file)
    _refused(bench, 6)


def test_a_service_that_no_profile_names_is_refused_or_added(bench: Bench) -> None:
    bench.put()
    bench.world.configure(
        bench.api.url, bench.api.api_key, main={"services": [], **bench.case.keys}
    )
    assert f"credhelper profile add main --service {bench.case.service}" in _refused(bench, 3).told
    fine(bench.sets_up("--add-service", "--dry-run"))
    assert bench.case.service not in bench.config()
    fine(bench.sets_up("--add-service"))
    assert bench.case.service in bench.config()
    fine(bench.sets_up("--check"))


def test_a_program_that_does_not_run_is_not_named_anywhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.put()
    bin_folder = bench.world.root / "bin"
    bin_folder.mkdir()
    python = bin_folder / "python3"
    python.touch()
    for name in ("credhelper", *setup.load(bench.tool).PROGRAMS):
        (bin_folder / name).write_text("#!/bin/sh\nexit 1\n")
        (bin_folder / name).chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    bench.world.environ["PATH"] = f"{bin_folder}:/usr/bin:/bin"
    assert "does not run" in _refused(bench, 1).told


def test_a_check_fails_when_nothing_is_set_up(bench: Bench) -> None:
    bench.put()
    assert bench.types("setup", bench.tool, "--check").status == 3
    assert bench.sets_up("--check").status != 0


def test_a_check_fails_when_the_lines_are_gone(bench: Bench) -> None:
    bench.put()
    fine(bench.sets_up())
    bench.put()
    outcome = bench.sets_up("--check")
    assert outcome.status == 6
    assert bench.case.file in outcome.told
    fine(bench.sets_up())
    fine(bench.sets_up("--check"))


def test_a_check_fails_when_the_api_refuses(bench: Bench) -> None:
    bench.put()
    fine(bench.sets_up())
    bench.api.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    outcome = bench.sets_up("--check")
    assert outcome.status != 0
    assert "credhelper: error: " in outcome.told
    assert bench.sets_up("--undo").status == 0


def test_what_a_user_wrote_by_hand_is_theirs(bench: Bench) -> None:
    bench.put()
    fine(bench.sets_up())
    by_hand = bench.file.read_bytes()
    bench.journal().unlink()
    before = snapshot(bench.world.home)
    assert "nothing to change" in fine(bench.sets_up()).stdout.decode()
    fine(bench.sets_up("--undo"))
    assert bench.file.read_bytes() == by_hand
    assert snapshot(bench.world.home) == before
