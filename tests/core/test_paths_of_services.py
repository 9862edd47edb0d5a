"""A path that some server reads as another one covers nothing, and is covered by no path."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credhelper.core import service
from credhelper.errors import RequestError

BELOW = "https://ica.example/team"
# Ways out of a path, each by what some server makes of it.
OUT = [
    # parameters, which servlet containers cut off
    *("..;", "..;x=1", ".;", ";", ";x", "x;", "x;jsessionid=1", "..%3b", "%2e%2e;", "..%3B"),
    # an overlong dot, slash, backslash and NUL, in two bytes, three and four
    *("%c0%ae%c0%ae", "%c0%2e", "..%c0%af", "..%c1%9c", "%c0%80", "%e0%80%ae%e0%80%ae"),
    *("..%e0%80%af", "%f0%80%80%ae%f0%80%80%ae", "%C0%AE", "%c0.%c0.", "..%c0%5c"),
    # bytes of no UTF-8
    *("%ff", "%80", "%fe%80", "%ed%a0%80", "%f4%90%80%80", "%e9", "x%c3", "%c3x", "%c3%28"),
    # escaped twice, thrice, and as IIS writes it
    *("%252e%252e", "..%252f", "%25252e", "%25%32%65", "..%255c", "%u002e%u002e", "..%u2215"),
    # letters that another normal form makes a dot, a slash, a percent sign or a semicolon of
    *("%e2%80%a4%e2%80%a4", "%EF%BC%8E%EF%BC%8E", "..%EF%BC%8F", "..%e2%88%95", "..%ef%bc%bc"),
    *("%ef%bc%852e", "..%cd%be", "%e2%80%a5", "%ef%b8%b0", "%ef%b9%92%ef%b9%92"),
    # what is not seen
    *("..%e2%80%8b", ".%c2%ad.", "..%c2%a0", "%ef%bb%bf..", "..%c2%85", "..%e2%80%ae"),
    # what Windows drops at the end of a name
    *("...", "..%20", "%20..", ".%20.", "....", "%20", "..%20.", "%20%20"),
]


@pytest.mark.parametrize("segment", OUT)
@pytest.mark.parametrize("after", ["", "/", "/other"])
def test_a_segment_that_some_server_reads_as_another_is_refused(segment: str, after: str) -> None:
    url = f"{BELOW}/{segment}{after}"
    with pytest.raises(RequestError):
        service.parse(url)
    assert service.receiver(url).prefixes() == ["https://ica.example"]


def test_no_letter_whose_normal_form_holds_a_trap_is_taken() -> None:
    traps = set("/\\.%;")
    for number in range(128, 0x110000):
        char = chr(number)
        if traps.intersection(unicodedata.normalize("NFKC", char)):
            with pytest.raises(RequestError):
                service.parse(f"{BELOW}/{quote(char)}x")


@pytest.mark.parametrize(
    "path",
    ["/é", "/a b", "/日本", "/ß!", "/x.y", "/.git", "/a..b", "/..x", "/x..", "/a%20b", "/ñ@2"],
)
def test_plain_names_of_any_language_are_taken(path: str) -> None:
    escaped = quote(path, safe="/!@%")
    assert service.parse(f"https://ica.example{escaped}").path == escaped


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=6))
def test_what_is_taken_decodes_to_itself_alone(data: bytes) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in data)
    try:
        parsed = service.parse(f"{BELOW}/{escaped}")
    except RequestError:
        return
    text = data.decode("utf-8")
    assert text.isprintable()
    assert set(unicodedata.normalize("NFKC", text)).isdisjoint("/\\.%;")
    assert parsed.path == f"/team/{escaped}"
