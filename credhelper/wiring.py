"""The composition root: which collaborator goes where.

The late imports live here and nowhere else: TOML, hashing and HTTP are loaded when the cache cannot
answer, and by the one process of a herd that renews.
"""

from __future__ import annotations

import os
import sys
import time

from credhelper import __version__, broker, cache, paths, records, routes, tracing, unmatched, warm
from credhelper.errors import CacheError, ConfigError, LoginRequiredError
from credhelper.model import Listing, Request
from credhelper.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from credhelper.client.api import AwsClient, Client
    from credhelper.client.authorization import Authorization
    from credhelper.client.transport import Transport
    from credhelper.config import Config, Profile
    from credhelper.freshness import Held
    from credhelper.model import Credential, Secret, Token
    from credhelper.renewal import Renewal
    from credhelper.routes import Route, Routes
    from credhelper.service import Service

_COMPILE_WAIT = 10.0
_NAME_DIGITS = 32  # of a record; what follows stands for the value of a variable
_FORGET_WAIT = 5.0

_salt: list[str] = []


class Context:
    """What an answer may know of the world around it.

    Parameters: `environ`; `warn`, one line to the user and a hint; `trace`, one decision; `alarm`,
    whether this process may use an alarm signal to wait; `clock`, Unix seconds.
    """

    __slots__ = ("_cache_folder", "alarm", "clock", "environ", "trace", "warn")

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        warn: Callable[[str, str | None], None],
        trace: Callable[..., None] = tracing.silent,
        alarm: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.environ = environ
        self.warn = _once(warn)
        self.trace = trace
        self.alarm = alarm
        self.clock = clock
        self._cache_folder: str | None = None

    def cache_folder(self) -> str | None:
        """Return where records lie; None, after a warning, if that place is not to be trusted."""
        if self._cache_folder is None:
            self._cache_folder = paths.cache_dir(self.environ, sys.platform) or ""
            folder = self._cache_folder
            wrong = self._homeless(folder) or cache.complaint_about(folder)
            if wrong:
                self.warn(f"going on without a cache: {wrong.message}", wrong.hint)
                self._cache_folder = ""
        return self._cache_folder or None

    def _homeless(self, folder: str) -> CacheError | None:
        """Return what is wrong if `folder` is in a home that is not there: not ours to make."""
        if not folder:
            return CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_CACHE_DIR")
        home = paths.home(self.environ, sys.platform)
        if not home or os.path.isdir(home) or not folder.startswith(f"{home}/"):
            return None
        return CacheError(
            f"home folder {home} does not exist",
            hint="set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders of your own",
        )

    def runtime_folders(self) -> tuple[str, ...]:
        """Return local folders, private once made, for what lives as long as a process.

        Locks, where the cache's own file system has none, and the token files of running commands.
        """
        found = []
        chosen = self.environ.get("CREDHELPER_RUNTIME_DIR", "")
        if chosen:
            if not os.path.isabs(chosen):
                raise ConfigError("CREDHELPER_RUNTIME_DIR is not an absolute path")
            found.append(chosen)
        runtime = self.environ.get("XDG_RUNTIME_DIR", "")
        if runtime.startswith("/"):
            found.append(os.path.join(runtime, "credhelper"))
        if hasattr(os, "geteuid"):
            found.append(f"/tmp/credhelper-{os.geteuid()}")  # noqa: S108  # verified: ours, 0700
        return tuple(found)

    def slot(self, record: str) -> Slot:
        """Return the slot of a token's record."""
        return Slot(
            self.cache_folder(),
            record,
            lock_folders=self.runtime_folders(),
            warn=self.warn,
            alarm=self.alarm,
        )

    def state_slot(self, record: str) -> Slot:
        """Return the slot of a session's record, in the state folder."""
        folder = paths.state_dir(self.environ, sys.platform)
        return Slot(
            os.path.join(folder, "sessions") if folder else None,
            record,
            lock_folders=self.runtime_folders(),
            warn=self.warn,
            alarm=self.alarm,
            durable=True,
        )


def answer(context: Context, request: Request) -> Credential | Listing | bool | None:
    """Return what `request` asks for: a credential, a listing, or whether a token was forgotten.

    None for an action that is the protocol's own. Raises CredhelperError.
    """
    if request.action == "get":
        if request.rejected is not None:
            reject(context, request)  # the caller wants another one than this
        return get(context, request)
    if request.action == "erase":
        return reject(context, request)
    if request.action == "list":
        found = load_routes(context)
        return Listing(
            [
                (service, route.username, route.profile)
                for service, named in sorted(found.by_service.items())
                for route in named
            ]
        )
    return None


