"""Bazel as a caller of our own: its flags, its choice of a helper, and what it keeps.

Written from Bazel's command-line reference (`--credential_helper` and its kin) and EngFlow's
credential-helper-spec. It is not Bazel.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema

from integrations.callers import Guarded

_SCHEMAS = Path(__file__).parent / "schema"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FORMATS = jsonschema.Draft202012Validator.FORMAT_CHECKER


def validator(which: str) -> jsonschema.Draft202012Validator:
    """Return what holds a `request` or `response` to the specification's schema."""
    document = json.loads((_SCHEMAS / f"{which}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document, format_checker=FORMATS)


class HelperError(Exception):
    """The fetch fails, and shows what the helper said."""


class Bazel:
    """One server process of Bazel's, with what it keeps in memory.

    Parameters: `guarded`, the world; `workspace`, the current folder of every helper; `expires`,
    whether this release knows when an answer ends. Attributes: `asked`, how often a helper ran.
    """

    def __init__(self, guarded: Guarded, workspace: Path, *, expires: bool = True) -> None:
        self.asked = 0
        self._guarded = guarded
        self._workspace = workspace
        self._knows_expires = expires
        self._kept: dict[str, tuple[float, dict[str, str]]] = {}
        self._helpers: dict[str, str] = {}
        self._timeout = 10.0
        self._duration = 1800.0
        for file in (workspace / ".bazelrc", guarded.wired.world.home / ".bazelrc"):
            if file.exists():
                self._read(file.read_text())

    def fetch(self, path: str) -> int:
        """Fetch a file; returns the status. Raises HelperError."""
        uri = f"https://{self._guarded.host}{path}"
        return self._guarded.fetch(path, self.headers(uri)).status

    def headers(self, uri: str) -> dict[str, str]:
        """Return the headers of a request to `uri`. Raises HelperError."""
        until, headers = self._kept.get(uri, (0.0, {}))
        if time.time() < until:
            return headers
        helper = self._helper(uri)
        if helper is None:
            return {}
        until, headers = self._ask(helper, uri)
        self._kept[uri] = until, headers
        return headers

    def _read(self, text: str) -> None:
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if not words or words[0] not in ("common", "build", "fetch"):
                continue
            for word in words[1:]:
                flag, _, value = word.partition("=")
                if flag == "--credential_helper":
                    scope, equals, helper = value.partition("=")
                    self._helpers[scope if equals else ""] = helper if equals else scope
                elif flag == "--credential_helper_timeout":
                    self._timeout = _seconds(value)
                elif flag == "--credential_helper_cache_duration":
                    self._duration = _seconds(value)

    def _helper(self, uri: str) -> str | None:
        """Return the helper of the most specific scope that the URI's host is in."""
        host = (urlsplit(uri).hostname or "").lower()
        labels = host.split(".")
        parents = ["*." + ".".join(labels[n:]) for n in range(len(labels))]
        for scope in (host, *parents, ""):
            if scope in self._helpers:
                return self._program(self._helpers[scope])
        return None

    def _program(self, told: str) -> str:
        if told.startswith("%workspace%/"):
            return str(self._workspace / told.removeprefix("%workspace%/"))
        if "/" in told:
            return told
        found = shutil.which(told, path=self._guarded.wired.environ["PATH"])
        if found is None:
            raise HelperError(f"{told} is not on PATH")
        return found

    def _ask(self, helper: str, uri: str) -> tuple[float, dict[str, str]]:
        self.asked += 1
        request = {"uri": uri}
        validator("request").validate(request)
        done = self._guarded.launch(
            [helper, "get"],
            json.dumps(request, separators=(",", ":")).encode(),  # and no line feed
            seconds=self._timeout,
            cwd=self._workspace,
        )
        if done.status != 0:
            raise HelperError(done.told)
        if not done.stdout:
            raise HelperError("no output")
        answer: dict[str, Any] = json.loads(done.stdout)
        validator("response").validate(answer)
        headers = {name: ", ".join(values) for name, values in answer.get("headers", {}).items()}
        until = time.time() + self._duration
        if self._knows_expires and "expires" in answer:
            until = dt.datetime.fromisoformat(answer["expires"]).timestamp()
        return until, headers


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)([smhd]?)", text)
    assert found, text
    return int(found[1]) * _SECONDS[found[2] or "s"]
