"""What the doctor takes out of its texts, and what it leaves as it is."""

from __future__ import annotations

import pytest

from credhelper.cli.doctor.safe import cleaner
from credhelper.core.text import command

ENVIRON = {"HOME": "/home/jdoe", "USER": "jdoe"}


def clean(text: str, users: tuple[str, ...] = ()) -> str:
    return cleaner(ENVIRON, users)(text)


@pytest.mark.parametrize(
    "text",
    [
        "the proxy named by https_proxy is not scheme://[user:password@]host[:port]",
        "the proxy wants a user name and password: https_proxy=http://USER:PASSWORD@PROXY:PORT",
        "export https_proxy=http://PROXY:PORT",
        "git config --file ~/.gitconfig --unset-all url.ssh://git@git.example/.insteadof",
        "git for https://git.example: 'x@y' is no host",
        "docker and git are tools, and /home/jdoering is somebody",
    ],
)
def test_a_text_that_names_nobody_stays_as_it_is(text: str) -> None:
    assert clean(text, ("docker", "git")) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("'/home/jdoe/nope.pem', named by ca_file,", "'~/nope.pem', named by ca_file,"),
        ("/home/jdoe/nope.pem (ca_file)", "~/nope.pem (ca_file)"),
        (command("rm", "/home/jdoe/a b"), "rm ~/'a b'"),
        (command("rm", "/home/jdoe/$x"), "rm ~/'$x'"),
        (command("rm", "/home/jdoe/it's"), "rm ~/'it'\\''s'"),
        (command("rm", "/home/jdoe"), "rm ~"),
        ("from 'x' to '/home/jdoe/y' and 'z z'", "from 'x' to '~/y' and 'z z'"),
        ("belongs to jdoe", "belongs to $USER"),
        ("https://me:pw@proxy.example", "https://proxy.example"),
        ("https://ME:PW@proxy.example", "https://proxy.example"),
        ("http://USER:SECRET@proxy.example", "http://proxy.example"),
        ("https://token@git.example/x", "https://git.example/x"),
    ],
)
def test_what_names_a_person_is_taken_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
