"""A grant that is a ready token, rotated by somebody else while we are asked for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.broker import answer
from credhelper.broker.context import Context, Decoded
from credhelper.client import claims
from credhelper.core.model import Request, Secret
from credhelper.errors import ConfigError, LifetimeError, LoginRequiredError
from credhelper.renewal.ready_token import ASKED_AGAIN
from tests.support.jwts import jwt
from tests.support.worlds import World

START = 1_800_000_000
LIFE = 600
NOWHERE = "http://127.0.0.1:9"  # nothing answers there, and nobody asks
FORMS = ("file", "env", "command", "member", "command and member")


class Rotated:
    """A profile whose token somebody else makes, with a clock that obeys.

    Attributes: `now`; `warnings`; `asked`, when the command was run.
    """

    def __init__(self, world: World, form: str) -> None:
        self.world = world
        self.form = form
        self.now = float(START)
        self.warnings: list[str] = []
        self.asked: list[float] = []
        self.environ = dict(world.environ)
        self.place = world.root / "rotated"
        self.counter = world.root / "asked"
        self.counter.touch()
        self.decoded = Decoded()
        script = world.root / "ask"
        script.write_text(f"#!/bin/sh\necho >> {self.counter}\nexec cat {self.place}\n")
        script.chmod(0o700)
        grants: dict[str, dict[str, object]] = {
            "file": {"file": str(self.place)},
            "env": {"env": "ROTATED"},
            "command": {"command": [str(script)]},
            "member": {"file": str(self.place), "member": "token"},
            "command and member": {"command": [str(script)], "member": "token"},
        }
        world.configure(NOWHERE, "unused-key", main={"auth": "token", "grant": grants[form]})
        self.made = ""

    def gives(self, text: str) -> None:
        """Let the grant give `text` from now on."""
        self.made = text
        held = json.dumps({"token": text, "user": "x"}) if "member" in self.form else text
        new = self.place.with_name("new")
        new.touch(0o600)
        new.write_text(held + "\n")
        new.replace(self.place)
        self.environ["ROTATED"] = text

    def rotates(self, life: int = LIFE) -> None:
        """Make a new token, which lives `life` seconds."""
        now = int(self.now)
        self.gives(jwt(exp=now + life, iat=now, aud="iap-aps2", jti=now))

    def context(self) -> Context:
        """Return what one call sees."""
        return Context(
            self.environ,
            warn=lambda message, hint: self.warnings.append(message),
            clock=lambda: self.now,
            decoded=self.decoded,
        )

    def get(self, min_ttl: int = 0) -> str:
        """Ask once, note whether the command ran, and return the token."""
        before = self.counter.stat().st_size
        try:
            return answer.get(self.context(), Request("get", min_ttl=min_ttl)).token.reveal()
        finally:
            self.asked += [self.now] * (self.counter.stat().st_size - before)


def ends(token: str) -> int:
    return int((claims.payload(token) or {})["exp"])


@pytest.fixture
def rotated(scratch_world: World) -> Callable[[str], Rotated]:
    return lambda form: Rotated(scratch_world, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("early", [60, 0])
def test_a_thousand_gets_over_three_rotations_never_meet_a_dead_token(
    rotated: Callable[[str], Rotated], form: str, early: int
) -> None:
    world = rotated(form)
    world.rotates()
    rotations, last = 1, world.now
    for _ in range(1000):
        world.now += 1.9
        if world.now - last >= LIFE - early:
            world.rotates()
            rotations, last = rotations + 1, world.now
        token = world.get()
        assert ends(token) > world.now
        if "command" not in form:
            assert token == world.made  # what changed counts at once
    assert rotations >= 4
    assert world.warnings == []
    gaps = [later - one for one, later in zip(world.asked, world.asked[1:], strict=False)]
    if "command" in form:
        # A program that gives a living token is left alone for a minute; one that ended is not.
        assert len([gap for gap in gaps if gap < ASKED_AGAIN]) <= rotations
        assert len(world.asked) <= 6 * rotations
    else:
        assert world.asked == []


@pytest.mark.parametrize("form", FORMS)
def test_a_token_that_is_not_rotated_is_never_served_past_its_end(
    rotated: Callable[[str], Rotated], form: str
) -> None:
    world = rotated(form)
    world.rotates()
    made = world.made
    for _ in range(LIFE - 1):
        world.now += 1
        assert world.get() == made
    world.now += 1
    for _ in range(20):
        with pytest.raises(LoginRequiredError, match="ended at"):
            world.get()
        world.now += 1
    assert len(world.asked) <= 16
    world.rotates()
    world.now += 5  # for as long as a failure is remembered
    assert world.get() == world.made


@pytest.mark.parametrize("form", FORMS)
def test_too_little_life_is_told_of_the_grants_token(
    rotated: Callable[[str], Rotated], form: str
) -> None:
    world = rotated(form)
    world.rotates()
    for _ in range(5):
        with pytest.raises(LifetimeError) as caught:
            world.get(min_ttl=900)
        world.now += 5
    assert "the one that the grant of profile main gives lives only another" in caught.value.message
    assert "have its maker give the next one earlier" in (caught.value.hint or "")
    assert len(world.asked) <= 1
    assert world.get() == world.made


def test_a_program_is_asked_when_half_of_what_is_left_has_gone(
    rotated: Callable[[str], Rotated],
) -> None:
    world = rotated("command")
    world.rotates()
    while world.now < START + LIFE - 1:
        world.get()
        world.now += 1
    assert [round(when - START) for when in world.asked] == [0, 300, 450, 525, 585]


def test_a_program_that_fails_costs_no_living_token(rotated: Callable[[str], Rotated]) -> None:
    world = rotated("command")
    world.rotates()
    made = world.get()
    world.gives("nothing-that-is-a-token")
    for _ in range(200):
        world.now += 2.9
        assert world.get() == made
    assert world.warnings
    world.now = float(START + LIFE)
    with pytest.raises(ConfigError, match="is not a JWT"):
        world.get()


@pytest.mark.parametrize("form", FORMS)
def test_a_token_that_was_refused_is_forgotten(
    rotated: Callable[[str], Rotated], form: str
) -> None:
    world = rotated(form)
    world.rotates()
    refused = world.get()
    assert answer.refused(world.context(), Request("get"), Secret(refused))
    assert world.world.held() == []
    world.now += 1
    world.rotates()
    assert world.get() == world.made != refused


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is missing|is empty|no JSON|is not one JSON object|stopped"),
        ('{"other": "x"}', "member token of .* is missing"),
        ('{"token": null}', "member token of .* is missing"),
        ('{"token": 7}', "is not a text"),
        ('{"token": {"token": "x"}}', "is not a text"),
        ('["token"]', "is not a JSON object"),
        ('{"token": "a", "token": "b"}', "names a member twice"),
        ('{"token": "a b"}', "blanks"),
        ('{"token": ""}', "is empty"),
        ('{"token": "a\\nb"}', "more than one line"),
        ('{"token": "\\ud800"}', "is not ASCII"),
        ("[" * 5000, "nests without end|stopped|no JSON"),
        ("{", "is not one JSON object|stopped"),
    ],
)
def test_json_without_such_a_member_is_refused_in_a_line(
    rotated: Callable[[str], Rotated], text: str, why: str
) -> None:
    world = rotated("member")
    world.rotates()
    world.place.write_text(text)
    with pytest.raises((ConfigError, LoginRequiredError), match=why) as caught:
        world.get()
    assert "\n" not in caught.value.message
    assert str(world.place) in caught.value.message


def test_a_secret_that_a_kubelet_swaps_counts_at_once(
    rotated: Callable[[str], Rotated], tmp_path: Path
) -> None:
    world = rotated("file")
    world.rotates()
    mount = tmp_path / "mount"
    mount.mkdir()
    seen = []
    for version in ("one", "two", "three"):
        world.now += 1
        world.rotates()
        (mount / version).mkdir()
        world.place.rename(mount / version / "token")
        (mount / "..data_tmp").symlink_to(version)
        os.replace(mount / "..data_tmp", mount / "..data")
        world.place.symlink_to(mount / "..data" / "token")
        seen.append((world.get(), world.made))
        world.place.unlink()
    assert all(got == made for got, made in seen)
    assert len({got for got, _ in seen}) == 3
