"""askpass: the neighbours of the two prompts that are answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, UnsupportedActionError
from credhelper.protocols import askpass


def ask(*arguments: str) -> Request:
    return askpass.parse(Call("credhelper-askpass", arguments, b"", {}))


def test_it_never_reads() -> None:
    for arguments in ([], ["x"], ["--bad"], ["Username for 'https://ica.example': "]):
        assert askpass.reads(arguments) == "nothing"


@pytest.mark.parametrize("program", ["credhelper-askpass", "my-askpass", "credhelper-askpass.exe"])
def test_a_program_that_is_named_so_needs_no_word(program: str) -> None:
    assert protocols.by_program(program) == "askpass"


def test_a_prompt_names_a_service_and_a_user() -> None:
    request = ask("Password for 'https://me@ICA.example:8443/a/b': ")
    assert str(request.service) == "https://ica.example:8443/a/b"
    assert (request.username, request.margin) == ("me", 60)
    assert ask("Username for 'https://ica.example': ").username is None


def test_git_lfs_asks_in_its_own_way() -> None:
    request = ask('Password for "https://me@ICA.example:8443/a/b"')
    assert (str(request.service), request.username) == ("https://ica.example:8443/a/b", "me")
    assert ask('Username for "https://ica.example"').username is None


def test_a_prompt_in_another_language_is_refused_with_a_way_out(talk: Any) -> None:
    for prompt in ("Benutzername für »https://ica.example«: ", "'https://ica.example' 암호:"):
        reply = talk("askpass", [prompt])
        assert (reply.stdout, reply.status) == (b"", 1)
        assert b"credhelper: hint: if it does, in another language" in reply.stderr
        assert b"ica.example" not in reply.stderr


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("me@lab.example", "me@lab.example"),
        ("me%40lab.example", "me@lab.example"),
        ("a%2Fb", "a/b"),
        ("J%C3%BCrgen", "Jürgen"),
        ("Jürgen", "Jürgen"),
        ("100%25", "100%"),
    ],
)
def test_a_users_name_is_read_as_old_and_new_gits_show_it(shown: str, name: str) -> None:
    request = ask(f"Password for 'https://{shown}@ica.example': ")
    assert (str(request.service), request.username) == ("https://ica.example", name)


@pytest.mark.parametrize(
    "prompt",
    [
        *("", " ", "Username", "Password: ", "Username for ", "Username for '': "),
        *("username for 'https://ica.example': ", "Username for 'https://ica.example':"),
        *("Username for 'https://ica.example': \n", " Username for 'https://ica.example': "),
        *("Username for 'https://ica.example'", 'Username for "https://ica.example": '),
        *('Username for "https://ica.example', "Username for 'https://ica.example\""),
        *('Username for "https://me@ica.example"', 'Password for "https://ica.example"'),
        *("Username for 'ica.example': ", "Username for 'https://': "),
        *("Username for 'https:ica.example': ", "Benutzername für 'https://ica.example': "),
        *("Username for 'https://me@ica.example': ", "Password for 'https://ica.example': "),
        *("Password for 'https://@ica.example': ", "Password for 'https://a:b@ica.example': "),
        *(
            "Password for 'https://evil.test?@ica.example': ",
            "Password for 'https://#@ica.example': ",
        ),
        *("Password for 'https://a\\@ica.example': ", "Password for 'https://a b@ica.example': "),
        *(
            "Password for 'https://a\x1b@ica.example': ",
            "Password for 'https://a\u202e@ica.example': ",
        ),
        *("Password for 'https://a%@ica.example': ", "Password for 'https://a%zz@ica.example': "),
        *("Password for 'https://%ff@ica.example': ", "Password for 'https://a%4@ica.example': "),
        *("Password for 'https://a%+1@ica.example': ", "Password for 'https://a'@ica.example': "),
    ],
)
def test_a_prompt_that_is_not_exactly_one_of_the_two_is_a_persons(prompt: str, talk: Any) -> None:
    with pytest.raises(UnsupportedActionError):
        ask(prompt)
    reply = talk("askpass", [prompt])
    assert (reply.stdout, reply.status) == (b"", 1)
    assert b"ica.example" not in reply.stderr


@pytest.mark.parametrize(
    "url",
    [
        *("https://ica.example.evil.test", "https://evil.test/ica.example", "https://xica.example"),
        *("https://evil.test/x@ica.example", "https://ica.example.", "https://ica.example:0443"),
        *(
            "https://ica.example:8443",
            "ftp://ica.example",
            "ssh://ica.example",
            "https://ica.example?x",
        ),
        *(
            "https://ica.example\\.evil.test",
            "https://ica.example\r.evil.test",
            "http://ica.example",
        ),
        *(
            "https://ica.example\n.evil.test",
            "https://ica.example%2f.evil.test",
            "https://ica.example//",
        ),
        *("https://ica.example': evil'", "cert:///home/me/key", "://x", "https://ica.example/../x"),
    ],
)
def test_no_other_url_is_given_an_answer(url: str, talk: Any) -> None:
    scheme, _, rest = url.partition("://")
    with_user = f"{scheme}://ica-user@{rest}"
    asked = [f"Username for '{url}': ", f"Password for '{with_user}': "]
    asked += [f'Username for "{url}"', f'Password for "{with_user}"']
    for prompt in asked:
        reply = talk("askpass", [prompt])
        assert (reply.stdout, reply.status) == (b"", 1)


@given(
    st.text(st.characters()), st.text(st.characters()), st.sampled_from(["Username", "Password"])
)
def test_any_prompt_is_a_plain_request_or_an_error(head: str, tail: str, what: str) -> None:
    lfs = f'{what} for "https://{head}@{tail}"'
    for prompt in (head, f"{what} for '{head}': ", f"{what} for 'https://{head}@{tail}': ", lfs):
        try:
            request = ask("--", prompt)
        except CredhelperError as error:
            reply = askpass.refuse(error, None)
            assert (reply.stdout, reply.status) == (b"", 1)
            assert reply.stderr.count(b"\n") <= 2
        else:
            assert request.service is not None
            assert request.service.scheme == "https" or service.is_loopback(request.service.host)


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b", "\x85", "\ud800", ""])
@pytest.mark.parametrize("what", ["username", "password"])
def test_what_is_not_one_line_is_never_written(what: str, bad: str) -> None:
    credential = Credential(Secret(bad), 0, username=bad, profile="p")
    with pytest.raises(CredhelperError):
        askpass.render(Request("get", echo={"what": what}), credential)
