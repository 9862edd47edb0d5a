"""Every hint works as printed: pasted into a shell, where it was met, and then the call works.

The folder that all lies in has a name which would run as commands if a hint did not quote it, and
as well if it put the name between quotes, single or double ones, without a look at what it holds.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cli.hints import commands, hints, paste
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World

_ODD = "a b$(touch pwned)`touch pwned`;touch pwned;';touch pwned;'\";touch pwned;\""
_PATH = "https://ica.example/$(touch$IFS'pwned')"
_SOMEBODY = 4321

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

Prepare = Callable[[World, RunningSandbox], Mapping[str, str | None] | None]


@dataclass(frozen=True)
class Case:
    """A call that ends in a hint.

    Parameters:
    - words: of the call.
    - prepare: makes the situation, and returns variables to set, or None for none.
    - begins: how the command in the hint begins.
    - helps: whether the same call succeeds in the same shell afterwards.
    - typed: what is typed for the hint; the API key by default.
    - fill: what is put in the place of placeholders.
    - stdin: of the call.
    """

    words: tuple[str, ...]
    prepare: Prepare
    begins: str
    helps: bool = True
    typed: Callable[[RunningSandbox], str] = lambda api: api.api_key
    fill: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""


def _nothing(**environ: str) -> Prepare:
    """Return what leaves nobody logged in, with variables that tell of the sandbox's URL."""

    def prepare(world: World, api: RunningSandbox) -> Mapping[str, str | None]:
        return {"CREDHELPER_URL": api.url, **environ}

    return prepare


def _variables(**environ: str) -> Prepare:
    """Return what lets variables configure us, as in CI."""

    def prepare(world: World, api: RunningSandbox) -> Mapping[str, str | None]:
        world.canaries.append(api.api_key)
        return {"CREDHELPER_URL": api.url, "CREDHELPER_API_KEY": api.api_key, **environ}

    return prepare


def _config(
    *, environ: Mapping[str, str] | None = None, default: bool = True, **profiles: Any
) -> Prepare:
    """Return what writes a config with these profiles."""

    def prepare(world: World, api: RunningSandbox) -> Mapping[str, str | None] | None:
        world.configure(api.url, api.api_key, **profiles)
        if not default:
            lines = world.config.read_text().split("\n")
            world.config.write_text("\n".join(lines[1:]))
        return environ

    return prepare


def _spoilt(spoil: Callable[[World], object]) -> Prepare:
    """Return what writes a config, lets it work once, and then spoils something."""

    def prepare(world: World, api: RunningSandbox) -> None:
        world.configure(api.url, api.api_key)
        world.prepare()
        spoil(world)

    return prepare


def _logged_out(**environ: str) -> Prepare:
    """Return what logs in with a typed key, and out again."""

    def prepare(world: World, api: RunningSandbox) -> Mapping[str, str | None]:
        key = api.api_key.encode()
        done = world.run("login", "--url", api.url, "--service", SERVICE, stdin=key)
        assert done.status == 0, done
        assert world.run("logout").status == 0
        return environ

    return prepare


def _session_over(world: World, api: RunningSandbox) -> None:
    words = ("login", "--session", "--url", api.url, "--cid", "project-alpha")
    assert world.run(*words, stdin=api.session().encode()).status == 0
    api.revoke_all()
    for path in world.records():
        path.unlink()


def _unreadable_grant(world: World) -> None:
    (world.root / "api-key").chmod(0o644)
    world.age(10**6)


def _cache_is_a_file(world: World) -> None:
    os.rename(world.cache, world.root / "old")
    world.cache.touch(0o600)


def _lock_is_a_link(world: World) -> None:
    (record,) = world.records()
    (lock,) = world.cache.glob(f"{record.name}.lock")
    lock.unlink()
    lock.symlink_to("/nowhere")
    world.age(10**6)


def _open_folder(world: World, api: RunningSandbox) -> None:
    world.configure(api.url, api.api_key)
    (world.root / "open").mkdir()
    (world.root / "open").chmod(0o777)


