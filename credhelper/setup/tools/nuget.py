"""dotnet, nuget, MSBuild: a plugin, which is a link to us on PATH.

Source: NuGet.Client, `NuGet.Protocol/Plugins` (NuGet 6.13 and newer): NuGet starts every
`nuget-plugin-*` on PATH, and asks it about each source.
"""

from __future__ import annotations

import json

from credhelper.setup import ask as asking
from credhelper.setup.formats import documents
from credhelper.setup.formats.documents import dict_at, text_at
from credhelper.setup.plan import Ask, Finding, Plan, WiringRequest
from credhelper.setup.tools import pip

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "nuget-plugin-credhelper"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    return Plan(links=(request.link(LINK),), notes=pip.on_path(request))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the plugin answers in a dialogue like NuGet's: see `setup`."""
    asked: tuple[tuple[str, dict[str, object]], ...] = (
        ("Handshake", {"ProtocolVersion": "2.0.0", "MinimumProtocolVersion": "1.0.0"}),
        ("GetAuthenticationCredentials", {"Uri": str(request.service), "IsRetry": False}),
        ("Close", {}),
    )
    lines = [
        json.dumps({"RequestId": name, "Type": "Request", "Method": name, "Payload": payload})
        for name, payload in asked
    ]
    answer = ask([LINK, "-Plugin"], "".join(f"{line}\n" for line in lines).encode())
    if answer.status == asking.NOT_FOUND:
        return Finding(trouble=f"no {LINK} is on PATH", hint=" ".join(pip.on_path(request)) or None)
    for line in answer.stdout.split(b"\n"):
        try:
            said = documents.answer(line)
        except ValueError:
            continue
        if (said.get("Type"), said.get("Method")) == ("Response", "GetAuthenticationCredentials"):
            payload = dict_at(said, "Payload")
            if payload.get("ResponseCode") == "Success" and text_at(payload, "Password"):
                return Finding(text_at(payload, "Password"))
            why = text_at(payload, "Message") or "nothing for it"
            return Finding(trouble=f"{LINK}: {why}")
    return asking.failed(answer, LINK)
