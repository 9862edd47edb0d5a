"""One call of an API as plain data: what it presents, how a fault bends it, and the refusal."""

from __future__ import annotations

from dataclasses import dataclass


class RefusedError(Exception):
    """A definite no. Parameters: `status`, the HTTP status; `message`, one line, no secret."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, repr=False)
class Presented:
    """The credentials of a request: decoded, not yet checked.

    Parameters: `api_key`, from the X-API-Key header or the obsolete query parameter; `bearer`,
    the token of a Bearer Authorization; `basic`, the decoded text of a Basic one.
    """

    api_key: str | None = None
    bearer: str | None = None
    basic: str | None = None


@dataclass(frozen=True)
class Tweak:
    """How a scripted fault changes the outcome of one request.

    Parameters, all in seconds: `date`, how far the server's clock is off in this request; `nbf`,
    how far in the future a new token begins; `lifetime`, of a new token, may be negative.
    `rotate`: a refresh answers a new psToken and the old one is no longer good.
    """

    date: float = 0.0
    nbf: float = 0.0
    lifetime: float | None = None
    rotate: bool = False


PLAIN = Tweak()
