"""The user units: verified by systemd, and the command of the one for `watch` run."""

from __future__ import annotations

import configparser
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.wired import Wired
from tests.tokenfile.jobs import until

HERE = Path(__file__).parent
WATCH = HERE / "credhelper-watch@.service"
AGENT = HERE / "credhelper-agent.service"
PROGRAM = "%h/.local/bin/credhelper"


@pytest.mark.parametrize("unit", [WATCH, AGENT], ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(
    unit: Path, tmp_path: Path, client: Callable[[str], str]
) -> None:
    verify = client("systemd")
    text = unit.read_text()
    assert PROGRAM in text
    name = unit.name.replace("@.", "@work.")
    (tmp_path / name).write_text(text.replace(PROGRAM, client("credhelper")))
    words = [verify, "--user", "verify", "--man=no", str(tmp_path / name)]
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}

    def told() -> tuple[int, bool]:
        done = subprocess.run(words, capture_output=True, text=True, env=environ)
        return done.returncode, name in done.stderr

    assert told() == (0, False)
    (tmp_path / name).write_text(text.replace("Restart=on-failure", "Restart=sometimes"))
    assert told()[1], "a value that is none is found"


def test_the_unit_keeps_a_token_in_the_file_that_the_readme_names(
    wire: Callable[..., Wired],
) -> None:
    wired = wire()
    wired.configure(HERE.parent / "git/credhelper.toml", {})
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    unit.read_string(WATCH.read_text())
    service = unit["Service"]
    place = Path(wired.environ["XDG_RUNTIME_DIR"])
    folder = place / service["RuntimeDirectory"]
    folder.mkdir(parents=True, mode=int(service["RuntimeDirectoryMode"], 8))
    line = service["ExecStart"].replace(PROGRAM, "credhelper")
    line = line.replace("%t", str(place)).replace("%i", "work")
    running = subprocess.Popen(
        shlex.split(line), env=wired.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        token = folder / "work"
        until(token.exists, "watch wrote no token")
        path = f"$XDG_RUNTIME_DIR/{service['RuntimeDirectory']}/work"
        assert f'cat "{path}"' in (HERE / "README.md").read_text()
        assert wired.sandbox.admits(token.read_text())
        assert token.stat().st_mode & 0o777 == 0o600
    finally:
        running.terminate()
        running.communicate(timeout=60)
