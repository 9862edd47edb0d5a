"""The object store behind the data APIs: temporary AWS keys, and which of them are valid.

There is no S3 in here. A test's own S3 server asks the sandbox over HTTP (`living`) whether the
keys that it receives are valid.
"""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass
from typing import Any

from credhelper.sandbox.ledger import FEW, KEPT
from credhelper.sandbox.tree import VOLUME, Data

KINDS = ("folder", "file", "volume")
BUCKET, REGION = "sandbox-bucket", "ap-southeast-2"
# These give the documented refusals without a scripted fault.
FOREIGN, MISSING = "foreign", "missing"


@dataclass(frozen=True, repr=False)
class Keys:
    """Temporary keys to a part of the bucket. `expires` in seconds since 1970."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    prefix: str
    read_only: bool
    expires: float


class Objects:
    """All keys that were given and may be valid."""

    def __init__(self) -> None:
        self._given: list[Keys] = []
        self._most = FEW

    def give(self, kind: str, given_id: str, read_only: bool, expires: float, now: float) -> Keys:
        """Make keys for a folder, file or volume."""
        if len(self._given) >= self._most:
            self._given = [keys for keys in self._given if keys.expires > now - KEPT]
            self._most = max(FEW, 2 * len(self._given))
        keys = Keys(
            "ASIA" + secrets.token_hex(8).upper(),
            # As AWS makes them: with characters that URLs and shells escape.
            base64.b64encode(secrets.token_bytes(30)).decode(),
            base64.b64encode(secrets.token_bytes(200)).decode(),
            prefix(kind, given_id),
            read_only,
            expires,
        )
        self._given.append(keys)
        return keys

    def living(self, now: float) -> list[dict[str, Any]]:
        """Return all keys that are valid now, with their secrets."""
        return [
            {
                "accessKeyId": keys.access_key_id,
                "secretAccessKey": keys.secret_access_key,
                "sessionToken": keys.session_token,
                "bucket": BUCKET,
                "prefix": keys.prefix,
                "readOnly": keys.read_only,
                "expires": keys.expires,
            }
            for keys in self._given
            if now < keys.expires
        ]


def prefix(kind: str, given_id: str) -> str:
    """The prefix of a folder, file or volume in the bucket; a file is one object."""
    if kind == "volume":
        return f"{given_id}/"
    return f"volume/{given_id}" + ("/" if kind == "folder" else "")


def resource(
    kind: str, given_id: str, keys: Keys | None, known: Data | None = None
) -> dict[str, Any]:
    """A FolderResponse, FileResponse or VolumeResponse, with keys in upstream's odd spelling.

    Parameters: `known`, where data of this id lies, if it has a path.
    """
    answer: dict[str, Any] = {"id": given_id, "name": known.name if known else given_id}
    if known:
        answer |= {"volumeName": known.place, "path": known.path}
    elif kind != "volume":
        answer |= {"volumeName": VOLUME, "path": f"/{given_id}" + "/" * (kind == "folder")}
    if keys is not None:
        member = "awsS3TemporaryReadOnlyCredentials" if keys.read_only else _UPLOAD
        answer["objectStoreAccess"] = {member: _spelled(keys)}
    return answer


def for_aws(keys: Keys) -> dict[str, Any]:
    """TempCredentials of v2, which hold no expiry."""
    return {
        "awsTempCredentials": {
            "accessKey": keys.access_key_id,
            "secretKey": keys.secret_access_key,
            "sessionToken": keys.session_token,
            "region": REGION,
            "bucket": BUCKET,
            "objectPrefix": keys.prefix,
            "serverSideEncryptionAlgorithm": "AES256",
        }
    }


def for_rclone(keys: Keys, session: str | None = None) -> dict[str, Any]:
    """TempCredentials of v2 in the form for rclone: its options, and the expiry.

    Parameters: `session`, the id of the upload session that they were given with, if any.
    """
    return {
        "rcloneTempCredentials": {
            "config": {
                "type": "s3",
                "provider": "AWS",
                "env_auth": "false",
                "access_key_id": keys.access_key_id,
                "secret_access_key": keys.secret_access_key,
                "session_token": keys.session_token,
                "region": REGION,
                "server_side_encryption": "AES256",
            },
            "filePathPrefix": f"{BUCKET}/{keys.prefix}",
            "storageType": "s3",
            "expirationTime": _moment(keys.expires),
            **({"uploadSessionId": session} if session else {}),
        }
    }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


_UPLOAD = "awsS3TemporaryUploadCredentials"


def _spelled(keys: Keys) -> dict[str, Any]:
    return {
        "access_Key_Id": keys.access_key_id,
        "secret_Access_Key": keys.secret_access_key,
        "session_Token": keys.session_token,
        "region": REGION,
        "bucketName": BUCKET,
        "keyPrefix": keys.prefix,
        "expirationDate": _moment(keys.expires),
        "serviceUrl": f"https://s3.{REGION}.amazonaws.com",
        "serverSideEncryptionAlgorithm": "AES256",
    }
