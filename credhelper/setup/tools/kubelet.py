"""The kubelet: a provider for the images of one registry, in an administrator's file.

Source: Kubernetes, "Configure a kubelet image credential provider". The kubelet is told where the
file and the folder of programs are; without `--file` and `--bin` they are where our pages show
them. A provider's name is that of its program, and stands once: so each registry has a link of its
own. The kubelet has no home, and is told whose config and cache it uses: those that hold here.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from credhelper.core import paths
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
FILE = True
BIN = "/usr/local/lib/credential-providers"

_FILE = "/etc/kubernetes/credential-provider-config.yaml"
_API = "credentialprovider.kubelet.k8s.io/v1"
_END = "-credential-provider"


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    data = _read(wish)
    name = _name(wish, data)
    places = {
        "CREDHELPER_CONFIG": paths.config_file(wish.environ, sys.platform),
        "CREDHELPER_CACHE_DIR": paths.cache_dir(wish.environ, sys.platform),
        "CREDHELPER_STATE_DIR": paths.state_dir(wish.environ, sys.platform),
    }
    provider = {
        "apiVersion": _API,
        "matchImages": [_images(wish)],
        "defaultCacheDuration": "0s",
        **({"args": wish.options()} if wish.options() else {}),
        "env": [{"name": key, "value": value} for key, value in places.items()],
    }
    head = {"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig"}
    ours = tuple((key, value) for key, value in head.items() if data.get(key, value) == value)
    entries = (Entry((), ours), Entry(("providers",), ((name, provider),)))
    notes = (
        "the kubelet is started with"
        f" --image-credential-provider-config={_file(wish)}"
        f" --image-credential-provider-bin-dir={wish.bin}",
    )
    return Plan((FileChange(_file(wish), "yaml", entries),), (wish.link(name),), notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the registry's provider says of an image in it: see `setup`."""
    data = _read(wish)
    provider = _providers(data).get(_name(wish, data), {})
    if _images(wish) not in (provider.get("matchImages") or []):
        return Finding(trouble=f"{_file(wish)} names no provider for {_images(wish)}")
    program = f"{wish.bin}/{provider['name']}"
    api = provider.get("apiVersion", _API)
    request = {
        "kind": "CredentialProviderRequest",
        "apiVersion": api,
        "image": f"{_images(wish)}/x",
    }
    told = {one["name"]: one["value"] for one in provider.get("env") or []}
    words = [program, *map(str, provider.get("args") or [])]
    answer = ask(words, json.dumps(request).encode() + b"\n", told)
    try:
        (login,) = json.loads(answer.stdout)["auth"].values()
        return Finding(login["password"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Finding(trouble=f"{program}: {asking.complaint(answer) or 'nothing for it'}")


def _images(wish: Wish) -> str:
    return wish.service.netloc + wish.service.path


def _name(wish: Wish, data: dict[str, Any]) -> str:
    """Return the registry's provider: the one that is there, or a name that is free."""
    if wish.name:
        return wish.name.removesuffix(_END) + _END
    known = _providers(data)
    plain = f"credhelper{_END}"
    own = f"credhelper-{re.sub(r'[^a-z0-9.]+', '-', _images(wish).lower()).strip('-')}{_END}"
    for name in (plain, own):
        if known.get(name, {}).get("matchImages") == [_images(wish)]:
            return name
    return own if plain in known else plain


def _file(wish: Wish) -> str:
    return wish.file or _FILE


def _read(wish: Wish) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(wish.read(_file(wish)) or "")
    except (yaml.YAMLError, ValueError, RecursionError):
        data = None  # told of when the file is to be changed
    return data if isinstance(data, dict) else {}


def _providers(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = data.get("providers")
    return {
        one["name"]: one
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    }
