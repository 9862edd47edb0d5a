"""git: what transcripts do not show, and the neighbours of what they do."""

from __future__ import annotations

from typing import Any

import pytest

from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, NotFoundError, RequestError, UsageError
from credhelper.protocols import git

PLAIN = b"protocol=https\nhost=ica.example\n"
CONTROLS = [byte for byte in (*range(32), 127) if byte != 10]


def ask(stdin: bytes, *arguments: str) -> Request:
    return git.parse(Call("credhelper", arguments or ("get",), stdin, {}))


def given(token: str = "a.b.c", username: str = "ica-user") -> Credential:
    return Credential(Secret(token), 1800000000, username=username, profile="main")


@pytest.mark.parametrize("byte", CONTROLS)
@pytest.mark.parametrize("action", ["get", "erase"])
def test_no_control_byte_is_taken_anywhere(byte: int, action: str, talk: Any) -> None:
    message = PLAIN + b"password=canary\n"
    for at in range(len(message) + 1):
        hostile = message[:at] + bytes([byte]) + message[at:]
        reply = talk("git", [action], hostile)
        assert (reply.stdout, reply.status) == (b"", 2)
        assert b"canary" not in reply.stderr
        assert reply.stderr.count(b"\n") == 1


@pytest.mark.parametrize("byte", range(128, 256))
def test_no_byte_outside_ascii_is_taken_in_a_host(byte: int, talk: Any) -> None:
    for host in (b"ica%c.example", b"%cica.example", b"ica.example%c"):
        reply = talk("git", ["get"], b"protocol=https\nhost=" + host % byte + b"\n")
        assert (reply.stdout, reply.status) == (b"", 2)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "ica.example.",
            "ica.example:8443",
            "ica.example:0443",
            "ica.example:٤٤٣",
            "ica.example:",
        ),
        *("ica.example:443:443", "ica.example:+443", "ica.example: 443", "ica.example:4_43"),
        *("ica.example.evil.test", "xica.example", "ica-example", "icaXexample", "example"),
        *(
            "evil.test/ica.example",
            "evil.test#ica.example",
            "evil.test?ica.example",
            ".ica.example",
        ),
        *("evil.test\\ica.example", "evil.test@ica.example", "ica.example@evil.test", "*.example"),
        *(
            "ica%2eexample",
            "ica\u3002example",
            "\u0456ca.example",
            "ica.example,evil.test",
            "ica.example;x",
        ),
        *(
            "https://ica.example",
            "//ica.example",
            "[ica.example]",
            "ica.example%00",
            "ica..example",
        ),
        *(" ica.example", "ica.example ", "ica .example", "-ica.example", "ica.example-"),
    ],
)
def test_no_other_spelling_of_a_host_is_answered(host: str, talk: Any) -> None:
    reply = talk("git", ["get"], f"protocol=https\nhost={host}\n".encode())
    assert reply.stdout == b""


@pytest.mark.parametrize(
    "url",
    [
        "https://ica.example%2f@evil.test/",
        *("https://ica.example\\@evil.test/", "https://evil.test#@ica.example/"),
        *("https://evil.test?@ica.example", "https://evil.test\\.ica.example/"),
        "https://user:canary@ica.example/",
        *(
            "https://ica.example?canary",
            "https://ica.example#canary",
            "https://ica.example/?canary",
        ),
        *("https://ica.example/../x", "https://ica.example/a/./b", "https://ica.example//evil"),
        *("https://ica.example/%2e%2e/x", "https://ica.example/a%2fb", "https://ica.example/a%5Cb"),
        *("https://ica.example/%0a", "https://ica.example/%7f", "https://ica.example/%zz"),
        *("https:/ica.example", "https:ica.example", "https:\\\\ica.example", "ica.example"),
        *("://ica.example", "https://", "https:///ica.example", "//ica.example/x"),
        *("http://ica.example", "ftp://ica.example", "file:///ica.example", "HTTPS //ica.example"),
        *("https://https://ica.example", " https://ica.example", "https://ica.example /x"),
    ],
)
def test_a_url_that_parsers_disagree_about_is_no_request(url: str, talk: Any) -> None:
    reply = talk("git", ["get"], f"url={url}\n".encode())
    assert (reply.stdout, reply.status) == (b"", 2)
    assert b"canary" not in reply.stderr


