"""kubelet: which registry an image is in, and how long an answer is good for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import (
    AmbiguousServiceError,
    CredhelperError,
    NotFoundError,
    RequestError,
    UnknownServiceError,
    UnsupportedVersionError,
)
from credhelper.protocols import kubelet


def sent(image: Any, **members: Any) -> bytes:
    whole = {"kind": "CredentialProviderRequest", "apiVersion": kubelet.VERSION, "image": image}
    return json.dumps({**whole, **members}).encode()


def ask(image: Any, *arguments: str, **members: Any) -> Request:
    return kubelet.parse(Call("credhelper", arguments, sent(image, **members), {}))


def told(fresh_until: float, now: float, token: str = "a.b.c") -> dict[str, Any]:
    credential = Credential(Secret(token), 0, username="me", profile="p", fresh_until=fresh_until)
    said = kubelet.render(ask("ica.example/x"), credential, lambda: now).stdout
    assert said.isascii()
    assert said.count(b"\n") == 1
    found: dict[str, Any] = json.loads(said)
    return found


def test_it_reads_unless_the_command_line_makes_no_sense() -> None:
    assert kubelet.reads([]) == kubelet.reads(["-p", "x"]) == "document"
    assert kubelet.reads(["get"]) == kubelet.reads(["--bad"]) == "nothing"


def test_a_programs_name_is_a_providers() -> None:
    assert protocols.by_program("credhelper-credential-provider") == "kubelet"
    assert protocols.by_program("-credential-provider") is None


@pytest.mark.parametrize(
    ("image", "normal", "key"),
    [
        ("ica.example/a/b", "https://ica.example", "ica.example"),
        ("ica.example:5000/a:1.0", "https://ica.example:5000", "ica.example:5000"),
        ("ica.example:443/a@sha256:00", "https://ica.example", "ica.example:443"),
        ("localhost/a", "https://localhost", "localhost"),
        ("localhost:5000/a", "https://localhost:5000", "localhost:5000"),
        ("127.0.0.1:5000/a", "https://127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000/a", "https://[::1]:5000", "[::1]:5000"),
        ("HOST/a", "https://host", "HOST"),
        ("docker.io/library/busybox", "https://index.docker.io", "docker.io"),
        ("index.docker.io/library/busybox", "https://index.docker.io", "index.docker.io"),
        ("library/busybox", "https://index.docker.io", "index.docker.io"),
        ("busybox", "https://index.docker.io", "index.docker.io"),
        ("busybox:1.36", "https://index.docker.io", "index.docker.io"),
        ("ica.example", "https://index.docker.io", "index.docker.io"),
        ("team/ica.example/app", "https://index.docker.io", "index.docker.io"),
    ],
)
def test_the_registry_is_told_by_dockers_rule(image: str, normal: str, key: str) -> None:
    request = ask(image)
    assert str(request.service) == normal
    assert request.echo == {"registry": key, "any_scheme": "1"}


@pytest.mark.parametrize(
    "image",
    [
        *("", None, 7, [], {"a": "b"}, "https://ica.example/a", "u:pw@ica.example/a", ".../a"),
        *(
            "ica.example\n.evil.test/a",
            "ica.example\t/a",
            "ica.example\\@evil.test/a",
            "ica.example./a",
        ),
        *("ica.example:0443/a", "ica.example:/a", "ica.example:\u0664/a", "b\u00fccher.example/a"),
        *("*.example/a", ".example/a", "ica.example /a", "\x1b.a/b", "ica.example?/a"),
    ],
)
def test_an_odd_image_is_refused(image: Any) -> None:
    named = isinstance(image, str) and image
    with pytest.raises(UnknownServiceError if named else RequestError) as caught:
        ask(image)
    assert "pw" not in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "version", ["v1", "credentialprovider.kubelet.k8s.io/v1alpha1", "", kubelet.VERSION + "\x1b"]
)
def test_an_unknown_version_is_named(version: str) -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        ask("ica.example/x", apiVersion=version)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "document",
    [
        *(
            b"",
            b"{}",
            b"[]",
            b"null",
            b"\xff",
            sent("a.b/c") + sent("a.b/c"),
            sent("a.b/c", kind=1),
        ),
        *(sent("a.b/c", apiVersion=1), b'{"serviceAccountToken":"canary"', b'["canary"]'),
        sent("a.b/c")[:-1] + b',"image":"d.e/f"}',
    ],
    ids=lambda document: repr(document[:30]),
)
def test_a_document_that_makes_no_sense_is_refused(document: bytes, refusal: Any) -> None:
    error = refusal(kubelet, [], document)
    assert type(error) is RequestError
    assert "canary" not in repr(error)


@pytest.mark.parametrize("token", ["e.y.J", None, 7, {"a": ["b"]}])
def test_a_pods_token_changes_nothing(token: Any) -> None:
    request = ask("ica.example/x", serviceAccountToken=token)
    assert request.rejected is None
    assert "e.y.J" not in str(request.echo)


@pytest.mark.parametrize(
    ("seconds", "duration"),
    [
        *((300, "5m0s"), (0, "0s"), (-5, "0s"), (59.9, "59s"), (60, "1m0s"), (3600, "1h0m0s")),
        *((3661, "1h1m1s"), (86399, "23h59m59s"), (360000, "100h0m0s")),
    ],
)
def test_an_answer_is_kept_until_it_is_due_for_renewal(seconds: float, duration: str) -> None:
    said = told(1800000000 + seconds, 1800000000)
    assert said["cacheDuration"] == duration
    assert said["cacheKeyType"] == "Registry"


def test_nothing_here_and_a_mistake_are_told_apart() -> None:
    said = kubelet.refuse(UnknownServiceError("x"), None)
    assert json.loads(said.stdout)["auth"] is None
    assert said.status == 0
    for error in (NotFoundError("there is no profile x"), AmbiguousServiceError("two")):
        reply = kubelet.refuse(error, None)
        assert (reply.stdout, reply.status) == (b"", 3)


@given(st.text() | st.lists(st.sampled_from(["a.b", ":", "/", "@", "80", "["])).map("".join))
def test_any_image_is_in_a_plain_registry_or_an_error(image: str) -> None:
    try:
        request = ask(image)
    except CredhelperError:
        return
    assert request.service is not None
    assert request.service.path == ""
    assert service.parse(str(request.service)) == request.service
    key = request.echo["registry"]
    assert image.startswith(f"{key}/") or key == kubelet.DOCKER_HUB


@given(st.text(min_size=1))
def test_a_password_is_one_json_string(token: str) -> None:
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            told(0, 0, token)
    else:
        assert told(0, 0, token)["auth"] == {"ica.example": {"username": "me", "password": token}}
