"""What can be wrong, one thing at a time: how a world gets it, and which check must find it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.doctor.stage import FILL, GIT, JOURNAL, LEAKED, RECORD, ROOT, STRANGER, Stage
from tests.support.servers import answer


@dataclass(frozen=True)
class Fault:
    """A fault.

    Parameters: `check`, the name of the check that finds it; `about`, how what that is about
    begins; `status`, of the doctor; `spoil`; `wired`, whether git is set up before; `words`, of the
    doctor.
    """

    check: str
    about: str
    status: int
    spoil: Callable[[Stage], object]
    wired: bool = False
    words: tuple[str, ...] = ()


def _folder(path: Path, mode: int = 0o700) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def _file(path: Path, text: str = "", mode: int = 0o600) -> Path:
    _folder(path.parent)
    path.touch(mode)
    path.write_text(text)
    path.chmod(mode)
    return path


def _strange(stage: Stage) -> None:
    path = _file(stage.world.cache / RECORD)
    os.chown(path, STRANGER, STRANGER)


def _replaced(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def _config(text: str) -> Callable[[Stage], object]:
    return lambda stage: stage.world.config.write_text(text)


def _key(change: Callable[[Path], object]) -> Callable[[Stage], object]:
    return lambda stage: change(stage.world.root / "api-key")


def _http(**fault: object) -> Callable[[Stage], object]:
    return lambda stage: stage.api.fault({"path": "/v1/tokens", "times": 50, **fault})


def _revoked(stage: Stage) -> None:
    stage.world.get()
    stage.api.revoke_all()


def _moved(stage: Stage) -> None:
    _by_path(stage)
    for path in (stage.world.home / ".gitconfig", stage.world.state / "setup.json"):
        bin_folder = stage.world.environ["PATH"].partition(":")[0]
        assert bin_folder in path.read_text()
        _replaced(path, bin_folder, f"{stage.world.root}/gone")


def _lines_gone(stage: Stage) -> None:
    (stage.world.home / ".gitconfig").write_text("[user]\n\tname = Somebody\n")


def _leaked(stage: Stage) -> None:
    line = f"https://oauth2:{LEAKED}@git.example\n"
    stage.world.canaries.append(LEAKED)
    (stage.world.home / ".git-credentials").write_text(line)


def _other_helper(stage: Stage) -> None:
    with (stage.world.home / ".gitconfig").open("a") as file:
        file.write(f'[credential "{GIT}"]\n\thelper = cache\n')


def _git_says(text: str) -> Callable[[Stage], object]:
    def spoil(stage: Stage) -> None:
        with (stage.world.home / ".gitconfig").open("a") as file:
            file.write(text)

    return spoil


def _extra_header(stage: Stage) -> None:
    stage.world.canaries.append(LEAKED)
    _git_says(f'[http "{GIT}"]\n\textraHeader = Authorization: Bearer {LEAKED}\n')(stage)


def _netrc(stage: Stage) -> None:
    stage.world.canaries.append("canary-in-a-netrc")
    text = "machine git.example\n  login me\n  password canary-in-a-netrc\n"
    _file(stage.world.home / ".netrc", text)


def _git_is_told(key: str, value: str) -> Callable[[Stage], object]:
    told = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": value}
    return lambda stage: stage.environ.update(told)


def _another_gitconfig(stage: Stage) -> None:
    other = _file(stage.world.root / "gitconfig", "[user]\n\tname = Somebody\n")
    stage.environ["GIT_CONFIG_GLOBAL"] = str(other)


def _two_profiles(stage: Stage) -> None:
    both = {"services": [GIT]}
    stage.world.configure(stage.api.url, stage.api.api_key, main=both, other=both)
    _replaced(stage.world.config, 'default_profile = "main"', "")


def _path_left_out(stage: Stage) -> None:
    service = f"{GIT}/a/b"
    stage.configure(services=[service])
    assert stage.world.run("setup", "git", "--service", service).status == 0
    _git_says("[credential]\n\tuseHttpPath = false\n")(stage)


def _by_path(stage: Stage) -> None:
    """Set git up where our programs are not on PATH, so that its file holds a path of ours."""
    stage.environ["PATH"] = "/usr/bin:/bin"
    done = stage.world.run("setup", "git", "--service", GIT, environ=stage.environ)
    assert done.status == 0, done


def _not_executable(stage: Stage) -> None:
    _by_path(stage)
    copy = _file(stage.world.root / "bin/git-credential-credhelper", "#!/bin/sh\nexit 1\n", 0o644)
    bin_folder = stage.world.environ["PATH"].partition(":")[0]
    for path in (stage.world.home / ".gitconfig", stage.world.state / "setup.json"):
        _replaced(path, bin_folder, str(copy.parent))


def _session_ended(stage: Stage) -> None:
    words = ("login", "--url", stage.api.url, "--user", stage.api.username)
    stage.world.config.unlink()
    login = stage.world.run(*words, stdin=stage.api.password.encode())
    assert login.status == 0, login
    assert stage.world.run("logout").status == 0


def _git_of_version(says: str) -> Callable[[Stage], object]:
    real = shutil.which("git")
    text = f'[ "$1" = --version ] || exec {real} "$@"; {says}'
    return lambda stage: stage.program("git", text)


def _elsewhere(url: str, **variables: str) -> Callable[[Stage], object]:
    def spoil(stage: Stage) -> None:
        stage.configure(url)
        stage.environ.update(variables)

    return spoil


def _open_sessions(stage: Stage) -> None:
    _folder(stage.world.state)
    _folder(stage.world.state / "sessions", 0o755)


def _hard_link(stage: Stage) -> None:
    path = _file(stage.world.cache / RECORD, mode=0o644)
    (stage.world.root / "theirs").hardlink_to(path)


def _variable(name: str, value: str) -> Callable[[Stage], object]:
    return lambda stage: stage.environ.update({name: value})


def _at_home(stage: Stage) -> None:
    """Have everything where it is by default: in the home."""
    place = stage.world.home / ".config/credhelper/config.toml"
    stage.world.config.rename(_file(place))
    for name in ("CONFIG", "CACHE_DIR", "STATE_DIR"):
        stage.environ[f"CREDHELPER_{name}"] = None


def _no_home(stage: Stage) -> None:
    _at_home(stage)
    stage.environ["HOME"] = str(stage.world.root / "nowhere")


def _open_home(stage: Stage) -> None:
    _at_home(stage)
    stage.world.home.chmod(0o777)


def _both_full(stage: Stage) -> None:
    disk = stage.world.root / "disk"
    stage.mounts(disk, "size=64k", FILL)
    for name in ("CACHE", "STATE"):
        stage.environ[f"CREDHELPER_{name}_DIR"] = str(disk)


def _no_aws(stage: Stage) -> None:
    stage.configure(aws={"folder": "fol.1"})
    stage.api.fault({"path": "/v1/folders", "status": 403, "times": 50})


def _no_command(stage: Stage) -> None:
    stage.configure(grant={"command": ["/bin/false"]})


NO_HTML = answer(200, b"<html>", "Content-Type: text/html")
PORTAL = {"status": 200, "body": "<html>log in</html>", "content_type": "text/html"}
_TLS = "https://localhost"

FAULTS = {
    "config: no TOML": Fault("config", "", 6, _config("[[[")),
    "config: an unknown key": Fault("config", "", 6, _config("[profiles.x]\nurll = 'x'\n")),
    "config: open to all": Fault("config", "", 6, lambda s: s.world.config.chmod(0o666)),
    "config: missing": Fault("config", "", 4, lambda s: s.world.config.unlink()),
    "config: empty": Fault("config", "", 4, _config("")),
    "cache: open to others": Fault("folder", "cache", 7, lambda s: _folder(s.world.cache, 0o755)),
    "cache: a file": Fault("folder", "cache", 7, lambda s: s.world.cache.write_text("")),
    **{
        f"environment: {name} is relative": Fault("environment", "", 6, _variable(name, "x/y"))
        for name in (
            "CREDHELPER_CACHE_DIR",
            "CREDHELPER_STATE_DIR",
            "CREDHELPER_CONFIG",
            "CREDHELPER_RUNTIME_DIR",
            "CREDHELPER_SOCKET",
        )
    },
    "environment: an agent has the profiles": Fault(
        "environment", "", 2, _variable("CREDHELPER_SOCKET", "/run/x.sock"), wired=True
    ),
    "environment: no home": Fault("environment", "", 7, _no_home),
    "environment: a home that others may change": Fault("environment", "", 7, _open_home),
    "environment: a config that is not there": Fault(
        "config", "", 4, _variable("CREDHELPER_CONFIG", "/no/such/config.toml"), wired=True
    ),
    "state: a link": Fault(
        "folder", "state", 7, lambda s: s.world.state.symlink_to(_folder(s.world.root / "real"))
    ),
    "cache: a file open to others": Fault(
        "modes", "cache", 7, lambda s: _file(s.world.cache / RECORD, mode=0o644)
    ),
    "state: a folder open to others": Fault(
        "modes",
        "state",
        7,
        _open_sessions,
    ),
    "cache: a file open to others, with another name": Fault("modes", "cache", 7, _hard_link),
    "cache: a read-only disk": Fault(
        "record", "cache", 7, lambda s: s.mounts(s.world.cache, "ro"), wired=True
    ),
    "cache: a full disk": Fault(
        "record", "cache", 7, lambda s: s.mounts(s.world.cache, "size=64k", FILL), wired=True
    ),
    "state: a full disk": Fault(
        "record", "state", 7, lambda s: s.mounts(s.world.state, "size=64k", FILL)
    ),
    "cache and state: a full disk": Fault("record", "cache", 7, _both_full),
    "state: the journal is open to others": Fault(
        "modes", "state", 7, lambda s: _file(s.world.state / "setup.json", JOURNAL, 0o644)
    ),
    "cache: no record can be written": Fault(
        "record", "cache", 7, lambda s: _file(_folder(s.world.cache) / "doctor/x")
    ),
    "state: no record can be written": Fault(
        "record", "state", 7, lambda s: _file(_folder(s.world.state) / "doctor/x")
    ),
    "cache: the lock is a link": Fault(
        "lock", "cache", 7, lambda s: (_folder(s.world.cache) / "doctor.lock").symlink_to("/tmp/x")
    ),
    "state: the lock is a link": Fault(
        "lock", "state", 7, lambda s: (_folder(s.world.state) / "doctor.lock").symlink_to("/tmp/x")
    ),
    "state: the journal is damaged": Fault(
        "journal", "", 7, lambda s: _file(s.world.state / "setup.json", "{")
    ),
    "variable: a profile that is not there": Fault(
        "chosen profile", "", 3, lambda s: s.environ.update(CREDHELPER_PROFILE="nobody"), wired=True
    ),
    "path: a broken credhelper": Fault(
        "path", "", 1, lambda s: s.program("credhelper", "exit 1"), wired=True
    ),
    "proxy: no URL": Fault(
        "proxy",
        "https://api.invalid",
        6,
        _elsewhere("https://api.invalid", https_proxy="ftp://x"),
    ),
    "authorities: missing": Fault(
        "authorities",
        "https://api.invalid",
        6,
        _elsewhere("https://api.invalid", SSL_CERT_FILE="/x/y"),
    ),
    "dns: an unknown host": Fault(
        "dns", "https://api.invalid", 5, lambda s: s.configure("https://api.invalid")
    ),
    "dns: an unknown proxy": Fault(
        "dns",
        "https://api.example",
        5,
        _elsewhere("https://api.example", https_proxy="http://me:pw-canary@proxy.invalid:8080"),
    ),
    "connection: a closed port": Fault(
        "connection", "http://127.0.0.1:1", 5, lambda s: s.configure("http://127.0.0.1:1")
    ),
    "certificate: self-signed": Fault(
        "certificate", _TLS, 5, lambda s: s.answers(NO_HTML, certificate="self-signed")
    ),
    "certificate: expired": Fault(
        "certificate", _TLS, 5, lambda s: s.answers(NO_HTML, certificate="expired")
    ),
    "certificate: of another host": Fault(
        "certificate", _TLS, 5, lambda s: s.answers(NO_HTML, certificate="other-host")
    ),
    "certificate: of an unknown authority": Fault(
        "certificate", _TLS, 5, lambda s: s.answers(NO_HTML, trusted=False)
    ),
    "server: a web page": Fault("server", _TLS, 5, lambda s: s.answers(NO_HTML)),
    "server: not HTTP": Fault("server", _TLS, 5, lambda s: s.answers(b"SSH-2.0-x\r\n")),
    "server: down": Fault("server", "http", 5, _http(status=503)),
    "server: a captive portal": Fault("server", "http", 5, _http(**PORTAL)),
    "server: a redirect": Fault("server", "http", 5, _http(redirect="https://login.example")),
    "server: no Tokens API": Fault("server", "http", 5, _http(status=404)),
    "clock: two hours off": Fault("clock", "http", 1, _http(date=7200)),
    "grant: the file is missing": Fault("grant", "main", 4, _key(lambda key: key.unlink())),
    "grant: the file is empty": Fault("grant", "main", 4, _key(lambda key: key.write_text(""))),
    "grant: the file is open": Fault("grant", "main", 6, _key(lambda key: key.chmod(0o644))),
    "grant: two lines": Fault("grant", "main", 6, _key(lambda key: key.write_text("a\nb\n"))),
    "grant: no variable": Fault("grant", "main", 4, lambda s: s.configure(grant={"env": "NO_KEY"})),
    "grant: a command fails": Fault("grant", "main", 4, _no_command, words=("--ask-grants",)),
    "session: logged out": Fault("session", "default", 4, _session_ended),
    "token: a wrong key": Fault("token", "main", 5, _key(lambda key: key.write_text("wrong-key"))),
    "token: revoked": Fault("token", "main", 5, _revoked),
    "token: more life is wanted than any has": Fault(
        "token", "main", 5, lambda s: s.configure(min_ttl="48h")
    ),
    "aws: refused": Fault("aws", "main", 5, _no_aws),
    "tool: not set up": Fault("wired", "docker", 3, lambda s: None, words=("docker",)),
    "tool: its lines are gone": Fault("file", "git", 6, _lines_gone, wired=True),
    "tool: our program was moved": Fault("program", "git", 6, _moved),
    "tool: too old": Fault(
        "version", "git", 3, _git_of_version("echo git version 2.1.0"), wired=True
    ),
    "tool: broken": Fault("version", "git", 3, _git_of_version("exit 3"), wired=True),
    "tool: a leaked token": Fault("answer", "git", 3, _leaked, wired=True),
    "tool: another helper": Fault("answer", "git", 3, _other_helper, wired=True),
    "tool: a helper for all hosts": Fault(
        "answer", "git", 3, _git_says("[credential]\n\thelper = store\n"), wired=True
    ),
    "tool: an empty helper": Fault(
        "answer", "git", 3, _git_says("[credential]\n\thelper =\n"), wired=True
    ),
    "tool: a helper by a variable": Fault(
        "answer", "git", 3, _git_is_told("credential.helper", "cache"), wired=True
    ),
    "tool: an empty helper by a variable": Fault(
        "answer", "git", 3, _git_is_told("credential.helper", ""), wired=True
    ),
    "tool: a header with a token": Fault("answer", "git", 3, _extra_header, wired=True),
    "tool: a login in a netrc": Fault("answer", "git", 3, _netrc, wired=True),
    "tool: another way to the host": Fault(
        "answer",
        "git",
        3,
        _git_says(f'[url "ssh://git@git.example/"]\n\tinsteadOf = {GIT}/\n'),
        wired=True,
    ),
    "tool: another file of git": Fault("answer", "git", 3, _another_gitconfig, wired=True),
    "tool: a user that no profile has": Fault(
        "answer", "git", 3, _git_says("[credential]\n\tusername = bob\n"), wired=True
    ),
    "tool: such a user by a variable": Fault(
        "answer", "git", 3, _git_is_told("credential.username", "bob"), wired=True
    ),
    "tool: two profiles for one host": Fault("answer", "git", 3, _two_profiles, wired=True),
    "tool: a path that git leaves out": Fault("answer", "git", 3, _path_left_out),
    "tool: a helper that does not run": Fault(
        "program", "git", 3, lambda s: s.program("git-credential-credhelper", "exit 1"), wired=True
    ),
    "tool: a helper of somebody else": Fault(
        "program",
        "git",
        3,
        lambda s: s.program("git-credential-credhelper", "echo usage: me"),
        True,
    ),
    "tool: its helper is not on PATH": Fault(
        "program", "git", 3, lambda s: s.environ.update(PATH="/usr/bin:/bin"), wired=True
    ),
    "tool: our program is not executable": Fault("program", "git", 6, _not_executable),
    "tool: not installed": Fault(
        "version", "git", 3, lambda s: s.environ.update(PATH=s.without("git")), wired=True
    ),
    "tool: the service was taken away": Fault(
        "answer", "git", 3, lambda s: s.configure(services=["https://other.example"]), wired=True
    ),
}
if ROOT:
    FAULTS["cache: a file of another user"] = Fault("owners", "cache", 7, _strange)