def _read_only_gitconfig(world: World, api: RunningSandbox) -> None:
    world.configure(api.url, api.api_key)
    path = world.home / ".gitconfig"
    path.touch()
    path.chmod(0o400)


def _strange_link(world: World, api: RunningSandbox) -> None:
    world.configure(api.url, api.api_key)
    path = world.home / ".local/share/credhelper/bin/keyring"
    path.parent.mkdir(parents=True)
    path.touch()


def _damaged_journal(world: World, api: RunningSandbox) -> None:
    world.configure(api.url, api.api_key)
    assert world.run("setup", "git", "--service", SERVICE).status == 0
    (journal,) = [path for path in world.state.glob("*setup*") if path.suffix == ".json"]
    journal.write_text("{")


def _odd_token(world: World, api: RunningSandbox) -> None:
    world.configure(api.url, api.api_key, main={"token": "session"})
    api.fault({"path": "/v1/tokens", "status": 201, "access_token": "ps-$(id)"})


def _and_its_url(world: World, api: RunningSandbox) -> Mapping[str, str]:
    world.configure(api.url, api.api_key)
    return {"CREDHELPER_URL": api.url}


def _default_in(name: str) -> Prepare:
    """Return what lets a file of AWS's tools have keys for the default profile."""

    def prepare(world: World, api: RunningSandbox) -> None:
        world.configure(api.url, api.api_key, main={"aws": {"folder": "fol.alpha"}})
        (world.home / ".aws").mkdir()
        (world.home / ".aws" / name).write_text("[default]\naws_access_key_id = AKIAEXAMPLE\n")

    return prepare