def get(context: Context, request: Request) -> Credential:
    """Return a credential for `request`, from the cache or through a renewal."""
    return get_with_record(context, request)[0]


def get_with_record(context: Context, request: Request) -> tuple[Credential, str]:
    """Return a credential for `request`, and the path of the record that holds it."""
    found = load_routes(context)
    route, service = _match(context, found, request)
    if route.profile in context.environ.get("CREDHELPER_ASKING", "").split(","):
        # Before any gate: the one that we would wait at is held by the process that asked us.
        raise ConfigError(
            f"the grant of profile {route.profile} asks credhelper for the same profile",
            hint="let the grant's command read the secret from where it lies",
        )
    if request.wants != "token" and not route.aws:
        raise _no_aws(context, route)
    desk = broker_for(context, found, route, request.wants)
    return broker.get(desk, request, route, service), desk.slot.path


def reject(context: Context, request: Request) -> bool:
    """Forget the token that `request` says was refused, if it is the one we hold."""
    if request.rejected is None or (request.service is None and request.profile is None):
        return False
    found = load_routes(context)
    route, _ = _match(context, found, request)
    if request.wants != "token" and not route.aws:
        return False
    desk = broker_for(context, found, route, request.wants)
    return broker.reject(desk, request.rejected)


def refused(context: Context, request: Request, token: Secret) -> bool:
    """Forget `token`, which a service answered with 401, if it is the one we hold.

    `reject` does not believe the first word against a young token: a tool may only guess. Here the
    401 was seen, and somebody waits for what comes of it.
    """
    found = load_routes(context)
    desk = broker_for(context, found, _match(context, found, request)[0])
    return broker.reject(desk, token, sure=True)


def profile_of(context: Context, request: Request) -> tuple[Routes, Route]:
    """Return all routes, and the one that answers `request`. Raises CredhelperError."""
    found = load_routes(context)
    return found, _match(context, found, request)[0]


def may_receive(found: Routes, route: Route, target: Service) -> bool:
    """Tell whether the token of `route` may go to `target`.

    It may go to what the profile names as a service, unless another names it more closely, and back
    to the API that it comes from.
    """
    if target.origin == route.url:
        return True
    there = Request("get", service=target, profile=route.profile)
    return routes.match(found, there, route.profile) is not None


def _match(context: Context, found: Routes, request: Request) -> tuple[Route, Service | None]:
    chosen = context.environ.get("CREDHELPER_PROFILE")
    matched = routes.match(found, request, chosen)
    if matched is None:
        raise unmatched.why(found, request, chosen)
    context.trace("route", service=matched[1], profile=matched[0].profile)
    return matched


def _no_aws(context: Context, route: Route) -> ConfigError:
    label, _ = warm.configuration(context.environ)
    if label == "environment":
        hint = 'write a config file, with aws = { folder = "ID" } in a profile'
    else:
        hint = f'add aws = {{ folder = "ID" }} to [profiles.{route.profile}] in {label}'
    return ConfigError(f"profile {route.profile} does not say what AWS credentials are for", hint)


def broker_for(
    context: Context, found: Routes, route: Route, wants: str = "token"
) -> broker.Broker:
    """Return the broker of one profile's record: its token's, or its AWS credentials'."""
    record, stamp = routes.record_of(found, route, context.environ, wants)

    def renew(held: Held | None) -> tuple[Token, int]:
        profile = load_config(context).profiles[route.profile]
        return renewal_for(context, profile).renew(held)

    def exchange(held: Held | None) -> tuple[Token, int]:
        # The token's gate is taken below that of the AWS credentials, never the other way round.
        desk = broker_for(context, found, route)
        profile = load_config(context).profiles[route.profile]
        return exchange_for(context, profile, desk, route, wants), 0

    return broker.Broker(
        context.slot(record),
        stamp,
        renew=renew if wants == "token" else exchange,
        warn=context.warn,
        trace=context.trace,
        host=warm.host(),
        clock=context.clock,
        what="token" if wants == "token" else "temporary AWS key",
    )


# --- the config, and the config compiled ----------------------------------------------------------


def load_config(context: Context) -> Config:
    """Return the whole config, parsed and checked; raises ConfigError."""
    from credhelper import config

    label, data = warm.configuration(context.environ)
    if label != "environment":
        return config.parse(data, label, context.environ)
    # The variable's value is read with the grant, and a child of `exec` does not have it.
    known = {"CREDHELPER_API_KEY": "told by exec", **context.environ}
    return config.from_environment(known) or config.parse(b"", label, context.environ)


