"""Drive the real SDK, libica 2.5.0, through all that it can do with tokens.

Run by an interpreter that has libica. Reads the sandbox's one line on stdin and prints one JSON
object: what happened at each step. No token is printed, only what is known about it.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

sdk: Any = importlib.import_module("libica.openapi.libconsole")


def main(line: dict[str, str]) -> dict[str, Any]:
    def api(kind: str = "TokensApi", **settings: Any) -> Any:
        configuration = sdk.Configuration(host=line["url"], **settings)
        return getattr(sdk, kind)(sdk.ApiClient(configuration))

    def bearer(token: str, kind: str = "TokensApi") -> Any:
        key = {"api_key": {"Authorization": token}, "api_key_prefix": {"Authorization": "Bearer"}}
        return api(kind, **key)

    def body(token: str) -> Any:
        return sdk.AccessTokenRequest(access_token=token)

    def refused(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
        try:
            call(**arguments)
        except sdk.ApiException as error:
            return {"status": error.status, "body": error.body}
        return {"status": None, "body": None}

    told: dict[str, Any] = {}
    answer, status, _ = api().create_token_with_http_info(
        x_api_key=line["api_key"],
        client_id="libica",
        domain="lab",
        data="a note",
        scopes=["A.READ", "B.READ"],
        cwid="workgroup-alpha",
        cid="project-alpha",
        return_session_token=False,
    )
    told["create"] = [status, answer.token_type, answer.access_token.count(".")]
    jwt = answer.access_token

    password = api(username=line["username"], password=line["password"])
    answer, status, _ = password.create_token_with_http_info(return_session_token=True)
    told["session"] = [status, answer.access_token.count(".")]
    session = answer.access_token

    answer, status, _ = bearer(session).create_token_with_http_info(cid="project-beta")
    told["mint"] = [status, answer.access_token.count(".")]
    minted = answer.access_token

    details = bearer(jwt).get_token_details()
    told["details"] = details.to_dict()

    answer, status, _ = bearer(session).refresh_token_with_http_info(body=body(session))
    told["refresh"] = [status, answer.access_token == session]
    told["refresh_without_body"] = refused(bearer(session).refresh_token)
    told["refresh_with_null"] = refused(bearer(session).refresh_token, body=None)
    told["refresh_with_empty"] = refused(bearer(session).refresh_token, body={})
    told["refresh_of_jwt"] = refused(bearer(session).refresh_token, body=body(jwt))

    told["projects"] = [item.id for item in bearer(jwt, "ProjectsApi").list_projects().items]
    told["workgroups"] = [
        item.id for item in bearer(session, "WorkgroupsApi").list_workgroups().items
    ]
    told["wrong_key"] = refused(api().create_token, x_api_key="wrong")
    told["forbidden"] = refused(
        api().create_token, x_api_key=line["api_key"], cid="project-foreign"
    )

    answer, status, _ = bearer(jwt).revoke_token_with_http_info(body=body(jwt))
    told["revoke"] = [status, answer]
    told["details_of_revoked"] = refused(bearer(jwt).get_token_details)
    bearer(session).revoke_token(body=body(session))
    told["refresh_of_revoked"] = refused(bearer(session).refresh_token, body=body(session))
    told["details_of_minted"] = refused(bearer(minted).get_token_details)
    return told


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
