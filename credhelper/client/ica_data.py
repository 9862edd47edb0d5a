"""The v2 data API (Platform Core), as far as it gives credentials for an object store.

Source: the `ProjectData` pages of Illumina's Platform Core REST API, as in its generated client
libica 3.3: `createTemporaryCredentialsForData`. The plain answer for AWS tells no expiry (its model
has a place for one), the answer in rclone's form does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from credhelper.client import aws_credentials
from credhelper.client.authorization import Bearer, parts
from credhelper.client.aws_credentials import folded
from credhelper.client.http.answers import Response
from credhelper.client.http.transport import Transport
from credhelper.core.model import AWS, RCLONE, Secret, Token
from credhelper.errors import MalformedAnswerError, RejectedError

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
_ACCEPT = "application/vnd.illumina.v3+json, application/problem+json"
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Options with which rclone starts a program: no store needs one.
_STARTING = re.compile(r"ssh|.*_command")
_MOST_OPTIONS = 64
_HINTS = {
    403: "may the token's user use it? To read only, say read_only = true",
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
        self, token: Secret, how: str, words: tuple[str, ...], *, read_only: bool, wants: str = AWS
    ) -> Token:
        """Return credentials: `POST .../projects/{id}/data/{id}:createTemporaryCredentials`.

        Parameters:
        - token: a JWT.
        - how: `data`.
        - words: the ids of the project and of the file or folder.
        - read_only: whether they must not be able to write.
        - wants: `rclone` for whatever rclone needs for this store, else keys for AWS.

        Raises UnreachableError, RateLimitedError, RejectedError, MalformedAnswerError or
        ConfigError.
        """
        project, data = words
        body: dict[str, object] = {"readOnlyCredentials": read_only}
        if wants == RCLONE:
            body["credentialsFormat"] = "RCLONE"
        granted = parts(Bearer(token), lambda _: None)
        try:
            answer = self._transport.call(
                "POST",
                f"/ica/rest/api/projects/{project}/data/{data}:createTemporaryCredentials",
                headers={"Accept": _ACCEPT, **granted.headers},
                body=body,
                secrets=granted.secrets,
                # Each call gives keys of its own: there is nothing that could happen twice.
                idempotent=True,
            )
        except RejectedError as error:
            hint = _HINTS.get(error.status or 0, error.hint)
            error.hint = _ALREADY if error.status == 403 and read_only else hint
            raise
        members = folded(answer.members())
        member = "rclonetempcredentials" if wants == RCLONE else "awstempcredentials"
        given = members.get(member)
        if not isinstance(given, dict) or not given:
            if wants != RCLONE and any(value for name, value in members.items() if name != member):
                raise RejectedError(
                    f"{how} {data} does not lie on AWS", "credhelper aws --format rclone"
                )
            raise MalformedAnswerError(
                f"{answer.origin} answered {answer.status} without credentials for {how} {data}",
                status=answer.status,
            )
        return self._rclone(given, answer) if wants == RCLONE else self._aws(given, answer)

    def _aws(self, given: dict[str, object], answer: Response) -> Token:
        found = folded(given)
        return aws_credentials.token_from(
            found,
            _SPELLED,
            expires=found.get("expirationtime"),
            now_local=self._clock(),
            skew=answer.skew,
            assumed_lifetime=self._lifetime,
        )

    def _rclone(self, given: dict[str, object], answer: Response) -> Token:
        found = folded(given)
        config = found.get("config")
        if not isinstance(config, dict) or not 0 < len(config) <= _MOST_OPTIONS:
            raise MalformedAnswerError("the server's config for rclone is missing or too large")
        for name, value in config.items():
            if not _OPTION.fullmatch(name) or not isinstance(value, str):
                raise MalformedAnswerError("the server's config for rclone is not names and texts")
            if _STARTING.fullmatch(name):
                raise MalformedAnswerError("the server's config for rclone would start a program")
        path = found.get("filepathprefix")
        return aws_credentials.sealed(
            {f"rclone.{name}": value for name, value in config.items()}
            # Only a convenience.
            | ({"Path": path} if isinstance(path, str) else {}),
            expires=found.get("expirationtime"),
            now_local=self._clock(),
            skew=answer.skew,
            assumed_lifetime=self._lifetime,
        )
