"""Ways to authorise a call to the Tokens API, and what each puts on the wire.

An API key has several spellings because the API's own pages leave "Basic with apiKey" open.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from credhelper.client.claims import token_flaw
from credhelper.core.model import Secret
from credhelper.errors import ConfigError

HEADER, BASIC, BASIC_RAW, BASIC_PASSWORD, QUERY = KEY_FORMS = (
    "header",
    "basic",
    "basic-raw",
    "basic-password",
    "query",
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key.

    Parameters:
    - key: the secret.
    - form: how it travels: `header` (X-API-Key), `basic` (`key:` as the user of Basic), `basic-raw`
      (the bare key after Basic, in base64), `basic-password` (the password of `user`), or `query`
      (the obsolete `api_key` parameter: URLs get logged).
    """

    key: Secret
    form: str = HEADER
    user: str = ""


@dataclass(frozen=True, slots=True)
class Password:
    """A user name and its password, sent as Basic in UTF-8 (RFC 7617)."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Bearer:
    """A session or token, sent as Bearer (RFC 6750)."""

    token: Secret


Authorization = ApiKey | Password | Bearer
# What authorises a call on a token that is there already: no API key does.
Caller = Password | Bearer


@dataclass(frozen=True, slots=True)
class Parts:
    """What an authorisation adds to a request.

    Parameters:
    - headers: what to send.
    - query: pairs of name and value.
    - secrets: all that must not be shown.
    """

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    query: list[tuple[str, str]] = field(default_factory=list, repr=False)
    secrets: tuple[Secret, ...] = ()


def parts(authorization: Authorization, warn: Callable[[str], None]) -> Parts:
    """Return what `authorization` adds to a request.

    Parameters:
    - warn: takes a warning when a key is about to travel in a URL.

    Raises ConfigError when a value cannot travel as asked; the message never holds the value.
    """
    match authorization:
        case Bearer(token):
            flaw = token_flaw(token.reveal())
            if flaw:
                raise ConfigError(f"the token that authorises the call {flaw}")
            return _with_header("Authorization", f"Bearer {token.reveal()}", token)
        case Password(user, password):
            return _basic(user, password)
        case ApiKey(key, form, user):
            return _key_parts(key, form, user, warn)


def _key_parts(key: Secret, form: str, user: str, warn: Callable[[str], None]) -> Parts:
    text = key.reveal()
    if not text or not all("!" <= char <= "~" for char in text):
        raise ConfigError("the API key is empty or holds a blank, control or non-ASCII character")
    match form:
        case "header":
            return _with_header("X-API-Key", text, key)
        case "basic":
            if ":" in text:
                raise ConfigError(
                    "the API key holds a colon: it cannot travel as a Basic user name"
                )
            return _with_header("Authorization", "Basic " + _base64(f"{text}:"), key)
        case "basic-raw":
            return _with_header("Authorization", "Basic " + _base64(text), key)
        case "basic-password":
            return _basic(user, key)
        case "query":
            warn("the API key travels in the URL (obsolete api_key parameter): URLs get logged")
            return Parts(query=[("api_key", text)], secrets=(key,))
        case _:
            raise ConfigError(f"API key form {form!r} is not one of {', '.join(KEY_FORMS)}")


def _basic(user: str, password: Secret) -> Parts:
    if not user or ":" in user or not user.isprintable():
        raise ConfigError("the user name is empty or holds a colon or a control character")
    text = password.reveal()
    if not text or not _encodable(text):
        raise ConfigError("the password is empty or holds a control character")
    return _with_header("Authorization", "Basic " + _base64(f"{user}:{text}"), password)


def _encodable(text: str) -> bool:
    return not any(
        ord(char) < 32 or 127 <= ord(char) < 160 or "\ud800" <= char <= "\udfff" for char in text
    )


def _with_header(name: str, value: str, secret: Secret) -> Parts:
    return Parts(headers={name: value}, secrets=(secret, Secret(value.rpartition(" ")[2])))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
