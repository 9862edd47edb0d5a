"""A server of samples, for jobs of workflow managers: `/samples/N` for who shows a live token."""

from __future__ import annotations

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request


class Samples:
    """What `web.serving` serves. Parameters: `url`, the sandbox's; `realm`, for challenges.

    Attributes: `gate`, what was seen.
    """

    def __init__(self, url: str, realm: str) -> None:
        self.gate = Gate(url, realm, bearer=True)

    def __call__(self, request: Request) -> Answer:
        if self.gate.admit(request.headers.get("Authorization")) is None:
            return Answer(401, b"", self.gate.challenge)
        return Answer(200, f"data of {request.path}".encode())


def data_of(numbers: range) -> set[str]:
    """Return what these samples hold."""
    return {f"data of /samples/{number}" for number in numbers}
