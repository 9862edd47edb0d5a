"""Other helpers, and ours, as `peers.py` measures them: how each is set up, asked, told a secret.

Each keeps what it has below a folder of its own. What is not installed is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import measure
import world
from peers_install import DEBS, LIBRARIES, NATIVE, PLACE
from peers_upstream import TOKEN, Upstream

LATENCY = 0.1
SLOW = 10.0  # our client gives an API 20 s
SECRET = "s" * 1000
NATIVE_NAME = "credhelper, native front"
_ACCOUNT = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@dataclass
class Call:
    """One run of a program. Parameters: as for `measure.wall`; `status`, what it ends with."""

    command: list[str]
    environ: dict[str, str]
    stdin: bytes = b""


@dataclass
class Peer:
    """A helper that is ready to be measured.

    Parameters: `name`; `version`; `home`, the folder in which it keeps what it has; `ask`, the call
    that prints secret number i (a renewing helper has only number 0); `change`, the call that
    stores number i, None for one that renews; `expire` takes away the token of one that renews, so
    that the next ask makes one; `made`, how many its upstream has made; `hold` keeps
    that upstream from answering, and `release` lets it answer; `daemon`, the process that holds the
    secret, if there is one; `expected`, what is found in an answer.
    """

    name: str
    version: str
    home: Path
    ask: Callable[[int], Call]
    change: Callable[[int], Call] | None = None
    expire: Callable[[], None] | None = None
    made: Callable[[], int] = lambda: 0
    hold: Callable[[], None] = lambda: None
    release: Callable[[], None] = lambda: None
    daemon: int | None = None
    expected: str = ""


def secret(number: int) -> str:
    """Return the secret with this number."""
    return f"{number:04d}{SECRET}"


def host(number: int) -> str:
    """Return the host whose secret has this number."""
    return f"h{number}.example.org"


def output(*command: str | Path, environ: dict[str, str] | None = None) -> str:
    """Return what a command prints on stdout and stderr, in one text."""
    done = subprocess.run(
        command, env=environ or measure.clean(), capture_output=True, stdin=subprocess.DEVNULL
    )
    return (done.stdout + done.stderr).decode(errors="replace").strip()


def _version(text: str) -> str:
    found = re.search(r"\d+\.\d+[\w.]*", text)
    return found[0] if found else "?"


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{DEBS / 'usr/bin'}:{os.environ['PATH']}")


def _environ(home: Path, **more: str) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    path = f"{DEBS / 'usr/bin'}:{os.environ['PATH']}"
    return measure.clean(HOME=str(home), **{"PATH": path} | more)


def _run(call: Call) -> None:
    subprocess.run(
        call.command, env=call.environ, input=call.stdin, check=True, stdout=subprocess.DEVNULL
    )


@contextlib.contextmanager
def ours(scratch: Path) -> Iterator[list[Peer]]:
    """Yield credhelper in Python, and with its native front if `peers_install` has made that."""
    places = {NATIVE_NAME: NATIVE / "bin", "credhelper": measure.BIN}
    with world.running("--latency", str(LATENCY)) as here:
        asked = f"protocol=http\nhost={here.url.partition('://')[2]}\n\n".encode()
        found = []
        for name, folder in places.items():
            program = folder / "git-credential-credhelper"
            if program.exists():
                call = Call([str(program), "get"], here.environ, asked)
                found.append(
                    Peer(
                        name,
                        _version(output(folder / "credhelper", "--version")),
                        Path(here.environ["CREDHELPER_CACHE_DIR"]),
                        lambda _, call=call: call,  # type: ignore[misc] # bound at once
                        expire=lambda: shutil.rmtree(
                            here.environ["CREDHELPER_CACHE_DIR"], ignore_errors=True
                        ),
                        made=lambda: here.stats()["created"],
                        hold=lambda: here.fault({"path": "/v1/tokens", "delay": SLOW, "times": 1}),
                        expected="password=",
                    )
                )
        yield found


@contextlib.contextmanager
def git(scratch: Path) -> Iterator[list[Peer]]:
    """Yield git's own two helpers."""
    folder = output("git", "--exec-path")
    found = []
    for name in ("store", "cache"):
        program = Path(folder, f"git-credential-{name}")
        if not program.exists():
            continue
        home = scratch / f"git-{name}"
        environ = _environ(home, XDG_CACHE_HOME=str(home / "cache"))
        (home / "cache").mkdir()

        def ask(number: int, program: Path = program, environ: dict[str, str] = environ) -> Call:
            words = f"protocol=https\nhost={host(number)}\n\n"
            return Call([str(program), "get"], environ, words.encode())

        def change(number: int, program: Path = program, environ: dict[str, str] = environ) -> Call:
            words = (
                f"protocol=https\nhost={host(number)}\nusername=u\npassword={secret(number)}\n\n"
            )
            return Call([str(program), "store"], environ, words.encode())

        version = _version(output("git", "--version"))
        peer = Peer(f"git-credential-{name}", version, home, ask, change)
        if name == "cache":
            _run(change(0))  # starts its daemon
            peer.daemon = _serving(home)
        found.append(peer)
    try:
        yield found
    finally:
        if found:
            output(Path(folder, "git-credential-cache"), "exit", environ=found[-1].ask(0).environ)


