"""The config: profiles in TOML, or one from the environment; every mistake with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from credhelper.config import fleet as fleets
from credhelper.config import grant_table, schema
from credhelper.config.fleet import Fleet
from credhelper.config.profile import LOGIN, Grant, Profile
from credhelper.config.table import Mistake, Table, dotted, nearest
from credhelper.core import paths
from credhelper.core.text import printable
from credhelper.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.toml_lines import Place

__all__ = ["Config", "Grant", "Profile", "expander", "from_environment", "parse"]

_KEYS = ("default_profile", "profiles", "fleet")
VARIABLES = {
    "api": "CREDHELPER_API",
    "url": "CREDHELPER_URL",
    "services": "CREDHELPER_SERVICES",
}
SHARE = "CREDHELPER_SHARE"


@dataclass(frozen=True, slots=True)
class Config:
    """All profiles.

    Parameters: `default_profile`, a name or None; `profiles`, by name, in the file's order; `path`,
    of the file, or None when the environment was the source; `fleet`, or None.
    """

    default_profile: str | None = None
    profiles: Mapping[str, Profile] = field(default_factory=lambda: MappingProxyType({}))
    path: str | None = None
    fleet: Fleet | None = None


def parse(data: bytes, path: str, environ: Mapping[str, str]) -> Config:
    """Return the config that the file `path` with the content `data` describes.

    Parameters: `data`, TOML in UTF-8; `path`, for messages; `environ`, for the `~` in paths. Raises
    ConfigError with the file, the line, the key, and what was expected.
    """
    text = _decode(data, path)
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{printable(path)}: too deeply nested") from None
    except ValueError as error:
        raise _not_toml(error, text, path) from None
    try:
        return _config(document, path, environ)
    except Mistake as mistake:
        from credhelper.config.toml_lines import line_of

        line = line_of(mistake.place, text)
        place = f"{printable(path)}, line {line}" if line else printable(path)
        message = f"{place}: {dotted(mistake.place)}: {mistake.message}"
        raise ConfigError(message, mistake.hint) from None


def from_environment(environ: Mapping[str, str]) -> Config | None:
    """Return a config of one profile, `env`, whose key is in `CREDHELPER_API_KEY`; None without it.

    On a host that makes no token (`CREDHELPER_FLEET_LEAD=0`) it needs no key. These variables, and
    `CREDHELPER_API`, `CREDHELPER_URL` and `CREDHELPER_SERVICES`, count without a config file only.
    Raises ConfigError with the variable's name.
    """
    share = environ.get(SHARE, "").strip()
    try:
        fleet = fleets.from_environment(environ) if share else None
        takes = fleet is not None and not fleet.lead
        if not environ.get("CREDHELPER_API_KEY") and not takes:
            return None
        values: dict[str, object] = {} if takes else {"grant": {"env": "CREDHELPER_API_KEY"}}
        values |= variables_set(environ) | ({"share": share} if share else {})
        found = schema.read("env", values, expander(environ))
        _hold_to_fleet(found, fleet)
    except Mistake as mistake:
        raise ConfigError(f"{_variable(mistake.place)}: {mistake.message}", mistake.hint) from None
    return Config("env", MappingProxyType({"env": found}), fleet=fleet)


def _variable(place: Place) -> str:
    key = str(place[1] if place[0] == "fleet" else place[2])
    return {**VARIABLES, "share": SHARE, **fleets.VARIABLES}[key]


def variables_set(environ: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return the keys of a profile whose CREDHELPER variables are set, with their values.

    Services are separated by commas, blanks or line ends (from YAML's blocks).
    """
    values: dict[str, str | list[str]] = {}
    for key in ("api", "url"):
        if text := environ.get(VARIABLES[key], "").strip():
            values[key] = text
    services = [
        word for word in re.split(r"[,\s]+", environ.get(VARIABLES["services"], "")) if word
    ]
    return {**values, "services": services} if services else values


def contradicting(
    environ: Mapping[str, str], profile: Profile | None
) -> dict[str, str | list[str]]:
    """Return what `variables_set` gives, but for what `profile` says as well: by key.

    Without a profile: what no profile could say.
    """
    found: dict[str, str | list[str]] = {}
    basic: dict[str, object] = {"grant": {"env": "CREDHELPER_API_KEY"}}
    for key, value in variables_set(environ).items():
        if profile:
            basic |= {"api": profile.api, "url": profile.url}
        try:
            said = schema.read("env", {**basic, key: value}, expander(environ))
        except Mistake:
            found[key] = value
            continue
        if profile is None:
            basic[key] = value
        elif key == "services":
            if not set(said.services) <= set(profile.services):
                found[key] = value
        elif getattr(said, key) != getattr(profile, key):
            found[key] = value
    return found


def _decode(data: bytes, path: str) -> str:
    shown = printable(path)
    if len(data) > paths.MOST_BYTES:
        raise ConfigError(f"{shown}: larger than 1 MiB")
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigError(
            f"{shown}, line 1: begins with a byte order mark", hint="save it as UTF-8 without one"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{shown}, line {line}: expected text in UTF-8"
        raise ConfigError(message, hint="save it as UTF-8") from None


def _not_toml(error: ValueError, text: str, path: str) -> ConfigError:
    what, line = str(error), ""
    if found := re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", what, re.DOTALL):
        what, line = found[1], f", line {found[2]}"
    elif what.endswith(" (at end of document)"):
        line = f", line {text.rstrip().count(chr(10)) + 1}"
    what = printable(what[:1].lower() + what[1:])
    return ConfigError(f"{printable(path)}{line}: not valid TOML: {what}")


def _config(document: dict[str, object], path: str, environ: Mapping[str, str]) -> Config:
    table = Table(document, ())
    table.only(_KEYS, elsewhere=schema.KEYS)
    expand = expander(environ)
    named = Table(document.get("profiles", {}), ("profiles",)).values
    found = {name: schema.read(name, values, expand) for name, values in named.items()}
    fleet = fleets.read(document["fleet"], expand) if "fleet" in document else None
    for profile in found.values():
        _hold_to_fleet(profile, fleet)
    default = table.text("default_profile")
    if default is not None and default not in found:
        near = nearest(default, found) or f"; known profiles: {', '.join(found) or 'none'}"
        raise table.wrong("default_profile", f"no profile has this name{near}")
    return Config(default, MappingProxyType(found), path, fleet)


def _hold_to_fleet(profile: Profile, fleet: Fleet | None) -> None:
    """Raise Mistake for a profile that shares with nobody, or can make no token and should."""
    place = ("profiles", profile.name)
    if profile.share and fleet is None:
        message = "no fleet is configured: add a table [fleet]"
        raise Mistake((*place, "share"), message, "credhelper fleet key --help")
    if profile.grant is None and profile.auth != LOGIN and (fleet is None or fleet.lead):
        message = f"missing: auth = '{profile.auth}' needs {grant_table.FORMS}"
        hint = "or this host makes no token: lead = false in [fleet]" if profile.share else None
        raise Mistake((*place, "grant"), message, hint)


def expander(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that makes a path absolute (`~/...` too), or raises ValueError."""

    def expand(text: str) -> str:
        try:
            return paths.expand(text, environ)
        except ConfigError as error:
            raise ValueError(error.message) from error

    return expand
