"""Targets for files that others own: what was not ours is as it was, when ours came and went."""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import netrc as pythons
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from credhelper.errors import RequestError
from credhelper.setup import formats, prepare
from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf, Made
from credhelper.setup.plan import Entry
from credhelper.tokenfile import aws_credentials, netrc, session_yaml
from tests.fuzz.target import Target, text_of

_SHAPES = Path(__file__).parent.parent / "setup/shapes"
_ENDINGS = {
    "flags": ("*.cfg",),
    "git": ("*.gitconfig",),
    "goconfig": ("rclone/*",),
    "goenv": ("*.env",),
    "hcl": ("*.tf", "*.hcl"),
    "ini": ("aws/*", "dvc/*", "databricks/*", "pip/*"),
    "json": ("*.json",),
    "lines": ("bazel/*",),
    "npmrc": ("*.npmrc",),
    "toml": ("*.toml",),
    "yaml": ("kubectl/*", "kubelet/*"),
    "yamlmap": ("flyte/*",),
}
_HELPER = "/opt/credhelper/bin/credhelper"
_EXECUTE = {"user": {"exec": {"command": _HELPER, "args": ["kubectl"], "interactive": True}}}
# As setup writes them, each with a second one beside it or in a place of its own.
_ENTRIES: dict[str, tuple[Entry, ...]] = {
    "flags": (Entry((), (("credentials_helper=", _HELPER), ("service=", "ica.example:443"))),),
    "git": (
        Entry(("credential", "https://git.example"), (("helper", ""), ("helper", "credhelper"))),
        Entry(("credential", "https://b.example"), (("useHttpPath", "true"),)),
    ),
    "goconfig": (Entry(("ica",), (("type", "webdav"), ("bearer_token_command", _HELPER))),),
    "goenv": (Entry((), (("GOAUTH", f"{_HELPER} goauth"),)), Entry((), (("GOAUTH", "git x"),))),
    "hcl": (
        Entry(("credentials_helper", "credhelper"), (("args", ["--profile", "main"]),)),
        Entry((), (("token_helper", _HELPER),)),
    ),
    "ini": (
        Entry(("profile main",), (("credential_process", f"{_HELPER} aws"), ("region", "x"))),
        Entry(("global",), (("keyring-provider", "subprocess"),)),
    ),
    "json": (
        Entry(("credHelpers",), (("ica.example", "credhelper"),)),
        Entry((), (("credsStore", "credhelper"),)),
        Entry(("mcpServers", "x"), (("type", "http"), ("headers", {"a": [1, True]}))),
    ),
    "lines": (Entry((), (("common ", f"--credential_helper=*.ica.example={_HELPER}"),)),),
    "npmrc": (Entry((), (("//ica.example/:tokenHelper=", _HELPER),)),),
    "toml": (
        Entry(("registries", "mine"), (("credential-provider", [_HELPER, "--profile"]),)),
        Entry((), (("keyring-provider", "subprocess"),)),
        Entry(("model_providers", "x", "auth"), (("command", _HELPER), ("timeout_ms", 30000))),
    ),
    "yaml": (
        Entry(("users",), (("me", _EXECUTE),)),
        Entry((), (("apiVersion", "v1"), ("current-context", "me@work"))),
        Entry(("contexts",), (("me@work", {"context": {"cluster": "work", "user": "me"}}),)),
    ),
    "yamlmap": (Entry(("admin",), (("authType", "ExternalCommand"), ("command", [_HELPER]))),),
}
_MARKS = [b"\r\n", b"\n\n", b"\t", b"  ", b"\xef\xbb\xbf", b"\\", b"#", b";", b"'", b'"', b"\r"]
_MARKS += [b"[", b"]", b"{", b"}", b": ", b" = ", b"- ", b"&a ", b"*a", b"<<: ", b"|\n", b'"""']

HOST = "files.example"


def targets() -> Iterator[Target]:
    """Yield a target for each format of setup, and for each file that gets a token."""
    for kind in formats.FORMATS:
        yield Target(f"format-{kind}", _format(kind), _shapes(*_ENDINGS[kind]), _words(kind))
    yield Target(
        "netrc",
        _netrc,
        [each.encode() for each in _NETRCS],
        [*_MARKS, *_NETRC_WORDS, HOST.encode()],
    )
    yield Target("session-yaml", _session, [each.encode() for each in _SESSIONS], _MARKS)
    yield Target("aws-credentials", _credentials, _shapes("aws/*", "pip/*") + _SECTIONS, _MARKS)


def _shapes(*patterns: str) -> list[bytes]:
    found = [path.read_bytes() for each in patterns for path in sorted(_SHAPES.rglob(each))]
    return [b"", *(data for data in found if len(data) < 1500)]


def _words(kind: str) -> list[bytes]:
    words = {text for entry in _ENTRIES[kind] for text in entry.at}
    words |= {name for entry in _ENTRIES[kind] for name, _ in entry.values}
    return [*_MARKS, *(word.encode() for word in sorted(words)), _HELPER.encode()]


# --- setup ----------------------------------------------------------------------------------------


def _format(kind: str) -> Callable[[bytes], None]:
    module = formats.load(kind)

    def run(data: bytes) -> None:
        text = text_of(data)
        if text is None or "\0" in text:
            return  # setup leaves such a file alone before it looks at the format
        text = text.removeprefix("\ufeff")  # it stays where it is
        try:
            before = module.leaves(text)
        except ValueError:
            return
        for entry in _ENTRIES[kind]:
            _come_and_go(kind, text, before, entry)

    return run


