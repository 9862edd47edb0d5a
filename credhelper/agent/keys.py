"""AWS keys for the endpoint: the heavy half, loaded by `exec` and in the endpoint's child alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from credhelper.agent.serving import MARGIN, Serving
from credhelper.broker import answer
from credhelper.broker.context import Context, beside_a_command
from credhelper.core.model import AWS, Call, Request, Secret
from credhelper.core.text import json_object, json_string, rfc3339
from credhelper.errors import CacheError, CredhelperError, reason
from credhelper.protocols import aws
from credhelper.storage import files

_SET_BACK = 5.0  # seconds; less is a clock that is kept right
# AWS's names in a container's answer, and in a record.
_NAMES = {
    "AccessKeyId": "AccessKeyId",
    "SecretAccessKey": "SecretAccessKey",
    "Token": "SessionToken",
}


def request_for(profile: str, refresh_before: int) -> Request:
    """Return the request for the AWS keys of `profile`.

    Parameters:
    - refresh_before: seconds of life with less of which they are renewed, if that is more than
      AWS's SDKs want anyway.
    """
    return Request("get", profile=profile, margin=max(MARGIN, refresh_before), wants=AWS)


def fetch(context: Context, request: Request) -> tuple[Secret, int, float, str]:
    """Return a container's answer with AWS keys, and what is known of them.

    That is: the JSON document; when they end and when to renew them, in Unix seconds; and their
    region, or "". Raises CredhelperError, also for what `credhelper aws` does not hand over.
    """
    checked = aws.parse(Call("credhelper", (), b"", context.environ))
    credential = answer.get(context, request)
    aws.render(checked, credential)  # is refused for another store, or for an unknown server
    given = aws.members(credential)
    members = {name: json_string(given[ours]) for name, ours in _NAMES.items()}
    members["Expiration"] = json_string(rfc3339(credential.expires_at))
    document = Secret(json_object(members))
    return document, credential.expires_at, credential.fresh_until, given.get("Region", "")


def renew(
    serving: Serving,
    environ: Mapping[str, str],
    say: Callable[[bytes], None] | None,
    behind: float = 0.0,
    clock: Callable[[], float] = time.time,
) -> bytes:
    """Return `serving` with other keys, packed; without keys, and with a trouble, if none came.

    Parameters:
    - serving: changed in place.
    - environ: the environment.
    - say: writes a warning for people; None to keep quiet.
    - behind: seconds that the clock was set back while the endpoint waited.
    - clock: Unix seconds.
    """
    warned = serving.warned.split("\n")
    context = beside_a_command(environ, warned, say)
    request = request_for(serving.profile, serving.refresh_before)
    before, serving.trouble = serving.keys, ""
    try:
        serving.keys, serving.expires, serving.due, _ = fetch(context, request)
        if behind > _SET_BACK and serving.keys == before:
            # The clock finds the keys good that have come to their end in truth.
            context.clock = lambda: clock() + behind
            serving.keys, serving.expires, serving.due, _ = fetch(context, request)
        if serving.keys == before and serving.due <= context.clock():
            # They still live, and the broker has told why there are no others.
            serving.keys, serving.trouble = Secret(""), "they could not be renewed"
        answer.tidy_up()
    except CredhelperError as error:
        serving.keys, serving.trouble = Secret(""), error.message
        why = f"could not renew the AWS keys of {serving.profile}: {error.message}"
        context.warn(why, error.hint)
    try:
        put_back(serving)
    except CacheError as error:
        context.warn(error.message, error.hint)
    serving.warned = "\n".join(warned)
    return serving.pack()


def put_back(serving: Serving) -> None:
    """Write the token's file where there is none: at first, and after somebody removed it.

    Raises CacheError.
    """
    if os.path.lexists(serving.path):
        return
    try:
        files.make_folder(os.path.dirname(serving.path))
        files.replace(serving.path, serving.token.reveal().encode())
    except OSError as error:
        raise CacheError(f"cannot write {serving.path}: {reason(error)}") from None