_TWO: dict[str, Any] = {"main": {}, "other": {}}
_BELOW: dict[str, Any] = {"main": {"services": [f"{SERVICE}/deep"]}}
_GIT = b"protocol=https\nhost=ica.example\n\n"
_CASES = {
    # Nobody has logged in.
    "nothing": Case(("get",), _nothing(), "credhelper login"),
    "nothing for a service": Case(("get", SERVICE), _nothing(), "credhelper login --service"),
    "nothing for an odd path": Case(("get", _PATH), _nothing(), "credhelper login --service"),
    "nothing, a profile chosen": Case(
        ("get",), _nothing(CREDHELPER_PROFILE="dev"), "credhelper login --profile dev"
    ),
    "nothing, a variable makes no sense": Case(
        ("get",), _nothing(CREDHELPER_API="v3"), "unset CREDHELPER_API; credhelper login"
    ),
    "nothing, a service makes no sense": Case(
        ("get",), _nothing(CREDHELPER_SERVICES="http://x"), "unset CREDHELPER_SERVICES; credhelper"
    ),
    "nothing, in status": Case(("status", "--profile", "a"), _nothing(), "credhelper login"),
    "nothing to log in with": Case(
        ("login", "--cid", "project-alpha"),
        _nothing(),
        'printf %s "$SECRET" | credhelper login --cid project-alpha',
        helps=False,
    ),
    "no option": Case(
        ("profile", "add", "new"), _nothing(), "credhelper login --profile new", helps=False
    ),
    "unknown option": Case(
        ("profile", "add", "--nope"), _nothing(), "credhelper profile add --help", helps=False
    ),
    "an option of people before a tool's": Case(
        ("-v", "git", "get"), _config(), "export CREDHELPER_TRACE=1", helps=False
    ),
    # Variables configure us.
    "variables, no service": Case(
        ("get", SERVICE), _variables(), "export CREDHELPER_SERVICES=https"
    ),
    "variables, another service": Case(
        ("get", SERVICE),
        _variables(CREDHELPER_SERVICES="https://a.example\nb.example"),
        "export CREDHELPER_SERVICES=https://a.example,https://b.example,https",
    ),
    "variables, an odd path": Case(
        ("get", _PATH), _variables(CREDHELPER_SERVICES=f"{SERVICE}/x"), "export CREDHELPER_SERV"
    ),
    "variables, a service to add": Case(
        ("setup", "git", "--add-service", "--service", SERVICE),
        _variables(),
        "export CREDHELPER_SERVICES=https",
    ),
    "variables, a profile to remove": Case(
        ("profile", "remove", "env", "--yes"),
        _variables(),
        "unset CREDHELPER_API_KEY",
        helps=False,
    ),
    "variables, an unknown profile": Case(
        ("get",), _variables(CREDHELPER_PROFILE="$(touch pwned)"), "unset CREDHELPER_PROFILE"
    ),
    "variables, no resource": Case(
        ("setup", "aws"),
        _variables(),
        "credhelper profile add env --grant-env CREDHELPER_API_KEY",
        fill={"ID": "fol.1"},
    ),
    # A file does.
    "another service": Case(("get", "https://b.example"), _config(), "credhelper profile add main"),
    "an odd path": Case(("get", _PATH), _config(main={"services": []}), "credhelper profile add"),
    "another service of a named profile": Case(
        ("get", "https://b.example", "--profile", "other"),
        _config(**_TWO),
        "credhelper profile add other",
    ),
    "an unknown profile": Case(
        ("get", "--profile", "new"), _and_its_url, "credhelper login --profile new"
    ),
    "a path is wanted": Case(("get", SERVICE), _config(**_BELOW), "credhelper profile add main"),
    "a path is wanted, for git": Case(
        ("git", "get"), _config(**_BELOW), "git config --global credential", helps=False, stdin=_GIT
    ),
    "several for a service": Case(
        ("get", SERVICE), _config(first={"services": []}, **_TWO), "export CREDHELPER_PROFILE=main"
    ),
    "several": Case(("get",), _config(default=False, **_TWO), "export CREDHELPER_PROFILE=main"),
    "logged out": Case(("get",), _logged_out(), "credhelper login --profile default"),
    "logged out, and variables say otherwise": Case(
        ("get",),
        _logged_out(CREDHELPER_URL="http://127.0.0.1:9", CREDHELPER_SERVICES="b.example"),
        "unset CREDHELPER_URL CREDHELPER_SERVICES; credhelper login --profile default",
    ),
    "logged out, for create": Case(
        ("token", "create"), _logged_out(CREDHELPER_API="ica"), "unset CREDHELPER_API; credhelper"
    ),
    "a session is over": Case(
        ("get",), _session_over, "credhelper login --profile default", typed=RunningSandbox.session
    ),
    "shadowed": Case(
        ("status",), _config(environ={"ICA_ACCESS_TOKEN": "strange"}), "unset ICA_ACCESS_TOKEN"
    ),
    "led elsewhere": Case(
        ("status",), _config(environ={"ICA_SERVER_URL": "b.example"}), "unset ICA_SERVER_URL"
    ),
    "a token for no env file": Case(
        ("get", "--format", "dotenv"), _odd_token, "credhelper env --profile main", helps=False
    ),
    "which tool": Case(
        ("setup", "git"),
        _config(),
        "credhelper setup git --service",
        fill={"URL": SERVICE},
        helps=False,
    ),
    "not set up": Case(
        ("setup", "git", "--check"), _config(), "credhelper setup git", fill={"URL": SERVICE}
    ),
    "no resource": Case(
        ("setup", "aws"), _config(), "credhelper profile add main --aws", fill={"ID": "fol.1"}
    ),
    # The disk.
    "cache open to others": Case(
        ("get",), _spoilt(lambda world: world.cache.chmod(0o755)), "chmod 700 "
    ),
    "cache a file": Case(("get",), _spoilt(_cache_is_a_file), "mv "),
    "config that anybody writes": Case(
        ("status",), _spoilt(lambda world: world.config.chmod(0o666)), "chmod o-w "
    ),
    "grant that others read": Case(("get",), _spoilt(_unreadable_grant), "chmod 600 "),
    "no folder": Case(("write", "--to", "{root}/no/file"), _config(), "mkdir -p -m 700 "),
    "folder that anybody writes": Case(
        ("write", "--to", "{root}/open/file"), _open_folder, "chmod o-w "
    ),
    "lock a link": Case(("get",), _spoilt(_lock_is_a_link), "rm "),
    "gitconfig read-only": Case(
        ("setup", "git", "--service", SERVICE), _read_only_gitconfig, "chmod u+w "
    ),
    "link there already": Case(
        ("setup", "keyring", "--service", SERVICE), _strange_link, "ls -l ", helps=False
    ),
    "AWS keys in credentials": Case(
        ("exec", "--aws-endpoint", "--", "true"),
        _default_in("credentials"),
        "export AWS_SHARED_CREDENTIALS_FILE=",
    ),
    "AWS keys in config": Case(
        ("exec", "--aws-endpoint", "--", "true"), _default_in("config"), "export AWS_CONFIG_FILE="
    ),
    "journal damaged": Case(("setup", "git", "--service", SERVICE), _damaged_journal, "mv "),
}


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES)
def test_a_hint_works_as_printed(
    case: Case, tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    root = tmp_path / _ODD
    root.mkdir(0o700)
    world = World(root)
    environ = dict(case.prepare(world, running_sandbox) or {})
    words = [word.replace("{root}", str(root)) for word in case.words]
    met = world.run(*words, stdin=case.stdin, environ=environ, cwd=tmp_path)
    (hint,) = commands(met.told)
    assert hint.startswith(case.begins), hint
    for placeholder, value in case.fill.items():
        hint = hint.replace(placeholder, value)
    again = f"printf {shlex.quote(case.stdin.decode())} | " if case.stdin else ""
    again += shlex.join(["credhelper", *words])
    typed = case.typed(running_sandbox)
    environ |= {"SECRET": typed} if "$SECRET" in hint else {}
    outcome = paste(world, hint, again if case.helps else "", typed, environ, tmp_path)
    if case.helps:
        assert outcome.status == 0, (hint, outcome)
        assert not commands(outcome.told.split("followed\n")[-1]), (hint, outcome)
    assert not list(tmp_path.rglob("pwned")), hint


def test_without_a_place_for_a_login_nobody_is_told_to_log_in(tmp_path: Path) -> None:
    world = World(tmp_path)
    file = world.root / "file"
    file.touch()
    for variable in ("CREDHELPER_STATE_DIR", "CREDHELPER_CONFIG"):
        environ = {variable: str(file / "below")}
        outcome = world.run("get", environ=environ)
        assert (outcome.status, commands(outcome.told)) == (3, []), outcome
        assert "CREDHELPER_API_KEY" in hints(outcome.told)[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_config_that_cannot_be_written_is_named_with_what_to_add(
    tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    world = World(tmp_path)
    world.configure(running_sandbox.url, running_sandbox.api_key)
    folder = tmp_path / "read-only"
    folder.mkdir()
    path = world.config.rename(folder / "config.toml")
    folder.chmod(0o500)
    environ = {"CREDHELPER_CONFIG": str(path)}
    outcome = world.run("get", "https://b.example", environ=environ)
    assert commands(outcome.told) == [], outcome
    assert f"add it to the services of profile main in {path}" in outcome.told


@root_only
@pytest.mark.parametrize("words", [("get",), ("get", SERVICE), ("get", "--profile", "new")])
def test_root_in_a_home_of_somebody_else_is_told_to_run_as_that_user(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    world = World(tmp_path)
    os.chown(world.home, _SOMEBODY, _SOMEBODY)
    names = ("CREDHELPER_CONFIG", "CREDHELPER_STATE_DIR", "CREDHELPER_CACHE_DIR")
    outcome = world.run(*words, environ=dict.fromkeys(names))
    (hint,) = set(commands(outcome.told))
    assert hint.startswith(f"setpriv --reuid {_SOMEBODY} "), outcome
    # The folders above belong to root alone, so that another program stands for ours.
    shell = hint.replace("credhelper status", "id -u")
    done = subprocess.run(["sh", "-c", shell], capture_output=True, env=world.environ)
    assert done.stdout.split() == [str(_SOMEBODY).encode()], done
