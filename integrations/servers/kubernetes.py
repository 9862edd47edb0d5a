"""As much of a Kubernetes API as lists two pods, and one release of helm's, behind a gate."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request

PODS = ("aligner", "caller")
RELEASE = "pipeline"

_MOMENT = "2026-11-27T12:00:00Z"
_RESOURCES = (("pods", "Pod"), ("secrets", "Secret"))
_LIST = re.compile(r"/api/v1/namespaces/([a-z0-9-]+)/(pods|secrets)")


def behind(gate: Gate) -> Callable[[Request], Answer]:
    """Return what answers for the cluster, to those whom `gate` admits."""

    def answer(request: Request) -> Answer:
        if gate.admit(request.headers.get("Authorization")) is None:
            return _told(_status(HTTPStatus.UNAUTHORIZED, "Unauthorized"))
        return _told(_found(request.path))

    return answer


def _told(document: dict[str, Any]) -> Answer:
    status = document["code"] if document.get("kind") == "Status" else HTTPStatus.OK
    kind = ("Content-Type", "application/json")
    return Answer(int(status), json.dumps(document).encode(), [kind])


def _found(path: str) -> dict[str, Any]:
    """Return the document at `path`. Source: the Kubernetes API reference, v1.36."""
    if path == "/version":
        return {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
    if path == "/api/v1":
        resources = [
            {"name": name, "kind": kind, "namespaced": True, "singularName": "", "verbs": ["list"]}
            for name, kind in _RESOURCES
        ]
        return {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}
    found = _LIST.fullmatch(path)
    if not found:
        return _status(HTTPStatus.NOT_FOUND, "NotFound")
    namespace, resource = found.groups()
    kind, items = ("Secret", [_release(namespace)])
    if resource == "pods":
        kind, items = ("Pod", [_pod(namespace, name) for name in PODS])
    head = {"kind": f"{kind}List", "apiVersion": "v1"}
    return {**head, "metadata": {"resourceVersion": "1"}, "items": items}


def _pod(namespace: str, name: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": _MOMENT},
        "spec": {"containers": [{"name": name, "image": "registry.example.org/team/tool:1"}]},
        "status": {"phase": "Running"},
    }


def _release(namespace: str) -> dict[str, Any]:
    """Return the secret in which helm keeps what it knows of a release."""
    release = {
        "name": RELEASE,
        "namespace": namespace,
        "version": 1,
        "info": {"status": "deployed", "last_deployed": _MOMENT},
        "chart": {"metadata": {"name": RELEASE, "version": "1.0.0", "apiVersion": "v2"}},
    }
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    labels = {"owner": "helm", "name": RELEASE, "version": "1", "status": "deployed"}
    name = f"sh.helm.release.v1.{RELEASE}.v1"
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "type": "helm.sh/release.v1",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"release": base64.b64encode(packed).decode()},
    }


def _status(status: HTTPStatus, reason: str) -> dict[str, Any]:
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**head, "message": reason, "reason": reason, "code": int(status)}