@pytest.mark.parametrize("key", ["protocol", "host", "path", "username", "url", "password"])
def test_a_key_that_contradicts_itself_is_refused_in_either_order(key: str) -> None:
    first = {"protocol": "https", "url": "https://ica.example"}.get(key, "ica.example")
    for pair in ((first, "other"), ("other", first), (first, ""), ("", first)):
        stdin = "".join(f"{key}={value}\n" for value in pair).encode()
        with pytest.raises(RequestError, match=f"contradicts an earlier {key}"):
            ask(stdin + (b"" if key in ("protocol", "host") else PLAIN))


def test_a_key_may_say_the_same_twice() -> None:
    assert str(ask(PLAIN + PLAIN).service) == "https://ica.example"


@pytest.mark.parametrize(
    "other", ["host=evil.test", "host=ica.example:8443", "protocol=http", "path=x", "path="]
)
def test_a_url_and_what_stands_beside_it_have_to_agree(other: str) -> None:
    url = b"url=https://ica.example/team\n"
    for stdin in (url + other.encode() + b"\n", other.encode() + b"\n" + url):
        with pytest.raises(RequestError):
            ask(stdin)


def test_a_url_with_its_own_parts_beside_it_is_one_service() -> None:
    request = ask(b"url=https://ica.example/team\nprotocol=https\nhost=ica.example\npath=team/\n")
    assert str(request.service) == "https://ica.example/team"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("r.git", "/r.git"),
        ("team/r.git/", "/team/r.git"),
        ("", ""),
        ("a b", "/a%20b"),
        ("zoë/r", "/zo%C3%AB/r"),
        ("a?b#c", "/a%3Fb%23c"),
    ],
)
def test_a_path_is_put_back_as_it_stands_in_a_url(path: str, expected: str) -> None:
    request = ask(PLAIN + f"path={path}\n".encode())
    assert request.service is not None
    assert request.service.path == expected


@pytest.mark.parametrize("path", ["../x", "a/../b", "./a", "a//b", "a%2fb", "100%", "a\\b", "//a"])
def test_a_path_that_could_be_another_is_refused(path: str) -> None:
    with pytest.raises(RequestError):
        ask(PLAIN + f"path={path}\n".encode())


def test_a_line_may_be_as_long_as_git_makes_it_and_no_longer() -> None:
    longest = b"wwwauth[]=" + b"x" * (65534 - len("wwwauth[]="))
    assert ask(PLAIN + longest + b"\n").service
    assert ask(PLAIN + longest).service
    with pytest.raises(RequestError, match="line 3 of the request is longer than 65535 bytes"):
        ask(PLAIN + longest + b"x\n")


def test_a_line_is_measured_in_bytes() -> None:
    with pytest.raises(RequestError, match="longer"):
        ask(PLAIN + "é".encode() * 40000 + b"=\n")


def test_a_host_as_long_as_a_line_is_not_repeated_in_full(talk: Any) -> None:
    for filler in (b"x", b"a/", b"%", b".", b":", b"@", "é".encode()):
        reply = talk("git", ["get"], b"protocol=https\nhost=" + filler * 20000 + b"\n")
        assert (reply.stdout, reply.status) == (b"", 2)
        assert len(reply.stderr) < 1000


@pytest.mark.parametrize("scheme", ["smtp", "ssh", "imap", "cert", "ftp", "httpx"])
def test_another_protocol_is_for_another_helper(scheme: str) -> None:
    with pytest.raises(NotFoundError):
        ask(f"protocol={scheme}\nhost=ica.example\n".encode())


@pytest.mark.parametrize(
    "scheme", ["https ", " https", "https:", "https://", "h\u202ettps", "\uff48ttps"]
)
def test_what_is_no_protocol_name_is_no_request(scheme: str) -> None:
    with pytest.raises(RequestError):
        ask(f"protocol={scheme}\nhost=ica.example\n".encode())


def test_erase_carries_the_very_token_that_was_refused() -> None:
    assert ask(PLAIN + b"password=T1\n", "erase").rejected == Secret("T1")
    assert ask(PLAIN + b"credential=T1\n", "erase").rejected == Secret("T1")
    assert ask(PLAIN + b"password=T1\n", "erase").rejected != Secret("T2")


