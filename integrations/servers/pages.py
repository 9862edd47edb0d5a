"""A small API that asks for a token: pages to read, a door to upload at, and ways out of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request, serving


class Pages:
    """What the API saw, and what it does besides.

    Parameters: `gate`, who checks the tokens.

    Attributes: `seen`, of each request: method, path, the token's number in order of appearance (0
    for none), and the status that was answered; `before`, called with each request's path;
    `redirects`, where some paths lead.
    """

    def __init__(self, gate: Gate) -> None:
        self.seen: list[tuple[str, str, int, int]] = []
        self.before: Callable[[str], None] = lambda path: None
        self.redirects: dict[str, str] = {}
        self._gate = gate
        self._shown: list[str] = []

    def answer(self, request: Request) -> Answer:
        """Answer one request: 401 without a good token, a redirect, or what was asked for."""
        self.before(request.path)
        header = request.headers.get("Authorization")
        user = self._gate.admit(header)
        if user is None:
            challenge = self._gate.challenge
            answer = Answer(401, b"{}", challenge)
        elif request.path in self.redirects:
            answer = Answer(307, b"", [("Location", self.redirects[request.path])])
        elif request.method == "GET":
            answer = _told({"page": request.path, "user": user})
        else:
            digest = hashlib.sha256(request.body).hexdigest()
            answer = _told({"length": len(request.body), "sha256": digest})
        self.seen.append((request.method, request.path, self._number(header), answer.status))
        return answer

    def _number(self, header: str | None) -> int:
        if header is None:
            return 0
        if header not in self._shown:
            self._shown.append(header)
        return self._shown.index(header) + 1


@contextlib.contextmanager
def open_pages(url: str, certificate: Certificate) -> Iterator[tuple[Pages, int]]:
    """Serve an API that believes the sandbox at `url`; yields it and its port."""
    pages = Pages(Gate(url, "pages", bearer=True))
    with serving(pages.answer, certificate) as port:
        yield pages, port


def _told(what: dict[str, object]) -> Answer:
    return Answer(200, json.dumps(what).encode(), [("Content-Type", "application/json")])
