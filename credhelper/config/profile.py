"""The nouns of the config: Profile, Grant, Resource; and the APIs that a profile can name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from credhelper.core.model import JWT
from credhelper.core.service import Service


@dataclass(frozen=True, slots=True)
class Api:
    """An API that we speak.

    Parameters:
    - url: its default origin.
    - hosts: how the names of its hosts end.
    - base: the path that its other clients append to the origin.
    - variables: how the names of the variables begin that those clients read.
    - lacks: the keys of a profile that it does not have.
    - resources: what it gives AWS credentials for, with the keys that name each; the last of them
      says which it is.
    - never_read_only: those of them for which its credentials can always write.
    - aws_lifetime: seconds that AWS credentials are taken to live where an answer does not tell,
      None if all answers do.
    """

    url: str
    hosts: str
    base: str
    variables: str
    lacks: tuple[str, ...] = ()
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_read_only: tuple[str, ...] = ()
    aws_lifetime: int | None = None


APIS = {
    "iap": Api(
        "https://aps2.platform.illumina.com",
        ".platform.illumina.com",
        "",
        "ICA",
        lacks=("project",),
        resources={
            "folder": ("folder",),
            "file": ("file",),
            "volume": ("volume",),
            "gds": ("path",),
        },
        never_read_only=("volume",),
    ),
    "ica": Api(
        "https://ica.illumina.com",
        "//ica.illumina.com",
        "/ica/rest",
        "ICAV2",
        # Its JWTs are not for one project or scope, and it makes no psTokens.
        lacks=(
            *("cid", "cwid", "scopes", "client_id", "data"),
            *("keep_session", "token", "session_lifetime", "api_key_as"),
        ),
        resources={"data": ("project", "data"), "path": ("project", "path")},
        aws_lifetime=36 * 3600,  # as its document says
    ),
}
RESOURCE_KEYS = {how: keys for api in APIS.values() for how, keys in api.resources.items()}

API_KEY, PASSWORD, LOGIN, READY = AUTHS = ("api-key", "password", "session", "token")
KEY_FORMS = ("header", "basic", "basic-raw", "basic-password", "query")
GRANTS = ("env", "file", "command", "keyring")


@dataclass(frozen=True, slots=True)
class Grant:
    """Where the long-lived secret comes from.

    Parameters:
    - how: one of `GRANTS`.
    - words: what names it: a variable, an absolute path, a program with its arguments, or a
      keyring's service and user name.
    - allow_readable: whether others may read the file.
    - timeout: seconds for a command or keyring, or None.
    - member: the member of a JSON object that holds the secret; None where the text is the secret.
    """

    how: str
    words: tuple[str, ...]
    allow_readable: bool = False
    timeout: float | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """What AWS credentials are asked for.

    Parameters:
    - how: one of its API's `resources`.
    - words: the ids, or the path, that name it.
    - read_only: whether credentials that cannot write are wanted.
    - lifetime: their assumed life in seconds where an answer does not tell, None if all do.
    """

    how: str
    words: tuple[str, ...]
    read_only: bool = False
    lifetime: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One identity at one API, and the services that may have its tokens.

    Parameters:
    - name: what people and the config call it.
    - api: one of `APIS`.
    - url: the API's origin.
    - auth: what the grant is: what authorises a create (`api-key`, `password` or `session`), or a
      token that somebody else makes (`token`).
    - grant: where the secret lies, or None where `login` keeps a session.
    - user: the login name.
    - domain, cid, cwid, scopes, client_id, data: as the API's parameters.
    - project: which one v2's tools and AWS credentials are for.
    - keep_session: hold a psToken and mint from it.
    - token: the kind that tools get.
    - services: who may receive it.
    - username: for Basic.
    - min_ttl, refresh_before, session_lifetime: seconds.
    - ca_file: absolute.
    - api_key_as: one of `KEY_FORMS`.
    - aws: what AWS credentials are for.
    - share: the name under which hosts of the fleet share its tokens.
    - share_session: whether they share its session as well.

    What is not configured is None.
    """

    name: str
    api: str = "iap"
    url: str = APIS["iap"].url
    auth: str = API_KEY
    grant: Grant | None = None
    user: str | None = None
    domain: str | None = None
    cid: str | None = None
    cwid: str | None = None
    scopes: tuple[str, ...] = ()
    client_id: str | None = None
    data: str | None = None
    project: str | None = None
    keep_session: bool = False
    token: str = JWT
    services: tuple[Service, ...] = ()
    username: str = "oauth2"
    min_ttl: int = 0
    refresh_before: int = 0
    session_lifetime: int = 3600
    ca_file: str | None = None
    api_key_as: str = KEY_FORMS[0]
    aws: Resource | None = None
    share: str | None = None
    share_session: bool = False


def api_at(url: str) -> str | None:
    """Return which of `APIS` is at an origin; None if the host's name does not show it."""
    return next((name for name, api in APIS.items() if url.endswith(api.hosts)), None)
