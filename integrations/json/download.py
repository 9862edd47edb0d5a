#!/usr/bin/env python3
"""Download URLs with tokens from credhelper: how a program of yours may talk to it.

One process is started and asked for each request. After a 401 the very token that was refused is
rejected, and the request made once more. Any language will do that has processes and JSON.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any


class Tokens:
    """A dialogue with `credhelper json`."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(["credhelper", "json"], stdin=pipe, stdout=pipe)

    def ask(self, **request: object) -> dict[str, Any]:
        """Send one request, and return the answer; exit with its message if it is an error."""
        asked = json.dumps({"version": 1, **request}) + "\n"
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(asked.encode())
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            error = answer["error"]
            sys.exit(f"{error['message']} ({error.get('hint', error['code'])})")
        return answer


def download(tokens: Tokens, url: str) -> bytes:
    """Return what is at `url`."""
    token = tokens.ask(action="get", service=url)["token"]
    try:
        return fetch(url, token)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
    tokens.ask(action="reject", service=url, token=token)
    return fetch(url, tokens.ask(action="get", service=url)["token"])


def fetch(url: str, token: str) -> bytes:
    """Return what is at `url`, for the bearer of `token`. Raises HTTPError."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as response:
        body: bytes = response.read()
    return body


if __name__ == "__main__":
    dialogue = Tokens()
    for each in sys.argv[1:]:
        try:
            sys.stdout.buffer.write(download(dialogue, each))
        except OSError as trouble:
            sys.exit(f"{each}: {trouble}")
