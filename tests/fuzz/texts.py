"""Targets for what we wrote, or what a user wrote: config, routes, records, services, JSON."""

from __future__ import annotations

import json
import tomllib
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from credhelper.cli import plugins_settings, v1_tools, yaml_settings
from credhelper.config import fleet, grant, parse, splice
from credhelper.config.table import Mistake
from credhelper.core import lookup, record, routes, service, strict_json
from credhelper.core.model import Request
from credhelper.errors import ConfigError, CredhelperError, RequestError
from credhelper.storage import failure_record
from tests.fuzz.known_routes import ROUTES
from tests.fuzz.target import Target, text_of

_PATH = "/home/ann/.config/credhelper/config.toml"
_ENVIRON = {"HOME": "/home/ann", "KEY": "k"}
_STAMP = "1:2:3"
_NOW = 1_800_000_000


def targets() -> Iterator[Target]:
    """Yield the targets of this module."""
    configs = [each.encode() for each in _CONFIGS]
    yield Target("config", _config, configs, _CONFIG_WORDS)
    yield Target("config-change", _change, configs, _CONFIG_WORDS)
    yield Target("service", _service, _SERVICES, b"https:// // @ :443 %2f [::1] . a/../b".split())
    yield Target("record", _record, _RECORDS, b"token= skews= issued= expires= : end".split())
    yield Target("routes", _routes, [ROUTES.body()], [b"service=", b"\t", b"profile=", b"\n"])
    yield Target("json", _json, _DOCUMENTS, b'{ } [ ] " \\u null 1e9 : , NaN \\ud800'.split())
    yield Target("grant", _grant, _GRANTS, [b"\n", b"\0", b"\r", b"\xef\xbb\xbf"])
    yield Target("fleet-address", _address, _ADDRESSES, b":// @ [::1] , ? :1 # %2f".split())
    yield Target("import-yaml", _yaml, [b"a: b\nc: !!binary x\n"], [b": ", b"&a", b"<<", b"*a"])
    yield Target("import-plugins", _plugins, [b"[profile a]\nb = c\n"], b"[ = ] default".split())
    yield Target("import-lazy", _lazy, [b'{"p":{"s":"e30.e30.e30"}}'], b'"mem" { . e30'.split())
    yield Target("failure", _failure, _FAILURES, b"class= ConfigError retry_after= until=".split())


# --- config ---------------------------------------------------------------------------------------

_CONFIGS = [
    "",
    'default_profile = "a"\n[profiles.a]\nurl = "https://i.example"\ngrant = { env = "KEY" }\n'
    'services = ["https://ica.example", "https://b.example:8443/x"]\n',
    "[profiles.'a b']\ngrant.file = \"~/key\" # c\nmin_ttl = 60\nscopes = [\n 'x', # why\n]\n",
    '[profiles]\nw = { grant = { command = ["pass", "x"] }, services = [], api = "ica" }\n',
    '[fleet]\nstore = "redis://h.example/1"\nkey = { env = "K" }\n[profiles.a]\nshare = "token"\n'
    'grant = { keyring = ["s", "u"] }\naws = { folder = "fol.1", read_only = true }\r\n',
]
_CONFIG_WORDS = b'[profiles. [[ grant services =[ { } """ default_profile url https:// aws'.split()


def _config(data: bytes) -> None:
    try:
        found = parse.parse(data, _PATH, _ENVIRON)
    except ConfigError as error:
        assert error.message.startswith(_PATH)
        assert "\n" not in error.message
        return
    written = data.decode().lower()
    for profile in found.profiles.values():
        assert profile.url.startswith(("https://", "http://"))
        for one in profile.services:
            assert service.parse(str(one)) == one
            # Escapes of TOML may spell it, and nothing else.
            assert one.host.strip("[]") in written or "\\" in written or ":" in one.host


def _change(data: bytes) -> None:
    """Hold that a key that is put in and taken out leaves every byte as it was."""
    text = text_of(data)
    if text is None:
        return
    try:
        before = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    tables = before.get("profiles")
    for name in tables if isinstance(tables, dict) else ():
        place = ("profiles", name, "domain")
        if not isinstance(tables, dict) or not isinstance(tables[name], dict):
            continue
        if "domain" in tables[name]:
            continue
        try:
            after = splice.added(text, place, "x y")
        except ValueError:
            continue
        wanted: Any = {**before, "profiles": {**tables, name: {**tables[name], "domain": "x y"}}}
        try:
            if tomllib.loads(after) != wanted:
                continue  # `edit` sees that, and refuses
        except ValueError:
            continue
        assert splice.removed(after, place) == text, "taking it back does not give the bytes back"


# --- services -------------------------------------------------------------------------------------

_SERVICES = [
    *(
        b"https://ica.example",
        b"ica.example",
        b"https://ICA.example:443/a/../b",
        b"http://[::1]:80",
    ),
    *(b"https://u@ica.example/", b"https://ica.example/a%20b/c", b"http://127.0.0.1:8080/x"),
]


