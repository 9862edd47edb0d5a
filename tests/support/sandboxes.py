"""The sandbox as a program of its own, and a hand on its doors."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
from typing import Any
from urllib.parse import quote

from tests.support.programs import python_environment

AWS_LIFE = 36 * 3600  # seconds that AWS keys are good, unless an option says otherwise
_TIMEOUT = 30.0


class RunningSandbox:
    """A sandbox in a process of its own.

    Attributes: `url`, `api_key`, `username`, `password`, `config` (TOML), `pid`; `spoilt`, whether
    it was ever told to be late, or has an upload session, so that no other test can have it. It
    counts from its start, or from the last `reset` or `count_from_here`.
    """

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "credhelper.sandbox", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=python_environment(),
            cwd="/",
        )
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self.url: str = told["url"]
        self.api_key: str = told["api_key"]
        self.username: str = told["username"]
        self.password: str = told["password"]
        self.config: str = told["config"]
        self.pid: int = told["pid"]
        self.spoilt = False
        self._to_forget: set[str] = set()
        self._tree: list[dict[str, Any]] | None = None
        self._before: dict[str, int] = {}

    def stop(self) -> None:
        """End the process, and wait for its end."""
        self._process.terminate()
        self._process.wait(_TIMEOUT)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def reset(self) -> None:
        """Forget all faults, all projects that were added and all data that was put; count anew."""
        for what in self._to_forget:
            self._ask("DELETE", what)
        self._to_forget.clear()
        if self._tree is not None:
            self._put(*({**one, "path": None} for one in self.data()["data"]), *self._tree)
            self._tree = None
        self.count_from_here()

    def count_from_here(self) -> None:
        """Let `stats` begin at zero."""
        self._before = self._ask("GET", "/_sandbox/stats")

    def stats(self) -> dict[str, int]:
        """Return how many `requests` came, and how many tokens were `created`, `minted`, ..."""
        now: dict[str, int] = self._ask("GET", "/_sandbox/stats")
        return {name: count - self._before.get(name, 0) for name, count in now.items()}

    def fault(self, *faults: dict[str, Any]) -> None:
        """Script misfortune: see `credhelper/sandbox/faults.py` for the members."""
        self.spoilt = self.spoilt or any("delay" in fault for fault in faults)
        self._to_forget.add("/_sandbox/faults")
        self._ask("POST", "/_sandbox/faults", list(faults))

    def faults_left(self) -> list[dict[str, Any]]:
        """Return the faults that nobody has met yet."""
        left: list[dict[str, Any]] = self._ask("GET", "/_sandbox/faults")
        return left

    def add_projects(self, *projects: dict[str, Any]) -> None:
        """Add projects: see docs/sandbox.md for the members."""
        self._to_forget.add("/_sandbox/projects")
        self._ask("POST", "/_sandbox/projects", list(projects))

    def projects(self) -> dict[str, str]:
        """Return the ids of v2's projects, by name."""
        page = self._ask("GET", "/ica/rest/api/projects", headers={"X-API-Key": self.api_key})
        self.count_from_here()
        return {item["name"]: item["id"] for item in page["items"]}

    def named(self, name: str) -> str:
        """Return the id in v2 of a project that has this name alone, hidden or not."""
        path = f"/ica/rest/api/projects?includeHiddenProjects=true&search={quote(name)}"
        page = self._ask("GET", path, headers={"X-API-Key": self.api_key})
        found: list[str] = [item["id"] for item in page["items"] if item["name"] == name]
        assert len(found) == 1
        return found[0]

    def admits(self, token: str) -> bool:
        """Tell whether the protected resource takes this token now."""
        return self._status("/protected", token) == 200

    def session(self) -> str:
        """Open a session with the password, and return its psToken."""
        who = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        path = "/v1/tokens?returnSessionToken=true"
        made = self._ask("POST", path, headers={"Authorization": f"Basic {who}"})
        token: str = made["access_token"]
        return token

    def jwt(self) -> str:
        """Create a token of v1 with the API key, and return it."""
        made = self._ask("POST", "/v1/tokens", headers={"X-API-Key": self.api_key})
        token: str = made["access_token"]
        return token

    def lives(self, pstoken: str) -> bool:
        """Tell whether this psToken is one that lives."""
        return self._status("/v1/workgroups", pstoken) == 200

    def revoke_all(self) -> None:
        """Revoke every session and token that exists now."""
        self._ask("POST", "/_sandbox/revoke-all")

    def aws(self) -> list[dict[str, Any]]:
        """Return the AWS keys that are good now: see docs/sandbox.md."""
        found: list[dict[str, Any]] = self._ask("GET", "/_sandbox/aws")
        return found

    def data(self) -> dict[str, Any]:
        """Return all data that has a path, and all upload sessions: see docs/sandbox.md."""
        found: dict[str, Any] = self._ask("GET", "/_sandbox/data")
        return found

    def put_data(self, given_id: str, place: str, path: str | None) -> None:
        """Put data at a path of a project or volume, or delete it: no path."""
        if self._tree is None:
            self._tree = self.data()["data"]
        self._put({"id": given_id, "place": place, "path": path})

    def _put(self, *changes: dict[str, Any]) -> None:
        self._ask("POST", "/_sandbox/data", list(changes))

    def open_upload_session(self, project: str, given_id: str) -> None:
        """Do what credhelper must not: open an upload session for a folder of v2."""
        self.spoilt = True
        path = f"/ica/rest/api/projects/{project}/data/{given_id}/folderUploadSessions"
        self._ask("POST", path, headers={"X-API-Key": self.api_key})

    def _status(self, path: str, bearer: str) -> int:
        connection = http.client.HTTPConnection(self.url.partition("://")[2], timeout=_TIMEOUT)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {bearer}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def _ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Any:
        connection = http.client.HTTPConnection(self.url.partition("://")[2], timeout=_TIMEOUT)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, data.decode()
        return json.loads(data) if data else None