@pytest.mark.parametrize("secret", [b"", b"password=\n", b"credential=\n", b"authtype=Bearer\n"])
def test_erase_without_a_token_forgets_nothing(secret: bytes) -> None:
    assert ask(PLAIN + secret, "erase").rejected is None


@pytest.mark.parametrize("stdin", [b"", b"\n", b"protocol=https\n", b"host=ica.example\n"])
def test_erase_without_a_whole_service_is_no_request(stdin: bytes) -> None:
    for secret in (b"", b"password=T1\n"):
        with pytest.raises(RequestError):
            ask(secret + stdin, "erase")


def test_get_never_carries_a_rejected_token() -> None:
    assert ask(PLAIN + b"password=T1\n").rejected is None


def test_git_wants_ten_seconds_and_no_more_unless_told() -> None:
    assert (ask(PLAIN).margin, ask(PLAIN).min_ttl) == (10, 0)
    assert ask(PLAIN, "get", "--min-ttl=90").min_ttl == 90


def test_options_stand_before_or_after_the_operation() -> None:
    for arguments in (
        ("--profile", "p", "get"),
        ("get", "--profile", "p"),
        ("--profile=p", "get"),
        ("-p", "p", "get"),
    ):
        assert ask(PLAIN, *arguments).profile == "p"
        assert git.reads(arguments) == "paragraph"


@pytest.mark.parametrize("arguments", [("get", "get"), ("store", "x"), (), ("--profile", "p")])
def test_one_operation_is_enough(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        git.parse(Call("credhelper", arguments, b"", {}))


def test_only_what_git_sends_attributes_with_is_read() -> None:
    for action in ("get", "store", "erase"):
        assert git.reads([action]) == "paragraph"
    for arguments in ([], ["capability"], ["list"], ["--bad", "get"], ["get", "get"], ["approve"]):
        assert git.reads(arguments) == "nothing"


@pytest.mark.parametrize(
    "word", ["list", "approve", "reject", "fill", "GET", "get ", "version", ""]
)
def test_an_operation_that_we_do_not_know_is_no_action_of_the_broker(word: str) -> None:
    assert ask(b"", word).action == "ignored"


@pytest.mark.parametrize(
    ("challenges", "bearer"),
    [
        ([], True),
        (["Bearer"], True),
        (["BEARER realm=x"], True),
        (["Basic realm=x"], False),
        (["Negotiate", "Digest realm=x"], False),
        (["Basic realm=x", "Bearer realm=y"], True),
        (["Basic realm=x,Bearer realm=y"], True),
        (["BearerX realm=y"], False),
        (["Basic realm=Bearer"], False),
    ],
)
def test_bearer_goes_only_where_it_is_asked_for(challenges: list[str], bearer: bool) -> None:
    lines = "capability[]=authtype\n" + "".join(f"wwwauth[]={text}\n" for text in challenges)
    keys = {
        line.partition(b"=")[0]
        for line in git.render(ask(lines.encode() + PLAIN), given()).stdout.split(b"\n")
    }
    assert (b"authtype" in keys) is bearer
    assert (b"password" in keys) is not bearer


def test_no_authtype_without_the_capability() -> None:
    reply = git.render(ask(b"wwwauth[]=Bearer\ncapability[]=state\n" + PLAIN), given())
    for key in (b"authtype", b"credential", b"capability", b"ephemeral"):
        assert key not in reply.stdout


@pytest.mark.parametrize(
    "bad", ["a\nhost=evil.test", "a\rb", "a\0b", "a\x1bb", "a\u2028b", "\ud800", ""]
)
@pytest.mark.parametrize("capability", [b"", b"capability[]=authtype\n"])
def test_a_token_that_is_not_one_line_is_never_written(bad: str, capability: bytes) -> None:
    with pytest.raises(CredhelperError) as caught:
        git.render(ask(capability + PLAIN), given(token=bad))
    assert "evil" not in str(caught.value)


def test_a_user_name_that_is_not_one_line_is_never_written() -> None:
    with pytest.raises(CredhelperError):
        git.render(ask(PLAIN), given(username="a\nquit=1"))