def load_routes(context: Context) -> Routes:
    """Return the routes: from the cache if they hold, else compiled by one process for all."""
    label, data = warm.configuration(context.environ)
    home = context.environ.get("HOME", "")
    folder = context.cache_folder()
    if folder is None:
        return compile_routes(context, _new_salt())
    path = os.path.join(folder, routes.file_name(label))
    found = warm.compiled(folder, label, home, data)
    if found:
        return found
    context.trace("routes", compiled=label)
    gate = None
    try:
        cache.make_folder(folder)
        gate = cache.acquire(path + ".lock", wait=_COMPILE_WAIT, alarm=context.alarm)
    except (CacheError, cache.Unlockable) as error:
        context.trace("routes", unlocked=str(error))
    try:
        found = warm.compiled(folder, label, home, data)
        if found:
            return found
        old = records.read_private(path)
        salt = (old and routes.salt_of(old)) or _new_salt()
        compiled = compile_routes(context, salt)
        try:
            made = routes.encode(compiled, label, home, __version__, data)
            cache.replace(path, made)
        except OSError as error:
            context.trace("routes", kept=False, why=os.strerror(error.errno or 0))
        return compiled
    finally:
        if gate:
            gate.release()


def _new_salt() -> str:
    # One for the whole process: where the routes cannot be kept, records must not change names.
    if not _salt:
        _salt.append(os.urandom(16).hex())
    return _salt[0]


def compile_routes(context: Context, salt: str) -> Routes:
    """Return the routes of the config as it is now; raises ConfigError."""
    config = load_config(context)
    default = config.default_profile or ""
    return routes.Routes(default, salt, [route_to(one) for one in config.profiles.values()])


def route_to(profile: Profile) -> Route:
    """Return the route that leads to `profile`."""
    from credhelper import identity
    from credhelper.profile import APIS

    api = APIS[profile.api]
    return routes.Route(
        profile.name,
        identity.record_name(profile, kind=profile.token),
        profile.token,
        profile.username,
        profile.user or "",
        profile.url,
        profile.min_ttl,
        identity.visible_grant(profile),
        [str(service) for service in profile.services],
        identity.aws_name(profile, profile.aws) if profile.aws else "",
        (*api.variables, api.base),
    )


# --- what a renewal needs -------------------------------------------------------------------------


def admit_third_parties() -> None:
    """Make the packages beside us importable: the program files start Python without `site`."""
    if "site" not in sys.modules:
        import site

        site.main()


def load() -> None:
    """Import all that a renewal may need.

    For programs with threads: a fork in the middle of an import leaves a child that cannot finish
    it. Where the machine's door imports late, this is the same, early.
    """
    admit_third_parties()
    import hmac  # noqa: F401  # for comparing secrets

    from credhelper import child, config, exchange, grants, identity, renewal  # noqa: F401  # as above
    from credhelper.client import authorization, gds, iap, ica, icadata, transport  # noqa: F401


def loaded() -> bool:
    """Tell whether `load` has nothing to do any more."""
    return "credhelper.client.transport" in sys.modules and "credhelper.renewal" in sys.modules


def transport_for(context: Context, profile: Profile) -> Transport:
    """Return what calls the profile's API."""
    admit_third_parties()
    from credhelper.client.transport import Transport

    return Transport(
        profile.url,
        environ=context.environ,
        user_agent=f"credhelper/{__version__}",
        ca_file=profile.ca_file,
    )


def client_for(context: Context, profile: Profile) -> Client:
    """Return a client of the profile's API."""
    transport = transport_for(context, profile)
    from credhelper.client import iap, ica

    def warn(message: str) -> None:
        context.warn(message, None)

    if profile.api == "ica":
        return ica.Client(transport, warn=warn)
    return iap.Client(transport, session_lifetime=profile.session_lifetime, warn=warn)


def aws_client_for(context: Context, profile: Profile) -> AwsClient:
    """Return what gives AWS credentials for a token of the profile's API."""
    transport = transport_for(context, profile)
    from credhelper.client import gds, icadata

    lifetime = profile.aws.lifetime if profile.aws else None
    if profile.api == "ica":
        return icadata.Client(transport, lifetime=lifetime, clock=context.clock)
    return gds.Client(transport, clock=context.clock)


def exchange_for(
    context: Context, profile: Profile, desk: broker.Broker, route: Route, wants: str
) -> Token:
    """Return new AWS credentials for `profile`.

    Parameters: `desk`, the broker of its token, which `route` leads to; `wants`, `aws` or `rclone`.
    """
    from credhelper import exchange

    resource = profile.aws
    assert resource is not None  # noqa: S101  # its route would not have led here
    client = aws_client_for(context, profile)

    def token() -> Secret:
        return broker.get(desk, Request("get", profile=profile.name), route, None).token

    def reject(refused: Secret) -> bool:
        return broker.reject(desk, refused, sure=True)

    def buy(secret: Secret) -> Token:
        context.trace("api", exchange=profile.name, what=resource.how)
        return client.exchange(
            secret, resource.how, resource.words, read_only=resource.read_only, wants=wants
        )

    return exchange.renew(token, reject, buy, context.trace)


