"""Drive the real SDK, libica 3.3, through all that it can do with v2's tokens.

Run by an interpreter that has libica. Reads the sandbox's one line on stdin and prints one JSON
object: what happened at each step. No token is printed, only what is known about it.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

sdk: Any = importlib.import_module("libica.openapi.v3")
token_api: Any = importlib.import_module("libica.openapi.v3.api.token_api")
project_api: Any = importlib.import_module("libica.openapi.v3.api.project_api")
data_api: Any = importlib.import_module("libica.openapi.v3.api.project_data_api")
models: Any = importlib.import_module("libica.openapi.v3.models")
exceptions: Any = importlib.import_module("libica.openapi.v3.exceptions")


def main(line: dict[str, str], pstoken: str) -> dict[str, Any]:
    host = line["url"] + "/ica/rest"

    def api(module: Any = token_api, kind: str = "TokenApi", **settings: Any) -> Any:
        return getattr(module, kind)(sdk.ApiClient(sdk.Configuration(host=host, **settings)))

    def by_key(key: str) -> Any:
        return api(api_key={"ApiKeyAuth": key})

    def bearer(token: str) -> Any:
        return api(access_token=token)

    def projects(**settings: Any) -> Any:
        return api(project_api, "ProjectApi", **settings)

    def refused(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
        try:
            call(**arguments)
        except exceptions.ApiException as error:
            # The SDK leaves a problem undecoded, and has a model for it.
            problem = models.Problem.from_json(error.body)
            return {
                "status": [error.status, problem.status],
                "media": error.headers["Content-Type"],
                "title": problem.title,
            }
        return {"status": None}

    told: dict[str, Any] = {}
    answer = by_key(line["api_key"]).create_jwt_token_with_http_info()
    made = answer.data.token
    told["key"] = [answer.status_code, answer.headers["Content-Type"], claims(made)["aud"]]

    password = api(username=line["username"], password=line["password"])
    answer = password.create_jwt_token_with_http_info(tenant="acme")
    jwt = answer.data.token
    told["password"] = [answer.status_code, claims(jwt)["tns"]]

    # The SDK has one name for it: a psToken goes where a JWT goes.
    answer = bearer(pstoken).create_jwt_token_with_http_info()
    told["pstoken"] = [answer.status_code, claims(answer.data.token)["aud"]]

    answer = bearer(jwt).refresh_jwt_token_with_http_info()
    told["refresh"] = [answer.status_code, answer.data.token != jwt]
    told["refresh_of_a_keys"] = refused(bearer(made).refresh_jwt_token)
    told["refresh_of_nothing"] = refused(bearer("not-a-token").refresh_jwt_token)
    told["wrong_key"] = refused(by_key("wrong").create_jwt_token)

    page = projects(access_token=made).get_projects()
    told["projects"] = [item.name for item in page.items]
    told["project"] = str(page.items[0].id)
    found = projects(api_key={"ApiKeyAuth": line["api_key"]}).get_projects(search="Beta")
    told["found"] = [item.name for item in found.items]

    def data(**settings: Any) -> Any:
        return api(data_api, "ProjectDataApi", access_token=made, **settings)

    wanted = {"project_id": told["project"], "data_id": "fol.alpha"}
    order = models.CreateTemporaryCredentials
    call = data().create_temporary_credentials_for_data
    keys = call(**wanted, create_temporary_credentials=order(read_only_credentials=True))
    found = keys.aws_temp_credentials
    told["aws"] = [found.bucket, found.object_prefix, found.expiration_time]
    keys = call(**wanted, create_temporary_credentials=order(credentials_format="RCLONE"))
    found = keys.rclone_temp_credentials
    told["rclone"] = [found.config["type"], found.file_path_prefix, bool(found.expiration_time)]
    wanted["data_id"] = "fol.missing"
    told["no_data"] = refused(call, **wanted, create_temporary_credentials=order())

    told["projects_of_nobody"] = refused(projects(access_token="wrong").get_projects)
    return told


def claims(jwt: str) -> Any:
    part = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(main(given, given["pstoken"])))
