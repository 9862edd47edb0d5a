"""What Illumina's own Swagger says, and where a request or an answer departs from it.

`tests/sandbox/facts/` has a file for each of their documents. A `[call."METHOD /PATH"]` there has

- `who`: what may authorise it: `JWT`, `psToken`, `Bearer` for either, `Basic`, `X-API-Key` for a
  header, `api_key` for a parameter;
- `header` and `query`: its parameters with their types; none of ours is required;
- `body` and `takes`: the schema and the media types of its body, which is never required;
- `answers`: the schema of the body by status, `""` where there is no body;
- `tells`: the headers of its answers that are not HTTP's own.

A `[schema.NAME]` has the members of an object with their types. A type is one word: `string`,
`boolean`, `int32`, `int64`, `uuid`, `uri`, `date-time`, `any`, `=A|B` for one of these values,
`[TYPE]` for a list, `{TYPE}` for an object with names of any kind, or the name of a schema. After
it may come `1..255`, which limits a length or a number, `null` where null is allowed, and
`required`.

What is not written is not allowed, but for what `beyond.toml` lists.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

FOLDER = Path(__file__).parents[1] / "sandbox" / "facts"
DOCUMENTS = ("console", "gds", "ica")

Headers = Sequence[tuple[str, str]]

_ASKING = {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"}
_ASKING |= {"content-type", "authorization"}
_ANSWERING = {"date", "server", "connection", "content-length", "content-type", "www-authenticate"}
_FORMATS = ("uuid", "uri", "date-time")
_LIMITS = re.compile(r"([0-9]*)\.\.([0-9]*)")

_CHECKER = FormatChecker(formats=())


@dataclass(frozen=True)
class Call:
    """One call of an API: the facts of its entry, and of the document that this is in.

    Parameters: `name`, `METHOD /PATH`; `good` and `bad`, the media types of a success and of an
    error; `lists`, how a list travels in a query: `commas` or `repeated`; `schemas`, all of the
    document's; `beyond`, members of a success that are allowed although they are not documented.
    """

    name: str
    good: str
    bad: str
    lists: str
    schemas: Mapping[str, Mapping[str, str]]
    who: tuple[str, ...]
    answers: Mapping[str, str]
    header: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    takes: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    beyond: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request as it went over the wire. Parameters: `target`, its path and query."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True)
class Told:
    """An answer as it came over the wire."""

    status: int
    headers: Headers
    body: bytes = b""


def calls(*, beyond: bool = True) -> list[Call]:
    """Return all calls there are facts of. Parameters: `beyond`, whether what is listed counts."""
    listed = beyond_documents() if beyond else []
    found = []
    for document in DOCUMENTS:
        facts = tomllib.loads((FOLDER / f"{document}.toml").read_text())
        shared = {name: facts[name] for name in ("good", "bad", "lists")}
        for name, entry in facts["call"].items():
            answers = {
                status: kind for key, kind in entry.pop("answers").items() for status in key.split()
            }
            extra = {one["member"]: one["type"] for one in listed if one["call"] == name}
            found.append(
                Call(
                    name, **shared, **entry, schemas=facts["schema"], answers=answers, beyond=extra
                )
            )
    return found


def beyond_documents() -> list[dict[str, str]]:
    """Return what is said beyond the documents: call, member, type and reason."""
    found: list[dict[str, str]] = tomllib.loads((FOLDER / "beyond.toml").read_text())["answer"]
    return found


def call_of(known: Sequence[Call], method: str, target: str) -> Call | None:
    """Return the call that a request is, if it is one of those that are known."""
    path = unquote(target.partition("?")[0])
    for call in known:
        wanted, _, template = call.name.partition(" ")
        words = re.split(r"\{\w+\}", template)
        if method == wanted and re.fullmatch("[^/:]+".join(map(re.escape, words)), path):
            return call
    return None


def flaws_of_request(call: Call, asked: Asked) -> list[str]:
    """Return where a request departs from its call."""
    names = [name.lower() for name, _ in asked.headers]
    headers = {name.lower(): value for name, value in asked.headers}
    query = parse_qsl(asked.target.partition("?")[2], keep_blank_values=True, strict_parsing=False)
    given = {name: [value for other, value in query if other == name] for name, _ in query}
    allowed = _ASKING | {name.lower() for name in (*call.header, *call.who)}
    flaws = [f"header {name} is not documented" for name in names if name not in allowed]
    flaws += [f"header {name} comes twice" for name in {*names} if names.count(name) > 1]
    for name, kind in call.header.items():
        if name.lower() in headers:
            flaws += _flaws_of_values(call, f"header {name}", [headers[name.lower()]], kind)
    for name, values in given.items():
        if name in call.query:
            flaws += _flaws_of_values(call, f"parameter {name}", values, call.query[name])
        else:
            flaws.append(f"parameter {name} is not documented")
    accepted = {word.strip() for word in headers.get("accept", "").split(",")}
    flaws += [f"{media} is not accepted" for media in {call.good, call.bad} - accepted]
    flaws += _flaws_of_authorization(call, headers, given)
    if not asked.body:
        return flaws + (["an empty body has a Content-Type"] if "content-type" in headers else [])
    if not call.body:
        return [*flaws, "there is a body, and none is documented"]
    media = headers.get("content-type", "")
    if not any(fnmatchcase(media, pattern) for pattern in call.takes):
        flaws.append(f"the body's type is {media!r}")
    return flaws + list(_flaws_of_json(call, asked.body, call.body))


def flaws_of_answer(call: Call, told: Told) -> list[str]:
    """Return where an answer departs from its call."""
    headers = {name.lower(): value for name, value in told.headers}
    allowed = _ANSWERING | {name.lower() for name in call.tells}
    flaws = [f"header {name} is not documented" for name in headers if name not in allowed]
    kind = call.answers.get(str(told.status), call.answers.get("default"))
    if kind is None:
        return [*flaws, f"the status {told.status} is not documented"]
    if not kind:
        return flaws + (["there is a body, and none is documented"] if told.body else [])
    good = told.status < 300
    media = headers.get("content-type", "").partition(";")[0]
    if media != (call.good if good else call.bad):
        flaws.append(f"the body's type is {media!r}")
    return flaws + list(_flaws_of_json(call, told.body, kind, beyond=call.beyond if good else {}))


def document(call: Call, kind: str, beyond: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a type of a call as a JSON Schema.

    Parameters: `beyond`, types of further members, where it is an object.
    """
    schemas = {name: dict(members) for name, members in call.schemas.items()}
    if beyond:
        schemas[kind.partition(" ")[0]] |= beyond
    return {"$defs": {name: _object(members) for name, members in schemas.items()}, **_schema(kind)}