def authorizer(context: Context, profile: Profile) -> Callable[[], Authorization] | None:
    """Return what reads the profile's grant, late; None for a profile that has none."""
    grant = profile.grant
    if grant is None:
        return None

    def authorize() -> Authorization:
        from credhelper import grants
        from credhelper.client import authorization

        try:
            secret = grants.resolve(
                grant,
                profile_name=profile.name,
                environ=context.environ,
                password=profile.auth == "password",
            )
        except LoginRequiredError as error:
            folder = paths.state_dir(context.environ, sys.platform)
            if folder and grant.words[0].startswith(os.path.join(folder, "grants", "")):
                # The key that was typed at login, and that logout took away.
                error.hint = f"credhelper login --profile {profile.name}"
            raise
        if profile.auth == "password":
            return authorization.Password(profile.user or "", secret)
        if profile.auth == "session":
            return authorization.Bearer(secret)
        return authorization.ApiKey(secret, profile.api_key_as, profile.user or "")

    return authorize


def renewal_for(context: Context, profile: Profile) -> Renewal:
    """Return what makes new tokens for `profile`."""
    from credhelper.renewal import Renewal

    stamp = _record_of(context, profile)[1]
    return Renewal(
        profile,
        client_for(context, profile),
        authorizer(context, profile),
        session_slot(context, profile),
        stamp=stamp,
        host=warm.host(),
        trace=context.trace,
        clock=context.clock,
    )


def session_slot(context: Context, profile: Profile) -> Slot:
    """Return the slot of the profile's session.

    Like the tokens' records, it is another one for another value of a grant in the environment.
    """
    from credhelper import identity

    record, _ = _record_of(context, profile)
    return context.state_slot(identity.session_name(profile) + record[_NAME_DIGITS:])


def _record_of(context: Context, profile: Profile) -> tuple[str, str]:
    return routes.record_of(load_routes(context), route_to(profile), context.environ)


# --- what we hold of a profile --------------------------------------------------------------------


def token_slots(context: Context, profile: Profile) -> list[Slot]:
    """Return the slots in which tokens, or failures, of `profile` lie: one for each grant's value.

    Profiles of one identity share them.
    """
    from credhelper import identity

    return _slots(context, identity.record_name(profile, kind=profile.token))


def aws_slots(context: Context, profile: Profile) -> list[Slot]:
    """Return the slots in which AWS credentials, or failures, of `profile` lie: as for tokens."""
    from credhelper import identity

    if profile.aws is None:
        return []
    return _slots(context, identity.aws_name(profile, profile.aws))


def _slots(context: Context, base: str) -> list[Slot]:
    folder = context.cache_folder()
    try:
        names = os.listdir(folder) if folder else []
    except OSError:
        names = []
    found = {name.removesuffix(".failed") for name in names if name.startswith(base)}
    return [context.slot(name) for name in sorted(found) if "." not in name]


def session_slots(context: Context, profile: Profile) -> list[Slot]:
    """Return the slots in which sessions of `profile` lie: one for each value of its grant."""
    from credhelper import identity

    one = session_slot(context, profile)
    base = identity.session_name(profile)
    try:
        names = os.listdir(one.folder) if one.folder else []
    except OSError:
        names = []
    found = {name for name in names if name.startswith(base) and "." not in name}
    return [context.state_slot(name) for name in sorted(found | {one.name})]


def forget_tokens(context: Context, profile: Profile) -> None:
    """Remove all tokens, AWS credentials and failures of `profile`, each under its gate.

    A process that renews just now is waited for, but not for ever. Raises CacheError.
    """
    # Credentials first: who renews them takes the token's gate while it holds theirs.
    for slot in (*aws_slots(context, profile), *token_slots(context, profile)):
        try:
            gate = slot.lock(_FORGET_WAIT)
        except cache.Unlockable as error:
            context.trace("forget", unlocked=str(error))
            gate = None
        try:
            slot.remove()
        finally:
            if gate:
                gate.release()


def _once(warn: Callable[[str, str | None], None]) -> Callable[[str, str | None], None]:
    told: set[str] = set()

    def warn_once(message: str, hint: str | None) -> None:
        if message not in told:
            told.add(message)
            warn(message, hint)

    return warn_once
