"""Near misses: one change each to a case that both fronts answer.

With a plain change the front must answer whatever Python answers from its cache. With an odd one it
may leave that to Python, and with a strange one it must: what the front does not know could mean
anything.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tests.native.cases import BASES, HERE, LIFETIME, NOW, SERVICE, Case, Profile

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
    apply: Callable[[Case], object]


CHANGES: list[Change] = []


def _add(
    what: str,
    values: Iterable[object],
    apply: Callable[..., object],
    of: Iterable[str] = ALL,
    odd: bool = False,
    strange: bool = False,
) -> None:
    for value in values:
        shown = repr(value) if len(repr(value)) < 60 else f"{repr(value)[:50]}... ({len(repr(value))})"
        CHANGES.append(Change(f"{what} {shown}", of, odd or strange, strange, partial(_applied, apply, value)))


def _applied(apply: Callable[..., object], value: object, case: Case) -> None:
    apply(case, value)


# The command line.


def _words(case: Case, words: list[str]) -> None:
    case.words = [*case.words, *words]


def _words_first(case: Case, words: list[str]) -> None:
    at = 0 if case.program != "credhelper" else 1
    case.words = [*case.words[:at], *words, *case.words[at:]]


def _only_words(case: Case, words: list[str]) -> None:
    case.words = words


_PROFILES = [
    *(["--profile", "main"], ["--profile=main"], ["-p", "main"], ["--profile", "other"]),
    *(["--profile", "-h"], ["-p=main"], ["--profile="], ["--profile"], ["--profile", ""]),
    *(["-p", "main", "--profile", "main"], ["--profil", "main"], ["--", "x"], ["-"], ["--"]),
    *(["-h"], ["--help"], ["--nope"], ["--bearer"], ["--version"], ["get"], ["x"]),
]
_add("words behind", _PROFILES, _words)
_add("words before", _PROFILES, _words_first)
_add("words", [["--profile", "mäin"], ["--profile", "main\t"]], _words, odd=True)
LEFT = TOLD - int(NOW)
_SECONDS = [
    *("0", "60", "90s", "10m", "1h", "58m", "59m", "1d", "0d", "s", "m", "+5", "-5", " 5", "5 ", "٣"),
    *("1_0", "007", "1e3", "60S", "999999999", "1000000000", "315360000", "315360001", "3650d"),
    *("3651d", "87600h", "87601h", "99999999m", str(LEFT), str(LEFT - 1), str(LEFT + 1), "1.5", "3h"),
    *(str(END - int(NOW) + delta) for delta in (-1, 0, 1)),
]
_add("--min-ttl", _SECONDS, lambda case, value: _words(case, ["--min-ttl", value]))
_add("--refresh-before", _SECONDS, lambda case, value: _words(case, [f"--refresh-before={value}"]))
_add("--min-ttl twice", ["5"], lambda case, value: _words(case, ["--min-ttl", value] * 2))
_add("verb", [["store"], ["erase"], ["list"], ["capability"], ["Get"], []], _only_words, ("git", "docker"))


def _as_word(case: Case, name: str) -> None:
    case.program, case.words = "credhelper", [name, *case.words]


_add("by its first word", ["git"], _as_word, ("git",))
_add("by its first word", ["docker"], _as_word, ("docker",))
_add("by another first word", ["get", "token", "aws", "json", "status", "Git"], _as_word, ("git",))


def _program(case: Case, name: str) -> None:
    case.program = name


_add("program", ["git-credential-x", "git-credential-x-askpass"], _program, ("git",))
_add("program", ["docker-credential-x", "docker-credential-a-b"], _program, ("docker",))
_odd_names = ["git-credential-", "docker-credential-", "git-credential-x.exe", "GIT-credential-x", "x"]
_odd_names += ["docker-credential-x.EXE", "credhelper.exe", "credhelper-token-main", "x-askpass", "get"]
_add("program", _odd_names, _program, odd=True)
_add("command", [["get"], ["token"], []], _only_words, ASKING)


def _named(case: Case, service: str) -> None:
    case.words = [case.words[0], service]


HOSTS = [
    *("ica.example", "ICA.example", "ica.example:443", "ica.example:0443", "ica.example:0", "ica.example:"),
    *("ica.example:65535", "ica.example:65536", "ica.example:8443", "ica.example.", ".ica.example"),
    *("ica..example", "-ica.example", "ica-.example", "ica_x.example", "user@ica.example", "ica.example:x"),
    *("evil.test", "xica.example", "ica.example.evil.test", "127.0.0.1", "127.0.0.1:8080", "127.0.0.256"),
    *("127.0.0.01", "127.0.0", "127.1", "128.0.0.1", "localhost", "l" * 63 + ".x", "l" * 64 + ".x"),
    *(".".join(["a" * 62] * 4) + ".x", ".".join(["a" * 62] * 4) + ".xy", "ica%2eexample", "ica.example\\x"),
]
ODD_HOSTS = ["[::1]", "[::1]:8080", "icä.example", "ica.example:٤", "ＩＣＡ.example"]
PATHS = [
    *("", "/", "/team", "/team/", "/team/a", "/team/a/b", "/tea", "/teams", "//", "/team//a", "/./team"),
    *("/team/..", "/team/...", "/team/.a", "/v1", "/v1/", "/v2/", "/v2", "/v2/x", "/v3", "/V2", "/~x@y:z"),
    *("/a=b&c", "/a;b", "/" + "a" * 2030, "/" + "a" * 2040, "/" + "a/" * 500, "team", "/.", "/a/."),
]
# A URL cannot hold them; git sends them, and the program escapes them.
BLANKS = ["/a b", "/a?b", "/a#b", '/a"b', "/a\\b"]
ODD_PATHS = ["/%41", "/%2e", "/a%2fb", "/ä", "/team%"]
for scheme in ("https://", "", "http://", "HTTPS://", "ssh://", "://", "https:/", "https:"):
    _add(f"service {scheme}", HOSTS, lambda case, host, s=scheme: _named(case, s + host), ASKING, scheme[:1] in "H:")
    _add(f"service {scheme}", ODD_HOSTS, lambda case, host, s=scheme: _named(case, s + host), ASKING, odd=True)
_add("path", PATHS + BLANKS, lambda case, path: _named(case, SERVICE + path), ASKING)
_add("path", ODD_PATHS, lambda case, path: _named(case, SERVICE + path), ASKING, odd=True)
_add("service", ["", " ", "\n", "ica.example\n", "sparse+https://ica.example", "-"], _named, ASKING, odd=True)
_add("--service", [[SERVICE], ["https://evil.test"], [""]], lambda case, words: _only_words(case, [case.words[0], "--service", *words]), ASKING)
_add("--service too", [SERVICE], lambda case, service: _words(case, ["--service", service]), ASKING)
_add("--format", ["token", "header", "", "x", "Token"], lambda case, value: _words(case, ["--format", value]), ASKING)
_add("--format", ["json", "netrc", "curl", "env", "dotenv"], lambda case, value: _words(case, ["--format", value]), ASKING, odd=True)
_add("for people", ["create", "details", "refresh", "revoke", "localhost"], lambda case, value: _words(case, [value]), ("token",), odd=True)
_add("bearer", [["--bearer"], ["--bearer", "--bearer"], ["--bearer=x"], ["--bearer", SERVICE], ["--", "--bearer"]], _words, ("token",))

# What git and docker send.


def _attributes(case: Case, attributes: list[str]) -> None:
    case.attributes = attributes


def _attribute(case: Case, attribute: str) -> None:
    case.attributes = [*case.attributes, attribute]


def _attribute_first(case: Case, attribute: str) -> None:
    case.attributes = [attribute, *case.attributes]


def _host(case: Case, host: str) -> None:
    case.attributes = ["protocol=https", f"host={host}"]


_MORE = [
    *("username=ica-user", "username=main", "username=nobody", "username=", "username=me@example.org", "path=", "path"),
    *("host=evil.test", "host=ica.example", "protocol=http", "protocol=https", "url=", "password=x", "x=y=z", "x", "=x"),
    *("password=x\npassword=x", "password=x\npassword=y", "credential=a\ncredential=b", "path=a\npath=b", "capability"),
    *("capability[]=authtype", "capability[]=state", "capability[]=", "capability[]=authtype\ncapability[]="),
    *("capability[]=authtype\ncapability[]=state", "capability[]=authtypes", "wwwauth[]=Bearer", "[]=x", "ephemeral=1"),
    *("a[]=b", "username=a\nusername=a", "username=main\nusername=ica-user", "long=" + "x" * 50_000, "url", "host"),
]
_add("attribute", _MORE, _attribute, ("git",))
_add("attribute first", _MORE, _attribute_first, ("git",))
_add("attribute", ["url=https://ica.example", "a=\tb", "wwwauth[]=Basic\tx", "username=ä", "wwwauth[]=Bäsic"], _attribute, ("git",), odd=True)
_add("control byte", [*"\r\0\x01\x1f\x7f\x0b"], lambda case, byte: _attribute(case, f"x=a{byte}b"), ("git",))
_add("host", HOSTS, _host, ("git",))
_add("host", ODD_HOSTS, _host, ("git",), odd=True)
_add("path", PATHS, lambda case, path: _attribute(case, f"path={path[1:]}"), ("git",))
_add("path with its slash", PATHS, lambda case, path: _attribute(case, f"path={path}"), ("git",))
_add("path", ODD_PATHS, lambda case, path: _attribute(case, f"path={path[1:]}"), ("git",), odd=True)
_add("path", BLANKS, lambda case, path: _attribute(case, f"path={path}"), ("git",), odd=True)
_add("an empty line more", [""], _attribute, ("git",), odd=True)
_schemes = ["http", "ssh", "", "https:", "http s", "file", "httpss"]
_add("protocol", _schemes, lambda case, name: _attributes(case, [f"protocol={name}", "host=ica.example"]), ("git",))
_add("protocol", ["HTTPS", "Http"], lambda case, name: _attributes(case, [f"protocol={name}", "host=ica.example"]), ("git",), odd=True)
for host in ("127.0.0.1", "127.0.0.1:8080", "127.0.0.1:80", "localhost", "127.0.0.1:443"):
    _add("plain http", [host], lambda case, host: _attributes(case, ["protocol=http", f"host={host}"]), ("git",))
_challenges = [
    *("Bearer", "bearer realm=x", 'Basic realm="x"', "Basic a=b, Bearer x", "Basic x,  Bearer", "a,Bearer"),
    *("Bearer,", "Bearerx", "xBearer", "Basic Bearer", "", ", BEARER x", "Basic, bearer", "Negotiate"),
]
_add("challenge", _challenges, lambda case, text: case.attributes.extend(["capability[]=authtype", f"wwwauth[]={text}"]), ("git",))
_add("no capability, but", _challenges, lambda case, text: case.attributes.append(f"wwwauth[]={text}"), ("git",))
_add("after a Basic challenge", _challenges, lambda case, text: case.attributes.extend(["capability[]=authtype", "wwwauth[]=Basic x", f"wwwauth[]={text}"]), ("git",))


def _end(case: Case, end: bytes) -> None:
    case.end = end


def _raw(case: Case, raw: bytes) -> None:
    case.raw = raw


_add("end", [b"", b"\n", b"\n\n"], _end, ("git",))
_add("end", [b"\n\nmore", b"\n\n\n", b"\n\nhost=evil.test\n", b"\n\n\r", b"\r\n\r\n"], _end, ("git",), strange=True)
_add("stdin", [b"", b"\n", b"\n\n", b"protocol=https\n\nhost=ica.example\n\n", b"\nprotocol=https\nhost=ica.example\n\n"], _raw, ("git",), odd=True)
_add("stdin as", ["f", "s"], lambda case, how: setattr(case, "how", how), ("git", "docker"))
_add("stdin left open as", ["o", "S"], lambda case, how: setattr(case, "how", how), ("git",))
_servers = [*HOSTS, *(f"https://{host}" for host in HOSTS), *(f"http://{host}" for host in HOSTS), *(SERVICE + path for path in PATHS + BLANKS), *(f"ica.example{path}" for path in PATHS)]
_servers += ["", "ica.example\n", "ica.example \n", "ica.example\t", "ica.example\n\n", " ica.example", "ica .example", "https://", "a://b", "ica.example\r\n", "ica.example\0", "ica.example\nica.example", 'ica"example', "https://https://ica.example"]
_add("server", _servers, lambda case, server: setattr(case, "server", server.encode()), ("docker",))
_add("server", [*ODD_HOSTS, *(SERVICE + path for path in ODD_PATHS), "HTTPS://ica.example"], lambda case, server: setattr(case, "server", server.encode()), ("docker",), odd=True)
_add("server", [b"ica.example\xff", b"\xff"], lambda case, server: setattr(case, "server", server), ("docker",))

# Variables.


def _set(case: Case, pair: tuple[str, str | None]) -> None:
    case.environ[pair[0]] = pair[1]


def _grant(case: Case, value: tuple[str, str | None]) -> None:
    case.main.grant = value[0]
    if value[1] is not None:
        case.environ["KEY"] = value[1]


_add("variable", [
    *(("XDG_CACHE_HOME", "@/xc"), ("XDG_CACHE_HOME", "@/xc/"), ("XDG_CACHE_HOME", "rel"), ("XDG_CACHE_HOME", "")),
    *(("XDG_CONFIG_HOME", "@/xf"), ("XDG_CONFIG_HOME", "rel"), ("CREDHELPER_CACHE_DIR", "@/c"), ("CREDHELPER_CACHE_DIR", "@/c//")),
    *(("CREDHELPER_CACHE_DIR", "rel"), ("CREDHELPER_CACHE_DIR", ""), ("CREDHELPER_CONFIG", "@/f.toml"), ("CREDHELPER_CONFIG", "rel")),
    *(("CREDHELPER_PROFILE", "main"), ("CREDHELPER_PROFILE", "other"), ("CREDHELPER_PROFILE", ""), ("CREDHELPER_API_KEY", "x")),
    *(("CREDHELPER_STATE_DIR", "rel"), ("CREDHELPER_ASKING", "1"), ("CREDHELPER_RECORD", "main:x"), ("CREDHELPER_URL", "x")),
    *(("HOME", "@/home/"), ("CREDHELPER_TRACE", "1"), ("CREDHELPER_SOCKET", "/x"), ("KEY", "ä"), ("MISE_CREDENTIAL_HOST", "")),
], _set)
_add("variable", [
    *(("HOME", ""), ("HOME", "rel"), ("HOME", None), ("HOME", "@/höme"), ("CREDHELPER_CACHE_DIR", "/")),
    *(("XDG_CACHE_HOME", "@/ä"), ("CREDHELPER_PROFILE", "ä")),
], _set, odd=True)
_strange = ("CREDHELPER_TRACE", "CREDHELPER_SOCKET", "CREDHELPER_NEW", "CREDHELPER_", "CREDHELPER_COMPLETE")
_add("variable", [(name, value) for name in _strange for value in ("", "x")], _set, strange=True)

_add("variable", [(name, value) for name in ("CARGO_REGISTRY_INDEX_URL", "MISE_CREDENTIAL_HOST") for value in ("https://ica.example", "https://evil.test", "evil.test")], _set, ASKING, odd=True)
_add("set twice", ["HOME", "CREDHELPER_CACHE_DIR", "CREDHELPER_PROFILE"], lambda case, name: (case.environ.setdefault(name, "@/home"), case.twice.append(name)), strange=True)

_add("a relative folder", ["here"], lambda case, name: (_set(case, ("CREDHELPER_CACHE_DIR", name)), case.last.append(lambda places: shutil.copytree(places.cache, places.folder / name))))
_add("a profile called", ["-h", "--help"], lambda case, name: (case.profiles.append(Profile(name)), _words(case, ["--profile", name])))

_add("a grant that is set twice", ["key"], lambda case, value: (_grant(case, ("env:KEY", value)), case.twice.append("KEY")), strange=True)

# Profiles that share a service, and which one answers.


def _two(case: Case, services: list[str], default: str = "main") -> Profile:
    other = Profile("other", services, username="other-user", user="me@example.org")
    assert other.record is not None
    other.record["token"] = "eyJo.other.token"
    case.profiles.append(other)
    case.default = default
    return other


_add("two for one service, default", ["main", "other", "", "nobody"], lambda case, default: _two(case, [SERVICE], default))
for chosen in ("main", "other", "nobody", ""):
    _add("two, chosen and default", [(chosen, default) for default in ("main", "other", "")], lambda case, pair: (_two(case, [SERVICE], pair[1]), _set(case, ("CREDHELPER_PROFILE", pair[0]))))
    _add("two, asked for", [chosen], lambda case, name: (_two(case, [SERVICE], ""), _words(case, ["--profile", name])))
_add("two with one name, chosen and default", [("other", "main"), ("main", "other"), ("", "other"), ("other", "")], lambda case, pair: (_two(case, [SERVICE]), _two(case, [SERVICE], pair[1]), _set(case, ("CREDHELPER_PROFILE", pair[0]))))
_add("two, by user", ["other-user", "me@example.org", "other", "ica-user", "main", "x"], lambda case, name: (_two(case, [SERVICE]), _attribute(case, f"username={name}")), ("git",))
_add("two, three", ["main", "other"], lambda case, default: (_two(case, [SERVICE], default), case.profiles.append(Profile("main"))))
for path in ("/team", "/team/a", "/tea", "/team/ab"):
    _add("another for a path", [(path, asked) for asked in ("", "/team", "/team/a", "/team/a/b", "/tea", "/teams")], lambda case, pair: (_two(case, [SERVICE + pair[0]]), _attribute(case, f"path={pair[1][1:]}"), _named(case, SERVICE + pair[1]) if case.protocol in ASKING else None), ("git", *ASKING))


def _loop(case: Case, value: tuple[list[str], str]) -> None:
    case.main.services, asked = value
    if case.protocol == "git":
        scheme, _, host = asked.rpartition("://")
        _attributes(case, [f"protocol={scheme or 'https'}", f"host={host}"])
    elif case.protocol == "docker":
        case.server = asked.encode()
    else:
        _named(case, asked)


_loops = ["http://ica.example", "http://localhost", "http://128.0.0.1", "http://127.0.0.1.example", "https://-ica.example"]
_loops += ["https://ica-.example", f"https://{'l' * 64}.x", f"https://{'l' * 63}.x", "https://ica..example", "https://.x"]
_loops += ["http://127.0.0.1:5000", "http://127.0.0.1", "https://127.0.0.1:5000", "https://127.0.0.1", "https://a-b.c_d.example:8443"]
_add("services", [([service], asked) for service in _loops for asked in (service, service.partition("://")[2], service.replace("http:", "https:"), "127.0.0.1:80", "127.0.0.1:443")], _loop)
_many = [f"https://h{number:03}.example" for number in range(0, 120, 3)]
_add("of many services", [(_many, f"https://h{number:03}.example") for number in (0, 1, 3, 57, 60, 117, 118, 119)], _loop)
_add("of many profiles", [0, 1, 2, 7, 31, 90], lambda case, count: case.profiles.extend(Profile(f"p{number}", [f"https://n{number}.example"]) for number in range(count)))
_add("of many for one service", [2, 63, 64, 65, 70], lambda case, count: case.profiles.extend(Profile(f"p{number}") for number in range(count)))

# The route's other members.


def _main(name: str) -> Callable[[Case, object], None]:
    return lambda case, value: setattr(case.main, name, value)


_add("the route's min_ttl", [30, LEFT - 1, LEFT, LEFT + 1, 10**9], _main("min_ttl"))
_add("the route's refresh_before", [30, 1799, 1800, 5000, *(END - int(NOW) + delta for delta in (-1, 0, 1))], _main("refresh_before"))


def _aged(case: Case, left: int) -> None:
    _fields(case, {"expires": str(int(NOW) + left), "issued": str(int(NOW) - 3600)})


_add("an old token, the route's refresh_before", [999, 1000, 1001], lambda case, value: (_aged(case, 1000), setattr(case.main, "refresh_before", value)))
_add("an old token, --refresh-before", [999, 1000, 1001], lambda case, value: (_aged(case, 1000), _words(case, ["--refresh-before", str(value)])))
_add("the user name", ["x", "a b", "", "a=b"], _main("username"))
_add("the user name", ['a"b', "a\\b", "ü", "a\x7fb"], _main("username"), odd=True)
_add("more of the route", [b"\tproject=p", b"\turl_path=/v", b"\taws=x", b"\tservice=https://evil.test"], _main("more"))
_add("more of the route", [b"\tshare=redis", b"\tx=", b"\t=x"], _main("more"), strange=True)
_add("more of the route", [b"\tmin_ttl=5\tmin_ttl=6", b"\tkind=jwt", b"\tvariables=ICA", b"\tx", b"\t", b"\tx=\xff", b"\tservice=\xff", b"\tmin_ttl=+5", b"\tmin_ttl=x", b"\tprofile=other", b"\trecord=../x", b"\tgrant=keyring:x"], _main("more"), odd=True)


_add("grant", [("file:@/grant", None), ("file:@/none", None), ("file:@/home", None), ("env:KEY", None), ("env:KEY", ""), *(("env:KEY", "k" * size) for size in (1, 38, 39, 40, 47, 48, 55, 56, 63, 64, 103, 104, 111, 112, 1000, 4096))], _grant)
_add("grant", [("env:KEY", "a\nb"), ("env:KEY", "\x7f")], _grant)
_add("grant", [("env:KEY", "ä"), ("env:KEY", "k" * 4097), ("env:", None), ("file:", None), ("keyring:x", None), ("x", None)], _grant, odd=True)
_add("a child of exec is told", ["main:@-0123", "main:@-", "main:@", "other:@-0123", "main:@-../x", "main:x-0123", ":@-1"], lambda case, told: (_grant(case, ("env:KEY", None)), _set(case, ("CREDHELPER_RECORD", told.replace("@", case.main.record_name)))))
_add("another grant made it", ["1:2:3", "missing", "x"], lambda case, stamp: case.fields.update(grant=stamp))
_add("the grant's file has changed", [b"key2", b"kez"], lambda case, data: (_grant(case, ("file:@/grant", None)), case.last.append(lambda places: (places.folder / "grant").write_bytes(data))))

# The record.


def _fields(case: Case, changed: dict[str, str]) -> None:
    case.fields.update(changed)


def _around(name: str, moment: int, deltas: Iterable[int] = (-2, -1, 0, 1, 2)) -> list[dict[str, str]]:
    return [{name: str(moment + delta)} for delta in deltas]


_add("record", [
    *_around("expires", int(NOW) + 10, (-11, -10, -1, 0, 1, 2)),
    *_around("expires", int(NOW) + 320), *_around("expires", int(NOW) + 60), *_around("expires", int(NOW) + 20),
    *_around("issued", int(NOW) + 10), *_around("issued", int(NOW)), *_around("not_before", int(NOW)), *_around("not_before", int(NOW) + 10),
    *_around("due", int(NOW)), {"due": "1"}, {"due": str(END)}, {"due": ""}, {"due": "-5"}, {"host": "other"}, {"host": ""}, {"kind": "session"}, {"given": "1"},
    {"assumed": "1"}, {"skew": "-5"}, {"skew": "3529"}, {"skew": "3530"}, {"skew": "3531"}, {"skew": "-100"}, {"skew": "20"}, {"skew": "-20"},
    {"host": "other", "skew": "5000"}, {"host": "other", "skews": f"{HERE}:100:1"}, {"host": "other", "skews": f"a:1:2,{HERE}:3529:1,b:1:2"},
    {"host": "other", "skews": f"{HERE}:3530:1"}, {"host": "other", "skews": f"{HERE}:-70:1"}, {"skews": f"{HERE}:5000:1"},
    {"host": "other", "skews": f"{HERE}x:3600:1,{HERE}:1:1"}, {"host": "other", "skews": f"{HERE}:1:1,{HERE}:3600:1"},
    {"issued": str(int(NOW) - 10), "expires": str(int(NOW) + 10)}, {"issued": str(int(NOW) - 9), "expires": str(int(NOW) + 10)},
    {"issued": str(int(NOW) - 11), "expires": str(int(NOW) + 10)}, {"issued": str(int(NOW) - 20), "expires": str(int(NOW) + 1)},
    {"issued": str(int(NOW) - 50), "expires": str(int(NOW) + 50)}, {"issued": str(int(NOW) - 49), "expires": str(int(NOW) + 50)},
    {"issued": str(int(NOW) - 600), "expires": str(int(NOW) + 301)}, {"issued": str(int(NOW) - 299), "expires": str(int(NOW) + 300)},
    {"expires": "999999999999999"}, {"expires": str(int(NOW) - 100)}, {"issued": ""}, {"expires": ""}, {"profile": "x"}, {"grant": "-"},
    {"issued": str(int(NOW) + 5), "expires": str(int(NOW))}, {"issued": str(int(NOW) + 10), "expires": str(int(NOW))},
    {"issued": str(int(NOW) + 9), "expires": str(int(NOW) + 1)}, {"token": "t"}, {"token": "a b"}, {"token": "=" * 9}, {"token": "x" * 30_000},
], _fields)
_add("record", [
    {"token": ""}, {"token": 'a"b'}, {"token": "a\\b"}, {"token": "a\tb"}, {"token": "a\x7f"}, {"token": "tök"}, {"token": "x" * 65_000}, {"token": "x" * 70_000},
    *({name: text} for name in ("skew", "issued", "expires", "not_before", "due") for text in ("-", "-0", "+5", " 5", "1e9", "0" * 16, "9" * 16, "x", "0x1", "1.5")),
    {"host": "other", "skews": f"{HERE}:x:1"}, {"host": "other", "skews": f"{HERE}"}, {"host": "other", "skews": f"{HERE}:"}, {"rejected_at": "ä"},
], _fields, odd=True)
_add("record", [{"share": "x"}, {"x": ""}, {"": "x"}, {"Token": "x"}], _fields, strange=True)
_add("without", ["token", "grant", "host", "skew", "issued", "not_before", "expires", "due", "kind", "api"], lambda case, name: case.fields.pop(name))
for base in ("git", "docker", "get", "token"):
    margin = {"git": 10, "docker": 300, "get": 60, "token": 360}[base]
    _add("margin", [margin - 1, margin, margin + 1], lambda case, left: _fields(case, {"expires": str(int(NOW) + left), "issued": str(int(NOW) - 3600)}), (base,))
_add("the clock", [NOW + delta for delta in (0.25, -0.25, 60.5, *(LEFT + d for d in (-0.5, -1, 0, 0.5)), 1e9, -1e9, -70.0, -69.5, -70.5, -60.0)], lambda case, now: setattr(case, "now", now))
_add("the clock, --min-ttl", [(0.5, LEFT), (0.5, LEFT - 1), (-0.5, LEFT)], lambda case, pair: (setattr(case, "now", NOW + pair[0]), _words(case, ["--min-ttl", str(pair[1])])))
_add("the clock, half of a life", [0.25, 0.5, 0.75, 1.0], lambda case, more: (setattr(case, "now", NOW + more), _fields(case, {"issued": str(int(NOW) - 49), "expires": str(int(NOW) + 50)}), _words(case, ["--refresh-before", "90"])))
_add("no record", [None], lambda case, value: setattr(case.main, "record", value))

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
        _add(f"{_what}: {_name}", [0], _damaged(_what, _damage), odd=True)
_add("record: another digit of the sum", [0], _damaged("record", lambda data: data[:-2] + (b"0\n" if data[-2:-1] != b"0" else b"1\n")))
_add("record: a zero before the sum", [0], _damaged("record", lambda data: data.replace(b"end ", b"end 0")))
_add("record: another expiry, the old sum", [0], _damaged("record", lambda data: data.replace(b"expires=18", b"expires=19")))
_RESUMMED = {
    "another header": lambda data: data.replace(b"record 1", b"record 2", 1),
    "a field twice": lambda data: data.replace(b"skew=", b"token=other\nskew=", 1),
    "no equals sign": lambda data: data.replace(b"skew=", b"skew", 1),
    "an empty line": lambda data: data.replace(b"skew=", b"\nskew=", 1),
    "a control byte": lambda data: data.replace(b"skew=", b"x\x01=\nskew=", 1),
    "not ASCII": lambda data: data.replace(b"api=", b"api=\xff", 1),
    "no header": lambda data: data.partition(b"\n")[2],
}
for _name, _damage in _RESUMMED.items():
    _add(f"record, with its sum: {_name}", [0], _damaged("record", lambda data, damage=_damage: resummed(damage(data))), odd=True)
_ROUTES = {
    "no default": (b"default main", b"main"), "another salt": (b"salt 0", b"salt 1"), "odd salt": (b"salt 0", b"salt g"), "short salt": (b"salt 00", b"salt 0"),
    "salt in capitals": (b"aabb", b"AABB"), "no word salt": (b"salt ", b""), "sizes: plus": (b"sizes 1 ", b"sizes +1 "), "sizes: five": (b"sizes 1 ", b"sizes 1 1 "),
    "sizes: another count": (b"sizes 1 ", b"sizes 2 "), "offset: plus": (b"\t0\n", b"\t+0\n"), "offset: beyond": (b"\t0\n", b"\t999999\n"), "offset: another": (b"\t0\n", b"\t7\n"),
    "offset: none": (b"\t0\n", b"\t\n"), "offset: blank": (b"\t0\n", b"\t0 \n"), "format": (b"routes 8", b"routes 7"), "no profile": (b"profile=main", b"profil_=main"),
    "index names another": (b"s https://ica.example\t", b"s https://icb.example\t"), "route names another": (b"service=https://ica.example", b"service=https://icb.example"),
    "a tab": (b"username=", b"\tusername="), "index without a tab": (b"p main\t", b"p main "),
    "a byte before the config": (b"[profiles", b"x[profiles"),
}
for _name, (_old, _new) in _ROUTES.items():
    _add(f"routes: {_name}", [0], _damaged("routes", lambda data, old=_old, new=_new: data.replace(old, new)), odd=True)
_add("index", [b"ica"], lambda case, _: (case.damage.update(routes=lambda data: data.replace(b"s https://ica.example\t", b"s https://evi.example\t")), _loop(case, ([SERVICE], "https://evi.example"))))
_add("version", ["0.1.0.dev1", "0.1", "0.1.00", ""], lambda case, version: setattr(case, "version", version))
_add("compiled for another config at", ["/x", ""], lambda case, label: setattr(case, "compiled_label", label))
_add("compiled for another home", ["/x", ""], lambda case, home: setattr(case, "compiled_home", home))
_add("config", [b"", b"\n", b"\n\n", b"a\n\nb", b"\xff", b"#" * 60_000], lambda case, data: setattr(case, "config", data))
_add("config", [b"#" * 65_536, b"#" * 70_000, None], lambda case, data: setattr(case, "config", data), odd=True)
_add("compiled from", [b"", b"x", b'[profiles.main]\nurl = "https://aps2.platform.illumina.con"\n', b'[profiles.main]\nurl = "https://aps2.platform.illumina.com"\n\n', b'profiles.main]\nurl = "https://aps2.platform.illumina.com"\n'], lambda case, data: setattr(case, "compiled_from", data))
_add("default profile", ["", "main", "other", "nobody"], lambda case, name: setattr(case, "default", name))


def _mode(what: str) -> Callable[[Case, object], None]:
    return lambda case, mode: case.last.append(lambda places: os.chmod(getattr(places, what), mode))


MODES = [0o600, 0o400, 0o700, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o677]
for _what in ("routes", "record"):
    _add(f"mode of {_what}", MODES, _mode(_what))
_add("mode of config", [0o600, 0o644, 0o666, 0o606], _mode("config"))
_add("mode of the folder", [0o700, 0o500, 0o750, 0o705, 0o710, 0o701, 0o720, 0o702, 0o1700], _mode("cache"))


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
        _add(f"instead of {_what}", [_how], _instead(_what, _how))
