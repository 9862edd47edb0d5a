"""As much of Flyte's admin service, over gRPC, as tells its version to those whom a gate admits.

Run by the Python of the client `flytekit`, which has gRPC and Flyte's messages: its arguments are a
certificate chain, its key, its authority, and the URL of the gate. It prints its port.
"""

from __future__ import annotations

import ssl
import sys
import urllib.error
import urllib.request
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from flyteidl.admin import version_pb2
from flyteidl.service import admin_pb2_grpc, auth_pb2, auth_pb2_grpc


class Admin(admin_pb2_grpc.AdminServiceServicer):  # type: ignore[misc]  # untyped, as all of gRPC
    """The admin service."""

    def __init__(self, authority: str, gate: str) -> None:
        self._context = ssl.create_default_context(cafile=authority)
        self._gate = gate

    def GetVersion(self, request: Any, context: Any) -> Any:  # noqa: N802  # gRPC's name
        """Tell the version to a caller whose token the gate takes."""
        told = dict(context.invocation_metadata()).get("authorization", "")
        if not self._admits(told):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        version = version_pb2.Version(Version="1.2.3")
        return version_pb2.GetVersionResponse(control_plane_version=version)

    def _admits(self, authorization: str) -> bool:
        headers = {"Authorization": authorization} if authorization else {}
        request = urllib.request.Request(self._gate, headers=headers)
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=30):
                return True
        except urllib.error.HTTPError:
            return False


class Metadata(auth_pb2_grpc.AuthMetadataServiceServicer):  # type: ignore[misc]  # untyped as well
    """What everybody is told about logging in."""

    def GetPublicClientConfig(self, request: Any, context: Any) -> Any:  # noqa: N802  # gRPC's name
        """Tell which header carries the token."""
        return auth_pb2.PublicClientAuthConfigResponse(authorization_metadata_key="authorization")

    def GetOAuth2Metadata(self, request: Any, context: Any) -> Any:  # noqa: N802  # gRPC's name
        """Tell nothing: the caller has a command."""
        return auth_pb2.OAuth2MetadataResponse()


def main(chain: str, key: str, authority: str, gate: str) -> None:
    """Serve on loopback until stdin ends."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    admin_pb2_grpc.add_AdminServiceServicer_to_server(Admin(authority, gate), server)
    auth_pb2_grpc.add_AuthMetadataServiceServicer_to_server(Metadata(), server)
    pair = (Path(key).read_bytes(), Path(chain).read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