def _come_and_go(kind: str, text: str, before: list[Leaf], entry: Entry) -> None:
    """Hold that an entry, once in a text, comes out again without a trace. As `prepare` does it."""
    module, draft = formats.load(kind), Draft(text)
    made: Made = {}
    put: list[Entry] = []
    given: list[Leaf] = []
    for atom in prepare._atoms(kind, entry):
        ours = formats.says(kind, atom)
        if prepare._contains(before + given, ours):
            continue  # somebody wrote it by hand
        if {place for place, _ in before} & {place for place, _ in ours} and not _repeats(kind):
            return  # refused: somebody has set it to something else
        try:
            module.put(draft, atom, made)
        except ValueError:
            return
        put.append(atom)
        given += ours
    try:
        now = module.leaves(draft.text)
    except ValueError:
        return
    if not prepare._contains(now, given) or prepare._less(now, given) != before:
        return  # refused: it would change what is there, or its tool would read something else
    # What was made in the file is kept in the journal, which is JSON.
    made = json.loads(json.dumps(made))
    for atom in put:
        assert module.take(draft, atom, made) == [], "what nobody has changed is called changed"
    assert draft.text == text, "the undo does not give the bytes back"


def _repeats(kind: str) -> bool:
    return formats.FORMATS[kind][1]


# --- netrc ----------------------------------------------------------------------------------------

_NETRCS = [
    "",
    "machine a.example login me password pw # c\n",
    f"machine {HOST} login oauth2 # mine\n  password OLD # c\nmachine o login a password b\n",
    f"machine o login a password b\nmacdef x\nmachine {HOST} login oauth2 password p\n\n",
    f'machine "{HOST}" login "oauth2" password "OLD"\ndefault login a password b\n',
]
_NETRC_WORDS = b"machine login user password account default macdef oauth2".split()


def _netrc(data: bytes) -> None:
    text = text_of(data)
    if text is None:
        return
    try:
        after = netrc.with_entry(text, f"machine {HOST}\nlogin oauth2\npassword T0k.en")
    except RequestError:
        return
    assert netrc.with_entry(after, f"machine {HOST}\nlogin oauth2\npassword T0k.en") == after
    netrc.shadowed(after, HOST, "oauth2")
    there = _by_python(text)
    if there is None:
        return
    found = _by_python(after)
    assert found is not None, "Python's reader no longer reads the file"
    assert found.pop(HOST) is not None, "Python's reader does not find the entry"
    there.pop(HOST, None)
    assert found == there, "another entry is not what it was"


def _by_python(text: str) -> dict[str, Any] | None:
    # Its constructor opens a file: this is what it does with that.
    reader: Any = pythons.netrc.__new__(pythons.netrc)
    reader.hosts, reader.macros = {}, {}
    try:
        reader._parse("netrc", io.StringIO(text), False)
    except pythons.NetrcParseError:
        return None
    return {name: value for name, value in reader.hosts.items() if name != "default"}


# --- session files of ica and icav2 ---------------------------------------------------------------

_SESSIONS = [
    "",
    "access-token: old\nserver-url: ica.example\n",
    "---\naccess-token: 'old' # why\r\nx-api-key: k\r\n",
    '"a b": |\n  old\n  more\naccess-token:\n',
    "a: &x 1\nb: *x\n- c\n",
]
_NEW = "eyJhbGciOiJSUzI1NiJ9.e30.bmV3"


def _session(data: bytes) -> None:
    text = text_of(data)
    if text is None:
        return
    try:
        after = session_yaml.with_access_token(text, _NEW)
    except RequestError:
        return
    assert session_yaml.with_access_token(after, _NEW) == after
    _, _, tail = after.partition(f"access-token: {_NEW}")
    assert text.endswith(tail.removeprefix("\n") if not text.endswith(tail) else tail)
    before = _by_pyyaml(text)
    if isinstance(before, dict | None):
        wanted = {**(before or {}), "access-token": _NEW}
        assert _by_pyyaml(after) == wanted, "another setting is not what it was"


def _by_pyyaml(text: str) -> Any:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, KeyError, AttributeError):
        return "not YAML"
    # A number that is none equals nothing, not even itself.
    return "not comparable" if found != found or ".nan" in text.lower() else found


# --- AWS's shared file ----------------------------------------------------------------------------

_KEYS = {"AccessKeyId": "ASIAX", "SecretAccessKey": "s3cr3t", "SessionToken": "t0k.en"}
_SECTIONS = [
    b"[default]\naws_access_key_id = AKIA\naws_secret_access_key = x\n",
    b"[main]\n# credhelper: ASIAY of profile main, until 2027-01-15T08:00:00Z\n"
    b"aws_access_key_id = ASIAY\naws_secret_access_key = y\naws_session_token = z\n[b]\na = b\n",
]


def _credentials(data: bytes) -> None:
    text = text_of(data)
    if text is None:
        return
    try:
        after = aws_credentials.with_section(text, "main", _KEYS, 1_800_000_000)
    except RequestError:
        return
    assert aws_credentials.with_section(after, "main", _KEYS, 1_800_000_000) == after
    with contextlib.suppress(configparser.Error):
        there = _sections(text)
        found = _sections(after)
        assert found.pop("main")["aws_session_token"] == "t0k.en"  # made up
        there.pop("main", None)
        assert found == there, "another section is not what it was"


def _sections(text: str) -> dict[str, dict[str, str | None]]:
    parser = configparser.RawConfigParser(default_section="\0")
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}