def _serving(home: Path) -> int:
    """Return the process whose arguments name a place below `home`."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if os.fsencode(home) in each.read_bytes():
                return int(each.parent.name)
    raise SystemExit(f"nothing serves {home}")


def _docker(name: str, program: str, home: Path, environ: dict[str, str]) -> Peer:
    def ask(number: int) -> Call:
        return Call([program, "get"], environ, f"https://{host(number)}".encode())

    def change(number: int) -> Call:
        told = {"ServerURL": f"https://{host(number)}", "Username": "u", "Secret": secret(number)}
        return Call([program, "store"], environ, json.dumps(told).encode())

    version = _version(output(program, "version", environ=environ))
    return Peer(f"docker-credential-{name}", version, home, ask, change)


@contextlib.contextmanager
def docker_pass(scratch: Path) -> Iterator[list[Peer]]:
    """Yield docker's helper for `pass`, with a key without a passphrase."""
    program = _found("docker-credential-pass")
    if not (program and _found("pass") and _found("gpg")):
        yield []
        return
    home = scratch / "pass"
    keys = scratch / "gnupg"
    keys.mkdir(mode=0o700)
    environ = _environ(home, GNUPGHOME=str(keys), PASSWORD_STORE_DIR=str(home / "store"))
    gpg = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "peers"]
    _run(Call([*gpg, "default", "default", "never"], environ))
    _run(Call([str(_found("pass")), "init", "peers"], environ))
    try:
        yield [_docker("pass", program, home, environ)]
    finally:
        output("gpgconf", "--kill", "all", environ=environ)


