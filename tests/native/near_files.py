"""Near misses in records, and in what lies on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial

from tests.native.cases import HERE, NOW, SERVICE, Case
from tests.native.near import END, LEFT, add, asked_for, with_fields, with_words

# The record.


def _around(
    name: str, moment: int, deltas: Iterable[int] = (-2, -1, 0, 1, 2)
) -> list[dict[str, str]]:
    return [{name: str(moment + delta)} for delta in deltas]


add(
    "record",
    [
        *_around("expires", int(NOW) + 10, (-11, -10, -1, 0, 1, 2)),
        *_around("expires", int(NOW) + 320),
        *_around("expires", int(NOW) + 60),
        *_around("expires", int(NOW) + 20),
        *_around("issued", int(NOW) + 10),
        *_around("issued", int(NOW)),
        *_around("not_before", int(NOW)),
        *_around("not_before", int(NOW) + 10),
        *_around("due", int(NOW)),
        {"due": "1"},
        {"due": str(END)},
        {"due": ""},
        {"due": "-5"},
        {"host": "other"},
        {"host": ""},
        {"kind": "session"},
        {"given": "1"},
        {"assumed": "1"},
        {"skew": "-5"},
        {"skew": "3529"},
        {"skew": "3530"},
        {"skew": "3531"},
        {"skew": "-100"},
        {"skew": "20"},
        {"skew": "-20"},
        {"host": "other", "skew": "5000"},
        {"host": "other", "skews": f"{HERE}:100:1"},
        {"host": "other", "skews": f"a:1:2,{HERE}:3529:1,b:1:2"},
        {"host": "other", "skews": f"{HERE}:3530:1"},
        {"host": "other", "skews": f"{HERE}:-70:1"},
        {"skews": f"{HERE}:5000:1"},
        {"host": "other", "skews": f"{HERE}x:3600:1,{HERE}:1:1"},
        {"host": "other", "skews": f"{HERE}:1:1,{HERE}:3600:1"},
        {"issued": str(int(NOW) - 10), "expires": str(int(NOW) + 10)},
        {"issued": str(int(NOW) - 9), "expires": str(int(NOW) + 10)},
        {"issued": str(int(NOW) - 11), "expires": str(int(NOW) + 10)},
        {"issued": str(int(NOW) - 20), "expires": str(int(NOW) + 1)},
        {"issued": str(int(NOW) - 50), "expires": str(int(NOW) + 50)},
        {"issued": str(int(NOW) - 49), "expires": str(int(NOW) + 50)},
        {"issued": str(int(NOW) - 600), "expires": str(int(NOW) + 301)},
        {"issued": str(int(NOW) - 299), "expires": str(int(NOW) + 300)},
        {"expires": "999999999999999"},
        {"expires": str(int(NOW) - 100)},
        {"issued": ""},
        {"expires": ""},
        {"profile": "x"},
        {"grant": "-"},
        {"issued": str(int(NOW) + 5), "expires": str(int(NOW))},
        {"issued": str(int(NOW) + 10), "expires": str(int(NOW))},
        {"issued": str(int(NOW) + 9), "expires": str(int(NOW) + 1)},
        {"token": "t"},
        {"token": "a b"},
        {"token": "=" * 9},
        {"token": "x" * 30_000},
    ],
    with_fields,
)
add(
    "record",
    [
        {"token": ""},
        {"token": 'a"b'},
        {"token": "a\\b"},
        {"token": "a\tb"},
        {"token": "a\x7f"},
        {"token": "tök"},
        {"token": "x" * 65_000},
        {"token": "x" * 70_000},
        *(
            {name: text}
            for name in ("skew", "issued", "expires", "not_before", "due")
            for text in ("-", "-0", "+5", " 5", "1e9", "0" * 16, "9" * 16, "x", "0x1", "1.5")
        ),
        {"host": "other", "skews": f"{HERE}:x:1"},
        {"host": "other", "skews": f"{HERE}"},
        {"host": "other", "skews": f"{HERE}:"},
        {"rejected_at": "ä"},
    ],
    with_fields,
    odd=True,
)
add("record", [{"share": "x"}, {"x": ""}, {"": "x"}, {"Token": "x"}], with_fields, strange=True)
add(
    "without",
    ["token", "grant", "host", "skew", "issued", "not_before", "expires", "due", "kind", "api"],
    lambda case, name: case.fields.pop(name),
)
for base in ("git", "docker", "get", "token"):
    margin = {"git": 10, "docker": 300, "get": 60, "token": 360}[base]
    add(
        "margin",
        [margin - 1, margin, margin + 1],
        lambda case, left: with_fields(
            case, {"expires": str(int(NOW) + left), "issued": str(int(NOW) - 3600)}
        ),
        (base,),
    )
add(
    "the clock",
    [
        NOW + delta
        for delta in (
            0.25,
            -0.25,
            60.5,
            *(LEFT + d for d in (-0.5, -1, 0, 0.5)),
            1e9,
            -1e9,
            -70.0,
            -69.5,
            -70.5,
            -60.0,
        )
    ],
    lambda case, now: setattr(case, "now", now),
)
add(
    "the clock, --min-ttl",
    [(0.5, LEFT), (0.5, LEFT - 1), (-0.5, LEFT)],
    lambda case, pair: (
        setattr(case, "now", NOW + pair[0]),
        with_words(case, ["--min-ttl", str(pair[1])]),
    ),
)
add(
    "the clock, half of a life",
    [0.25, 0.5, 0.75, 1.0],
    lambda case, more: (
        setattr(case, "now", NOW + more),
        with_fields(case, {"issued": str(int(NOW) - 49), "expires": str(int(NOW) + 50)}),
        with_words(case, ["--refresh-before", "90"]),
    ),
)
add("no record", [None], lambda case, value: setattr(case.main, "record", value))

# Bytes of files, and who may read them.


def _damaged(what: str, damage: Callable[[bytes], bytes]) -> Callable[[Case, object], None]:
    return lambda case, _: case.damage.update({what: damage})


def _lines(data: bytes, change: Callable[[list[bytes]], object]) -> bytes:
    lines = data.split(b"\n")
    change(lines)
    return b"\n".join(lines)


def resummed(data: bytes) -> bytes:
    """Return the bytes of a record with the right check sum behind them."""
    from credhelper.core import record as records

    body = data[: data.rfind(b"\n", 0, -1) + 1]
    return body + records.end(body)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut by one": lambda data: data[:-1],
    "one more": lambda data: data + b"\n",
    "empty": lambda data: b"",
    "first line": lambda data: b"x" + data,
    "half": lambda data: data[: len(data) // 2],
    "a bit": lambda data: data.replace(b"ica", b"icb", 1),
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "a line twice": lambda data: _lines(data, lambda lines: lines.insert(2, lines[2])),
    "a line less": lambda data: _lines(data, lambda lines: lines.pop(2)),
    "an empty line": lambda data: _lines(data, lambda lines: lines.insert(3, b"")),
    "upper case": lambda data: data.upper(),
}
for _what in ("routes", "record"):
    for _name, _damage in DAMAGES.items():
        add(f"{_what}: {_name}", [0], _damaged(_what, _damage), odd=True)
add(
    "record: another digit of the sum",
    [0],
    _damaged("record", lambda data: data[:-2] + (b"0\n" if data[-2:-1] != b"0" else b"1\n")),
)
add(
    "record: a zero before the sum",
    [0],
    _damaged("record", lambda data: data.replace(b"end ", b"end 0")),
)
add(
    "record: another expiry, the old sum",
    [0],
    _damaged("record", lambda data: data.replace(b"expires=18", b"expires=19")),
)


def _with_sum(damage: Callable[[bytes], bytes], data: bytes) -> bytes:
    return resummed(damage(data))


def _replaced(old: bytes, new: bytes, data: bytes) -> bytes:
    return data.replace(old, new)


_RESUMMED: dict[str, Callable[[bytes], bytes]] = {
    "another header": lambda data: data.replace(b"record 1", b"record 2", 1),
    "a field twice": lambda data: data.replace(b"skew=", b"token=other\nskew=", 1),
    "no equals sign": lambda data: data.replace(b"skew=", b"skew", 1),
    "an empty line": lambda data: data.replace(b"skew=", b"\nskew=", 1),
    "a control byte": lambda data: data.replace(b"skew=", b"x\x01=\nskew=", 1),
    "not ASCII": lambda data: data.replace(b"api=", b"api=\xff", 1),
    "no header": lambda data: data.partition(b"\n")[2],
}
for _name, _damage in _RESUMMED.items():
    add(
        f"record, with its sum: {_name}",
        [0],
        _damaged("record", partial(_with_sum, _damage)),
        odd=True,
    )
_ROUTES = {
    "no default": (b"default main", b"main"),
    "another salt": (b"salt 0", b"salt 1"),
    "odd salt": (b"salt 0", b"salt g"),
    "short salt": (b"salt 00", b"salt 0"),
    "salt in capitals": (b"aabb", b"AABB"),
    "no word salt": (b"salt ", b""),
    "sizes: plus": (b"sizes 1 ", b"sizes +1 "),
    "sizes: five": (b"sizes 1 ", b"sizes 1 1 "),
    "sizes: another count": (b"sizes 1 ", b"sizes 2 "),
    "offset: another": (b"\t0\n", b"\t7\n"),
    "format": (b"routes 8", b"routes 7"),
    "no profile": (b"profile=main", b"profil_=main"),
    "index names another": (b"s https://ica.example\t", b"s https://icb.example\t"),
    "route names another": (b"service=https://ica.example", b"service=https://icb.example"),
    "index without a tab": (b"p main\t", b"p main "),
    "a byte before the config": (b"[profiles", b"x[profiles"),
}
for _name, (_old, _new) in _ROUTES.items():
    add(
        f"routes: {_name}",
        [0],
        _damaged("routes", partial(_replaced, _old, _new)),
        odd=True,
    )
add(
    "index",
    [b"ica"],
    lambda case, _: (
        case.damage.update(
            routes=lambda data: data.replace(b"s https://ica.example\t", b"s https://evi.example\t")
        ),
        asked_for(case, ([SERVICE], "https://evi.example")),
    ),
)
add(
    "index of profiles",
    ["pain"],
    lambda case, name: (
        case.damage.update(routes=lambda data: data.replace(b"p main\t", b"p pain\t")),
        with_words(case, ["--profile", name]),
    ),
    ("token",),
)
add(
    "version",
    ["0.1.0.dev1", "0.1", "0.1.00", ""],
    lambda case, version: setattr(case, "version", version),
)
add(
    "compiled for another config at",
    ["/x", ""],
    lambda case, label: setattr(case, "compiled_label", label),
)
add(
    "compiled for another home", ["/x", ""], lambda case, home: setattr(case, "compiled_home", home)
)
add(
    "config",
    [b"", b"\n", b"\n\n", b"a\n\nb", b"\xff", b"#" * 60_000],
    lambda case, data: setattr(case, "config", data),
)
add(
    "config",
    [b"#" * 65_536, b"#" * 70_000, None],
    lambda case, data: setattr(case, "config", data),
    odd=True,
)
add(
    "compiled from",
    [
        b"",
        b"x",
        b'[profiles.main]\nurl = "https://aps2.platform.illumina.con"\n',
        b'[profiles.main]\nurl = "https://aps2.platform.illumina.com"\n\n',
        b'profiles.main]\nurl = "https://aps2.platform.illumina.com"\n',
    ],
    lambda case, data: setattr(case, "compiled_from", data),
)
add(
    "default profile",
    ["", "main", "other", "nobody"],
    lambda case, name: setattr(case, "default", name),
)


def _mode(what: str) -> Callable[[Case, int], None]:
    return lambda case, mode: case.last.append(lambda places: os.chmod(getattr(places, what), mode))


MODES = [0o600, 0o400, 0o700, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o677]
for _what in ("routes", "record"):
    add(f"mode of {_what}", MODES, _mode(_what))
add("mode of config", [0o600, 0o644, 0o666, 0o606], _mode("config"))
add(
    "mode of the folder",
    [0o700, 0o500, 0o750, 0o705, 0o710, 0o701, 0o720, 0o702, 0o1700],
    _mode("cache"),
)


def _instead(what: str, how: str) -> Callable[[Case, object], None]:
    def change(places: object) -> None:
        path = getattr(places, what)
        kept = path.with_name("kept")
        path.rename(kept)
        if how == "link":
            path.symlink_to(kept)
        elif how == "folder":
            path.mkdir()
        elif how == "fifo":
            os.mkfifo(path, 0o600)
        elif how == "other owner":
            kept.rename(path)
            if os.geteuid() == 0:
                os.chown(path, 65534, 0)

    return lambda case, _: case.last.append(change)


for _what in ("routes", "record", "config", "cache"):
    for _how in ("link", "folder", "fifo", "none", "other owner"):
        # Without a config, an empty one may be meant.
        odd = (_what, _how) == ("config", "none")
        add(f"instead of {_what}", [_how], _instead(_what, _how), odd=odd)
