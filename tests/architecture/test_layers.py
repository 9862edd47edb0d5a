"""Who may touch what: clocks, streams, the environment; and what an import may do."""

from __future__ import annotations

import ast
import functools
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import python_environment

TREE = Path(__file__).parent.parent.parent
PACKAGE = TREE / "credhelper"
MODULES = sorted(PACKAGE.rglob("*.py"))
EDGES = {
    *("entry.py", "inprocess/environ.py", "sandbox/__main__.py"),
    *("tokenfile/keeper.py", "tokenfile/signals.py", "agent/endpoint.py", "agent/children.py"),
}

# What only the edges may name: streams, argv, the environment, the end of the process.
PRIVATE = {
    "sys": {"stdin", "stdout", "stderr", "argv", "exit", "__stdin__", "__stdout__", "__stderr__"},
    "os": {"environ", "environb", "getenv", "putenv", "unsetenv", "_exit", "abort"},
}
STANDARD = set(sys.stdlib_module_names)
_CLOCKS = {"time.time", "time.time_ns", "time.localtime", "datetime.now", "datetime.utcnow"}
# What a protocol may know beside other protocols.
NOUNS = {"core.model", "core.service", "core.strict_json", "core.text", "errors"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(TREE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def at_an_edge(path: Path) -> bool:
    return name_of(path) in EDGES or name_of(path).startswith(("cli/", "edge/"))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def for_types_only(path: Path) -> set[ast.AST]:
    """Return all nodes below `if TYPE_CHECKING`."""
    return {
        inner
        for node in nodes(path)
        if isinstance(node, ast.If) and dotted(node.test).endswith("TYPE_CHECKING")
        for child in node.body
        for inner in ast.walk(child)
    }


def imported(path: Path) -> set[str]:
    """Return the modules that a module imports anywhere, but for types."""
    hidden = for_types_only(path)
    found = set()
    for node in nodes(path):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@functools.cache
def importable() -> frozenset[str]:
    """Return our modules, but for packages that are one docstring: their modules are imported."""
    return frozenset(module_of(one) for one in MODULES if len(ast.parse(one.read_text()).body) > 1)


def ours(path: Path) -> set[str]:
    """Return which of our own modules a module imports, without the package's name."""
    found = imported(path) & importable()
    return {name.removeprefix("credhelper.") for name in found} - {"credhelper"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_clock_is_a_default_argument_and_nothing_else(path: Path) -> None:
    defaults = {
        default
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for default in (*node.args.defaults, *node.args.kw_defaults)
    }
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "time" or "time" not in {each.name for each in node.names}
        if dotted(node) in _CLOCKS:
            assert node in defaults, f"{name_of(path)}:{getattr(node, 'lineno', '?')}"


@pytest.mark.parametrize("path", [path for path in MODULES if not at_an_edge(path)], ids=name_of)
def test_streams_argv_environment_and_exit_belong_to_the_edges(path: Path) -> None:
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            allowed = PRIVATE.get(dotted(node.value), set())
            assert node.attr not in allowed, f"{name_of(path)}:{node.lineno}: {dotted(node)}"
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            assert not names & PRIVATE.get(node.module or "", set()), (
                f"{name_of(path)}:{node.lineno}"
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "exit", "quit", "breakpoint")


@pytest.mark.parametrize(
    "path", [path for path in MODULES if not name_of(path).startswith("cli/")], ids=name_of
)
def test_input_is_never_split_on_anything_but_lf(path: Path) -> None:
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            assert node.attr != "splitlines", f"{name_of(path)}:{node.lineno}"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("sandbox/*.py")), ids=name_of)
def test_the_sandbox_shares_nothing_with_the_rest(path: Path) -> None:
    assert {name for name in ours(path) if not name.startswith("sandbox")} == set()


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("protocols/*.py")), ids=name_of)
def test_a_protocol_knows_the_nouns_and_other_protocols_only(path: Path) -> None:
    beyond = ours(path) - NOUNS - {"core"}
    assert {name for name in beyond if name.partition(".")[0] != "protocols"} == set()
    tops = {name.partition(".")[0] for name in imported(path)} - {"credhelper", "__future__"}
    assert tops <= STANDARD - {"os", "socket", "subprocess", "pathlib"}
    # Of the clock's module: the default arguments that the test above allows, and a calculation.
    used = {
        node.attr
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and dotted(node.value) == "time"
    }
    assert used <= {"time", "gmtime", "localtime", "struct_time"}
    # Without an argument gmtime reads the clock.
    calls = [node for node in nodes(path) if isinstance(node, ast.Call)]
    assert all(len(call.args) == 1 for call in calls if dotted(call.func) == "time.gmtime")


@pytest.mark.parametrize("name", sorted(NOUNS))
def test_the_nouns_know_each_other_only(name: str) -> None:
    assert ours(PACKAGE / f"{name.replace('.', '/')}.py") <= NOUNS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_client_owns_http(path: Path) -> None:
    # The demo's stage plays a tool that uses a token, and no part of ours.
    if name_of(path).startswith("client/http/") or name_of(path) == "cli/demo_stage.py":
        return
    tops = {name.partition(".")[0] for name in imported(path)}
    assert tops.isdisjoint({"requests", "urllib3"}), name_of(path)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_bears_the_name_of_a_standard_one_on_the_path_of_scripts(path: Path) -> None:
    # A folder of ours on sys.path must not shadow the library.
    if name_of(path).startswith("protocols/"):
        assert path.stem == "__init__" or path.stem not in STANDARD


AUDIT = """
import sys
modules = sys.argv[1].split(",")
effects = []
def watch(event, arguments):
    if event in ("open",):
        path, mode, flags = arguments
        writes = (flags or 0) & 0o3 or any(char in (mode or "r") for char in "wax+")
        if writes and "__pycache__" not in str(path):
            effects.append((event, path))
    elif event.startswith(("socket.connect", "socket.bind", "subprocess", "os.system", "os.exec",
                           "os.fork", "os.spawn", "os.mkdir", "os.rename", "os.remove", "os.putenv",
                           "os.chmod", "shutil", "tempfile", "signal", "webbrowser")):
        effects.append((event, arguments))
import requests  # urllib3 tries to bind a socket when it is imported
sys.addaudithook(watch)
import importlib, os, signal, threading
handlers = {number: signal.getsignal(number) for number in (1, 2, 13, 14, 15)}
environ = dict(os.environ)
for module in modules:
    importlib.import_module(module)
assert not effects, effects
assert environ == dict(os.environ)
assert handlers == {number: signal.getsignal(number) for number in handlers}
assert threading.active_count() == 1
"""


def test_to_import_a_module_has_no_effects() -> None:
    names = [module_of(path) for path in MODULES if path.stem != "__main__"]
    if importlib.util.find_spec("keyring") is None:
        names.remove("credhelper.keyring_backend")  # the keyring package alone imports it
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, ",".join(names)],
        env=python_environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        cwd="/",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
