"""Near misses at the edges: a damaged index, `due` beside a margin, the longest request."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.native.cases import NOW, Case
from tests.native.near import (
    LEFT,
    add,
    aged,
    asked_for,
    attribute,
    variable,
    with_end,
    with_fields,
    with_grant,
    with_words,
)

Parts = Callable[[bytes, bytes], tuple[bytes, bytes]]
MOST_REQUEST = 61440


def resized(data: bytes, change: Parts) -> bytes:
    """Return a routes file whose index and lines are changed, with the right sizes before them."""
    head, _, rest = data.partition(b"\n\n")
    head, _, sizes = head.rpartition(b"sizes ")
    count, index, lines, check = map(int, sizes.split(b" "))
    parts = change(rest[:index], rest[index : index + lines])
    told = b"sizes %d %d %d %d\n\n" % (count, len(parts[0]), len(parts[1]), check)
    return b"".join([head, told, *parts, rest[index + lines :]])


def _index(old: bytes, new: bytes) -> Parts:
    return lambda index, lines: (index.replace(old, new), lines)


def _lines(old: bytes, new: bytes) -> Parts:
    return lambda index, lines: (index, lines.replace(old, new))


# What the writer never writes. Where Python answers all the same, the front may leave it to Python.
RESIZED: dict[str, Parts] = {
    "offset: a blank behind": _index(b"\t0\n", b"\t0 \n"),
    "offset: two blanks": _index(b"\t0\n", b"\t0  0\n"),
    "offset: a blank before": _index(b"\t0\n", b"\t 0\n"),
    "offset: none": _index(b"\t0\n", b"\t\n"),
    "offset: plus": _index(b"\t0\n", b"\t+0\n"),
    "offset: minus": _index(b"\t0\n", b"\t-1\n"),
    "offset: zeros": _index(b"\t0\n", b"\t00\n"),
    "offset: beyond": _index(b"\t0\n", b"\t999999\n"),
    "offset: huge": _index(b"\t0\n", b"\t18446744073709551616\n"),
    "the second offset is no number": _index(b"\t0\n", b"\t0 x\n"),
    "the second offset is beyond": _index(b"\t0\n", b"\t0 999999\n"),
    "the second offset is within a line": _index(b"\t0\n", b"\t0 3\n"),
    "an offset twice": _index(b"\t0\n", b"\t0 0\n"),
    "no index": lambda index, lines: (b"", lines),
    "no lines": lambda index, lines: (index, b""),
    "the index without its end": lambda index, lines: (index[:-1], lines),
    "the lines without their end": lambda index, lines: (index, lines[:-1]),
    "an empty line before the index": lambda index, lines: (b"\n" + index, lines),
    "an empty line behind the index": lambda index, lines: (index + b"\n", lines),
    "an empty line before the lines": lambda index, lines: (index, b"\n" + lines),
    "another line in the index": _index(b"s https", b"q\ns https"),
    "the index twice": lambda index, lines: (index + index, lines),
    "the index turned round": lambda index, lines: (
        b"".join(index.splitlines(keepends=True)[::-1]),
        lines,
    ),
    "CRLF in the index": _index(b"\n", b"\r\n"),
    "CRLF in the lines": _lines(b"\n", b"\r\n"),
    "an empty pair": _lines(b"\tusername", b"\t\tusername"),
    "a pair without its sign": _lines(b"kind=jwt", b"kind"),
    "a NUL": _lines(b"username=", b"username=\0"),
    "an escape": _lines(b"username=", b"username=\x1b"),
    "the profile twice": _lines(b"profile=main", b"profile=main\tprofile=main"),
    "no profile": _lines(b"profile=main\t", b""),
    "no record": lambda index, lines: (index, re.sub(rb"\trecord=[0-9a-f]+", b"", lines)),
    "a record elsewhere": _lines(b"record=", b"record=./"),
    "a long line": lambda index, lines: (
        index,
        lines[:-1] + b"\tservice=https://x/" + b"a" * 100_000 + b"\n",
    ),
}


def _damaged(change: Parts) -> Callable[[Case, object], None]:
    return lambda case, _: case.damage.update(routes=lambda data: resized(data, change))


def _replaced(old: bytes, new: bytes) -> Callable[[Case, object], None]:
    return lambda case, _: case.damage.update(routes=lambda data: data.replace(old, new, 1))


for _name, _change in RESIZED.items():
    add(f"routes, with their sizes: {_name}", [0], _damaged(_change), odd=True)


# A moment between the margin and `due`, or `due` within the margin.


def _due(left: int) -> Callable[[Case, int], None]:
    def change(case: Case, due: int) -> None:
        aged(case, left)
        with_fields(case, {"due": str(int(NOW) + due)})

    return change


for _left in (30, 59, 60, 61, 299, 300, 301, 359, 360, 361):
    add(f"{_left} s left, due", [-1, 0, 1, _left - 1, _left, _left + 1, 10**6], _due(_left))


# Of two variables with one name, the last has a record as well.


def _twice(case: Case, value: str) -> None:
    with_grant(case, ("env:KEY", value))
    case.twice.append("KEY")


add("a grant that is set twice, to one value", ["/other"], _twice, strange=True)

# A variable that the program never reads.
add("variable", [("CREDHELPER_NATIVE", value) for value in ("1", "0", "")], variable)


# The longest request that is looked at.


def _long(how: str, last: str) -> Callable[[Case, int], None]:
    def change(case: Case, size: int) -> None:
        case.how = how
        attribute(case, f"x={'y' * (size - len(case.stdin) - len(last) - 4)}")
        attribute(case, last)
        assert len(case.stdin) == size

    return change


for _how in "fps":
    for _last in ("x=y", "host=evil.test"):
        add(
            f"stdin as {_how} that ends in {_last}, of a length",
            [MOST_REQUEST + delta for delta in (-2, -1, 0, 1, 9)],
            _long(_how, _last),
            ("git",),
            odd=True,
        )


# What does not fit into a buffer: nothing of it may be used.

add(
    "a long user name",
    [60_000, 163_000, 163_730, 163_840, 170_000],
    lambda case, size: setattr(case.main, "username", "u" * size),
    odd=True,
)
add(
    "a long --profile",
    [4080, 4090, 4096, 5000],
    lambda case, size: with_words(case, ["--profile", "p" * size]),
    odd=True,
)
add(
    "a long path of the grant",
    [4000, 4094, 4095, 4096, 5000],
    lambda case, size: with_grant(case, ("file:/" + "g/" * (size // 2), None)),
    odd=True,
)


def _elsewhere(case: Case, home: str) -> None:
    for name in ("CACHE_DIR", "CONFIG"):
        variable(case, (f"CREDHELPER_{name}", f"@/{name}"))
    variable(case, ("HOME", home))


_homes = ["/" + "h" * size for size in (4000, 12_000, 12_290, 13_000)]
add("HOME, which is only compared,", [*_homes, "/a\nb", "/a\tb", "/\x7f"], _elsewhere, odd=True)

# git's url beside its host, and the shortest values.
add(
    "attribute",
    [
        "url=https://evil.test",
        "url=https://ica.example/path",
        "url=http://ica.example",
        "url=https://user@ica.example",
        "url=x",
        "username=m",
        "path=a",
    ],
    attribute,
    ("git",),
    odd=True,
)
add(
    "a short challenge",
    ["x", ",", " ", "=", "Bearer "],
    lambda case, text: case.attributes.extend(["capability[]=authtype", f"wwwauth[]={text}"]),
    ("git",),
)


# What was not asked at its own edge.

for _delta in (-2, -1, 0, 1, 2):
    for _skew in (-7, 7):
        add(
            f"valid from {_delta} s from now, for a clock that differs by {_skew} s",
            [str(int(NOW) + _delta + _skew)],
            lambda case, moment, skew=_skew: with_fields(
                case, {"not_before": moment, "skew": str(skew)}
            ),
        )
add(
    "--min-ttl",
    [*(f"{LEFT + delta}s" for delta in (-1, 0, 1)), "000000001", "0000000001", "000003530s"],
    lambda case, text: with_words(case, ["--min-ttl", text]),
)
add(
    "variable",
    [
        ("CREDHELPER_CONFIG", "@/f/"),
        ("CREDHELPER_CONFIG", "@/f//"),
        ("XDG_CONFIG_HOME", "@/xf/"),
        ("XDG_CONFIG_HOME", "@/xf//"),
        ("XDG_CACHE_HOME", "@/xc//"),
    ],
    variable,
)
add(
    "variable",
    [("CREDHELPER_CONFIG", "@/a\nb"), ("CREDHELPER_CONFIG", "@/a\tb")],
    variable,
    odd=True,
)
add(
    "variable",
    [(f"CREDHELPER_{name}", "x") for name in ("API", "SERVICES", "RUNTIME_DIR")],
    variable,
)
add(
    "services",
    [
        ([f"https://ica.example:{port}"], f"https://ica.example:{port}")
        for port in ("0", "1", "80", "442", "444", "65535", "65536")
    ],
    asked_for,
)
add(
    "an odd service that a profile names",
    [
        ([f"https://{host}"], f"https://{host}")
        for host in (
            "a@ica.example",
            "ica%2eexample",
            "ica.example\\x",
            "ica+x.example",
            "-x.y",
            "*.y",
        )
    ],
    asked_for,
    odd=True,
)
add("a service that is a word", [(["https://localhost"], "localhost")], asked_for, ("get",))
add(
    "a word for people, which is a service as well,",
    [([f"https://{word}"], word) for word in ("create", "details", "refresh", "revoke")],
    asked_for,
    ("token",),
    strange=True,
)
for _old, _new in ((b"\ndefault ", b"\ndefaulx "), (b"\nsizes ", b"\nsizex "), (b"\n\n", b"\n\t")):
    add(f"routes: {_new!r}", [0], _replaced(_old, _new), odd=True)


# What is not whole yet: more may come.


def _open(case: Case, how: str) -> None:
    case.how = how
    if case.protocol == "git":
        with_end(case, b"\n")


add("not ended, stdin as", ["o"], _open, ("git",), strange=True)
add("not ended, stdin as", ["S"], _open, ("docker",), strange=True)


# A child of `exec` that is told the record of another profile, of the same length.


def _told(case: Case, begin: str) -> None:
    with_grant(case, ("env:KEY", None))
    variable(case, ("CREDHELPER_RECORD", f"main:{begin * 32}-0123"))


add("a child of exec is told of another record", ["f", "0"], _told)