def _service(data: bytes) -> None:
    text = text_of(data)
    if text is None:
        return
    try:
        found = service.parse(text)
    except CredhelperError:
        return
    again = service.parse(str(found))
    assert again == found
    assert str(again) == str(found)
    assert found.scheme == "https" or service.is_loopback(found.host)
    # What another parser makes of the same text.
    try:
        others = urllib.parse.urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        assert found.host[0] == "["  # brackets around what is no address: no profile can name it
        return
    assert others.username is None
    assert (others.hostname or "").lower() == found.host.strip("[]")
    assert (others.port or found.port) == found.port


# --- records and routes ---------------------------------------------------------------------------

_FIELDS = {
    "profile": "main",
    "kind": "jwt",
    "grant": _STAMP,
    "host": "h",
    "skew": "0",
    "token": "t",
    "issued": "1799999000",
    "expires": "1800009000",
}
_RECORDS = [
    record.encode(told)
    for told in (_FIELDS, {**_FIELDS, "skews": "a:1:1799999000,b:-9:1"}, {**_FIELDS, "due": "1"})
]


def _record(data: bytes) -> None:
    body = data[: data.rfind(b"\n", 0, -1) + 1]
    for whole in (data, body + record.end(body)):
        fields = record.decode(whole)
        if fields is None:
            continue
        held = record.held_in(fields, _STAMP, "h")
        for margin in (0, 60, 10**6):
            state = record.judge(held, _NOW, margin=margin, min_ttl=0)
            assert state in ("fresh", "stale", "expired")
            assert held is not None or state == "expired"
        if held is not None:
            token = held.token()
            record.fields_of(token, profile="p", grant="", host="a", before=fields)


def _routes(data: bytes) -> None:
    """Take the data as the body of a routes file: what a disk may have made of it."""
    head = routes.encode(ROUTES, "c", "/h", "1", b"").removesuffix(ROUTES.body())
    found = routes.decode(head + data + b"source", "c", "/h", "1", b"source")
    if found is None:
        return
    for asked in ("https://ica.example", "https://git.example/team/x", "https://evil.test"):
        request = Request("get", service=service.parse(asked))
        # These are what a warm answer takes for a damaged file.
        with suppress(ValueError, LookupError):
            matched = lookup.match(found, request, None)
            if matched is not None:
                named = request.service.prefixes() if request.service else []
                assert set(named) & set(matched[0].services), "a token for a host that none names"


def _failure(data: bytes) -> None:
    fields = record.decode(data + record.end(data))
    if fields:
        assert isinstance(failure_record.revive(fields), CredhelperError)
        failure_record.counts(fields, _NOW, _NOW - 5)


_FAILURES = [
    f"{record.HEADER}\nclass={name}\nmessage=no\nstatus=401\nuntil=1\n".encode()
    for name in ("RejectedError", "LoginRequiredError", "SystemExit")
]

# --- JSON -----------------------------------------------------------------------------------------

_DOCUMENTS = [b'{"a":"b","c":{"d":null}}', b'{ "a" : [1, -2.5e3, "\\u00e9"] }\n', b"[]"]


def _json(data: bytes) -> None:
    try:
        found = strict_json.read(data, "line")
    except RequestError as error:
        assert "\n" not in error.message
        return
    assert found == json.loads(data.decode()), "another parser reads something else"


# --- small texts ----------------------------------------------------------------------------------

_GRANTS = [b"key\n", b"a\r\n", b'{"api_key":"k"}\n']
_ADDRESSES = [b"redis://h.example:6379/1", b"rediss://u@h", b"redis+sentinel://a:1,b:2/m/0"]
_ADDRESSES += [b"redis+unix:///run/r.sock?db=1", b"redis+cluster://a,b"]


def _grant(data: bytes) -> None:
    for password in (False, True):
        try:
            found = grant.one_line(data, "the key", password=password)
        except CredhelperError as error:
            assert "\n" not in error.message
        else:
            assert found
            assert not set(found) & set("\0\r\n")


def _address(data: bytes) -> None:
    text = text_of(data)
    if text is not None:
        with suppress(ValueError, Mistake):
            str(fleet.address_of(text, plain=False))


def _yaml(data: bytes) -> None:
    text = text_of(data)
    if text is not None:
        with suppress(ValueError):
            for name, value in yaml_settings.settings(text).items():
                assert isinstance(name, str)
                assert isinstance(value, str | None)


def _plugins(data: bytes) -> None:
    text = text_of(data)
    if text is not None:
        with suppress(ValueError):
            plugins_settings.profiles(text)


def _lazy(data: bytes) -> None:
    text = text_of(data)
    if text is not None:
        for found in v1_tools.from_lazy(text, "/home/ann/tokens.json", {"env": "KEY"}):
            assert "\n" not in f"{found.what}{found.note or ''}"
