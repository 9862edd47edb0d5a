"""The kubelet: a provider for the images of one registry, in an administrator's file.

Source: Kubernetes, "Configure a kubelet image credential provider". Flags of the kubelet name the
file and the folder of programs; without `--file` and `--bin` we use the places that our pages show.
A provider has the name of its program, and each name stands once: so each registry has a link of
its own. The kubelet has no home, so the file names the config and the cache: those of this setup.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from credhelper.core import paths
from credhelper.core.text import command
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import list_at, pairs_at, text_at, words_at
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, hosts_only

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
FILE = True
BIN = "/usr/local/lib/credential-providers"

_FILE = "/etc/kubernetes/credential-provider-config.yaml"
_API = "credentialprovider.kubelet.k8s.io/v1"
_END = "-credential-provider"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    hosts_only(request, "registries")
    data = _read(request)
    name = _name(request, data)
    places = {
        "CREDHELPER_CONFIG": paths.config_file(request.environ, sys.platform),
        "CREDHELPER_CACHE_DIR": paths.cache_dir(request.environ, sys.platform),
        "CREDHELPER_STATE_DIR": paths.state_dir(request.environ, sys.platform),
    }
    provider = {
        "apiVersion": _API,
        "matchImages": [_images(request)],
        "defaultCacheDuration": "0s",
        **({"args": request.options()} if request.options() else {}),
        "env": [{"name": key, "value": value} for key, value in places.items()],
    }
    head = {"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig"}
    ours = tuple((key, value) for key, value in head.items() if data.get(key, value) == value)
    entries = (Entry((), ours), Entry(("providers",), ((name, provider),)))
    notes = (
        "the kubelet is started with "
        + command(
            f"--image-credential-provider-config={_file(request)}",
            f"--image-credential-provider-bin-dir={request.bin}",
        ),
    )
    return Plan((FileChange(_file(request), "yaml", entries),), (request.link(name),), notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the registry's provider says of an image in it: see `setup`."""
    data = _read(request)
    name = _name(request, data)
    provider = _providers(data).get(name, {})
    words, told = words_at(provider, "args"), pairs_at(provider, "env")
    if _images(request) not in list_at(provider, "matchImages") or words is None or told is None:
        return Finding(trouble=f"{_file(request)} names no provider for {_images(request)}")
    program = f"{request.bin}/{name}"
    api = text_at(provider, "apiVersion") or _API
    message = {
        "kind": "CredentialProviderRequest",
        "apiVersion": api,
        "image": f"{_images(request)}/x",
    }
    answer = ask([program, *words], json.dumps(message).encode() + b"\n", told)

    def password(said: dict[str, dict[str, dict[str, str]]]) -> str:
        (login,) = said["auth"].values()
        return login["password"]

    return asking.parsed(answer, f"{_file(request)}: {program}", password, "nothing for it")


def _images(request: WiringRequest) -> str:
    return request.service.netloc


def _name(request: WiringRequest, data: dict[str, Any]) -> str:
    """Return the registry's provider: the one that is there, or a name that is free."""
    if request.name:
        return request.name.removesuffix(_END) + _END
    known = _providers(data)
    plain = f"credhelper{_END}"
    own = f"credhelper-{re.sub(r'[^a-z0-9.]+', '-', _images(request).lower()).strip('-')}{_END}"
    for name in (plain, own):
        if known.get(name, {}).get("matchImages") == [_images(request)]:
            return name
    return own if plain in known else plain


def _file(request: WiringRequest) -> str:
    return request.file or _FILE


def _read(request: WiringRequest) -> dict[str, Any]:
    return reading.document(request, _file(request), "yaml")


def _providers(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: one for one in list_at(data, "providers") if (name := text_at(one, "name"))}
