"""Nothing of ours is no error: callers ask about any address, and others have their own helpers."""

from __future__ import annotations

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

ODD = ["host.example.", "a..example", "user@host.example", "host.example:0443", "h\u00f6st.example"]


@pytest.mark.parametrize("host", ODD)
@pytest.mark.parametrize(
    ("words", "stdin", "nothing"),
    [
        (["bazel", "get"], '{"uri":"https://HOST/x"}', '{"headers":{}}'),
        (
            ["cargo", "--cargo-plugin"],
            '{"v":1,"registry":{"index-url":"sparse+https://HOST/"},"kind":"get"}\n',
            '{"v":[1]}\n{"Err":{"kind":"url-not-supported"}}',
        ),
        (
            ["kubelet"],
            '{"kind":"CredentialProviderRequest",'
            '"apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"HOST/a"}',
            '{"apiVersion":"credentialprovider.kubelet.k8s.io/v1",'
            '"kind":"CredentialProviderResponse","cacheKeyType":"Registry","cacheDuration":"0s",'
            '"auth":null}',
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_address_that_no_profile_can_name_is_nothing(
    words: list[str], stdin: str, nothing: str, host: str, shared_world: World
) -> None:
    outcome = shared_world.run(
        *[word.replace("HOST", host) for word in words], stdin=stdin.replace("HOST", host).encode()
    )
    assert (outcome.status, outcome.stdout.decode().strip(), outcome.stderr) == (0, nothing, b"")


@pytest.mark.parametrize(
    "stdin",
    [
        "protocol=http\nhost=example.com\n",
        "protocol=http\nhost=example.com:8080\npath=x.git\n",
        "url=http://example.com/x.git\n",
        "url=http://me@example.com/x.git\n",
    ],
)
@pytest.mark.parametrize("action", ["get", "erase", "store"])
def test_git_is_told_nothing_about_plain_http_to_hosts_of_others(
    stdin: str, action: str, shared_world: World
) -> None:
    outcome = shared_world.run("git", action, stdin=stdin.encode())
    assert (outcome.stdout, outcome.stderr) == (b"", b"")


@pytest.mark.parametrize(
    "stdin", ["protocol=http\nhost=ica.example\n", "url=http://ica.example/x\n"]
)
def test_git_is_told_about_plain_http_to_a_host_of_ours(stdin: str, shared_world: World) -> None:
    outcome = shared_world.run("git", "get", stdin=stdin.encode())
    assert outcome.stdout == b""
    assert "plain http refused for ica.example" in outcome.told
    assert shared_world.run("git", "erase", stdin=stdin.encode()).stderr == b""


def test_git_erases_without_a_word(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    service = {"services": ["https://ica.example/team"]}
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main=service, other=service
    )
    for path in ("", "path=team\n"):
        outcome = scratch_world.run(
            "git", "erase", stdin=f"protocol=https\nhost=ica.example\n{path}password=x\n".encode()
        )
        assert outcome.stderr == b""


def test_a_user_name_in_a_url_is_the_user_name(shared_world: World) -> None:
    for url in ("https://oauth2@ica.example/", "https://oauth2@ica.example/x.git"):
        assert shared_world.run("git", "get", stdin=f"url={url}\n".encode()).token
        assert shared_world.run("keyring", "--mode=creds", "get", url).token
        assert shared_world.run("keyring", "get", url, "oauth2").token
    for url in ("https://me@ica.example/", "https://%6de@ica.example"):
        outcome = shared_world.run("git", "get", stdin=f"url={url}\n".encode())
        assert (outcome.stdout, outcome.stderr) == (b"", b"")
        assert not shared_world.run("keyring", "--mode=creds", "get", url).stdout


@pytest.mark.parametrize(
    "url",
    [
        "https://oauth2:pw@ica.example/",
        "https://evil.test\\@ica.example/",
        "https://evil.test?@ica.example/",
        "https://evil.test#@ica.example/",
        "https://evil.test;@ica.example/",
        "https://evil.test%2f@ica.example/",
        "https://@ica.example/",
        "https://a@b@ica.example/",
    ],
)
def test_a_user_name_that_may_be_a_host_gets_nothing(url: str, shared_world: World) -> None:
    assert not shared_world.run("git", "get", stdin=f"url={url}\n".encode()).stdout
    assert not shared_world.run("keyring", "--mode=creds", "get", url).stdout


def test_kubectl_needs_no_variable_where_the_arguments_say_all(shared_world: World) -> None:
    for words in (["--service", "https://ica.example"], ["--profile", "main"]):
        outcome = shared_world.run("kubectl", *words)
        assert outcome.token
        assert b'"client.authentication.k8s.io/v1"' in outcome.stdout
    assert shared_world.run("kubectl").status == 2
    assert not shared_world.run("kubectl", "--service", "https://evil.test").stdout


def test_services_in_the_environment_may_stand_on_lines(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    environ = {
        "CREDHELPER_CONFIG": str(scratch_world.root / "none"),
        "CREDHELPER_API_KEY": running_sandbox.api_key,
        "CREDHELPER_URL": running_sandbox.url,
        "CREDHELPER_SERVICES": "https://a.example\n  https://b.example,\r\n\tc.example\n",
    }
    for _ in range(2):
        for host in ("a.example", "b.example", "c.example"):
            assert scratch_world.run("get", host, environ=environ).token
    assert scratch_world.run("get", "d.example", environ=environ).status == 3


def test_an_empty_key_is_named(scratch_world: World) -> None:
    environ = {"CREDHELPER_CONFIG": str(scratch_world.root / "none"), "CREDHELPER_API_KEY": ""}
    for words in (["get"], ["get", "https://a.example"], ["exec", "--", "true"]):
        outcome = scratch_world.run(*words, environ=environ)
        assert outcome.status == 3
        assert "CREDHELPER_API_KEY is empty" in outcome.told
    outcome = scratch_world.run("git", "get", stdin=b"protocol=https\nhost=a\n", environ=environ)
    assert outcome.stderr == b""


def test_where_there_is_no_profile_none_is_no_name(scratch_world: World) -> None:
    environ = {"CREDHELPER_CONFIG": str(scratch_world.root / "none"), "EMPTY": ""}
    told = scratch_world.run("get", "--profile", "x", environ=environ).told
    assert "there is no profile x, and no other is configured" in told
    told = scratch_world.run(
        "token", "create", "--api-key-env", "EMPTY", "--url", "https://a.example", environ=environ
    ).told
    assert "none" not in told
