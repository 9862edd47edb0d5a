"""The routes of a config with two profiles, one for a host and one for a path below another."""

from __future__ import annotations

from credhelper.core.routes import Route, compiled
from tests.support.transcripts import OURS


def _route(name: str, service: str) -> Route:
    api, aws = "https://api.example", f"{name}-aws"
    return Route(name, f"{name}-record", "jwt", "oauth2", "", api, 0, "", [service], aws)


ROUTES = compiled(
    "",
    "0123456789abcdef" * 2,
    [_route("main", f"https://{OURS}"), _route("team", "https://git.example/team")],
)
