"""The v2 data API (Platform Core), as far as it gives credentials for an object store.

Source: the `ProjectData` pages of Illumina's Platform Core REST API, as in its generated client
libica 3.3: `createTemporaryCredentialsForData`, and `getProjectDataList` for the id of what lies at
a path. The plain answer for AWS tells no expiry, the answer in rclone's form does. On S3 that has
the same keys, so it is asked for first. Neither call opens an upload session: others are for that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from credhelper.client import aws_credentials, by_path
from credhelper.client.authorization import Bearer, Parts, parts
from credhelper.client.aws_credentials import folded
from credhelper.client.by_path import Listed
from credhelper.client.http.answers import Response
from credhelper.client.http.transport import Transport
from credhelper.core.model import Secret, Token
from credhelper.errors import MalformedAnswerError, RejectedError, TokenAPIError

_SPELLED = {
    "AccessKeyId": "accesskey",
    "SecretAccessKey": "secretkey",
    "SessionToken": "sessiontoken",
    "Region": "region",
    "Bucket": "bucket",
    "Prefix": "objectprefix",
    "Encryption": "serversideencryptionalgorithm",
    "EncryptionKey": "serversideencryptionkey",
}
_RCLONE = {
    "AccessKeyId": "access_key_id",
    "SecretAccessKey": "secret_access_key",
    "SessionToken": "session_token",
    "Region": "region",
    "Encryption": "server_side_encryption",
    "EncryptionKey": "sse_kms_key_id",
}
_PROJECTS = "/ica/rest/api/projects"
_ACCEPT = "application/vnd.illumina.v3+json, application/problem+json"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Options with which rclone starts a program: no store needs one.
_STARTING = re.compile(r"ssh|.*_command")
_MOST_OPTIONS = 64
# What these statuses say, they say of the token, the data or the moment, not of the form.
_OF_EITHER_FORM = frozenset({401, 403, 404, 408, 429})
_HINTS = {
    403: "may the token's user use it? To read only, set read_only = true",
    404: "does it still exist, and in this project?",
}
_ALREADY = "may the token's user read it?"


class Client:
    """Credentials for files and folders of v2.

    Parameters:
    - transport: bound to the API's origin.
    - lifetime: seconds that credentials are taken to live where the API tells nothing.
    - clock: Unix seconds.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        lifetime: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._lifetime = lifetime or aws_credentials.ASSUMED_LIFETIME
        self._clock = clock

    def exchange(
        self, token: Secret, how: str, words: tuple[str, ...], *, read_only: bool
    ) -> Token:
        """Return credentials: `POST .../projects/{id}/data/{id}:createTemporaryCredentials`.

        Of S3 they are AWS keys, with what else rclone is told; of another store only the latter.

        Parameters:
        - token: a JWT.
        - how: `data`, or `path`.
        - words: the id of the project, and the id or path of the file or folder. A path is looked
          up each time: what lies there now may not be what lay there before.
        - read_only: whether they must not be able to write.

        Raises UnreachableError, RateLimitedError, RejectedError, MalformedAnswerError or
        ConfigError.
        """
        granted = parts(Bearer(token), lambda _: None)
        project, data = words
        given_id = self._at(granted, project, data) if how == "path" else data
        place = f"{_PROJECTS}/{project}/data/{given_id}"
        try:
            try:
                answer = self._asked(granted, place, read_only, {"credentialsFormat": "RCLONE"})
            except TokenAPIError as error:
                if not _refuses_the_form(error):
                    raise
            else:
                made = self._of_rclone(answer)
                if made:
                    return made
            answer = self._asked(granted, place, read_only, {})
        except RejectedError as error:
            hint = _HINTS.get(error.status or 0, error.hint)
            error.hint = _ALREADY if error.status == 403 and read_only else hint
            raise
        members = folded(answer.members())
        given = members.pop("awstempcredentials", None)
        if not isinstance(given, dict) or not given:
            if any(members.values()):
                raise RejectedError(
                    f"data {data} does not lie on AWS, and the API has nothing for rclone",
                    hint="copy it with ICA's own program: icav2 projectdata",
                )
            raise MalformedAnswerError(
                f"{answer.origin} answered {answer.status} without credentials for data {data}",
                status=answer.status,
            )
        return self._of_aws(given, answer)

    def _asked(
        self, granted: Parts, place: str, read_only: bool, form: Mapping[str, str]
    ) -> Response:
        return self._transport.call(
            "POST",
            f"{place}:createTemporaryCredentials",
            headers={"Accept": _ACCEPT, **granted.headers},
            body={"readOnlyCredentials": read_only, **form},
            secrets=granted.secrets,
            # Each call gives keys of its own: there is nothing that could happen twice.
            idempotent=True,
        )

    def _of_aws(self, given: Mapping[str, object], answer: Response) -> Token:
        found = folded(given)
        return aws_credentials.token_from(
            found,
            _SPELLED,
            expires=found.get("expirationtime"),
            now_local=self._clock(),
            skew=answer.skew,
            assumed_lifetime=self._lifetime,
        )

    def _of_rclone(self, answer: Response) -> Token | None:
        """Return what an answer in rclone's form gives; None if the plain one may give more."""
        members = folded(answer.members())
        given = members.get("rclonetempcredentials")
        found = folded(given) if isinstance(given, dict) else {}
        options = _options(found.get("config"))
        expires = found.get("expirationtime")
        on_s3 = options.get("type", "s3") == "s3"
        if on_s3 and not (
            all(options.get(_RCLONE[name]) for name in aws_credentials.KEYS)
            and aws_credentials.seconds(expires) is not None
        ):
            plain = members.get("awstempcredentials")
            # An API that does not know the form may answer as if nobody had asked for it.
            return self._of_aws(plain, answer) if isinstance(plain, dict) and plain else None
        kept = aws_credentials.members(options, _RCLONE) if on_s3 else {}
        named = {_RCLONE[name] for name in kept}
        return aws_credentials.sealed(
            kept
            | {f"rclone.{name}": value for name, value in options.items() if name not in named}
            | _place(found.get("filepathprefix"), on_s3),
            expires=expires,
            now_local=self._clock(),
            skew=answer.skew,
            assumed_lifetime=self._lifetime,
        )

    def _at(self, granted: Parts, project: str, path: str) -> str:
        """Return the id of the file or folder at `path`: `GET .../projects/{id}/data`."""
        kind = by_path.kind_of(path).upper()

        def listed(item: Mapping[str, object]) -> Listed | None:
            data = item.get("data")
            details = data.get("details") if isinstance(data, dict) else None
            if not isinstance(data, dict) or not isinstance(details, dict):
                return None
            of = item.get("projectId")
            if not isinstance(of, str) or of.lower() != project.lower():
                return None
            # What is being deleted may have a successor of its name already.
            if details.get("dataType") != kind or details.get("status") == "DELETING":
                return None
            return Listed(data.get("id"), details.get("path"))

        def list_page(page: str) -> Response:
            query = {
                "filePath": path,
                "filePathMatchMode": "FULL_CASE_INSENSITIVE",
                "type": kind,
                "pageSize": str(by_path.PAGE),
                "pageToken": page,
            }
            return self._transport.call(
                "GET",
                f"{_PROJECTS}/{project}/data",
                headers={"Accept": _ACCEPT, **granted.headers},
                query=list(query.items()),
                secrets=granted.secrets,
                idempotent=True,
            )

        return by_path.find(list_page, listed, path, f"project {project}")


def _refuses_the_form(error: TokenAPIError) -> bool:
    status = error.status or 0
    return status == 501 or (400 <= status < 500 and status not in _OF_EITHER_FORM)


def _options(config: object) -> dict[str, str]:
    """Return the options for rclone, {} for none; raises MalformedAnswerError for unsafe ones."""
    found: dict[str, str] = {}
    if not isinstance(config, dict):
        return found
    if len(config) > _MOST_OPTIONS:
        raise MalformedAnswerError("the server's config for rclone is too large")
    for name, value in config.items():
        if not _OPTION.fullmatch(name) or not isinstance(value, str):
            raise MalformedAnswerError("the server's config for rclone is not names and texts")
        if _STARTING.fullmatch(name):
            raise MalformedAnswerError("the server's config for rclone would start a program")
        found[name] = value
    return found


def _place(path: object, on_s3: bool) -> dict[str, str]:
    """Return what the path in rclone's form says: only a convenience."""
    if not isinstance(path, str) or not path:
        return {}
    bucket, _, prefix = path.removeprefix("/").partition("/")
    if not on_s3 or not _BUCKET.fullmatch(bucket):
        return {"Path": path}
    return {"Bucket": bucket, **({"Prefix": prefix} if prefix else {})}
