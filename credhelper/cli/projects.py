"""Find projects and workgroups by name, for `login`: what a token or AWS credentials may be for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

from credhelper.broker import grants, wiring
from credhelper.cli.verification import discard
from credhelper.client.authorization import Authorization, Bearer
from credhelper.config.profile import Profile
from credhelper.core.model import Secret
from credhelper.core.text import printable
from credhelper.errors import CredhelperError, NotFoundError, UsageError
from credhelper.renewal import ready_token
from credhelper.renewal.create import make_token, open_session

if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.client.api import Client

_MOST_SHOWN = 10
_TOKENS, _TOOLS = "to limit tokens to one", "to choose the one of your tools"

Named = tuple[str, str]  # id, name


def found(
    client: Client,
    profile: Profile,
    authorization: Authorization,
    *,
    project: str | None,
    workgroup: str | None,
) -> dict[str, str]:
    """Return the keys of a profile for the project and the workgroup that these names mean.

    A project is the key `cid` where tokens are for one project; else `project`. The token that asks
    is revoked again.

    Parameters:
    - profile: without a context.
    - authorization: what the person handed over.
    - project: an id or a name, or None.
    - workgroup: likewise.

    Raises NotFoundError, and UsageError for a workgroup where the API has none.
    """
    if workgroup and not client.contexts:
        raise UsageError(f"tokens of {profile.url} are not for one workgroup", "leave it out")
    wanted: dict[str, str] = {}
    if project:
        token = make_token(client, authorization, profile).value
        try:
            wanted |= found_by(client, token, None, project=project, workgroup=None)
        finally:
            discard(client, token)
    if workgroup and isinstance(authorization, Bearer):
        wanted |= found_by(client, None, authorization.token, project=None, workgroup=workgroup)
    elif workgroup:
        session = open_session(client, authorization, profile).value
        try:
            wanted |= found_by(client, None, session, project=None, workgroup=workgroup)
        finally:
            discard(client, session)
    return wanted


def found_by(
    client: Client,
    token: Secret | None,
    session: Secret | None,
    *,
    project: str | None,
    workgroup: str | None,
) -> dict[str, str]:
    """Return the keys of a profile for a project, asked for with `token`, and for a workgroup,
    asked for with `session`.

    Raises NotFoundError.
    """
    wanted: dict[str, str] = {}
    if project and token:
        wanted["cid" if client.contexts else "project"] = _project(client, token, project)
    if workgroup and session:
        wanted["cwid"] = _one("workgroup", workgroup, list(client.workgroups(session)))
    return wanted


def found_with(context: Context, profile: Profile, text: str) -> str:
    """Return the id of the project that `text` means, asked for with the profile's ready token.

    Parameters:
    - text: an id or a name.

    Raises CredhelperError: UsageError where each token is for one project already.
    """
    client = wiring.client_for(context, profile)
    if client.contexts or profile.grant is None:
        raise UsageError(
            f"the token of profile {profile.name} is made elsewhere, for a project or for none",
            "leave --project out",
        )
    secret = grants.read(context, profile, profile.grant)
    token = ready_token.token_in(secret, profile, profile.grant, context.clock())
    return _project(client, token.value, text)


def put_into(
    wanted: Mapping[str, str], values: dict[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a profile's keys with those of the project and workgroup that were named.

    Parameters:
    - wanted: these, as from `found`.
    - values: the others, as the config spells them.
    - given: the options of the login.
    """
    if "project" in wanted and "aws" in values and not given.get("aws"):
        # They are for the project that was named now, not for one of before.
        kept = {key: what for key, what in values["aws"].items() if key != "project"}
        return {**values, "aws": kept, **wanted}
    return {**values, **wanted}


def listed(
    client: Client, token: Secret, session: Secret | None, login: str = "credhelper login"
) -> dict[str, str]:
    """Return in words what there is to choose from; nothing where the API refuses.

    Parameters:
    - token: a JWT, for projects.
    - session: a psToken, for workgroups, or None.
    - login: the command that logs in to the profile again.
    """
    choices: dict[str, str] = {}
    how = f"{_TOKENS if client.contexts else _TOOLS}: {login}"
    with suppress(CredhelperError):
        choices["project"] = in_words("project", client.projects(token), how)
    if session is not None and client.contexts:
        with suppress(CredhelperError):
            choices["workgroup"] = in_words("workgroup", client.workgroups(session), how)
    return choices


def in_words(what: str, named: Iterable[Named], how: str) -> str:
    """Return the first names with their ids, and how to choose one of them, for a person.

    Parameters:
    - how: words that end in a command, which takes the choice as an option.
    """
    first = list(islice(named, _MOST_SHOWN + 1))
    if not first:
        return ""
    shown = ", ".join(map(_shown, first[:_MOST_SHOWN]))
    more = " and more" if len(first) > _MOST_SHOWN else ""
    return f"{shown}{more}; {how} --{what} NAME"


def _project(client: Client, token: Secret, text: str) -> str:
    """Return the id of the project that `text` means. Raises NotFoundError."""
    if client.searches:
        found = _matching("project", text, client.projects(token, text))
        if found is not None:
            return found
    # What a server's search finds is its own affair: there are others to compare with, too.
    return _one("project", text, list(client.projects(token)))


def _one(what: str, text: str, named: Sequence[Named]) -> str:
    """Return the id that `text` means, or raise NotFoundError with what is called similarly."""
    found = _matching(what, text, named)
    if found is not None:
        return found
    names = [name or one for one, name in named]
    near = get_close_matches(text, names, 3, 0.5) or names
    known = ", ".join(map(printable, near[:_MOST_SHOWN])) or "none"
    raise NotFoundError(f"there is no {what} {printable(text)}", hint=f"{what}s: {known}")


def _matching(what: str, text: str, named: Iterable[Named]) -> str | None:
    """Return the id that `text` means: an id, a name, or either in other case; None for none.

    Raises NotFoundError where several have that name.
    """
    same: dict[str, None] = {}
    alike: dict[str, None] = {}
    for one, name in named:
        if one == text:
            return one
        if name == text:
            same[one] = None
        elif text.casefold() in (name.casefold(), one.casefold()):
            alike[one] = None
    for ids in (same, alike):
        if len(ids) > 1:
            raise NotFoundError(
                f"several {what}s are called {printable(text)}",
                hint=f"name one by its id: {', '.join(map(printable, islice(ids, _MOST_SHOWN)))}",
            )
        if ids:
            return next(iter(ids))
    return None


def _shown(one: Named) -> str:
    known, name = one
    return f"{printable(name)} ({printable(known)})" if name else printable(known)
