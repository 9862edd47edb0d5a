"""AWS credentials for boto3 and botocore, in their process: no file, no program, no variable.

A session asks for them when it first needs some, and again before they end, for as long as it
lives. They are those of `credhelper aws`: bought with the profile's cached token, and cached.
Neither library is a dependency: a program that asks for a session has it.

Source: botocore's credentials.py and session.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core.model import AWS, Credential, Request
from credhelper.core.text import rfc3339
from credhelper.inprocess import tokens
from credhelper.inprocess.allowed_hosts import decoded
from credhelper.inprocess.environ import ENVIRON
from credhelper.protocols.aws import MARGIN, PLACES, require_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import boto3
    import botocore.session

_METHOD = "credhelper"
# botocore's names for what it keeps, and ours.
_MEMBERS = {
    "access_key": "AccessKeyId",
    "secret_key": "SecretAccessKey",
    "token": "SessionToken",
}


def boto3_session(
    profile: str | None = None,
    min_ttl: int = 0,
    refresh_before: int = 0,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
    **settings: Any,
) -> boto3.Session:
    """Return a boto3 session whose credentials renew themselves.

    Parameters:
    - profile: a name in credhelper's config, whose `aws` says what the credentials are for.
    - min_ttl: seconds of life that they must have left.
    - refresh_before: seconds of life with less of which they are renewed, if new ones can be had.
    - environ, clock: as for `credhelper.get_token`.
    - settings: for `boto3.Session`, such as `region_name`, which by default is that of boto3's own
      config or else what the credentials are for.

    Raises CredhelperError; later, out of the session's clients, whenever there are no credentials
    to be had.
    """
    import boto3

    session = botocore_session(profile, min_ttl, refresh_before, environ=environ, clock=clock)
    return boto3.Session(botocore_session=session, **settings)


def botocore_session(
    profile: str | None = None,
    min_ttl: int = 0,
    refresh_before: int = 0,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> botocore.session.Session:
    """Return a botocore session whose credentials renew themselves. As `boto3_session`."""
    from botocore.credentials import CredentialResolver
    from botocore.session import Session

    def fetch() -> Credential:
        return _fetch(profile, min_ttl, refresh_before, environ, clock)

    session = Session()
    session.register_component("credential_provider", CredentialResolver([_provider(fetch)]))
    if session.get_config_variable("region") is None:
        region = _members_of(fetch()).get("Region")
        if region:
            session.set_config_variable("region", region)
    return session


def place(
    profile: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """Return what the credentials are for, as far as the API says.

    That is `Bucket`, `Prefix`, `Region`, `Endpoint`, `Encryption` and `EncryptionKey`, as shown by
    `credhelper aws --format details`. No secret is in it. Parameters, errors: as `boto3_session`.
    """
    members = _members_of(_fetch(profile, 0, 0, environ, clock))
    return {name: value for name, value in members.items() if name in PLACES}


def _provider(fetch: Callable[[], Credential]) -> Any:
    from botocore.credentials import CredentialProvider, DeferredRefreshableCredentials

    class Provider(CredentialProvider):  # type: ignore[misc]  # botocore has no types
        METHOD = _METHOD
        CANONICAL_NAME = "Credhelper"

        def load(self) -> Any:
            # Asks when the first request is signed, and then as often as it thinks they are old.
            return DeferredRefreshableCredentials(lambda: _metadata(fetch()), _METHOD)

    return Provider()


def _metadata(found: Credential) -> dict[str, str]:
    members = _members_of(found)
    return {
        **{theirs: members[ours] for theirs, ours in _MEMBERS.items()},
        "expiry_time": rfc3339(found.expires_at),
    }


def _members_of(found: Credential) -> dict[str, str]:
    members: dict[str, str] = json.loads(found.token.reveal())
    require_keys(members, found.profile)
    return members


def _fetch(
    profile: str | None,
    min_ttl: int,
    refresh_before: int,
    environ: Mapping[str, str] | None,
    clock: Callable[[], float],
) -> Credential:
    tokens.hold_to_types(profile, None, min_ttl, refresh_before)
    tokens.preload()
    context = Context(
        ENVIRON if environ is None else environ, warn=tokens.warn, clock=clock, decoded=decoded
    )
    request = Request(
        "get", profile=profile, min_ttl=min_ttl, margin=max(MARGIN, refresh_before), wants=AWS
    )
    credential = answer.get(context, request)
    answer.tidy_up()
    return credential
