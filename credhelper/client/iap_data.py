"""The v1 data API (GDS), as far as it gives AWS credentials for a token.

Source: the GDS pages of Illumina's generated v1 client (libica 2.5.0): with
`include=objectStoreAccess`, a PATCH answers credentials that can write, and the GET of a folder or
file answers ones that cannot. The PATCH changes nothing: its body is empty.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from credhelper.client import aws_credentials
from credhelper.client.authorization import Bearer, parts
from credhelper.client.aws_credentials import folded
from credhelper.client.http.transport import Transport
from credhelper.core.model import Secret, Token
from credhelper.errors import MalformedAnswerError, RejectedError

_WRITE, _READ = "awss3temporaryuploadcredentials", "awss3temporaryreadonlycredentials"
_SPELLED = {
    "AccessKeyId": "accesskeyid",
    "SecretAccessKey": "secretaccesskey",
    "SessionToken": "sessiontoken",
    "Region": "region",
    "Bucket": "bucketname",
    "Prefix": "keyprefix",
    "Endpoint": "serviceurl",
    "Encryption": "serversideencryptionalgorithm",
    "EncryptionKey": "serversideencryptionkey",
}
_HINTS = {
    403: "may the token's user and project (cid) use it? To read only, say read_only = true",
    404: "does it still exist, and does the token's project (cid) hold it?",
}


class Client:
    """AWS credentials for folders, files and volumes of v1.

    Parameters:
    - transport: bound to the API's origin.
    - clock: Unix seconds.
    """

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.time) -> None:
        self._transport = transport
        self._clock = clock

    def exchange(
        self, token: Secret, how: str, words: tuple[str, ...], *, read_only: bool
    ) -> Token:
        """Return AWS credentials: `PATCH /v1/folders/{id}?include=objectStoreAccess` and its kin.

        Parameters:
        - token: a JWT.
        - how: `folder`, `file` or `volume`.
        - words: its id.
        - read_only: whether they must not be able to write; then they are asked for with GET.

        Raises UnreachableError, RateLimitedError, RejectedError, MalformedAnswerError or
        ConfigError.
        """
        granted = parts(Bearer(token), lambda _: None)
        try:
            answer = self._transport.call(
                "GET" if read_only else "PATCH",
                f"/v1/{how}s/{words[0]}",
                headers=granted.headers,
                query=[("include", "objectStoreAccess")],
                body=None if read_only else {},
                secrets=granted.secrets,
                idempotent=True,
            )
        except RejectedError as error:
            error.hint = _HINTS.get(error.status or 0, error.hint)
            raise
        access = _object(folded(answer.members()).get("objectstoreaccess"))
        given = _object(access.get(_READ if read_only else _WRITE))
        if not given:
            if any(name.startswith("azure") and access[name] for name in access):
                raise RejectedError(f"{how} {words[0]} lies on Azure: there is nothing for AWS")
            kind = "read-only " if read_only else ""
            raise MalformedAnswerError(
                f"{answer.origin} answered {answer.status} without {kind}AWS credentials"
                f" for {how} {words[0]}",
                hint="may the token's user and project (cid) use it?",
                status=answer.status,
            )
        return aws_credentials.token_from(
            given,
            _SPELLED,
            expires=given.get("expirationdate"),
            now_local=self._clock(),
            skew=answer.skew,
        )


def _object(value: object) -> dict[str, object]:
    return folded(value) if isinstance(value, dict) else {}
