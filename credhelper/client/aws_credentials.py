"""Temporary AWS credentials as an API gave them: read tolerantly, believed strictly. Pure.

Upstream's spelling of names is odd and has changed, so case and underscores do not count. Values
end up in files, headers and shells, so nothing unprintable gets through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate

from credhelper.client.claims import token_flaw
from credhelper.core.model import AWS, Secret, Token
from credhelper.core.text import json_object, json_string
from credhelper.errors import MalformedAnswerError

# The shortest life that AWS gives temporary credentials, so a safe guess where the API states none.
ASSUMED_LIFETIME = 900
# Some SDKs read no more than 8 KiB of a credential process: this much leaves room for the rest.
MOST_CHARACTERS = 7900

ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN = KEYS = (
    "AccessKeyId",
    "SecretAccessKey",
    "SessionToken",
)
PLACES = ("Region", "Bucket", "Prefix", "Endpoint", "Encryption", "EncryptionKey")

_LONGEST_PLACE = 1024
_LAST_SECOND = 253402300799
_REGION = re.compile(r"[a-z0-9-]{1,64}")
# At least the minutes: a mere date is no moment.
_MOMENT = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[Tt ][0-9]{2}:?[0-9]{2}.*", re.DOTALL)


def folded(members: Mapping[str, object]) -> dict[str, object]:
    """Return `members` by their names in lower case without underscores.

    Raises MalformedAnswerError for two names that become one, since it is not clear which is meant.
    """
    found: dict[str, object] = {}
    for name, value in members.items():
        key = name.replace("_", "").lower()
        if key in found and found[key] != value:
            raise MalformedAnswerError(
                "the server's AWS credentials name a member twice in two spellings"
            )
        found[key] = value
    return found


def token_from(
    given: Mapping[str, object],
    spelled: Mapping[str, str],
    *,
    expires: object,
    now_local: float,
    skew: int,
    assumed_lifetime: int = ASSUMED_LIFETIME,
) -> Token:
    """Return the credentials in `given`: a Token of kind `aws`.

    Its secret text is a flat JSON object in ASCII.

    Parameters:
    - given, spelled: as for `members`.
    - expires: the API's expiry in ISO 8601, or None.
    - now_local: Unix seconds on this host's clock.
    - skew: the server's clock minus ours, in seconds.
    - assumed_lifetime: seconds from now, where the API gives no expiry.

    Raises MalformedAnswerError, which never holds a value.
    """
    return sealed(
        members(given, spelled),
        expires=expires,
        now_local=now_local,
        skew=skew,
        assumed_lifetime=assumed_lifetime,
    )


def members(given: Mapping[str, object], spelled: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials in `given` by our names: `KEYS`, and of `PLACES` what makes sense.

    Parameters:
    - given: as from `folded`.
    - spelled: how the API calls each of our names, folded.

    Raises MalformedAnswerError, which never holds a value.
    """
    found = {}
    for name in KEYS:
        value = given.get(spelled[name])
        flaw = token_flaw(value)
        if flaw or not isinstance(value, str):
            raise MalformedAnswerError(f"the server's {name} {flaw}")
        found[name] = value
    if sum(map(len, found.values())) > MOST_CHARACTERS:
        raise MalformedAnswerError(
            f"the server's AWS credentials are longer than {MOST_CHARACTERS} characters:"
            " SDKs read no more than 8 KiB"
        )
    for name in PLACES:
        value = given.get(spelled.get(name, ""))
        # Only a convenience: a value that makes no sense is left out.
        if isinstance(value, str) and _is_place(name, value):
            found[name] = value
    return found


def sealed(
    found: Mapping[str, object],
    *,
    expires: object,
    now_local: float,
    skew: int,
    assumed_lifetime: int,
) -> Token:
    """Return a Token of kind `aws` whose secret text is the texts in `found`, as flat JSON.

    Other parameters as for `token_from`. Raises MalformedAnswerError for a text that does not fit
    on a line.
    """
    for value in found.values():
        if not isinstance(value, str) or not value.isprintable():
            raise MalformedAnswerError("the server's credentials hold what is no line of text")
    issued_at = int(now_local) + skew
    ends = issued_at + assumed_lifetime if expires is None else seconds(expires)
    if ends is None:
        raise MalformedAnswerError(
            "the expiry of the server's AWS credentials is not a moment in ISO 8601"
        )
    if ends <= issued_at:
        raise MalformedAnswerError(
            f"the new AWS credentials had already expired at {formatdate(ends, usegmt=True)}:"
            f" the server's Date says {formatdate(issued_at, usegmt=True)},"
            f" the local clock {formatdate(int(now_local), usegmt=True)}",
            hint="check this host's clock",
        )
    return Token(
        Secret(json_object({name: json_string(str(value)) for name, value in found.items()})),
        kind=AWS,
        issued_at=issued_at,
        expires_at=ends,
        skew=skew,
        assumed=expires is None,
    )


def _is_place(name: str, value: str) -> bool:
    if not value or len(value) > _LONGEST_PLACE or not value.isprintable():
        return False
    return name != "Region" or bool(_REGION.fullmatch(value))


def seconds(moment: object) -> int | None:
    """Return ISO 8601 as Unix seconds, rounded down, in UTC where it names no zone; else None."""
    if not isinstance(moment, str) or not _MOMENT.fullmatch(moment.strip()):
        return None
    try:
        read = datetime.fromisoformat(moment.strip().upper())
        read = read if read.tzinfo else read.replace(tzinfo=UTC)
        return min(int(read.timestamp() // 1), _LAST_SECOND)
    except (ValueError, OverflowError):
        return None
