"""The kubelet as a caller of our own: its providers, how it runs one, and what it keeps.

Written from the Kubernetes documentation ("Configure a kubelet image credential provider") and the
reference of `kubelet.config.k8s.io/v1` and `credentialprovider.kubelet.k8s.io/v1`. It is not the
kubelet.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import re
import time
from pathlib import Path
from typing import Any

import yaml

from integrations.callers import Guarded

_SECONDS = 60.0  # a provider's time
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_API = "credentialprovider.kubelet.k8s.io/v1"


class Kubelet:
    """One kubelet process.

    Parameters: `guarded`, the world; `config`, the file with the providers; `folder`, where their
    programs are. Attributes: `asked`, how often a provider ran; `log`, what went wrong; `extra`,
    members that a newer kubelet puts into its requests.
    """

    def __init__(self, guarded: Guarded, config: Path, folder: Path) -> None:
        self.asked = 0
        self.log: list[str] = []
        self.extra: dict[str, Any] = {}
        self._guarded = guarded
        self._folder = folder
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}
        document = yaml.safe_load(config.read_text())
        assert document["apiVersion"] == "kubelet.config.k8s.io/v1"
        assert document["kind"] == "CredentialProviderConfig"
        self._providers = document["providers"]
        for provider in self._providers:
            assert provider["apiVersion"] == _API
            assert "/" not in provider["name"]
            assert _seconds(provider["defaultCacheDuration"]) >= 0

    def pull(self, image: str, tag: str = "1") -> int:
        """Fetch the manifest of an image, and return the registry's status."""
        registry, _, name = image.partition("/")
        login = self._login(image)
        headers = {}
        if login:
            pair = f"{login['username']}:{login['password']}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return self._guarded.fetch(f"/v2/{name}/manifests/{tag}", headers, registry).status

    def _login(self, image: str) -> dict[str, str] | None:
        for provider in self._providers:
            if not any(_matches(pattern, image) for pattern in provider["matchImages"]):
                continue
            auth = self._auth(provider, image)
            # Of several keys the longest that matches is tried first.
            for pattern in sorted(auth, key=len, reverse=True):
                if _matches(pattern, image):
                    found: dict[str, str] = auth[pattern]
                    return found
        return None

    def _auth(self, provider: dict[str, Any], image: str) -> dict[str, Any]:
        registry = image.partition("/")[0]
        for key in (image, registry, "<global>"):
            until, auth = self._kept.get(key, (0.0, {}))
            if time.time() < until:
                return auth
        answer = self._ask(provider, image)
        if answer is None:
            return {}
        key = {"Image": image, "Registry": registry, "Global": "<global>"}[answer["cacheKeyType"]]
        told = answer.get("cacheDuration")
        seconds = _seconds(provider["defaultCacheDuration"] if told is None else told)
        auth = answer.get("auth") or {}
        if seconds > 0:
            self._kept[key] = time.time() + seconds, auth
        return auth

    def _ask(self, provider: dict[str, Any], image: str) -> dict[str, Any] | None:
        self.asked += 1
        request = {
            "kind": "CredentialProviderRequest",
            "apiVersion": provider["apiVersion"],
            "image": image,
            **self.extra,
        }
        # A service of the system: no home, no locale, and the folder is the root.
        environ = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        environ |= {each["name"]: each["value"] for each in provider.get("env") or ()}
        done = self._guarded.launch(
            [str(self._folder / provider["name"]), *(provider.get("args") or ())],
            json.dumps(request, separators=(",", ":")).encode() + b"\n",
            seconds=_SECONDS,
            environ=environ,
            cwd=Path("/"),
        )
        if done.status != 0:
            self.log.append(done.told)
            return None
        answer: dict[str, Any] = json.loads(done.stdout)
        if answer.get("kind") != "CredentialProviderResponse":
            self.log.append("not a CredentialProviderResponse")
            return None
        if answer.get("apiVersion") != provider["apiVersion"]:
            self.log.append("another apiVersion than was asked for")
            return None
        if answer.get("cacheKeyType") not in ("Image", "Registry", "Global"):
            self.log.append("an unknown cacheKeyType")
            return None
        return answer


def _matches(pattern: str, image: str) -> bool:
    """Tell whether an image is meant: by label of the host, by port, by the path's beginning."""
    host, _, path = pattern.partition("/")
    image_host, _, image_path = image.partition("/")
    name, _, port = host.partition(":")
    image_name, _, image_port = image_host.partition(":")
    labels, image_labels = name.split("."), image_name.split(".")
    return (
        len(labels) == len(image_labels)
        and all(map(fnmatch.fnmatchcase, image_labels, labels))
        and port == image_port
        and image_path.startswith(path)
    )


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    assert found, text
    assert text
    hours, minutes, seconds = (int(number or 0) for number in found.groups())
    return hours * 3600 + minutes * 60 + seconds