@contextlib.contextmanager
def docker_secretservice(scratch: Path) -> Iterator[list[Peer]]:
    """Yield docker's helper for the Secret Service, with GNOME's keyring behind it."""
    program, keyring = _found("docker-credential-secretservice"), _found("gnome-keyring-daemon")
    if not (program and keyring and _found("dbus-daemon")):
        yield []
        return
    home = scratch / "secretservice"
    runtime = scratch / "run"
    runtime.mkdir(mode=0o700)
    environ = _environ(home, LD_LIBRARY_PATH=str(LIBRARIES), XDG_RUNTIME_DIR=str(runtime))
    words = [str(_found("dbus-daemon")), "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(
        words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as bus:
        assert bus.stdout is not None
        environ["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        words = [keyring, "--components=secrets", "--unlock", "--foreground"]
        with subprocess.Popen(
            words,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as daemon:
            assert daemon.stdin is not None
            daemon.stdin.write(b"password")
            daemon.stdin.close()
            time.sleep(2)  # until it has its name on the bus
            peer = _docker("secretservice", program, scratch / "none", environ)
            peer.daemon = daemon.pid
            try:
                yield [peer]
            finally:
                daemon.kill()
                bus.kill()


@contextlib.contextmanager
def ecr(scratch: Path) -> Iterator[list[Peer]]:
    """Yield Amazon's helper for ECR, its API played by `peers_upstream`."""
    program = _found("docker-credential-ecr-login")
    if not program:
        yield []
        return
    upstream = Upstream(scratch, LATENCY)
    home = scratch / "ecr"
    environ = _environ(
        home,
        HTTPS_PROXY=upstream.url,
        SSL_CERT_FILE=str(upstream.authority),
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",
    )
    version = _version(output(program, "version"))
    call = Call([program, "get"], environ, _ACCOUNT.encode())
    yield [
        Peer(
            "docker-credential-ecr-login",
            version,
            home,
            lambda _: call,
            expire=lambda: (home / ".ecr/cache.json").unlink(missing_ok=True),
            made=lambda: upstream.calls,
            hold=upstream.open.clear,
            release=upstream.open.set,
            expected=TOKEN,
        )
    ]
    upstream.close()


@contextlib.contextmanager
def keyring(scratch: Path) -> Iterator[list[Peer]]:
    """Yield the keyring package's program, with keyrings.alt's plain file."""
    program = PLACE / "keyring/bin/keyring"
    if not program.exists():
        yield []
        return
    home = scratch / "keyring"
    backend = "keyrings.alt.file.PlaintextKeyring"
    environ = _environ(home, PYTHON_KEYRING_BACKEND=backend)
    yield [
        Peer(
            "keyring (keyrings.alt, a file)",
            _pypi("keyring", "keyring"),
            home,
            lambda number: Call([str(program), "get", host(number), "u"], environ),
            lambda number: Call(
                [str(program), "set", host(number), "u"], environ, secret(number).encode()
            ),
        )
    ]


@contextlib.contextmanager
def msal(scratch: Path) -> Iterator[list[Peer]]:
    """Yield msal with msal-extensions' cache in a file, its authority by `peers_upstream`."""
    python = PLACE / "msal/bin/python"
    if not python.exists():
        yield []
        return
    upstream = Upstream(scratch, LATENCY)
    home = scratch / "msal"
    environ = _environ(home)
    script = str(Path(__file__).parent / "peers_msal.py")
    words = [str(python), script, str(home / "cache.json"), upstream.url]
    upstream.life = 200  # less than the five minutes that msal wants: old at once
    _run(Call([*words, "first"], environ))
    upstream.life = 3600
    old = (home / "cache.json").read_bytes()
    yield [
        Peer(
            "msal-extensions",
            _pypi("msal", "msal_extensions"),
            home,
            lambda _: Call(words, environ),
            expire=lambda: _renewed(home, old),
            made=lambda: upstream.calls,
            hold=upstream.open.clear,
            release=upstream.open.set,
            expected=TOKEN,
        )
    ]
    upstream.close()


def _renewed(home: Path, old: bytes) -> None:
    shutil.rmtree(home)
    home.mkdir()
    (home / "cache.json").write_bytes(old)


@contextlib.contextmanager
def uv(scratch: Path) -> Iterator[list[Peer]]:
    """Yield uv's store of credentials."""
    program = PLACE / "uv/bin/uv"
    if not program.exists():
        yield []
        return
    home = scratch / "uv"
    environ = _environ(home, UV_CREDENTIALS_DIR=str(home), UV_NO_CONFIG="1")
    user = ["--username", "u"]
    yield [
        Peer(
            "uv auth",
            _version(output(program, "--version")),
            home,
            lambda number: Call(
                [str(program), "auth", "token", f"https://{host(number)}", *user], environ
            ),
            lambda number: Call(
                [
                    str(program),
                    "auth",
                    "login",
                    f"https://{host(number)}",
                    *user,
                    "--password",
                    "-",
                ],
                environ,
                secret(number).encode(),
            ),
        )
    ]


@contextlib.contextmanager
def aws(scratch: Path) -> Iterator[list[Peer]]:
    """Yield the AWS CLI with an assumed role, which it keeps in a file; STS by `peers_upstream`."""
    program = PLACE / "awscli/bin/aws"
    if not program.exists():
        yield []
        return
    upstream = Upstream(scratch, LATENCY)
    home = scratch / "aws"
    config = scratch / "aws.config"
    config.write_text(
        "[profile base]\naws_access_key_id=a\naws_secret_access_key=b\n[profile role]\n"
        "role_arn=arn:aws:iam::123456789012:role/r\nsource_profile=base\nregion=us-east-1\n"
    )
    environ = _environ(home, AWS_ENDPOINT_URL_STS=upstream.url, AWS_CONFIG_FILE=str(config))
    call = Call([str(program), "configure", "list", "--profile", "role"], environ)
    yield [
        Peer(
            "aws CLI 1 (assumed role)",
            _pypi("awscli", "awscli"),
            home,
            lambda _: call,
            expire=lambda: shutil.rmtree(home / ".aws", ignore_errors=True),
            made=lambda: upstream.calls,
            hold=upstream.open.clear,
            release=upstream.open.set,
            expected="PEER",
        )
    ]
    upstream.close()


@contextlib.contextmanager
def gh(scratch: Path) -> Iterator[list[Peer]]:
    """Yield GitHub's program as git's helper, with its token in a file."""
    program = _found("gh")
    if not program:
        yield []
        return
    home = scratch / "gh"
    environ = _environ(home, GH_CONFIG_DIR=str(home))

    def ask(number: int) -> Call:
        asked = f"protocol=https\nhost={host(number)}\n\n".encode()
        return Call([program, "auth", "git-credential", "get"], environ, asked)

    def change(number: int) -> Call:
        # `gh auth login` asks the server first; this writes the same line of the same file.
        words = [program, "config", "set", "-h", host(number), "oauth_token", secret(number)]
        return Call(words, environ)

    _run(Call([program, "config", "set", "-h", host(0), "user", "u"], environ))
    yield [
        Peer("gh auth git-credential", _version(output(program, "--version")), home, ask, change)
    ]


@contextlib.contextmanager
def gcloud(scratch: Path) -> Iterator[list[Peer]]:
    """Yield Google's program, which is given a token in a file: its start is all that is seen."""
    program = _found("gcloud")
    if not program:
        yield []
        return
    home = scratch / "gcloud"
    environ = _environ(home, CLOUDSDK_CORE_DISABLE_PROMPTS="1")
    (home / "token").write_text(TOKEN)
    environ["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] = str(home / "token")
    call = Call([program, "auth", "print-access-token"], environ)
    yield [
        Peer(
            "gcloud (a token from a file)",
            _version(output(program, "--version")),
            home,
            lambda _: call,
        )
    ]


@contextlib.contextmanager
def oidc(scratch: Path) -> Iterator[list[Peer]]:
    """Yield oidc-agent with one account, its provider played by `peers_upstream`."""
    agent, gen, token = (_found(f"oidc-{name}") for name in ("agent", "gen", "token"))
    if not (agent and gen and token):
        yield []
        return
    upstream = Upstream(scratch, LATENCY)
    environ = _environ(scratch / "oidc", LD_LIBRARY_PATH=str(LIBRARIES))
    told = output(agent, environ=environ)
    environ |= dict(re.findall(r"(OIDC_SOCK|OIDCD_PID)=([^;]+);", told))
    words = [gen, "me", "--issuer", upstream.url, "--client-id", "client", "--client-secret", "s"]
    words += ["--redirect-uri", "http://localhost:4242", "--scope", "openid offline_access"]
    words += ["--flow=refresh", "--rt", "first", "--pw-cmd", "echo pw", "--manual", "--confirm-yes"]
    output(*words, "--no-scheme", "--prompt=none", environ=environ)

    def expire() -> None:
        upstream.life = 200
        _run(Call([token, "--time=100000", "me"], environ))
        upstream.life = 3600

    try:
        yield [
            Peer(
                "oidc-agent",
                _version(output(agent, "--version", environ=environ)),
                scratch / "none",
                lambda _: Call([token, "--time=300", "me"], environ),
                expire=expire,
                made=lambda: upstream.calls,
                hold=upstream.open.clear,
                release=upstream.open.set,
                daemon=int(environ["OIDCD_PID"]),
                expected=TOKEN,
            )
        ]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(environ["OIDCD_PID"]), signal.SIGTERM)
        upstream.close()


def _pypi(venv: str, package: str) -> str:
    (folder,) = (PLACE / venv).glob(f"lib/python*/site-packages/{package}-*.dist-info")
    return folder.name.removesuffix(".dist-info").split("-")[1]


ALL = (ours, git, docker_pass, docker_secretservice, ecr, keyring, msal, uv, aws, gh, gcloud, oidc)
