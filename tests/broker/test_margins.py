"""When a token is renewed before it is handed over: kind of caller, caller and profile say so."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

import credhelper
from credhelper import Credentials, protocols
from credhelper.core.lookup import margin_of
from credhelper.core.model import Call, Request
from credhelper.core.record import FRESH, STALE, Held, judge
from credhelper.core.routes import Route
from credhelper.errors import UsageError
from credhelper.protocols import options
from tests.support.sandboxes import RunningSandbox
from tests.support.transcripts import TOLD
from tests.support.worlds import World

LIFETIME = 86400
# Seconds for which callers are known to keep an answer; the source stands beside each module's own.
HELD = {
    "token": 300,
    "headers": 29 * 60,
    "databricks": 1200,
    "aws": 900,
    "bazel": 1800,
    "reclient": 300,
}
# Whose options come in another way than on the command line, or not at all.
_NO_OPTIONS = {"json", "nuget", "cargo"}


def asked(name: str, *more: str) -> Request:
    first = next(one for one in TOLD[name].warm if "--min-ttl" not in " ".join(one.words))
    words = [*more, *first.words[1:]]
    stdin = first.stdin.split(b"\n")[0] if first.reads == "lines" else first.stdin
    return protocols.load(name).parse(Call("credhelper", words, stdin, first.environ))


@pytest.mark.parametrize(("name", "seconds"), HELD.items())
def test_the_margin_is_at_least_as_long_as_a_caller_holds_what_it_got(
    name: str, seconds: int
) -> None:
    assert asked(name).margin >= seconds


@pytest.mark.parametrize("name", sorted(protocols.PROTOCOLS.keys() - _NO_OPTIONS))
def test_wherever_a_least_life_can_be_asked_for_a_renewal_can_be_as_well(name: str) -> None:
    usual = asked(name).margin
    both = asked(name, "--min-ttl", "1h", "--refresh-before=2h")
    assert (both.min_ttl, both.margin) == (3600, 7200)
    assert asked(name, "--refresh-before", "0").margin == usual
    assert asked(name, "--refresh-before", "1s").margin == usual
    with pytest.raises(UsageError):
        asked(name, "--refresh-before", "soon")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("2d", 172800), ("007", 7)],
)
def test_a_time_is_seconds_or_has_a_unit(text: str, seconds: int) -> None:
    assert options.min_ttl({"min-ttl": text}) == seconds
    assert options.margin({"refresh-before": text}, 5) == max(seconds, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-1",
        "+1",
        "1.5h",
        "1 h",
        "1H",
        "1w",
        "1hm",
        "1h30m",
        "٣",
        "1_0",
        "99999999d",
        "9" * 9,
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    for name in ("min-ttl", "refresh-before"):
        with pytest.raises(UsageError):
            options.min_ttl({"min-ttl": text}) if name == "min-ttl" else options.margin(
                {name: text}, 0
            )


@pytest.mark.parametrize(
    ("protocols_own", "profiles", "margin"),
    [(60, 0, 60), (60, 600, 600), (600, 60, 600), (0, 0, 0)],
)
def test_the_most_counts(protocols_own: int, profiles: int, margin: int) -> None:
    route = Route("p", "r", "jwt", "u", "", "", 0, "", (), refresh_before=profiles)
    assert margin_of(route, Request("get", margin=protocols_own)) == margin


def test_it_is_never_more_than_half_of_a_life() -> None:
    fields = {"token": "x", "issued": "0", "expires": "1000"}
    held = Held(fields, "")
    assert judge(held, 499, margin=10**6, min_ttl=0) == FRESH
    assert judge(held, 501, margin=10**6, min_ttl=0) == STALE


def leave(world: World, seconds: int) -> None:
    world.prepare()
    world.age(LIFETIME - seconds)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "words",
    [
        ["get", "--refresh-before", "1h"],
        ["token", "--refresh-before=3600"],
        ["headers", "--service", "https://ica.example", "--refresh-before=60m"],
        ["write", "--to", "{root}/t", "--refresh-before", "1h"],
        ["env", "--refresh-before", "1h"],
        ["exec", "--refresh-before", "1h", "--", "true"],
    ],
    ids=lambda words: words[0],
)
def test_a_caller_may_want_it_renewed_earlier(
    words: Sequence[str], scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    leave(scratch_world, 3000)
    said = [word.format(root=scratch_world.root) for word in words]
    at = next(i for i, word in enumerate(said) if word.startswith("--refresh-before"))
    without = said[:at] + said[at + (1 if "=" in said[at] else 2) :]

    assert scratch_world.run(*without).status == 0
    assert running_sandbox.stats()["created"] == 1
    assert scratch_world.run(*said).status == 0
    assert running_sandbox.stats()["created"] == 2
    assert scratch_world.run(*said).status == 0
    assert running_sandbox.stats()["created"] == 2


def test_so_may_a_line_of_json(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    leave(scratch_world, 3000)
    for more, created in (({}, 1), ({"refresh_before": 3600}, 2), ({"refresh_before": 0}, 2)):
        line = json.dumps({"action": "get", "profile": "main", **more})
        assert scratch_world.run("json", stdin=line.encode() + b"\n").token
        assert running_sandbox.stats()["created"] == created


def test_so_may_a_profile(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    leave(scratch_world, 3000)
    assert scratch_world.run("profile", "add", "main", "--refresh-before", "1h").status == 0
    assert 'refresh_before = "1h"' in scratch_world.config.read_text()
    assert scratch_world.run("git", "get", stdin=b"protocol=https\nhost=ica.example\n").token
    assert running_sandbox.stats()["created"] == 2


def test_so_may_a_python_program(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    leave(scratch_world, 3000)
    environ = scratch_world.environ
    first = credhelper.get_token(environ=environ)
    assert Credentials(refresh_before=60, environ=environ).token() == first
    second = Credentials(refresh_before=3600, environ=environ).token()
    assert second != first
    assert credhelper.get_token(refresh_before=3600, environ=environ) == second
    assert running_sandbox.stats()["created"] == 2
    with pytest.raises(TypeError, match="refresh_before"):
        credhelper.get_token(refresh_before="1h", environ=environ)  # type: ignore[arg-type]  # wrong on purpose