def _object(members: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _schema(kind) for name, kind in members.items()},
        "required": [name for name, kind in members.items() if kind.endswith(" required")],
        "additionalProperties": False,
    }


def _schema(kind: str) -> dict[str, Any]:
    """Return a type as a JSON Schema; a schema's name becomes a reference to it."""
    if kind[0] in "[{":
        end = kind.rindex("]" if kind[0] == "[" else "}")
        inner, word, rest = _schema(kind[1:end]), kind[0], kind[end + 1 :]
    else:
        inner, (word, _, rest) = {}, kind.partition(" ")
    words = rest.split()
    found = _base(word, inner)
    number = found.get("type") == "integer"
    for told in words:
        if limits := _LIMITS.fullmatch(told):
            least, most = ("minimum", "maximum") if number else ("minLength", "maxLength")
            found |= {least: int(limits[1])} if limits[1] else {}
            found |= {most: int(limits[2])} if limits[2] else {}
        elif told not in ("null", "required"):
            raise ValueError(f"{kind!r}: {told!r} means nothing")
    return {"anyOf": [found, {"type": "null"}]} if "null" in words else found


def _base(word: str, inner: dict[str, Any]) -> dict[str, Any]:
    if word == "[":
        return {"type": "array", "items": inner}
    if word == "{":
        return {"type": "object", "additionalProperties": inner}
    if word.startswith("="):
        values = word[1:].split("|")
        return {"enum": [int(value) if value.isdigit() else value for value in values]}
    if word in ("int32", "int64"):
        end = 1 << (int(word[3:]) - 1)
        return {"type": "integer", "minimum": -end, "maximum": end - 1}
    if word in _FORMATS:
        return {"type": "string", "format": word}
    if word in ("string", "boolean"):
        return {"type": word}
    return {} if word == "any" else {"$ref": f"#/$defs/{word}"}


def _flaws_of_json(
    call: Call, body: bytes, kind: str, *, beyond: Mapping[str, str] | None = None
) -> Iterator[str]:
    try:
        value = json.loads(body)
    except ValueError:
        yield "the body is not JSON"
        return
    yield from _flaws(document(call, kind, beyond), value, "body")


def _flaws_of_values(call: Call, what: str, values: list[str], kind: str) -> list[str]:
    """Return what is wrong with a parameter. Parameters: `values`, each text that was given."""
    found: object = values
    if not kind.startswith("["):
        if len(values) > 1:
            return [f"{what} comes twice"]
        found = _read(values[0]) if kind.startswith(("boolean", "int")) else values[0]
    elif call.lists == "commas":
        if len(values) > 1:
            return [f"{what} comes twice"]
        found = values[0].split(",")
    return list(_flaws(document(call, kind), found, what))


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _flaws(schema: dict[str, Any], value: object, what: str) -> Iterator[str]:
    for error in Draft202012Validator(schema, format_checker=_CHECKER).iter_errors(value):
        deepest = best_match([error]) or error
        where = "/".join(map(str, deepest.absolute_path))
        yield f"{what}{'/' if where else ''}{where}: {deepest.message}"


def _flaws_of_authorization(
    call: Call, headers: Mapping[str, str], query: Mapping[str, list[str]]
) -> list[str]:
    used = [name for name in ("X-API-Key",) if name.lower() in headers]
    used += [name for name in ("api_key",) if name in query]
    if "authorization" in headers:
        scheme, _, value = headers["authorization"].partition(" ")
        if scheme == "Bearer":
            used.append("JWT" if value.count(".") == 2 else "psToken")
        else:
            used.append(scheme)
            if scheme == "Basic" and not _is_base64(value):
                return ["the Basic authorization is not base64"]
    either = {"JWT", "psToken"} if "Bearer" in call.who else set()
    if len(used) == 1 and used[0] in {*call.who, *either}:
        return []
    return [f"authorised by {' and '.join(used) or 'nothing'}: documented is one of {call.who}"]


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        return False


@_CHECKER.checks("uuid")
def _is_uuid(value: object) -> bool:
    pattern = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return not isinstance(value, str) or bool(re.fullmatch(pattern, value.lower()))


@_CHECKER.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(
        re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", value)
    )


@_CHECKER.checks("date-time")
def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return "T" in value and dt.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
