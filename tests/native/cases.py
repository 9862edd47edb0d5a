"""One question to both fronts: a world on disk, words, variables, stdin and a moment."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from credhelper import __version__, entry, protocols
from credhelper.core import lookup, routes
from credhelper.core import record as records
from credhelper.core.model import Call, Credential

NOW = 1_800_000_000.0
TOKEN = "eyJh.eyJz-_0.c2ln"
HERE = os.uname().nodename
LIFETIME = 3600
SERVICE = "https://ica.example"


@dataclass
class Profile:
    """One line of the compiled config, and the record of its token.

    Parameters: `record`, the fields of the record, or None where there is none; `more`, bytes to
    add to the line; the rest is as in `Route`.
    """

    name: str
    services: list[str] = field(default_factory=lambda: [SERVICE])
    username: str = "ica-user"
    user: str = ""
    min_ttl: int = 0
    refresh_before: int = 0
    grant: str = ""
    more: bytes = b""
    record: dict[str, str] | None = field(
        default_factory=lambda: {
            "kind": "jwt",
            "grant": "",
            "host": HERE,
            "skew": "0",
            "issued": str(int(NOW) - 60),
            "not_before": "0",
            "expires": str(int(NOW) - 60 + LIFETIME),
            "assumed": "0",
            "token": TOKEN,
            "due": "0",
            "rejected_at": "0",
            "config": "0123456789abcdef",
            "api": "iap",
            "url": "https://aps2.platform.illumina.com",
            "ca": "",
        }
    )

    @property
    def record_name(self) -> str:
        """The name of its record, without what stands for a variable."""
        return f"{sum(self.name.encode()):032x}"

    def route(self) -> routes.Route:
        """Return its route."""
        url = "https://aps2.platform.illumina.com"
        return routes.Route(
            self.name,
            self.record_name,
            "jwt",
            self.username,
            self.user,
            url,
            self.min_ttl,
            self.grant,
            self.services,
            refresh_before=self.refresh_before,
        )


Damage = Callable[[bytes], bytes]


@dataclass
class Case:
    """All that an answer depends on. `write` puts it on disk.

    Parameters: `program` and `words`, as they are called; `attributes`, `server`, what git and
    docker say on stdin; `how` stdin comes (see driver.c); `environ`, without HOME, where `@` stands
    for the folder; `twice`, variables that are set once more; `profiles`, the first of which has
    the name `main`; `config`, its bytes, or None; `damage`, what happens to the bytes of the files
    `routes` and `record`; `last`, what is done to the folder at last.
    """

    protocol: str
    program: str
    words: list[str]
    attributes: list[str] = field(default_factory=list)
    end: bytes = b"\n\n"
    server: bytes = b""
    raw: bytes | None = None
    how: str = "p"
    environ: dict[str, str | None] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    now: float = NOW
    profiles: list[Profile] = field(default_factory=lambda: [Profile("main")])
    default: str = "main"
    salt: str = "00112233445566778899aabbccddeeff"
    version: str = __version__
    config: bytes | None = b'[profiles.main]\nurl = "https://aps2.platform.illumina.com"\n'
    compiled_from: bytes | None = None
    compiled_label: str = ""
    compiled_home: str | None = None
    damage: dict[str, Damage] = field(default_factory=dict)
    last: list[Callable[[Places], object]] = field(default_factory=list)

    @property
    def main(self) -> Profile:
        """The profile that most is about."""
        return self.profiles[0]

    @property
    def fields(self) -> dict[str, str]:
        """The record of `main`."""
        assert self.main.record is not None
        return self.main.record

    @property
    def stdin(self) -> bytes:
        """What is sent."""
        if self.raw is not None:
            return self.raw
        if self.protocol == "git":
            return "\n".join(self.attributes).encode() + self.end
        return self.server


BASES: dict[str, Callable[[], Case]] = {
    "git": lambda: Case(
        "git",
        "git-credential-credhelper",
        ["get"],
        attributes=["protocol=https", "host=ica.example"],
    ),
    "docker": lambda: Case(
        "docker", "docker-credential-credhelper", ["get"], server=b"ica.example"
    ),
    "get": lambda: Case("get", "credhelper", ["get", SERVICE]),
    "token": lambda: Case("token", "credhelper", ["token"]),
}


@dataclass
class Places:
    """Where a case lies on disk, and what programs get of it."""

    folder: Path
    cache: Path
    config: Path
    routes: Path
    record: Path
    variables: list[tuple[str, str]]

    @property
    def environ(self) -> dict[str, str]:
        """The variables; of two with one name the first."""
        return dict(reversed(self.variables))


def write(case: Case, folder: Path) -> Places:
    """Put `case` on disk below `folder`, which it may share with cases before it."""
    home = folder / "home"
    environ: dict[str, str] = {"LANG": "C.UTF-8", "HOME": str(home), "PATH": "/usr/bin:/bin"}
    for name, value in case.environ.items():
        environ.pop(name, None)
        if value is not None:
            environ[name] = value.replace("@", str(folder))
    variables = [*environ.items(), *((name, "/other") for name in case.twice)]
    cache, config = home / ".cache/credhelper", home / ".config/credhelper/config.toml"
    for variable, default in (("CREDHELPER_CACHE_DIR", cache), ("CREDHELPER_CONFIG", config)):
        chosen = environ.get(variable, "").rstrip("/")
        place = Path(chosen) if chosen.startswith(str(folder)) else default
        xdg = environ.get(f"XDG_{'CACHE' if default == cache else 'CONFIG'}_HOME", "")
        if place == default and xdg.startswith(str(folder)):
            place = Path(f"{xdg}/credhelper{'' if default == cache else '/config.toml'}")
        if default == cache:
            cache = place
        else:
            config = place
    _clear(folder)
    cache.mkdir(parents=True, mode=0o700, exist_ok=True)
    config.parent.mkdir(parents=True, exist_ok=True)
    (folder / "grant").write_bytes(b"key")
    os.utime(folder / "grant", ns=(0, 1_700_000_000_123_456_789))
    if case.config is not None:
        config.write_bytes(case.config)
    made = [_placed(profile, folder) for profile in case.profiles]
    found = routes.compiled(case.default, case.salt, [profile.route() for profile in made])
    found = _with_more(case, found, made)
    label = case.compiled_label or str(config)
    stamped = environ.get("HOME", "") if case.compiled_home is None else case.compiled_home
    source = case.compiled_from if case.compiled_from is not None else case.config or b""
    data = routes.encode(found, label, stamped, case.version, source)
    compiled = cache / routes.file_name(str(config), __version__)
    _private(compiled, case.damage.get("routes", bytes)(data))
    names = {}
    for profile in made:
        name, stamp = lookup.record_of(found, profile.route(), environ)
        names[profile.name] = cache / name
        if profile.record is not None and "/" not in name:
            fields = {"profile": profile.name, **profile.record}
            if fields.get("grant") == "":
                fields["grant"] = stamp
            _private(cache / name, case.damage.get("record", bytes)(encoded(fields)))
    places = Places(folder, cache, config, compiled, names[case.profiles[0].name], variables)
    for change in case.last:
        change(places)
    return places


def encoded(fields: dict[str, str]) -> bytes:
    """Return a record with `fields`, whatever they hold."""
    body = "".join([f"{records.HEADER}\n", *(f"{key}={value}\n" for key, value in fields.items())])
    data = body.encode("utf-8", "surrogateescape")
    return data + records.end(data)


def python_says(case: Case, places: Places) -> bytes | None:
    """Return what the warm half of the Python program answers with a fresh token; None if not."""
    name, arguments = entry._called_for(case.program, case.words)
    environ = places.environ
    if name is None or environ.get("CREDHELPER_TRACE"):
        return None
    protocol = protocols.load(name)
    reads = protocol.reads(arguments)
    if reads == "lines":
        return None
    stdin = b"" if reads == "nothing" else case.stdin
    real = lookup.answer

    def at(environ: Any, request: Any) -> Credential:
        found = real(environ, request, lambda: case.now)
        if not isinstance(found, Credential):
            raise LookupError  # a lock, an empty answer: none that the front gives
        return found

    lookup.answer = at  # type: ignore[assignment]
    try:
        reply, _ = entry._warm(protocol, Call(case.program, arguments, stdin, environ))
    finally:
        lookup.answer = real
    return None if reply is None or reply.status else reply.stdout


def copied(case: Case) -> Case:
    """Return a case that may be changed without changing this one."""
    return copy.deepcopy(case)


def _placed(profile: Profile, folder: Path) -> Profile:
    own = copy.copy(profile)
    own.grant = own.grant.replace("@", str(folder))
    return own


def _with_more(case: Case, found: routes.Routes, made: list[Profile]) -> routes.Routes:
    """Return the routes with what is no part of a Route on the lines of profiles."""
    if not any(profile.more for profile in made):
        return found
    lines = [routes._line(profile.route())[:-1] + profile.more + b"\n" for profile in made]
    index: dict[bytes, list[int]] = {}
    size = 0
    for profile, line in zip(made, lines, strict=True):
        keys = [f"p {profile.name}\t", *(f"s {service}\t" for service in profile.services)]
        for key in keys:
            index.setdefault(key.encode("utf-8", "surrogateescape"), []).append(size)
        size += len(line)
    head = b"".join(key + " ".join(map(str, index[key])).encode() + b"\n" for key in sorted(index))
    data = head + b"".join(lines)
    return routes.Routes(case.default, case.salt, len(lines), 0, data, (0, len(head), len(data)))


def _private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(handle, data)
    os.close(handle)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
