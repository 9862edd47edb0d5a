"""kubectl, helm and others that read a kubeconfig: a user that runs credhelper.

Source: Kubernetes, "client-go credential plugins"; `k8s.io/client-go/tools/clientcmd`. The user
gets a new context with the cluster whose server is the service. No other context is changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from credhelper.core.text import command, printable
from credhelper.errors import ConfigError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats import documents
from credhelper.setup.formats.documents import dict_at, list_at, pairs_at, text_at, words_at
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_CURRENT = "current-context"
_API = "client.authentication.k8s.io/v1"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    path = _file(request)
    data = _read(request, path)
    merged = _merged(request)
    name = _user(request)
    execute = {
        "apiVersion": _API,
        "command": request.program.called(PROGRAMS[0]),
        "args": ["kubectl", *request.options()],
        "provideClusterInfo": True,
        "interactiveMode": "Never",
        "installHint": "credhelper is not there any more: pipx install credhelper",
    }
    entries = [Entry(("users",), ((name, {"user": {"exec": execute}}),))]
    # A new cluster has the name of its host.
    own = request.service.netloc
    cluster = {"cluster": {"server": str(request.service)}}
    clusters = _clusters(request, merged) or [own]
    if clusters == [own] and _named(merged, "clusters", own) in (
        {},
        {"name": own, **cluster},
    ):
        entries.append(Entry(("clusters",), ((own, cluster),)))
    contexts = tuple(
        (f"{name}@{cluster}", {"context": {"cluster": cluster, "user": name}})
        for cluster in clusters
    )
    entries.append(Entry(("contexts",), contexts))
    first = contexts[0][0]
    head = {"apiVersion": "v1", "kind": "Config", _CURRENT: first}
    ours = tuple((key, value) for key, value in head.items() if data.get(key, value) == value)
    if merged.get(_CURRENT, first) != first:
        ours = tuple((key, value) for key, value in ours if key != _CURRENT)
    notes = (
        ()
        if len(ours) == len(head)
        else (f"to use it: {command('kubectl', 'config', 'use-context', first)}",)
    )
    return Plan((FileChange(path, "yaml", (Entry((), ours), *entries)),), notes=notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the user's command says, called as kubectl calls it: see `setup`."""
    data = _merged(request)
    name = _user(request)
    execute = dict_at(_named(data, "users", name), "user", "exec")
    command, words = text_at(execute, "command"), words_at(execute, "args")
    variables = pairs_at(execute, "env")
    if not command or words is None or variables is None:
        return Finding(trouble=f"{_file(request)} has no user {name} who runs a command")
    clusters = _clusters(request, data)
    server = text_at(_named(data, "clusters", [*clusters, ""][0]), "cluster", "server")
    info = {
        "apiVersion": text_at(execute, "apiVersion") or _API,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": server}},
    }
    told = {**variables, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    answer = ask([command, *words], b"", told)
    named = f"{_file(request)}: {command}"
    return asking.parsed(answer, named, lambda said: said["status"]["token"])


def left(
    before: Mapping[str, str], environ: Mapping[str, str], read: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    """Return the members that an undo leaves without use, in the files that kubectl reads."""
    listed = [path for path in environ.get("KUBECONFIG", "").split(":") if path.startswith("/")]
    new = {path: _parsed(read(path)) for path in dict.fromkeys([*listed, *before])}
    old = {**new, **{path: _parsed(text) for path, text in before.items()}}
    found = []
    for path, data in new.items():
        current = data.get(_CURRENT)
        was, lives = (
            any(_named(one, "contexts", current) for one in files.values()) for files in (old, new)
        )
        if current and was and not lives:
            found.append((path, f"{_CURRENT} names {current}, which is gone, and is"))
    return found


def _user(request: WiringRequest) -> str:
    return request.name or "-".join(["credhelper", *([request.profile] if request.profile else [])])


def _file(request: WiringRequest) -> str:
    """Return the kubeconfig that kubectl would add to: the first that exists."""
    files = _files(request)
    there = [path for path in files if request.read(path) is not None]
    return (there or files[-1:])[0]


def _files(request: WiringRequest) -> list[str]:
    """Return the kubeconfigs that kubectl reads as one."""
    named = [path for path in request.environ.get("KUBECONFIG", "").split(":") if path]
    if not all(path.startswith("/") for path in named):
        raise ConfigError(
            "KUBECONFIG is not an absolute path, so each folder would have another file",
            hint="let each of its paths begin with a slash",
        )
    return named or [f"{request.home}/.kube/config"]


def _merged(request: WiringRequest) -> dict[str, Any]:
    """Return the merged kubeconfigs: of two items with one name, the first counts."""
    merged: dict[str, Any] = {}
    for data in [_read(request, path) for path in _files(request)]:
        for key, value in data.items():
            if isinstance(value, list):
                merged[key] = [*list_at(merged, key), *value]
            elif value not in (None, ""):
                merged.setdefault(key, value)
    return merged


def _read(request: WiringRequest, path: str) -> dict[str, Any]:
    """Return what a kubeconfig says. Raises ConfigError for a name that kubectl would stop at."""
    data = reading.document(request, path, "yaml")
    for key in () if request.lenient else ("clusters", "contexts", "users"):
        known: set[str] = set()
        for name in filter(None, (text_at(one, "name") for one in list_at(data, key))):
            if name in known:
                raise ConfigError(
                    f"{path}: {key} has {printable(name)} twice, and kubectl reads no such file",
                    hint="remove one of the two, or give it a name of its own",
                )
            known.add(name)
    return data


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        return documents.document("yaml", text or "")
    except ValueError:
        return {}  # an undo has changed nothing of it


def _named(data: dict[str, Any], key: str, name: object) -> dict[str, Any]:
    for one in list_at(data, key):
        if isinstance(one, dict) and one.get("name") == name:
            return one
    return {}


def _clusters(request: WiringRequest, data: dict[str, Any]) -> list[str]:
    """Return the clusters whose server is at or below the service."""
    found = []
    for one in list_at(data, "clusters"):
        name, server = text_at(one, "name"), text_at(one, "cluster", "server")
        if name and request.covers(server):
            found.append(name)
    return found
