"""The captured text in docs/doctor.md: a world with one fault, as the doctor shows it.

`python -m tests.support.doctor_page` writes it; a test holds the page to it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

PAGE = Path(__file__).parent.parent.parent / "docs" / "doctor.md"
BEGIN = "<!-- doctor: python -m tests.support.doctor_page -->\n"
END = "<!-- end of doctor -->\n"


def captured(root: Path, api: RunningSandbox) -> str:
    """Return what the doctor shows where a key may be read by others and git is set up.

    Parameters: `root`, an empty folder.
    """
    world = World(root)
    world.configure(api.url, api.api_key, main={"services": ["https://git.example"]})
    home = world.home
    places = {"CREDHELPER_CACHE_DIR": ".cache", "CREDHELPER_STATE_DIR": ".local/state"}
    for variable, place in places.items():
        world.environ[variable] = str(home / place / "credhelper")
    (home / ".config/credhelper").mkdir(parents=True)
    key = home / ".config/credhelper/key"
    (root / "api-key").rename(key)
    config = home / ".config/credhelper/config.toml"
    config.write_text(world.config.read_text().replace(str(root / "api-key"), str(key)))
    world.environ["CREDHELPER_CONFIG"] = str(config)
    for folder in (".config", ".config/credhelper"):
        (home / folder).chmod(0o700)
    done = world.run("setup", "git", "--service", "https://git.example")
    assert done.status == 0, done
    key.chmod(0o644)
    outcome = world.run("doctor")
    assert outcome.status == 6, outcome
    return outcome.stdout.decode()


def settled(text: str) -> str:
    """Return a captured text without what differs from run to run and machine to machine."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", text)
    text = re.sub(r"^credhelper .*", "credhelper 0.1.0, Python 3.12.1, linux", text)
    text = re.sub(r"path: .*", "path: ~/.local/bin/credhelper", text)
    return re.sub(r"version: \d+\.\d+;", "version: 2.47;", text)


def section(text: str) -> str:
    """Return the section of the page that shows `text`."""
    return f"{BEGIN}```console\n$ credhelper doctor\n{settled(text)}```\n{END}"


def shown() -> str:
    """Return that section as the page has it."""
    page = PAGE.read_text(encoding="utf-8")
    return page[page.index(BEGIN) : page.index(END) + len(END)]


if __name__ == "__main__":
    sandbox = RunningSandbox()
    try:
        with tempfile.TemporaryDirectory() as folder:
            new = section(captured(Path(folder), sandbox))
    finally:
        sandbox.stop()
    PAGE.write_text(PAGE.read_text(encoding="utf-8").replace(shown(), new), encoding="utf-8")
