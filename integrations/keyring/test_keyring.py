"""The keyring package's own program, with our backend beside it; and no circle between the two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from tests.support.worlds import Outcome

HERE = Path(__file__).parent


class Desk:
    """A user with keyring and credhelper in one environment."""

    def __init__(self, index: Indexed, python: str) -> None:
        self.index = index
        self.wired = index.wired
        self.python = python
        index.configure(HERE / "credhelper.toml")

    def keyring(self, *words: str, stdin: bytes = b"") -> Outcome:
        """Run the keyring package's program."""
        return self.wired.run(self.python, "-m", "keyring", *words, stdin=stdin)

    def link(self, *words: str) -> Outcome:
        """Run ours by its name."""
        return self.wired.run("keyring", *words)


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda *options: Desk(open_index(*options), client("keyring"))


@pytest.mark.parametrize(
    "asked",
    [
        ("--mode=creds", "--output=json", "get", "{url}"),
        ("--mode=creds", "--output=json", "get", "{url}", USERNAME),
        ("--mode", "creds", "get", "{host}"),
        ("get", "{url}", "--mode", "creds"),
        ("get", "{url}", USERNAME),
        ("--mode=password", "get", "{host}", USERNAME),
        ("get", "https://{host}", USERNAME, "--output", "json"),
        ("get", "{url}", "somebody"),
        ("--mode=creds", "get", "https://other.example.org/simple/"),
        ("get", "python-poetry-check", "python-poetry"),
        ("get", "{url}"),
        ("--mode=both", "get", "{url}"),
    ],
)
def test_our_program_answers_as_the_real_one_with_our_backend_does(
    sit_down: Callable[..., Desk], asked: tuple[str, ...]
) -> None:
    desk = sit_down()
    desk.index.link(HERE / "link.sh")
    asked = tuple(word.format(url=desk.index.url, host=desk.index.host) for word in asked)

    theirs, ours = desk.keyring(*asked), desk.link(*asked)

    assert ours.status == theirs.status
    assert ours.stdout.strip() == theirs.stdout.strip() or ours.stdout == (
        # keyring puts blanks into its JSON.
        theirs.stdout.replace(b'": "', b'":"').replace(b'", "', b'","')
    )
    assert desk.wired.counted() == (1 if ours.stdout else 0, 0)


def test_an_expired_token_is_renewed_by_the_next_call(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    first = desk.keyring("get", desk.index.url, USERNAME)
    assert desk.keyring("get", desk.index.host, USERNAME).token == first.token
    desk.wired.wait_until(jwt.decode(first.token, options={"verify_signature": False})["exp"])
    second = desk.keyring("get", desk.index.url, USERNAME)

    assert second.token != first.token
    assert desk.wired.counted() == (2, 0)


def test_a_key_may_lie_in_a_keyring_that_asks_us_first(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    url = desk.index.url  # the worst of names for a key: one that we would answer to
    places = {
        PLACEHOLDER: desk.index.host,
        'file = "~/.config/credhelper/api-key"': f'keyring = ["{url}", "{USERNAME}"]',
    }
    desk.wired.configure(HERE / "credhelper.toml", places)
    (desk.wired.world.home / ".config/credhelper/api-key").unlink()

    key = desk.wired.sandbox.api_key.encode()
    stored = desk.keyring("set", url, USERNAME, stdin=key)
    assert (stored.status, stored.told) == (0, "")
    # Our backend comes first in the chain. To answer it has the chain asked, itself left out.
    first = desk.keyring("get", url, USERNAME)
    assert (first.status, first.told) == (0, "")
    (desk.wired.world.home / ".cache/credhelper").rename(desk.wired.world.root / "gone")
    outcome = desk.wired.run(str(Path(desk.python).with_name("credhelper")), "get", url)

    assert (outcome.status, outcome.told) == (0, "")
    assert outcome.token != first.token
    assert desk.wired.counted() == (2, 0)
