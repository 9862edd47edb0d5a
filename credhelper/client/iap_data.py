"""The v1 data API (GDS), as far as it gives AWS credentials for a token.

Source: the GDS pages of Illumina's generated v1 client (libica 2.5.0): with
`include=objectStoreAccess`, a PATCH answers credentials that can write, and the GET of a folder or
file answers ones that cannot. The PATCH changes nothing: its body is empty. `GET /v1/folders` and
`GET /v1/files` find the id of what lies at a path.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from credhelper.client import aws_credentials, by_path
from credhelper.client.authorization import Bearer, Parts, parts
from credhelper.client.aws_credentials import folded
from credhelper.client.by_path import Listed
from credhelper.client.http.answers import Response
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
    403: "may the token's user and project (cid) use it? To read only, set read_only = true",
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
        - how: `folder`, `file` or `volume`, or `gds` for a path.
        - words: its id, or `gds://VOLUME/PATH`, which is looked up each time.
        - read_only: whether they must not be able to write; then they are asked for with GET.

        Raises UnreachableError, RateLimitedError, RejectedError, MalformedAnswerError or
        ConfigError.
        """
        granted = parts(Bearer(token), lambda _: None)
        given_id, there = words[0], {}
        if how == "gds":
            volume, slash, path = words[0].removeprefix("gds://").partition("/")
            there = {"volumename": volume, "path": slash + path}
            how = by_path.kind_of(path)
            given_id = self._at(granted, how, volume, slash + path)
        try:
            answer = self._transport.call(
                "GET" if read_only else "PATCH",
                f"/v1/{how}s/{given_id}",
                headers=granted.headers,
                query=[("include", "objectStoreAccess")],
                body=None if read_only else {},
                secrets=granted.secrets,
                idempotent=True,
            )
        except RejectedError as error:
            error.hint = _HINTS.get(error.status or 0, error.hint)
            raise
        members = folded(answer.members())
        _require_same(members, {"id": given_id, **there}, f"{how} {words[0]}", answer)
        access = _object(members.get("objectstoreaccess"))
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

    def _at(self, granted: Parts, how: str, volume: str, path: str) -> str:
        """Return the id of the folder or file at `path`: `GET /v1/folders` or `GET /v1/files`."""

        def listed(item: Mapping[str, object]) -> Listed | None:
            # What is being deleted may have a successor of its name already.
            if item.get("volumeName") != volume or item.get("jobStatus") == "Deleting":
                return None
            return Listed(item.get("id"), item.get("path"))

        def list_page(page: str) -> Response:
            query = [("volume.name", volume), ("path", path), ("pageSize", str(by_path.PAGE))]
            return self._transport.call(
                "GET",
                f"/v1/{how}s",
                headers=granted.headers,
                query=[*query, ("pageToken", page)] if page else query,
                secrets=granted.secrets,
                idempotent=True,
            )

        return by_path.find(list_page, listed, path, f"volume {volume}")


def _require_same(
    told: Mapping[str, object], asked: Mapping[str, str], what: str, answer: Response
) -> None:
    """Raise MalformedAnswerError if the answer says that it is about something else."""
    for name, text in asked.items():
        if isinstance(told.get(name), str) and told[name] != text:
            raise MalformedAnswerError(
                f"{answer.origin} answered {answer.status} with another {name} than that of {what}",
                hint="was it moved just now? try again",
                status=answer.status,
            )


def _object(value: object) -> dict[str, object]:
    return folded(value) if isinstance(value, dict) else {}
