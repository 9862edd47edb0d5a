"""Scenarios of commands that write something down: logins, a changed profile, files of tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.faults import promises
from tests.faults.injector import Ended
from tests.faults.promises import next_run
from tests.faults.scenario import Scenario, after_get, configured, served
from tests.faults.stage import URL, Stage
from tests.support.worlds import tokens_in

_NETRC = "machine others.example\n\tlogin me\n\tpassword theirs\n"
_GITCONFIG = "# mine\n[user]\n\tname = Ada\n[alias]\n\tst = status\n"
_SETUP = ["setup", "git", "--service", URL]
_UNDO = ["setup", "git", "--service", URL, "--undo"]


def _login(*options: str) -> Callable[[Stage], list[str]]:
    def words(stage: Stage) -> list[str]:
        of_stage = {"USER": stage.sandbox.username, "KEY": str(stage.root / "out" / "key")}
        told = [of_stage.get(option, option) for option in options]
        place = ["--url", stage.sandbox.url, "--service", "https://typed.example"]
        return ["login", "--profile", "typed", *place, *told]

    return words


def _typed(*options: str, secret: Callable[[Stage], str], name: str) -> Scenario:
    def stdin(stage: Stage) -> bytes:
        return f"{secret(stage)}\n".encode()

    def check(stage: Stage, ended: Ended) -> Iterator[str]:
        yield from after_get(stage, ended)
        if ended.status != 0:
            done = next_run(stage, *_login(*options)(stage), stdin=stdin(stage))
            if done.status != 0:
                yield f"next: login: {done}"
        for broken in promises.of_the_next_get(stage, "typed"):
            yield broken.replace("next", "effect" if ended.status == 0 else "next", 1)

    return Scenario(name, _login(*options), _with_key, check, begin=_forget, stdin=stdin)


def _with_key(stage: Stage) -> None:
    """Put the key into another file, too: a profile that has it there is another identity."""
    served(stage)
    key = stage.root / "out" / "key"
    key.parent.mkdir(0o700)
    key.touch(0o600)
    key.write_text(stage.sandbox.api_key)


def _forget(stage: Stage) -> None:
    stage.secrets = []


def _pstoken(stage: Stage) -> str:
    """Return the psToken of this run: the same one for a login and the one after it."""
    stage.secrets = stage.secrets or [stage.sandbox.session().encode()]
    return stage.secrets[0].decode()


def _set(stage: Stage) -> list[str]:
    return ["profile", "set", "main", "--min-ttl", "10m", "--refresh-before", "1h"]


def _after_set(stage: Stage, ended: Ended) -> Iterator[str]:
    if ended.status != 0:
        done = next_run(stage, *_set(stage))
        if done.status != 0:
            yield f"next: profile set: {done}"
    text = stage.world.config.read_bytes()
    if not (b"min_ttl" in text and b"refresh_before" in text):
        yield "effect: the profile is as it was"
    yield from after_get(stage, ended)


def _with_git(stage: Stage) -> None:
    """Note what setup makes of a file of others, and that undoing it leaves nothing."""
    served(stage)
    file = stage.world.home / ".gitconfig"
    file.write_text(_GITCONFIG)
    assert next_run(stage, *_SETUP).status == 0
    stage.texts = [_GITCONFIG.encode(), file.read_bytes()]
    assert next_run(stage, *_UNDO).status == 0
    assert file.read_bytes() == stage.texts[0]


def _set_up(stage: Stage) -> None:
    _with_git(stage)
    assert next_run(stage, *_SETUP).status == 0


def _after_git(stage: Stage, ended: Ended, words: list[str], wanted: int) -> Iterator[str]:
    file = stage.world.home / ".gitconfig"
    if not file.exists() or file.read_bytes() not in stage.texts:
        yield "others: git's file is neither what it was nor what it should be"
        return
    if ended.status != 0:
        done = next_run(stage, *words)
        # What was undone to its end has nothing left to undo.
        if done.status not in ((0,) if wanted else (0, 3)):
            yield f"next: {' '.join(words)}: {done}"
    if file.read_bytes() != stage.texts[wanted]:
        yield "effect: git's file is not what was asked for"
    done = next_run(stage, *_UNDO)
    if done.status not in ((0,) if wanted else (0, 3)):
        yield f"next: undo: {done}"
    if file.read_bytes() != stage.texts[0]:
        yield "others: git's file is not what it was before"
    yield from after_get(stage, ended)


def _write(stage: Stage) -> list[str]:
    path = str(stage.root / "out" / "netrc")
    return ["write", "--to", path, "--format", "netrc", "--service", URL]


def _with_netrc(stage: Stage) -> None:
    configured(stage)
    folder = stage.root / "out"
    folder.mkdir(0o700)
    (folder / "netrc").touch(0o600)
    (folder / "netrc").write_text(_NETRC)


def _after_write(stage: Stage, ended: Ended) -> Iterator[str]:
    file = stage.root / "out" / "netrc"
    written = not tokens_in(file.read_bytes())
    if _NETRC.encode() not in file.read_bytes():
        yield "others: an entry of others is gone"
    if ended.status == 0 and written:
        yield "effect: there is no token in the file"
    done = next_run(stage, *_write(stage))
    if done.status == 5:
        for path in stage.world.failures():
            path.unlink()  # some seconds later
        done = next_run(stage, *_write(stage))
    found = tokens_in(file.read_bytes())
    if done.status != 0:
        yield f"next: write: {done}"
    elif len(found) != 1 or not stage.sandbox.admits(found[0].decode()):
        yield "next: the file does not hold one living token"
    if _NETRC.encode() not in file.read_bytes():
        yield "others: an entry of others is gone after the next run"
    yield from after_get(stage, ended)


SCENARIOS = (
    _typed("--user", "USER", secret=lambda stage: stage.sandbox.password, name="login-password"),
    _typed("--session", secret=_pstoken, name="login-session"),
    _typed("--api", "ica", secret=lambda stage: stage.sandbox.api_key, name="login-v2"),
    _typed("--grant-file", "KEY", secret=lambda stage: "", name="login-grant-file"),
    Scenario("profile-set", _set, served, _after_set),
    Scenario(
        "setup",
        lambda stage: _SETUP,
        _with_git,
        lambda stage, ended: _after_git(stage, ended, _SETUP, 1),
        several=True,
    ),
    Scenario(
        "setup-undo",
        lambda stage: _UNDO,
        _set_up,
        lambda stage, ended: _after_git(stage, ended, _UNDO, 0),
        several=True,
    ),
    Scenario("write", _write, _with_netrc, _after_write),
)
