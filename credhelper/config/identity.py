"""Names of records: a hash of everything that the record depends on.

Names are SHA-256 over fields with their lengths, so two identities never share a name. Nothing in
them is derived from a secret.
"""

from __future__ import annotations

from collections.abc import Iterable

from credhelper.config.profile import PASSWORD, Grant, Profile, Resource
from credhelper.core.digest import sha256
from credhelper.core.record import BASE


def record_name(profile: Profile, *, kind: str) -> str:
    """Return the name of the record that holds the profile's token: 32 hex digits.

    Parameters: `kind`, `jwt` or `session`. The order of scopes does not matter. Nor do the
    profile's name, services, user name for Basic, margins, or how the key is sent: the token does
    not depend on them.
    """
    return _name("token", _token(profile, kind))


def aws_name(profile: Profile, resource: Resource) -> str:
    """Return the name of the record that holds the profile's AWS credentials: 32 hex digits.

    It depends on all that the token depends on, and on what the credentials are for.
    """
    words = [resource.how, str(len(resource.words)), *resource.words, str(resource.read_only)]
    if resource.lifetime is not None:
        words.append(str(resource.lifetime))
    return _name("aws", [*words, *_token(profile, profile.token)])


def session_name(profile: Profile) -> str:
    """Return the name of the record that holds the profile's session: 32 hex digits.

    Several tokens can come from one session, so project, workgroup, scopes and kind do not count.
    """
    return _name("session", _session(profile))


def shared(profile: Profile, resource: Resource | None) -> list[str]:
    """Return what hosts of a fleet have in common that share the profile's tokens.

    Its grant is not in it, nor where that lies: hosts need not have the same, or any.

    Parameters: `resource`, what AWS credentials are for, to share those; or None.
    """
    optional = (profile.user, profile.domain, profile.client_id, profile.data)
    more = (profile.cid, profile.cwid)
    scopes = sorted(set(profile.scopes))
    what = ["token"]
    if resource is not None:
        what = ["aws", resource.how, str(len(resource.words)), *resource.words]
        what.append(str(resource.read_only))
    return [
        profile.share or "",
        profile.api,
        profile.url,
        *(part for value in (*optional, *more) for part in _text(value)),
        profile.token,
        str(len(scopes)),
        *scopes,
        *what,
    ]


def shared_session(profile: Profile) -> list[str]:
    """Return what hosts of a fleet have in common that share the profile's session.

    Several tokens can come from one session, so project, workgroup and scopes do not count.
    """
    optional = (profile.user, profile.domain, profile.client_id, profile.data)
    told = (part for value in optional for part in _text(value))
    return ["session", profile.share or "", profile.api, profile.url, *told]


def visible_grant(profile: Profile) -> str:
    """Return what the warm path watches to see that the grant has changed.

    `env:NAME`, `file:PATH`, or "". A command's or keyring's words are in the name already. Nothing
    is derived from a password, not even its file's size.
    """
    grant = profile.grant
    if grant is None or grant.how not in ("env", "file") or profile.auth == PASSWORD:
        return ""
    return f"{grant.how}:{grant.words[0]}"


def _token(profile: Profile, kind: str) -> list[str]:
    token = (*_text(profile.cid), *_text(profile.cwid), kind, str(profile.keep_session))
    # A token that this host made before it shared would be one that no other host ever gets.
    share = ("shared", profile.share) if profile.share else ()
    return [*_session(profile), *token, *share, *sorted(set(profile.scopes))]


def _session(profile: Profile) -> list[str]:
    grant = profile.grant
    # Without a grant, the profile's own name stands for what `login` keeps.
    words = (_how(grant), *grant.words) if grant else ("login", profile.name)
    optional = (profile.user, profile.domain, profile.client_id, profile.data)
    return [
        profile.api,
        profile.url,
        profile.auth,
        str(len(words)),
        *words,
        *(part for value in optional for part in _text(value)),
        # What hosts share is refreshed under its lease alone: a profile that does not share it any
        # more, or elsewhere, must not find it.
        *(("shared", profile.share or "") if profile.share_session else ()),
    ]


def _how(grant: Grant) -> str:
    return grant.how if grant.member is None else f"{grant.how} {grant.member}"


def _text(value: str | None) -> tuple[str, ...]:
    return ("no",) if value is None else ("yes", value)


def _name(what: str, fields: Iterable[str]) -> str:
    encoded = [text.encode("utf-8", "surrogateescape") for text in (what, *fields)]
    return sha256(b"".join(b"%d:%b" % (len(text), text) for text in encoded))[:BASE]
