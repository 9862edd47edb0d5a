"""The calls of a renewal: what one profile asks of its API, and what only a person can fix."""

from __future__ import annotations

from credhelper.client.api import TokenSpec
from credhelper.client.http.answers import WRONG_SECRET
from credhelper.config.profile import APIS
from credhelper.core.login import log_in
from credhelper.core.text import command, printable, shell_word
from credhelper.errors import (
    CredhelperError,
    LoginRequiredError,
    RejectedError,
    TokenAPIError,
    UnreachableError,
)
from credhelper.renewal.session import over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.client.api import Client
    from credhelper.client.authorization import Authorization
    from credhelper.config.profile import Profile
    from credhelper.core.model import Secret, Token

RETRY_AFTER = 60  # seconds, after a refresh that failed
_OTHER_REGION = "https://use1.platform.illumina.com"


class Calls:
    """What one profile asks of its API. All raise TokenAPIError.

    Parameters:
    - profile: whose tokens they are.
    - client: of the profile's API.
    - authorize: reads the grant and returns how it authorises a create; None without a grant.
    - trace: takes one decision.
    """

    def __init__(
        self,
        profile: Profile,
        client: Client,
        authorize: Callable[[], Authorization] | None,
        trace: Callable[..., None],
    ) -> None:
        self.profile = profile
        self.client = client
        self.authorize = authorize
        self.trace = trace

    def create(self) -> Token:
        """Return a new JWT from the grant. Raises LoginRequiredError without one."""
        return self._from_grant(make_token, session=False)

    def open_session(self) -> Token:
        """Return a new psToken from the grant. Raises LoginRequiredError without one."""
        return self._from_grant(open_session, session=True)

    def mint(self, session: Secret) -> Token:
        """Return a new JWT from `session`, a psToken."""
        from credhelper.client.authorization import Bearer

        self.trace("api", mint=self.profile.name)
        return make_token(self.client, Bearer(session), self.profile)

    def refresh(self, session: Token) -> Token:
        """Return what the API gives for `session`: the same string or another."""
        self.trace("session", refresh=self.profile.name)
        try:
            return self.client.refresh(session.value)
        except TokenAPIError as error:
            self.trace("session", refresh=self.profile.name, failed=error.code)
            raise

    def revoke(self, token: Token) -> None:
        """End a token or session of ours. Where that is not confirmed, it lives on."""
        self.trace("api", revoke=self.profile.name)
        try:
            if self.client.revokes:
                self.client.revoke(token.value)
        except CredhelperError as error:
            self.trace("api", revoke=self.profile.name, failed=error.code)

    def _from_grant(
        self, make: Callable[[Client, Authorization, Profile], Token], *, session: bool
    ) -> Token:
        if self.authorize is None:
            raise not_logged_in(self.profile)
        self.trace("api", create=self.profile.name, session=session)
        return make(self.client, self.authorize(), self.profile)


def open_session(client: Client, authorization: Authorization, profile: Profile) -> Token:
    """Return a new psToken for `profile`: several tokens hang on it, so it knows no project."""
    spec = TokenSpec(
        client_id=profile.client_id,
        domain=profile.domain,
        data=profile.data,
        return_session_token=True,
    )
    return _created(client, authorization, profile, spec)


def make_token(client: Client, authorization: Authorization, profile: Profile) -> Token:
    """Return a new JWT for `profile`, created from its grant or minted from its session."""
    spec = TokenSpec(
        client_id=profile.client_id,
        domain=profile.domain,
        data=profile.data,
        scopes=profile.scopes,
        cwid=profile.cwid,
        cid=profile.cid,
    )
    return _created(client, authorization, profile, spec)


def _created(
    client: Client, authorization: Authorization, profile: Profile, spec: TokenSpec
) -> Token:
    try:
        return client.create(authorization, spec)
    except RejectedError as error:
        if error.status == 401 and error.hint == WRONG_SECRET:
            error.hint = "; ".join([WRONG_SECRET, *_elsewhere(profile)])
        raise


def _elsewhere(profile: Profile) -> list[str]:
    """Return where else the secret of a profile may be for, each with the command that says so."""
    v1, v2 = APIS["iap"], APIS["ica"]
    is_v2 = profile.api == "ica"
    found = []
    if not is_v2:
        region = _OTHER_REGION if profile.url == v1.url else v1.url
        found.append(f"if it is for another region than {profile.url}: {_say(profile, url=region)}")
    if not _by_variables(profile):
        what = f"another domain than {printable(profile.domain)}" if profile.domain else "a domain"
        found.append(f"if it is for {what}: {_say(profile, domain='NAME')}")
    other = _say(profile, api="iap", url=v1.url) if is_v2 else _say(profile, api="ica", url=v2.url)
    return [*found, f"if it is for ICA {'v1' if is_v2 else 'v2'}: {other}"]


def _say(profile: Profile, **keys: str) -> str:
    """Return the command that changes `keys` of a profile, and tries that."""
    if _by_variables(profile):
        said = [f"CREDHELPER_{key.upper()}={shell_word(one)}" for key, one in keys.items()]
        return " ".join(["export", *said])
    words = [word for key, one in keys.items() for word in (f"--{key}", one)]
    return f"{log_in(profile.name)} {command(*words)}"


def _by_variables(profile: Profile) -> bool:
    return profile.grant is not None and profile.grant.words == ("CREDHELPER_API_KEY",)


def not_logged_in(profile: Profile) -> LoginRequiredError:
    """Return the error for a profile that has neither a grant nor a session."""
    return LoginRequiredError(
        f"not logged in to profile {profile.name}",
        hint=log_in(profile.name),
    )


class Withheld(Exception):
    """The next session may not be made now: hosts share it, and none renews it without its lease.

    Parameters:
    - why: in words.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def withheld(profile: Profile, why: Withheld) -> UnreachableError:
    """Return the error for a session that hosts share and that cannot be renewed now."""
    return UnreachableError(
        f"hosts share the session of profile {profile.name}, and it cannot be renewed now:"
        f" {why.why}",
        hint=command("credhelper", "fleet", "check"),
    )


def ended(
    profile: Profile, dead: Token | None, error: RejectedError | None, now: float
) -> LoginRequiredError:
    """Return the error for a session that cannot be continued.

    Parameters:
    - dead: the session, if we had one.
    - error: the server's no, if it was asked.
    - now: Unix seconds.
    """
    idle = " while idle" if dead is not None and over(dead, now) else ""
    why = f": {error.message}" if error else ""
    if profile.share_session:
        why += "; a host that was stopped while it renewed the session shares the next one at its"
        why += " next get"
    return LoginRequiredError(
        f"the session of profile {profile.name} has ended{idle}{why}",
        hint=log_in(profile.name),
    )


def not_refreshed(profile: Profile) -> LoginRequiredError:
    """Return the error for a JWT that has ended, and that an API key made."""
    return LoginRequiredError(
        f"the JWT of profile {profile.name} has ended, and an API key made it: the API refreshes"
        " no such JWT",
        hint=f"{log_in(profile.name)} --api-key",
    )
