"""Near misses: one change each to a case that both fronts answer.

With a plain change the front must answer whatever Python answers from its cache. With an odd one it
may leave that to Python, and with a strange one it must: what the front does not know could mean
anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from tests.native.cases import BASES, LIFETIME, NOW, Case, Profile

ALL = tuple(BASES)
ASKING = ("get", "token")  # they name a service on the command line, or none
END = int(NOW) - 60 + LIFETIME  # when the token expires
TOLD = END - 10  # what callers are told


@dataclass
class Change:
    """One change. Parameters: `name`; `of`, the protocols it is for; `odd`, `strange`; `apply`."""

    name: str
    of: Iterable[str]
    odd: bool
    strange: bool
    # Some hold 100 kB, and hypothesis writes down what it draws.
    apply: Callable[[Case], object] = field(repr=False)


LEFT = TOLD - int(NOW)
HOSTS = [
    *(
        "ica.example",
        "ICA.example",
        "ica.example:443",
        "ica.example:0443",
        "ica.example:0",
        "ica.example:",
    ),
    *("ica.example:65535", "ica.example:65536", "ica.example:8443", "ica.example.", ".ica.example"),
    *(
        "ica..example",
        "-ica.example",
        "ica-.example",
        "ica_x.example",
        "user@ica.example",
        "ica.example:x",
    ),
    *(
        "evil.test",
        "xica.example",
        "ica.example.evil.test",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.0.0.256",
    ),
    *("127.0.0.01", "127.0.0", "127.1", "128.0.0.1", "localhost", "l" * 63 + ".x", "l" * 64 + ".x"),
    *(
        ".".join(["a" * 62] * 4) + ".x",
        ".".join(["a" * 62] * 4) + ".xy",
        "ica%2eexample",
        "ica.example\\x",
    ),
]
ODD_HOSTS = ["[::1]", "[::1]:8080", "icä.example", "ica.example:٤", "\uff29\uff23\uff21.example"]
PATHS = [
    *(
        "",
        "/",
        "/team",
        "/team/",
        "/team/a",
        "/team/a/b",
        "/tea",
        "/teams",
        "//",
        "/team//a",
        "/./team",
    ),
    *(
        "/team/..",
        "/team/...",
        "/team/.a",
        "/v1",
        "/v1/",
        "/v2/",
        "/v2",
        "/v2/x",
        "/v3",
        "/V2",
        "/~x@y:z",
    ),
    *("/a=b&c", "/a;b", "/" + "a" * 2030, "/" + "a" * 2040, "/" + "a/" * 500, "team", "/.", "/a/."),
]
# A URL cannot hold them; git sends them, and the program escapes them.
BLANKS = ["/a b", "/a?b", "/a#b", '/a"b', "/a\\b"]
ODD_PATHS = ["/%41", "/%2e", "/a%2fb", "/ä", "/team%"]

CHANGES: list[Change] = []


def add(
    what: str,
    values: Iterable[object],
    apply: Callable[..., object],
    of: Iterable[str] = ALL,
    odd: bool = False,
    strange: bool = False,
) -> None:
    """Add a change for each of the values."""
    for value in values:
        shown = (
            repr(value) if len(repr(value)) < 60 else f"{repr(value)[:50]}... ({len(repr(value))})"
        )
        CHANGES.append(
            Change(f"{what} {shown}", of, odd or strange, strange, partial(_applied, apply, value))
        )


def _applied(apply: Callable[..., object], value: object, case: Case) -> None:
    apply(case, value)


def with_words(case: Case, words: list[str]) -> None:
    """Put words behind the others."""
    case.words = [*case.words, *words]


def words_first(case: Case, words: list[str]) -> None:
    """Put words before the others."""
    at = 0 if case.program != "credhelper" else 1
    case.words = [*case.words[:at], *words, *case.words[at:]]


def only_words(case: Case, words: list[str]) -> None:
    """Replace the words."""
    case.words = words


def as_word(case: Case, name: str) -> None:
    """Call it by its first word."""
    case.program, case.words = "credhelper", [name, *case.words]


def called(case: Case, name: str) -> None:
    """Call it by another name."""
    case.program = name


def named(case: Case, service: str) -> None:
    """Name a service on the command line."""
    case.words = [case.words[0], service]


def attributes(case: Case, attributes: list[str]) -> None:
    """Replace the attributes."""
    case.attributes = attributes


def attribute(case: Case, attribute: str) -> None:
    """Send one attribute more."""
    case.attributes = [*case.attributes, attribute]


def attribute_first(case: Case, attribute: str) -> None:
    """Send one attribute before the others."""
    case.attributes = [attribute, *case.attributes]


def host_of_git(case: Case, host: str) -> None:
    """Ask for another host."""
    case.attributes = ["protocol=https", f"host={host}"]


def with_end(case: Case, end: bytes) -> None:
    """End the request in another way."""
    case.end = end


def with_raw(case: Case, raw: bytes) -> None:
    """Send these bytes."""
    case.raw = raw


def variable(case: Case, pair: tuple[str, str | None]) -> None:
    """Set a variable, or take it away."""
    case.environ[pair[0]] = pair[1]


def with_grant(case: Case, value: tuple[str, str | None]) -> None:
    """Give the profile a grant, and a variable KEY if there is a value."""
    case.main.grant = value[0]
    if value[1] is not None:
        case.environ["KEY"] = value[1]


def two(case: Case, services: list[str], default: str = "main") -> Profile:
    """Add a profile `other`, and return it."""
    other = Profile("other", services, username="other-user", user="me@example.org")
    assert other.record is not None
    other.record["token"] = "eyJo.other.token"
    case.profiles.append(other)
    case.default = default
    return other


def asked_for(case: Case, value: tuple[list[str], str]) -> None:
    """Let the profile have some services, and ask for one."""
    case.main.services, asked = value
    if case.protocol == "git":
        scheme, _, host = asked.rpartition("://")
        attributes(case, [f"protocol={scheme or 'https'}", f"host={host}"])
    elif case.protocol == "docker":
        case.server = asked.encode()
    else:
        named(case, asked)


def aged(case: Case, left: int) -> None:
    """Let the token be an hour old."""
    with_fields(case, {"expires": str(int(NOW) + left), "issued": str(int(NOW) - 3600)})


def with_fields(case: Case, changed: dict[str, str]) -> None:
    """Change fields of the record."""
    case.fields.update(changed)
