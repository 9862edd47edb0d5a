"""Who receives a token is decided by the caller's own word, in whatever channel it says it.

The channels are those of the table in docs/protocols.md. All of it runs the real program.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from credhelper import protocols
from tests.hostile.conftest import secrets_in
from tests.support.worlds import Outcome, World

PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"


class Channel(NamedTuple):
    """How a caller names its target: `{}` stands for the host, `{index}` for the whole URL."""

    protocol: str
    words: tuple[str, ...] = ()
    stdin: str = ""
    environ: tuple[tuple[str, str], ...] = ()

    def ask(self, world: World, host: str, *more: str) -> Outcome:
        words = [word.replace("{}", host) for word in self.words]
        if self.protocol == "cargo" and more:
            stdin = self.stdin.replace('"kind"', f'"args":["{more[0]}","{more[1]}"],"kind"', 1)
            more = ()
        else:
            stdin = self.stdin
        return world.run(
            self.protocol,
            *more,
            *words,
            stdin=stdin.replace("{}", host).encode(),
            environ={name: value.replace("{}", host) for name, value in self.environ},
        )


def told(protocol: str, *words: str, stdin: str = "", **environ: str) -> Channel:
    return Channel(protocol, words, stdin, tuple(environ.items()))


EXEC = (
    '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
    '"spec":{"cluster":{"server":"https://{}"},"interactive":false}}'
)
IMAGE = (
    '{"kind":"CredentialProviderRequest",'
    '"apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"{}/a/b"}'
)
CARGO = '{"v":1,"registry":{"index-url":"sparse+https://{}/index/"},"kind":"get"}\n'
CHANNELS = [
    # a command that prints a token
    told("token", CARGO_REGISTRY_INDEX_URL="sparse+https://{}/index/"),
    told(
        "token", CARGO_REGISTRY_INDEX_URL="registry+https://{}/index", CARGO_REGISTRY_NAME_OPT="x"
    ),
    told("token", "--bearer", CARGO_REGISTRY_INDEX_URL="https://{}/index"),
    told("token", MISE_CREDENTIAL_HOST="{}"),
    told("token", "{}"),
    told("token", "--service", "https://{}"),
    told("get", CARGO_REGISTRY_INDEX_URL="sparse+https://{}/index/"),
    told("get", "--format", "header", MISE_CREDENTIAL_HOST="{}"),
    told("get", "https://{}/x"),
    # what callers set for us, or are configured by
    told("headers", CLAUDE_CODE_MCP_SERVER_URL="https://{}/mcp"),
    told("headers", "--profile", "main", OTEL_EXPORTER_OTLP_ENDPOINT="https://{}:443"),
    told("headers", "--profile", "main", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="https://{}/v1/logs"),
    told("kubectl", KUBERNETES_EXEC_INFO=EXEC),
    told("vault", "get", VAULT_ADDR="https://{}"),
    told("vault", "get", BAO_ADDR="https://{}/"),
    told("vault", "get", VAULT_AGENT_ADDR="https://{}", VAULT_ADDR="https://ica.example"),
    told("vault", "get", BAO_AGENT_ADDR="https://{}", BAO_ADDR="https://ica.example"),
    told("vault", "get", VAULT_ADDR="https://{}", VAULT_NAMESPACE="team"),
    told("databricks", "auth", "token", DATABRICKS_HOST="https://{}"),
    told("databricks", "auth", "token", DATABRICKS_HOST="{}"),
    told(
        "databricks", "auth", "token", "--host", "https://{}", DATABRICKS_HOST="https://ica.example"
    ),
    told("reclient", RBE_service="{}:443"),
    told("reclient", FLAG_service="{}"),
    told("reclient", RBE_service="{}:443", RBE_cas_service="{}:443"),
    told("google", GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE="//{}/pools/p"),
    told("google", GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE="https://{}/pools/p"),
    # what they send
    told("git", "get", stdin="protocol=https\nhost={}\n"),
    told("docker", "get", stdin="{}"),
    told("kubelet", stdin=IMAGE),
    told("bazel", "get", stdin='{"uri":"https://{}/x"}'),
    told("cargo", "--cargo-plugin", stdin=CARGO),
    told("headers", "--restish", stdin='{"uri":"https://{}/"}'),
    told("json", stdin='{"action":"get","service":"https://{}"}\n'),
    # what stands behind their words
    told("terraform", "get", "{}"),
    told("goauth", "https://{}/x"),
    told("askpass", "Password for 'https://oauth2@{}': "),
    told("keyring", "--mode=creds", "get", "https://{}/simple/"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("profile", [(), ("--profile", "main")], ids=["", "with a profile"])
@pytest.mark.parametrize("channel", CHANNELS, ids=str)
def test_a_target_decides_in_whatever_channel_a_caller_names_it(
    channel: Channel, profile: tuple[str, ...], shared_world: World
) -> None:
    if "--profile" in channel.words:
        profile = ()
    ours = channel.ask(shared_world, "ica.example", *profile)
    assert ours.token, ours

    outcome = channel.ask(shared_world, "evil.test", *profile)

    assert not secrets_in(outcome.stdout + outcome.stderr), outcome


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (
            ["token", "https://ica.example"],
            {"CARGO_REGISTRY_INDEX_URL": "sparse+https://evil.test"},
        ),
        (["token", "ica.example"], {"MISE_CREDENTIAL_HOST": "evil.test"}),
        (["get", "--service=ica.example"], {"MISE_CREDENTIAL_HOST": "evil.test"}),
        (
            ["token"],
            {"MISE_CREDENTIAL_HOST": "ica.example", "CARGO_REGISTRY_INDEX_URL": "https://e.test"},
        ),
        (
            ["headers", "--service", "https://ica.example"],
            {"CLAUDE_CODE_MCP_SERVER_URL": "https://evil.test"},
        ),
        (["vault", "--service", "https://ica.example", "get"], {"VAULT_ADDR": "https://evil.test"}),
        (
            ["vault", "get"],
            {"VAULT_ADDR": "https://ica.example", "VAULT_AGENT_ADDR": "unix:///run/agent"},
        ),
        (["vault", "get"], {"VAULT_ADDR": "https://ica.example", "VAULT_SRV_LOOKUP": "1"}),
        (
            ["kubectl", "--service", "https://ica.example"],
            {"KUBERNETES_EXEC_INFO": EXEC.replace("{}", "evil.test")},
        ),
        (["vault", "get"], {"VAULT_ADDR": "https://ica.example", "BAO_ADDR": "https://evil.test"}),
        (["reclient", "--service", "https://ica.example"], {"RBE_service": "evil.test:443"}),
        (["reclient"], {"RBE_service": "ica.example:443", "RBE_cas_service": "evil.test:443"}),
        (["reclient"], {"RBE_service": "dns:///ica.example:443"}),
        (
            ["google", "--service", "https://ica.example"],
            {"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE": "//evil.test/x"},
        ),
        (
            ["headers", "--profile", "main"],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://ica.example:4318"},
        ),
    ],
)
def test_where_two_channels_contradict_each_other_nobody_gets_a_token(
    words: list[str], environ: dict[str, str], shared_world: World
) -> None:
    outcome = shared_world.run(*words, environ=environ)
    assert not secrets_in(outcome.stdout + outcome.stderr), outcome


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (
            ["token", "ica.example"],
            {"CARGO_REGISTRY_INDEX_URL": "sparse+https://ica.example/index/"},
        ),
        (
            ["vault", "--service", "ica.example", "get"],
            {"VAULT_ADDR": "https://ica.example", "BAO_ADDR": "https://x.test"},
        ),
        (["google"], {"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE": "//iam.googleapis.com/projects/1/x"}),
        (
            ["headers", "--service", "ica.example"],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://x.test"},
        ),
        (["token"], {"CARGO_REGISTRY_INDEX_URL": "", "MISE_CREDENTIAL_HOST": ""}),
        (
            ["vault", "--service", "https://ica.example", "get"],
            {"VAULT_ADDR": "https://127.0.0.1:8200"},
        ),
        (
            ["kubectl", "--service", "https://ica.example"],
            {"KUBERNETES_EXEC_INFO": EXEC.replace("{}", "127.0.0.1:6443")},
        ),
    ],
)
def test_channels_that_agree_are_answered(
    words: list[str], environ: dict[str, str], shared_world: World
) -> None:
    assert shared_world.run(*words, environ=environ).token


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("endpoint", "given"),
    [
        ({"AWS_ENDPOINT_URL": "https://evil.test"}, False),
        ({"AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com.evil.test"}, False),
        (
            {"AWS_ENDPOINT_URL_S3": "evil.test", "AWS_ENDPOINT_URL": "https://s3.amazonaws.com"},
            False,
        ),
        ({"AWS_ENDPOINT_URL": "https://x@s3.us-east-1.amazonaws.com"}, False),
        ({"AWS_ENDPOINT_URL": "http://s3.us-east-1.amazonaws.com"}, False),
        ({"AWS_ENDPOINT_URL": "https://s3.us-east-1.amazonaws.com"}, True),
        ({"AWS_ENDPOINT_URL": "https://s3.dualstack.us-east-1.api.aws/"}, True),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, True),
        (
            {
                "AWS_ENDPOINT_URL": "https://evil.test",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            },
            True,
        ),
    ],
)
@pytest.mark.parametrize("form", ["process", "env"])
def test_aws_keys_go_to_s3_alone(
    endpoint: dict[str, str], given: bool, form: str, world: World
) -> None:
    outcome = world.run("aws", "--profile", "main", "--format", form, environ=endpoint)
    assert (b"ASIA" in outcome.stdout) == given, outcome
    assert outcome.status == (0 if given else outcome.status or -1)


def test_the_page_has_a_table_of_all_channels() -> None:
    table = PAGE.read_text().partition("## Who names the target")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| \[([a-z]+)\]\(#[a-z]+\) \| (.+) \|$", table, re.M))
    assert rows.keys() == protocols.PROTOCOLS.keys()
    for channel in CHANNELS:
        for name, _ in channel.environ:
            assert f"`{name}`" in rows[channel.protocol], (channel.protocol, name)
