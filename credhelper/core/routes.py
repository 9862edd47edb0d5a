"""Routes: the config compiled, like a `.pyc`, into what a warm answer needs.

They say which profile a service has, and the name of its record. The file ends with the bytes of
the config that it was made from, and is valid only while the config has those: that is safer than a
time stamp, and works for hosts that share a home.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT = "8"
MOST_BYTES = 64 * 1024 * 1024  # of a file: 1 MiB of config, compiled, is some 12 MiB

_HEADER = f"credhelper-routes {FORMAT}"
SALT, _DEFAULT, _SIZES = "salt ", "default ", "sizes "
_SALT_DIGITS = 32
_HEX = frozenset("0123456789abcdef")
_PROFILE, _SERVICE = b"p ", b"s "  # how the index calls them
# A line of a profile is `key=value` with tabs between; readers pass over keys they do not know.
_PLAIN = (
    *("profile", "record", "kind", "username", "user", "url", "min_ttl", "grant", "aws"),
    *("refresh_before", "share"),
)


class Route:
    """One profile, as far as a warm answer needs it.

    Parameters: `profile`, its name; `record`, the record's file name; `kind`, `jwt` or `session`;
    `username`, for Basic; `user`, the login name or ""; `url`, the API's origin; `min_ttl` and
    `refresh_before`, in seconds; `grant`, `env:NAME`, `file:PATH` or ""; `services`, in normal
    form; `aws`, the record of its AWS credentials, or ""; `variables`, how the names begin of what
    other clients of the API read, a project for them or "", and the path that they append to `url`;
    `share`, the name that hosts share it under, or "".
    """

    __slots__ = (*_PLAIN, "services", "variables")

    def __init__(
        self,
        profile: str,
        record: str,
        kind: str,
        username: str,
        user: str,
        url: str,
        min_ttl: int,
        grant: str,
        services: "Sequence[str]",
        aws: str = "",
        variables: tuple[str, str, str] = ("ICA", "", ""),
        refresh_before: int = 0,
        share: str = "",
    ) -> None:
        self.profile = profile
        self.record = record
        self.kind = kind
        self.username = username
        self.user = user
        self.url = url
        self.min_ttl = min_ttl
        self.grant = grant
        self.services = services
        self.aws = aws
        self.variables = variables
        self.refresh_before = refresh_before
        self.share = share


class Routes:
    """All profiles of one config. A profile's line is read when somebody asks for it.

    Parameters: `default`, the default profile's name or ""; `salt`, hex, for values of environment
    variables; `count`, how many profiles there are; `check`, the check sum of what `places` bound;
    `data`, which holds a sorted index, then a line for each profile; `places`, where the index
    begins, where the lines begin, and where they end.
    """

    __slots__ = ("_check", "_data", "_end", "_middle", "_start", "count", "default", "salt")

    def __init__(
        self,
        default: str,
        salt: str,
        count: int,
        check: int,
        data: bytes,
        places: tuple[int, int, int],
    ) -> None:
        self.default = default
        self.salt = salt
        self.count = count
        self._check = check
        self._data = data
        self._start, self._middle, self._end = places

    def profile(self, name: str) -> Route | None:
        """Return the route of the profile `name`, or None."""
        # As for a service: a damaged index must lead nobody to another's token.
        found = self._found(_PROFILE + _bytes(name))
        return found[0] if found and found[0].profile == name else None

    def naming(self, service: str) -> list[Route]:
        """Return the routes of the profiles that name `service`, as the config orders them."""
        return self._found(_SERVICE + _bytes(service))

    def below(self, origin: str) -> str | None:
        """Return the first service that is named below `origin`, with its path, or None."""
        wanted = _SERVICE + _bytes(f"{origin}/")
        place = self._place(wanted)
        if not self._data.startswith(wanted, place, self._middle):
            return None
        end = self._data.index(b"\t", place)
        return self._data[place + len(_SERVICE) : end].decode("utf-8", "surrogateescape")

    def first(self) -> Route | None:
        """Return the first route of the config, or None."""
        return self._at(0) if self.count else None

    def all(self) -> list[Route]:
        """Return all routes, as the config orders them."""
        lines = self._data[self._middle : self._end].split(b"\n")
        return [_route(line) for line in lines[:-1]]

    def services(self) -> dict[str, list[Route]]:
        """Return the routes by the services that name them, as the config orders both."""
        found: dict[str, list[Route]] = {}
        for route in self.all():
            for service in route.services:
                found.setdefault(service, []).append(route)
        return found

    def body(self) -> bytes:
        """Return the index and the lines of the profiles, behind their sizes."""
        sizes = self._middle - self._start, self._end - self._middle, self._check
        head = " ".join(map(str, (self.count, *sizes)))
        return f"{_SIZES}{head}\n\n".encode() + self._data[self._start : self._end]

    def intact(self) -> bool:
        """Tell whether the disk gave back what was written. A warm answer does not ask."""
        return _check_sum(self._data[self._start : self._end]) == self._check

    def _found(self, key: bytes) -> list[Route]:
        key += b"\t"
        place, data = self._place(key), self._data
        if not data.startswith(key, place, self._middle):
            return []
        end = data.index(b"\n", place)
        return [self._at(int(offset)) for offset in data[place + len(key) : end].split(b" ")]

    def _at(self, offset: int) -> Route:
        start = self._middle + offset
        return _route(self._data[start : self._data.index(b"\n", start, self._end)])

    def _place(self, key: bytes) -> int:
        """Return where in the index the first line begins that is not less than `key`."""
        data, low, high = self._data, self._start, self._middle
        while low < high:
            line = max(low, data.rfind(b"\n", low, (low + high) // 2) + 1)
            if data[line : line + len(key)] < key:
                low = data.index(b"\n", line, high) + 1
            else:
                high = line
        return low


def tag(label: str) -> str:
    """Return what tells the config called `label` from others in the names of files."""
    return f"routes-{int.from_bytes(_bytes(label), 'big') % (2**61 - 1):x}"


def file_name(label: str, version: str) -> str:
    """Return the name of the routes file for the config called `label`.

    Other formats and versions have files of their own: hosts with one home need not agree on them.
    """
    return f"{tag(label)}.{FORMAT}-{version}"


def compiled(default: str, salt: str, routes: "Sequence[Route]") -> Routes:
    """Return these routes, one for each profile. Parameters: as for Routes."""
    index: dict[bytes, list[int]] = {}
    lines: list[bytes] = []
    size = 0
    for route in routes:
        keys = [_PROFILE + _bytes(route.profile)]
        keys += [_SERVICE + _bytes(service) for service in dict.fromkeys(route.services)]
        for key in keys:
            index.setdefault(key + b"\t", []).append(size)
        lines.append(_line(route))
        size += len(lines[-1])
    found = [key + " ".join(map(str, index[key])).encode() + b"\n" for key in sorted(index)]
    middle = sum(map(len, found))
    data = b"".join([*found, *lines])
    return Routes(default, salt, len(lines), _check_sum(data), data, (0, middle, len(data)))


def encode(routes: Routes, label: str, home: str, version: str, source: bytes) -> bytes:
    """Return `routes` as the bytes of a routes file, bound to `source`."""
    lines = [*_stamp(label, home, version), SALT + routes.salt, _DEFAULT + routes.default, ""]
    return _bytes("\n".join(lines)) + routes.body() + source


def decode(data: bytes, label: str, home: str, version: str, source: bytes) -> Routes | None:
    """Return the routes in `data` if they were made by us from this very config, else None."""
    start = data.find(b"\n\n") + 2
    lines = data[:start].decode("utf-8", "surrogateescape").split("\n")
    if lines[:4] != _stamp(label, home, version) or len(lines) != 9:
        return None
    salt = salt_in(lines[4])
    try:
        count, index, size, check = map(int, lines[6].removeprefix(_SIZES).split(" "))
    except ValueError:
        return None
    middle, end = start + index, start + index + size
    if salt is None or not start <= middle <= end == len(data) - len(source):
        return None
    if not data.endswith(source):
        return None
    return Routes(lines[5].removeprefix(_DEFAULT), salt, count, check, data, (start, middle, end))


def salt_of(data: bytes) -> str | None:
    """Return the salt in a routes file, of any format since 5."""
    lines = data.split(b"\n", 5)
    if len(lines) < 6 or not lines[0].startswith(b"credhelper-routes "):
        return None
    return salt_in(lines[4].decode("ascii", "replace"))


def salt_in(line: str) -> str | None:
    """Return the salt in a line like `salt HEX`, or None."""
    salt = line.removeprefix(SALT)
    return salt if len(salt) == _SALT_DIGITS and _HEX.issuperset(salt) else None


def _line(route: Route) -> bytes:
    fields = {name: getattr(route, name) for name in _PLAIN}
    fields["variables"], fields["project"], fields["url_path"] = route.variables
    pairs = [f"{name}={value}" for name, value in fields.items() if value]
    pairs += [f"service={service}" for service in route.services]
    return _bytes("\t".join(pairs) + "\n")


def _route(line: bytes) -> Route:
    """Return the route in a line. Raises ValueError or LookupError for a damaged one."""
    pairs = [pair.split("=", 1) for pair in line.decode("utf-8", "surrogateescape").split("\t")]
    fields: dict[str, str] = dict(pairs)  # of two each, or it is damaged
    get = fields.get
    return Route(
        fields["profile"],
        get("record", ""),
        get("kind", ""),
        get("username", ""),
        get("user", ""),
        get("url", ""),
        int(get("min_ttl", 0)),
        get("grant", ""),
        [pair[1] for pair in pairs if pair[0] == "service"],
        get("aws", ""),
        (get("variables", ""), get("project", ""), get("url_path", "")),
        int(get("refresh_before", 0)),
        get("share", ""),
    )


def _check_sum(data: bytes) -> int:
    from zlib import crc32

    return crc32(data)


def _stamp(label: str, home: str, version: str) -> list[str]:
    # None is empty: an empty line ends the routes.
    return [_HEADER, f"version {version}", f"config {label}", f"home {home}"]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
