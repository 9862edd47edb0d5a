"""Services: one spelling, one origin, and no way from one to another."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from credhelper.core import service
from credhelper.errors import RequestError, UnknownServiceError

PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@/%[]")
OURS = "https://ica.example"
# Text that looks like parts of a URL comes nearer to the corners than arbitrary text does.
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "https",
                "http",
                "HTTPS",
                "://",
                ":",
                "/",
                "//",
                "\\",
                "@",
                "?",
                "#",
                "%",
                ".",
                ",",
                "-",
            ),
            *(
                "ica.example",
                "ICA.example",
                "ica",
                "example",
                "evil.test",
                "443",
                "0443",
                "8443",
                "٤",
            ),
            *(
                "[",
                "]",
                "::1",
                "127.0.0.1",
                "localhost",
                " ",
                "\t",
                "\n",
                "\r",
                "\0",
                "\x1b",
                "%2f",
            ),
            *("%2e", "%00", "..", "user", "\u202e", "\u3002", "\u0130", "\u212a", "\ud800", "xn--"),
        ]
    ),
    max_size=8,
).map("".join)
TEXT = st.one_of(PIECES, st.text(max_size=40), st.text(max_size=20).map(lambda end: OURS + end))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://ica.example", "https://ica.example"),
        ("HTTPS://ICA.Example:443/", "https://ica.example"),
        ("ica.example", "https://ica.example"),
        ("ica.example:8443/a/b/", "https://ica.example:8443/a/b"),
        ("ica.example:80", "https://ica.example:80"),
        ("https://ica.example/Case/Kept", "https://ica.example/Case/Kept"),
        ("https://ica.example/a%20b/@x:y", "https://ica.example/a%20b/@x:y"),
        ("my_host", "https://my_host"),
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.255.0.7:80/x", "http://127.255.0.7/x"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ("https://ica.example:65535", "https://ica.example:65535"),
    ],
)
def test_a_service_has_one_normal_form(text: str, normal: str) -> None:
    parsed = service.parse(text)
    assert str(parsed) == normal
    assert parsed == service.parse(normal)
    assert hash(parsed) == hash(service.parse(normal))
    assert parsed.prefixes()[0] == normal
    assert repr(parsed) == f"Service('{normal}')"


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "://", "https://", "https:///x", "//ica.example", "https:ica.example", ":443"),
        *(
            "ica.example.",
            ".ica.example",
            "ica..example",
            "ica.example:",
            "ica.example:0",
            "-ica.example",
        ),
        *(
            "ica.example:0443",
            "ica.example:+1",
            "ica.example:65536",
            "ica.example:1_0",
            "ica-.example",
        ),
        *(
            "ica.example:99999999999",
            "ica.example:\u0664\u0664\u0663",
            "ica.example:1:2",
            "ica,example",
        ),
        *(
            "user@ica.example",
            "user:pw@ica.example",
            "@ica.example",
            "ica.example@",
            "ica.example\\x",
        ),
        *("ica.example?x", "ica.example#x", "ica.example/?x", "ica.example/#x", "ica.example/\\x"),
        *(
            "ica.example/..",
            "ica.example/.",
            "ica.example/a/../b",
            "ica.example//",
            "ica.example//a",
        ),
        *(
            "ica.example/a//b",
            "ica.example/a//",
            "ica.example/%2e",
            "ica.example/%2E%2e",
            "ica.example/%2f",
        ),
        *(
            "ica.example/%5c",
            "ica.example/%00",
            "ica.example/%0A",
            "ica.example/%1b",
            "ica.example/%7F",
        ),
        *(
            "ica.example/%25",
            "ica.example/%",
            "ica.example/%2",
            "ica.example/%g0",
            "ica.example/%+1",
        ),
        *(
            "ica.example/%\u0661\u0661",
            "ica.example/a b",
            "ica.example/<x>",
            'ica.example/"',
            "ica.example/|",
        ),
        *(
            " ica.example",
            "ica.example ",
            "ica\t.example",
            "ica\n.example",
            "ica.example\0",
            "ica.example/\x7f",
        ),
        *(
            "\u0456ca.example",
            "ica\u3002example",
            "ica.examp\u217ce",
            "\u212aelvin.example",
            "\ud800",
        ),
        *(
            "http://ica.example",
            "http://localhost",
            "http://127.1",
            "http://2130706433",
            "http://0x7f.0.0.1",
        ),
        *("http://127.0.0.01", "http://127.0.0.256", "http://127.0.0.1.evil.test", "http://[::2]"),
        *(
            "http://[::ffff:127.0.0.1]",
            "http://[0:0:0:0:0:0:0:1]",
            "http://0.0.0.0",
            "http://128.0.0.1",
        ),
        *(
            "ftp://ica.example",
            "file:///etc/passwd",
            "javascript://ica.example",
            "h\u0442tps://ica.example",
        ),
        *(
            "[::1",
            "::1",
            "[::1]x",
            "[::1]443",
            "[::1]:",
            "[g::1]",
            "[]",
            "[1]",
            "[::1%25eth0]",
            "[[::1]]",
        ),
        *(
            "a" * 64 + ".example",
            ".".join(["a" * 60] * 5),
            "ica.example/" + "a/" * 1100,
            "x" * 3000,
        ),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        service.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:canary@ica.example",
        "https://canary@ica.example:8443/x",
        "https://user:canary@ica.example /x",
        "https://user:can@ary@ica.example",
        "https://user:canary\n@ica.example",
        "https://ica.example?sig=canary",
        "https://ica.example/x?sig=canary",
        "https://ica.example/x#canary",
        "https://ica.example/ ?sig=canary",
        "ftp://u:canary@ica.example",
        "u:canary@x://ica.example",
        "https://ica.example/canary@x/..?y",
    ],
)
def test_a_password_in_a_url_is_in_no_message(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        service.parse(text)
    assert "canary" not in caught.value.message + (caught.value.hint or "")


@given(TEXT)
def test_messages_are_one_short_printable_line(text: str) -> None:
    try:
        service.parse(text * 50)
    except RequestError as error:
        for line in (error.message, error.hint or "x"):
            assert line.isprintable()
            assert len(line) < 1200


def test_prefixes_go_up_to_the_origin_on_slashes() -> None:
    assert service.parse("https://ica.example:8443/a/bc/d").prefixes() == [
        "https://ica.example:8443/a/bc/d",
        "https://ica.example:8443/a/bc",
        "https://ica.example:8443/a",
        "https://ica.example:8443",
    ]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("http://127.0.0.1:8080", None),
        ("localhost:8080", None),
        ("ica.example", None),
        ("127.0.0.1.evil.test", None),
    ],
)
def test_only_a_literal_loopback_address_is_ever_on_plain_http(
    text: str, plain: str | None
) -> None:
    found = service.parse(text).on_plain_http()
    assert (found and str(found)) == plain
    assert found is None or found.on_plain_http() is None


@pytest.mark.parametrize("path", ["/ab", "/A", "/a.", "/a%20", "/b/a", ""])
def test_a_path_covers_itself_and_what_is_below_it_only(path: str) -> None:
    assert f"{OURS}/a" not in service.parse(OURS + path).prefixes()


def test_a_service_is_no_string() -> None:
    assert service.parse(OURS) != OURS
    assert service.parse(OURS) != service.parse(OURS + "/x")


@given(TEXT)
def test_a_parsed_service_is_plain_and_stays_what_it_is(text: str) -> None:
    try:
        parsed = service.parse(text)
    except RequestError:
        return
    normal = str(parsed)
    assert set(normal) <= PLAIN
    assert str(service.parse(normal)) == normal
    assert str(service.build(parsed.scheme, parsed.netloc, parsed.path)) == normal
    assert parsed.scheme == "https" or service.is_loopback(parsed.host)
    assert 0 < parsed.port < 65536
    assert len(normal) < 2100


@given(TEXT)
def test_no_other_host_is_ever_covered_by_ours(host: str) -> None:
    same = host.lower() if host.isascii() else host
    assume(same not in ("ica.example", "ica.example:443"))
    try:
        parsed = service.build("https", host)
    except RequestError:
        return
    assert OURS not in parsed.prefixes()
    assert not any(prefix.startswith(f"{OURS}/") for prefix in parsed.prefixes())


@given(TEXT)
def test_what_is_covered_by_ours_says_so_in_plain_letters(text: str) -> None:
    try:
        parsed = service.parse(text)
    except RequestError:
        return
    if OURS in parsed.prefixes():
        rest = text.lower().removeprefix("https://").removeprefix("ica.example")
        assert rest.removeprefix(":443")[:1] in ("", "/")


@given(st.text(max_size=30))
def test_a_path_never_changes_the_origin(path: str) -> None:
    try:
        parsed = service.build("https", "ica.example", path)
    except RequestError:
        return
    assert parsed.origin == OURS
    assert parsed.prefixes()[-1] == OURS


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://ica.example", "https://ica.example"),
        ("HTTPS://ICA.example:443/a/b/?c=d#e", "https://ica.example/a/b"),
        ("https://ica.example?go-get=1", "https://ica.example"),
        ("https://ica.example/a?x=https://evil.test/@\\", "https://ica.example/a"),
        ("https://ica.example/a#@evil.test/", "https://ica.example/a"),
        ("https://ica.example/a//b", "https://ica.example"),
        ("https://ica.example/a/../b", "https://ica.example"),
        ("https://ica.example/@scope%2fname", "https://ica.example"),
        ("https://ica.example/\\@evil.test", "https://ica.example"),
        ("https://ica.example/a|b/é", "https://ica.example"),
        ("https://ica.example/" + "a/" * 2000, "https://ica.example"),
        ("https://ica.example/a?" + "b" * 5000, "https://ica.example/a"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://[::1]/", "http://[::1]"),
    ],
)
def test_who_receives_a_request_is_told_by_the_plain_parts_of_its_url(
    url: str, receiver: str
) -> None:
    assert str(service.receiver(url)) == receiver


@pytest.mark.parametrize(
    "url",
    [
        *("", "ica.example", "//ica.example", "https:ica.example", "https://", "https:///x"),
        *("https://u@ica.example/", "https://u:pw@ica.example", "https://ica.example@evil.test/"),
        *("https://ica.example\\@evil.test/", "https://ica.example\\.evil.test/", "https://?x"),
        *(
            "https://ica.example%2f@evil.test/",
            "https://@ica.example/",
            "https://ica.example:0443/",
        ),
        *("https://ica.example\t.evil.test/", "https://ica.example/\n", "https://ica.example/ x"),
        *(
            "https://ica.example./",
            "https://ica..example/",
            "https://\u0131ca.example/",
            "\nhttps://x",
        ),
        *("https://ica.example/\u202e", "https://ica.example/\x1b", "https://ica.example:\u0664/"),
    ],
)
def test_a_url_with_an_odd_host_has_no_receiver(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        service.receiver(url)
    assert "pw" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        *("http://ica.example/", "http://localhost:8080", "http://127.0.0.1.evil.test/"),
        *("ftp://ica.example", "file:///etc/passwd", "grpc://ica.example", "ssh://git@ica.example"),
        *("sparse+https://ica.example", "://ica.example", "unix://x"),
    ],
)
def test_what_no_profile_can_name_is_unknown(url: str) -> None:
    with pytest.raises(UnknownServiceError):
        service.receiver(url)


@given(TEXT)
def test_a_receiver_is_on_the_host_that_the_url_says_in_plain_letters(text: str) -> None:
    try:
        found = service.receiver(text)
    except (RequestError, UnknownServiceError):
        return
    assert set(str(found)) <= PLAIN
    assert found.scheme == "https" or service.is_loopback(found.host)
    after = text.lower().partition("://")[2]
    assert after.startswith(found.host)
    assert after[len(found.host) :][:1] in ("", "/", "?", "#", ":")
    assert service.parse(str(found)) == found


def test_each_prefix_is_a_service_of_its_own() -> None:
    parsed = service.parse("http://127.0.0.1:8080/a/b")
    assert [str(parsed.upto(prefix)) for prefix in parsed.prefixes()] == parsed.prefixes()
    assert parsed.upto("http://127.0.0.1:8080/a") == service.parse("http://127.0.0.1:8080/a")
