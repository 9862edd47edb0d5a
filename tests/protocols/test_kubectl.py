"""kubectl: what the variable may hold, and what it may not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UnsupportedVersionError
from credhelper.protocols import kubectl

ROOT = Path(__file__).parent.parent.parent
V1 = "client.authentication.k8s.io/v1"


def info(**members: Any) -> str:
    return json.dumps({"kind": "ExecCredential", "apiVersion": V1, "spec": {}, **members})


def ask(value: str | None, *arguments: str) -> Request:
    environ = {} if value is None else {kubectl.VARIABLE: value}
    return kubectl.parse(Call("credhelper", arguments, b"", environ))


def at(server: Any) -> str:
    return info(spec={"cluster": {"server": server}, "interactive": False})


def test_it_never_reads() -> None:
    for arguments in ([], ["--bad"], ["-p", "x"]):
        assert kubectl.reads(arguments) == "nothing"


@pytest.mark.parametrize(
    ("server", "normal"),
    [
        ("https://ICA.example:443/", "https://ica.example"),
        ("https://ica.example:6443", "https://ica.example:6443"),
        ("https://ica.example/k8s/clusters/c-1", "https://ica.example/k8s/clusters/c-1"),
        ("https://[::1]:6443", "https://[::1]:6443"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
    ],
)
def test_the_clusters_server_is_the_service(server: str, normal: str) -> None:
    request = ask(at(server))
    assert str(request.service) == normal
    assert request.echo == {"version": V1}
    assert (request.action, request.margin) == ("get", 10)


def test_a_server_without_a_scheme_says_so() -> None:
    assert ask(at("127.0.0.1:8001")).echo["any_scheme"] == "1"


@pytest.mark.parametrize(
    "server",
    [
        *("https://u:pw@ica.example", "https://ica.example\\@evil.test", "https://ica.example\n"),
        *(
            "https://ica.example\t.evil.test",
            "https://evil.test?@ica.example",
            "http://ica.example",
        ),
        *("https://ica.example.", "https://ica.example:0443", "unix:///run/x", "https://", " "),
        *("", None, 7, [], {"a": "b"}),
    ],
)
def test_an_odd_server_is_refused_also_with_a_profile(server: Any) -> None:
    for arguments in ([], ["--profile", "main"]):
        with pytest.raises(RequestError) as caught:
            ask(at(server), *arguments)
        assert "pw" not in caught.value.message


@pytest.mark.parametrize(
    "value",
    [
        *(" ", "{}", "[]", "null", "x", '"x"', "{", "\ufeff{}", "\udcff", info() + info()),
        *(info(kind="Pod"), info(kind=None), info(apiVersion=None), info(apiVersion=1)),
        info()[:-1] + ',"kind":"ExecCredential"}',
        info(spec={"cluster": []}),
        info(spec={"cluster": {}}),
        info(spec={"cluster": "https://ica.example"}),
        '{"kind":"ExecCredential","apiVersion":"'
        + V1
        + '","spec":{"cluster":{"server":"https://a",'
        '"server":"https://b"}}}',
    ],
)
def test_a_value_that_makes_no_sense_is_refused(value: str, talk: Any) -> None:
    reply = talk("kubectl", ["--profile", "main"], environ={kubectl.VARIABLE: value})
    assert (reply.stdout, reply.status) == (b"", 2)
    assert reply.stderr.startswith(b"credhelper: error: ")


@pytest.mark.parametrize(
    "version",
    [
        *("v1", "client.authentication.k8s.io/v1alpha1", "client.authentication.k8s.io/v2", ""),
        *(f"{V1} ", V1.upper(), "audit.k8s.io/v1", "\u202e" + V1),
    ],
)
def test_an_unknown_version_is_named(version: str) -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        ask(info(apiVersion=version), "--profile", "main")
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "spec", [None, {}, {"interactive": False}, {"cluster": None}, {"new": [1]}]
)
def test_a_profile_will_do_where_no_cluster_is_described(spec: Any) -> None:
    request = ask(info(spec=spec, status=None, new=1), "--profile", "main")
    assert (request.service, request.profile) == (None, "main")
    with pytest.raises(RequestError):
        ask(info(spec=spec))


def test_what_client_go_sends_is_known_without_json() -> None:
    said = f'{{"kind":"ExecCredential","apiVersion":"{V1}","spec":{{"interactive":false}}}}\n'
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from credhelper.core.model import Call\n"
        "from credhelper.protocols import kubectl\n"
        f"kubectl.parse(Call('x', ['-p', 'y'], b'', {{kubectl.VARIABLE: {said!r}}}))\n"
        "print('json' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@given(
    st.text()
    | st.dictionaries(st.sampled_from(["kind", "apiVersion", "spec"]), st.text() | st.none()).map(
        json.dumps
    )
    | st.sampled_from(["https://", "ica.example", "@", "\\", "?", "%2f"]).map(at)
)
@example(at("https://ica.example/%2e%2e/"))
def test_any_value_is_a_plain_request_or_an_error(value: str) -> None:
    try:
        request = ask(value)
    except CredhelperError as error:
        reply = kubectl.refuse(error, None)
        assert (reply.stdout, reply.status) == (b"", 2)
        assert reply.stderr.count(b"\n") <= 2
    else:
        assert request.service is not None
        assert service.parse(str(request.service)) == request.service


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(kubectl.VERSIONS))
def test_the_answer_is_one_line_of_json_in_the_version_that_was_asked(
    token: str, version: str
) -> None:
    request = ask(info(apiVersion=version), "--profile", "p")
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            kubectl.render(request, credential)
        return
    said = kubectl.render(request, credential).stdout
    assert said.isascii()
    assert said.count(b"\n") == 1
    assert json.loads(said) == {
        "apiVersion": version,
        "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": "2027-01-15T08:00:00Z"},
    }
