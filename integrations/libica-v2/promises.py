"""What `credhelper.libica.configuration()` makes of the real SDK. Prints JSON, and no token."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from libica.openapi.v3 import ApiClient, Configuration
from libica.openapi.v3.api.project_api import ProjectApi

import credhelper


def main() -> dict[str, Any]:
    made = credhelper.libica.configuration(retries=7)
    assert isinstance(made, Configuration)
    told: dict[str, Any] = {"host": made.host, "own retries": made.retries}

    def projects(configuration: Any) -> list[str]:
        with ApiClient(configuration) as client:
            return [str(project.name) for project in ProjectApi(client).get_projects().items]

    told["projects"] = projects(made)
    first = made.access_token
    told["the same token"] = first == credhelper.get_token()
    credhelper.Credentials().reject(first)
    told["another after a reject"] = first != made.access_token == credhelper.get_token()
    told["in a deep copy"] = projects(copy.deepcopy(made)) == told["projects"]
    told["a token of one's own"] = refused(lambda: setattr(made, "access_token", "mine"))
    told["a strange host"] = refused(
        lambda: credhelper.libica.configuration(host="https://evil.test/ica/rest")
    )
    made.host = "https://evil.test/ica/rest"
    told["a host that turns strange"] = refused(lambda: projects(made))
    return told


def refused(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which one it is, is what is asked
        return type(error).__name__
    return "nothing"


print(json.dumps(main()))
