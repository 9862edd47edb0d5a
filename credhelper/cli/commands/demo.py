"""`credhelper demo`: the main job, on the sandbox, in a scratch home; every step is checked."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from credhelper.cli import output
from credhelper.cli.demo_stage import TIMEOUT, Broken, Stage, expect, real, scratch
from credhelper.cli.output import complain, say
from credhelper.core.model import Secret
from credhelper.errors import CredhelperError, UsageError
from credhelper.sandbox import extra

GIT_HOST, REGISTRY = "git.example", "registry.example"
HERD = 20
SHORT_LIFE = 14


@click.command(short_help="See it work, without an account.")
def demo() -> int:
    """Show all of it in half a minute: no account, no network, nothing left behind.

    A sandbox plays the Tokens API on this machine, in a scratch home. Every step shows the command
    that you would type, and is checked: the exit status is 0 only if all of them passed.

    \b
    Example:
      credhelper demo
    """
    package = extra.missing()
    if package:
        raise UsageError(
            f"the demo runs the sandbox, which needs {package}: it is not installed",
            hint=extra.install(),
        )
    began = time.monotonic()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="credhelper-demo-")))
        stage = Stage(home, scratch(home, os.environ))
        say("credhelper hands short-lived tokens to your tools. Here is how, on a sandbox that")
        say("plays the Tokens API on this machine. Tokens are shown as fingerprints only.")
        try:
            _play(stage, stack)
        except (Broken, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
            why = str(error) if isinstance(error, Broken) else type(error).__name__
            complain(
                CredhelperError(
                    f"step {stage.steps} did not show what it promised: {' '.join(why.split())}",
                    hint="if this happens again, show this line, and what credhelper --version"
                    " says, to those who installed credhelper here",
                )
            )
            return CredhelperError.exit_status
    say()
    took = time.monotonic() - began
    say(f"All {stage.steps} steps passed, in {took:.0f} s; nothing is left behind.")
    say("With an account of your own: credhelper login")
    return 0


def _play(stage: Stage, stack: ExitStack) -> None:
    stop = _start(stage, stack)
    first = _log_in(stage)
    _serve_tools(stage, first)
    _herd(stage)
    _trouble_and_expiry(stage)
    _log_out(stage, first)
    stop()


def _start(stage: Stage, stack: ExitStack) -> Callable[[], None]:
    stage.step("Start a sandbox: it plays the Tokens API, for this machine only")
    say("   $ credhelper sandbox &")
    process = stack.enter_context(
        subprocess.Popen(
            real(["credhelper", "sandbox"]),
            env=stage.environ,
            cwd=stage.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    stack.callback(process.terminate)
    assert process.stdout is not None  # noqa: S101  # for mypy: it is a pipe
    line = process.stdout.readline()
    expect(bool(line), "the sandbox did not start")
    facts = json.loads(line)
    stage.api, stage.key = facts["url"], Secret(facts["api_key"])
    _ok(f"it listens on {stage.api}, and accepts one API key")

    def stop() -> None:
        stage.step("Clean up: stop the sandbox")
        say("   $ kill %1")
        process.terminate()
        status = process.wait(TIMEOUT)
        expect(status == 0, f"the sandbox ended with status {status}")
        _ok("it ended cleanly; the scratch home goes, too")

    return stop


def _log_in(stage: Stage) -> Secret:
    stage.step("Log in: the key comes through a pipe, and is verified before anything is written")
    words = ["credhelper", "login", "--url", stage.api]
    for host in (GIT_HOST, REGISTRY):
        words += ["--service", f"https://{host}"]
    done = stage.run(words, stage.key, f'printf %s "$KEY" | {shlex.join(words)}')
    expect(done.returncode == 0, f"it ended with status {done.returncode}: {done.stderr}")
    expect("Sandbox User" in done.stdout, "it does not say who logged in")
    expect(stage.key.reveal() not in done.stdout + done.stderr, "it shows the key")
    for row in done.stdout.splitlines():
        if row.split()[:1] in (["who"], ["tokens"], ["services"]):
            say(f"     {row.strip()}")
    stage.step("A token for a script")
    token = stage.token()
    expect(stage.call("GET", "/protected", token) == 200, "the service does not accept it")
    _ok(f"token {output.fingerprint(token)}, and a service accepts it")
    return token


def _serve_tools(stage: Stage, first: Secret) -> None:
    stage.step("The same token for git, which asks us by itself once it is told to")
    asked = Secret(f"protocol=https\nhost={GIT_HOST}\n\n")
    printf = f"printf 'protocol=https\\nhost={GIT_HOST}\\n\\n' |"
    if shutil.which("git", path=stage.environ["PATH"]):
        option = f"credential.https://{GIT_HOST}.helper"
        # Its short name works where our program files are on git's PATH.
        helper = "credhelper"
        if not shutil.which("git-credential-credhelper", path=stage.environ["PATH"]):
            helper = "!" + shlex.join(real(["credhelper", "git"]))
        # The empty one first: no other helper is told the token.
        stage.run(["git", "config", "--global", "--replace-all", option, ""])
        stage.run(["git", "config", "--global", "--add", option, helper])
        done = stage.run(["git", "credential", "fill"], asked, f"{printf} git credential fill")
    else:
        done = stage.run(["credhelper", "git", "get"], asked, f"{printf} credhelper git get")
    expect(done.returncode == 0, f"it ended with status {done.returncode}: {done.stderr}")
    pairs = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    expect(Secret(pairs["password"]) == first, "git got another token")
    _ok(f"git got user name {pairs['username']} and token {output.fingerprint(first)}")

    stage.step("The same token for docker, podman, skopeo, helm")
    program = "docker-credential-credhelper"
    done = stage.run([program, "get"], Secret(REGISTRY), f"echo {REGISTRY} | {program} get")
    expect(done.returncode == 0, f"it ended with status {done.returncode}")
    answer = json.loads(done.stdout)
    expect(Secret(answer["Secret"]) == first, "docker got another token")
    _ok(f"docker got user name {answer['Username']} and token {output.fingerprint(first)}")

    stage.step("Nothing for a host that no profile covers")
    done = stage.run(["credhelper", "get", "https://evil.example"])
    expect(done.returncode == 3 and not done.stdout, f"it ended with status {done.returncode}")
    _ok(f"refused: {done.stderr.splitlines()[0].removeprefix('credhelper: error: ')}")

    stage.step("All of that took one token: the rest came from the cache")
    made = stage.created()
    expect(made == 1, f"the sandbox has made {made} tokens")
    _ok("the sandbox says: tokens created 1")


def _herd(stage: Stage) -> None:
    stage.step(f"{HERD} programs at once, and no token in the cache")
    key_file = stage.home / "key"
    key_file.touch(0o600)
    key_file.write_text(stage.key.reveal())
    words = ["credhelper", "profile", "add", "herd", "--url", stage.api, "--cid", "project-alpha"]
    done = stage.run([*words, "--grant-file", str(key_file)])
    expect(done.returncode == 0, f"it ended with status {done.returncode}: {done.stderr}")
    before = stage.created()
    say(f"   $ for i in $(seq {HERD}); do credhelper get --profile herd & done")
    programs = [
        subprocess.Popen(
            real(["credhelper", "get", "--profile", "herd"]),
            env=stage.environ,
            cwd=stage.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(HERD)
    ]
    answers = [program.communicate(timeout=TIMEOUT)[0] for program in programs]
    failed = sum(program.returncode != 0 for program in programs)
    expect(not failed, f"{failed} of them failed")
    expect(len(set(answers)) == 1, f"they got {len(set(answers))} different tokens")
    made = stage.created() - before
    expect(made == 1, f"the sandbox made {made} tokens")
    _ok(f"{HERD} answers, and the sandbox made one token: the others waited for the first")


def _trouble_and_expiry(stage: Stage) -> None:
    stage.step(f"A token that lives {SHORT_LIFE} s only, and a server in trouble")
    lifetime = {"path": "/v1/tokens", "method": "POST", "lifetime": SHORT_LIFE}
    stage.call("POST", "/_sandbox/faults", json=[lifetime])
    words = ["credhelper", "login", "--profile", "short", "--url", stage.api]
    words += ["--cid", "project-beta"]
    done = stage.run(words, stage.key, f'printf %s "$KEY" | {shlex.join(words)}')
    expect(done.returncode == 0, f"it ended with status {done.returncode}: {done.stderr}")
    issued = time.monotonic()
    get = ["credhelper", "get", "--profile", "short"]
    old = stage.printed(stage.run(get))
    down = {"path": "/v1/tokens", "method": "POST", "status": 500, "times": "always"}
    stage.call("POST", "/_sandbox/faults", json=[down])
    # Past half of its life it is due for renewal, which now fails.
    time.sleep(max(0.0, issued + SHORT_LIFE / 2 - time.monotonic()))
    done = stage.run(get)
    expect(stage.printed(done) == old, "another token came")
    expect("warning" in done.stderr, "nothing is said of the trouble")
    _ok("the server answers 500 to everything; the old token still lives, so it is served:")
    say(f"     {done.stderr.splitlines()[0]}")
    stage.call("DELETE", "/_sandbox/faults")

    stage.step("The server is back, and the token has expired")
    time.sleep(max(0.0, issued + SHORT_LIFE + 0.5 - time.monotonic()))
    expect(stage.call("GET", "/protected", old) == 401, "the old token is still accepted")
    new = stage.printed(stage.run(get))
    expect(new != old, "the expired token came again")
    expect(stage.call("GET", "/protected", new) == 200, "the service does not accept the new one")
    _ok(f"renewed automatically: {output.fingerprint(old)} became {output.fingerprint(new)}")


def _log_out(stage: Stage, first: Secret) -> None:
    stage.step("Log out: revoked upstream, forgotten here")
    done = stage.run(["credhelper", "logout"])
    expect(done.returncode == 0, f"it ended with status {done.returncode}: {done.stderr}")
    expect("confirmed" in done.stdout, "it does not say that the server confirmed")
    expect(stage.call("GET", "/protected", first) == 401, "the token is still accepted")
    done = stage.run(["credhelper", "get"])
    expect(done.returncode == 4 and not done.stdout, f"get ended with status {done.returncode}")
    _ok("the server confirmed, no service accepts the token, and get says: log in first")


def _ok(text: str) -> None:
    say(f"   ok: {text}")
