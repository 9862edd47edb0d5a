"""What a Tokens API offers, whichever it is: `iap` (v1) and `ica` (v2) both have this shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from credhelper.client.authorization import Authorization, Caller
from credhelper.core.model import Secret, Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpec:
    """What a new token shall be. The API decides what is not given.

    Parameters:
    - client_id: the authorized party on the JWT.
    - domain: where one logs in; v2 calls it tenant.
    - data: custom metadata for the session field of the JWT.
    - scopes: limit the token.
    - cwid: the workgroup.
    - cid: the project.
    - return_session_token: whether a psToken is wanted instead of a JWT.
    """

    client_id: str | None = None
    domain: str | None = None
    data: str | None = None
    scopes: Sequence[str] = ()
    cwid: str | None = None
    cid: str | None = None
    return_session_token: bool | None = None


ANY_TOKEN = TokenSpec()


class Client(Protocol):
    """The calls of a Tokens API, and what it can do.

    Attributes:
    - refreshes: the kind of token that `refresh` takes and gives, and so what a session is: a
      psToken (`session`), from which tokens are created, or a `jwt`, which is the token itself.
    - revokes: whether it can end a token.
    - has_details: whether `details` says whose a token is.
    - contexts: whether tokens may be for one project or workgroup.
    - searches: whether `projects` can be asked for some of them.

    What an API cannot do raises UnsupportedActionError.
    """

    refreshes: ClassVar[Kind]
    revokes: ClassVar[bool]
    has_details: ClassVar[bool]
    contexts: ClassVar[bool]
    searches: ClassVar[bool]

    def create(self, authorization: Authorization, spec: TokenSpec = ANY_TOKEN) -> Token:
        """Create the token that `spec` asks for."""

    def details(self, token: Secret | None, authorization: Caller | None = None) -> dict[str, Any]:
        """Return what the API says of a token, or of the user of another authorization."""

    def refresh(self, session: Secret | None, authorization: Caller | None = None) -> Token:
        """Extend what `refreshes` names; keep what comes back.

        Parameters:
        - session: None to name none.
        - authorization: by default the session itself.
        """

    def revoke(self, token: Secret | None, authorization: Caller | None = None) -> str:
        """End a token: `revoked`, or `unknown` when the server does not know it.

        Parameters:
        - token: None to name none.
        - authorization: by default the token itself.
        """

    def projects(self, token: Secret, wanted: str = "") -> Iterator[tuple[str, str]]:
        """Yield the id and the name of each project, hidden ones too, of the owner of a token.

        A page is asked for when it is needed.

        Parameters:
        - token: a JWT.
        - wanted: an id or a name. An API that `searches` leaves out most of what has neither.
        """

    def workgroups(self, session: Secret) -> Iterator[tuple[str, str]]:
        """Yield the id and the name of each workgroup of the owner of `session`, a psToken."""


class AwsClient(Protocol):
    """What gives AWS credentials for a token of a Tokens API."""

    def exchange(
        self, token: Secret, how: str, words: tuple[str, ...], *, read_only: bool
    ) -> Token:
        """Return AWS credentials, a Token of kind `aws`.

        Parameters:
        - token: a JWT.
        - how: one of the API's `resources` (`profile.APIS`).
        - words: the ids, or the path, that name it.
        - read_only: whether they must not be able to write.
        """
