"""What people's commands load: their own module, and nothing that they do not use."""

from __future__ import annotations

import pytest

from credhelper import protocols
from credhelper.cli.main import commands
from tests.architecture.test_import_budget import PROGRAM, loaded, pytestmark  # noqa: F401
from tests.support.worlds import World

COMMANDS = "credhelper.cli.commands."
# Dear, and of no use to who only looks.
DEAR = {
    *("_hashlib", "difflib", "email.utils", "filelock", "http.client", "json", "requests"),
    *("signal", "ssl", "subprocess", "tempfile", "termios", "tomlkit"),
    *("urllib.parse", "urllib3", "yaml"),
    *("credhelper.cli.waiting", "credhelper.client.api", "credhelper.config.edit"),
    *("credhelper.renewal", "credhelper.setup"),
}
COMPLETING = {"_CREDHELPER_COMPLETE": "zsh_complete", "COMP_CWORD": "1"}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("words", "environ", "module"),
    [
        (["--help"], {}, ""),
        (["--version"], {}, ""),
        ([], {**COMPLETING, "COMP_WORDS": "credhelper st"}, ""),
        (["status"], {}, "status"),
        (["status", "--help"], {}, "status"),
        (["profile", "list"], {}, "profile"),
        (["completion", "zsh"], {}, "completion"),
        (["get", "--help"], {}, "get"),
        (["login", "--help"], {}, "login"),
        (["git", "--help"], {}, "protocols"),
    ],
    ids=lambda what: " ".join(what) if isinstance(what, list) else "",
)
def test_a_command_loads_its_own_module_and_nothing_dear(
    scratch_world: World, words: list[str], environ: dict[str, str], module: str
) -> None:
    scratch_world.get()
    found, _ = loaded([str(PROGRAM), *words], b"", {**scratch_world.environ, **environ})
    own = {COMMANDS + module} if module else set()
    assert {name for name in found if name.startswith(COMMANDS)} == own
    reads = {"json"} if module == "status" else set()  # whose the token is, from its claims
    assert found & DEAR - reads == set()
    # click asks it for the width of a page of help.
    assert "--help" in words or "shutil" not in found


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command = commands.commands[name]
    assert command.name == name
    assert commands.commands.short_helps[name] == command.get_short_help_str()


def test_every_command_and_every_protocol_is_in_the_list() -> None:
    assert set(commands.commands) > set(protocols.PROTOCOLS)
    assert "frobnicate" not in commands.commands
    with pytest.raises(KeyError):
        commands.commands["frobnicate"]
