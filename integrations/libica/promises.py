"""What `credhelper.libica` makes of the real v1 SDK. Prints JSON, and no token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from libica.openapi import libconsole, libgds

import credhelper


def main() -> dict[str, Any]:
    made = credhelper.libica.configuration(sdk=libconsole)
    assert isinstance(made, libconsole.Configuration)
    told: dict[str, Any] = {"host": made.host}

    def projects(configuration: Any) -> list[str]:
        with libconsole.ApiClient(configuration) as client:
            return [each.id for each in libconsole.ProjectsApi(client).list_projects().items]

    told["projects"] = projects(made)
    first = shown(made)
    told["the same token"] = first == f"Bearer {credhelper.get_token()}"
    credhelper.Credentials().reject(first.removeprefix("Bearer "))
    told["another after a reject"] = first != shown(made)
    told["another again"] = projects(made) == told["projects"]

    libconsole.Configuration.set_default(made)
    told["as the default"] = projects(libconsole.Configuration.get_default_copy())

    by_hand = libgds.Configuration(host=made.host, api_key={"Authorization": ""})
    by_hand.refresh_api_key_hook = credhelper.libica.refresh_api_key_hook
    told["the hook by hand"] = shown(by_hand) == shown(made)
    by_hand.refresh_api_key_hook = credhelper.libica.refresh_api_key_hook(profile="work")
    told["the hook of a profile"] = shown(by_hand) == shown(made)
    by_hand.refresh_api_key_hook = credhelper.libica.refresh_api_key_hook(profile="nobody")
    told["the hook of nobody"] = refused(lambda: shown(by_hand))

    told["a strange host"] = refused(
        lambda: credhelper.libica.configuration(sdk=libgds, host="https://evil.test")
    )
    made.host = "https://evil.test"
    told["a host that turns strange"] = refused(lambda: projects(made))
    return told


def shown(configuration: Any) -> str:
    """Return what the SDK would send."""
    return str(configuration.auth_settings()["Bearer"]["value"])


def refused(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which one it is, is what is asked
        return type(error).__name__
    return "nothing"


print(json.dumps(main()))
