"""Near misses in variables, profiles and routes."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from tests.native.cases import NOW, SERVICE, Case, Profile
from tests.native.near import (
    ASKING,
    END,
    LEFT,
    add,
    aged,
    asked_for,
    attribute,
    named,
    two,
    variable,
    with_grant,
    with_words,
)

# Variables.


add(
    "variable",
    [
        *(
            ("XDG_CACHE_HOME", "@/xc"),
            ("XDG_CACHE_HOME", "@/xc/"),
            ("XDG_CACHE_HOME", "rel"),
            ("XDG_CACHE_HOME", ""),
        ),
        *(
            ("XDG_CONFIG_HOME", "@/xf"),
            ("XDG_CONFIG_HOME", "rel"),
            ("CREDHELPER_CACHE_DIR", "@/c"),
            ("CREDHELPER_CACHE_DIR", "@/c//"),
        ),
        *(
            ("CREDHELPER_CACHE_DIR", "rel"),
            ("CREDHELPER_CACHE_DIR", ""),
            ("CREDHELPER_CONFIG", "@/f.toml"),
            ("CREDHELPER_CONFIG", "rel"),
        ),
        *(
            ("CREDHELPER_PROFILE", "main"),
            ("CREDHELPER_PROFILE", "other"),
            ("CREDHELPER_PROFILE", ""),
            ("CREDHELPER_API_KEY", "x"),
        ),
        *(
            ("CREDHELPER_STATE_DIR", "rel"),
            ("CREDHELPER_ASKING", "1"),
            ("CREDHELPER_RECORD", "main:x"),
            ("CREDHELPER_URL", "x"),
        ),
        *(
            ("HOME", "@/home/"),
            ("CREDHELPER_TRACE", "1"),
            ("CREDHELPER_SOCKET", "/x"),
            ("KEY", "ä"),
            ("CREDHELPER_NATIVE", "1"),
            ("CREDHELPER_NATIVE", ""),
            ("MISE_CREDENTIAL_HOST", ""),
        ),
    ],
    variable,
)
add(
    "variable",
    [
        *(
            ("HOME", ""),
            ("HOME", "rel"),
            ("HOME", None),
            ("HOME", "@/höme"),
            ("CREDHELPER_CACHE_DIR", "/"),
        ),
        *(("XDG_CACHE_HOME", "@/ä"), ("CREDHELPER_PROFILE", "ä")),
    ],
    variable,
    odd=True,
)
_strange = (
    "CREDHELPER_TRACE",
    "CREDHELPER_SOCKET",
    "CREDHELPER_NEW",
    "CREDHELPER_",
    "CREDHELPER_COMPLETE",
)
add("variable", [(name, value) for name in _strange for value in ("", "x")], variable, strange=True)

add(
    "variable",
    [
        (name, value)
        for name in ("CARGO_REGISTRY_INDEX_URL", "MISE_CREDENTIAL_HOST")
        for value in ("https://ica.example", "https://evil.test", "evil.test")
    ],
    variable,
    ASKING,
    odd=True,
)
add(
    "set twice",
    ["HOME", "CREDHELPER_CACHE_DIR", "CREDHELPER_PROFILE"],
    lambda case, name: (case.environ.setdefault(name, "@/home"), case.twice.append(name)),
    strange=True,
)

add(
    "a relative folder",
    ["here"],
    lambda case, name: (
        variable(case, ("CREDHELPER_CACHE_DIR", name)),
        case.last.append(lambda places: shutil.copytree(places.cache, places.folder / name)),
    ),
)
add(
    "a profile called",
    ["-h", "--help"],
    lambda case, name: (case.profiles.append(Profile(name)), with_words(case, ["--profile", name])),
)

add(
    "a grant that is set twice",
    ["key"],
    lambda case, value: (with_grant(case, ("env:KEY", value)), case.twice.append("KEY")),
    strange=True,
)

# Profiles that share a service, and which one answers.


add(
    "two for one service, default",
    ["main", "other", "", "nobody"],
    lambda case, default: two(case, [SERVICE], default),
)
for chosen in ("main", "other", "nobody", ""):
    add(
        "two, chosen and default",
        [(chosen, default) for default in ("main", "other", "")],
        lambda case, pair: (
            two(case, [SERVICE], pair[1]),
            variable(case, ("CREDHELPER_PROFILE", pair[0])),
        ),
    )
    add(
        "two, asked for",
        [chosen],
        lambda case, name: (two(case, [SERVICE], ""), with_words(case, ["--profile", name])),
    )
add(
    "two with one name, chosen and default",
    [("other", "main"), ("main", "other"), ("", "other"), ("other", "")],
    lambda case, pair: (
        two(case, [SERVICE]),
        two(case, [SERVICE], pair[1]),
        variable(case, ("CREDHELPER_PROFILE", pair[0])),
    ),
)
add(
    "two, by user",
    ["other-user", "me@example.org", "other", "ica-user", "main", "x"],
    lambda case, name: (two(case, [SERVICE]), attribute(case, f"username={name}")),
    ("git",),
)
add(
    "two, three",
    ["main", "other"],
    lambda case, default: (two(case, [SERVICE], default), case.profiles.append(Profile("main"))),
)
for path in ("/team", "/team/a", "/tea", "/team/ab"):
    add(
        "another for a path",
        [(path, asked) for asked in ("", "/team", "/team/a", "/team/a/b", "/tea", "/teams")],
        lambda case, pair: (
            two(case, [SERVICE + pair[0]]),
            attribute(case, f"path={pair[1][1:]}"),
            named(case, SERVICE + pair[1]) if case.protocol in ASKING else None,
        ),
        ("git", *ASKING),
    )


_loops = [
    "http://ica.example",
    "http://localhost",
    "http://128.0.0.1",
    "http://127.0.0.1.example",
    "https://-ica.example",
]
_loops += [
    "https://ica-.example",
    f"https://{'l' * 64}.x",
    f"https://{'l' * 63}.x",
    "https://ica..example",
    "https://.x",
]
_loops += [
    "http://127.0.0.1:5000",
    "http://127.0.0.1",
    "https://127.0.0.1:5000",
    "https://127.0.0.1",
    "https://a-b.c_d.example:8443",
]
add(
    "services",
    [
        ([service], asked)
        for service in _loops
        for asked in (
            service,
            service.partition("://")[2],
            service.replace("http:", "https:"),
            "127.0.0.1:80",
            "127.0.0.1:443",
        )
    ],
    asked_for,
)
_many = [f"https://h{number:03}.example" for number in range(0, 120, 3)]
add(
    "of many services",
    [(_many, f"https://h{number:03}.example") for number in (0, 1, 3, 57, 60, 117, 118, 119)],
    asked_for,
)
add(
    "of many profiles",
    [0, 1, 2, 7, 31, 90],
    lambda case, count: case.profiles.extend(
        Profile(f"p{number}", [f"https://n{number}.example"]) for number in range(count)
    ),
)
add(
    "of many for one service",
    [2, 63, 64, 65, 70],
    lambda case, count: case.profiles.extend(Profile(f"p{number}") for number in range(count)),
)

# The route's other members.


def _main(name: str) -> Callable[[Case, object], None]:
    return lambda case, value: setattr(case.main, name, value)


add("the route's min_ttl", [30, LEFT - 1, LEFT, LEFT + 1, 10**9], _main("min_ttl"))
add(
    "the route's refresh_before",
    [30, 1799, 1800, 5000, *(END - int(NOW) + delta for delta in (-1, 0, 1))],
    _main("refresh_before"),
)


add(
    "an old token, the route's refresh_before",
    [999, 1000, 1001],
    lambda case, value: (aged(case, 1000), setattr(case.main, "refresh_before", value)),
)
add(
    "an old token, --refresh-before",
    [999, 1000, 1001],
    lambda case, value: (aged(case, 1000), with_words(case, ["--refresh-before", str(value)])),
)
add("the user name", ["x", "a b", "", "a=b"], _main("username"))
add("the user name", ['a"b', "a\\b", "ü", "a\x7fb"], _main("username"), odd=True)
add(
    "more of the route",
    [b"\tproject=p", b"\turl_path=/v", b"\taws=x", b"\tservice=https://evil.test"],
    _main("more"),
)
add("more of the route", [b"\tshare=redis", b"\tx=", b"\t=x"], _main("more"), strange=True)
add(
    "more of the route",
    [
        b"\tmin_ttl=5\tmin_ttl=6",
        b"\tkind=jwt",
        b"\tvariables=ICA",
        b"\tx",
        b"\t",
        b"\tx=\xff",
        b"\tservice=\xff",
        b"\tmin_ttl=+5",
        b"\tmin_ttl=x",
        b"\tprofile=other",
        b"\trecord=../x",
        b"\tgrant=keyring:x",
    ],
    _main("more"),
    odd=True,
)


add(
    "grant",
    [
        ("file:@/grant", None),
        ("file:@/none", None),
        ("file:@/home", None),
        ("env:KEY", None),
        ("env:KEY", ""),
        *(
            ("env:KEY", "k" * size)
            for size in (1, 38, 39, 40, 47, 48, 55, 56, 63, 64, 103, 104, 111, 112, 1000, 4096)
        ),
    ],
    with_grant,
)
add("grant", [("env:KEY", "a\nb"), ("env:KEY", "\x7f")], with_grant)
add(
    "grant",
    [
        ("env:KEY", "ä"),
        ("env:KEY", "k" * 4097),
        ("env:", None),
        ("file:", None),
        ("keyring:x", None),
        ("x", None),
    ],
    with_grant,
    odd=True,
)
add(
    "a child of exec is told",
    ["main:@-0123", "main:@-", "main:@", "other:@-0123", "main:@-../x", "main:x-0123", ":@-1"],
    lambda case, told: (
        with_grant(case, ("env:KEY", None)),
        variable(case, ("CREDHELPER_RECORD", told.replace("@", case.main.record_name))),
    ),
)
add(
    "another grant made it",
    ["1:2:3", "missing", "x"],
    lambda case, stamp: case.fields.update(grant=stamp),
)
add(
    "the grant's file has changed",
    [b"key2", b"kez"],
    lambda case, data: (
        with_grant(case, ("file:@/grant", None)),
        case.last.append(lambda places: (places.folder / "grant").write_bytes(data)),
    ),
)
