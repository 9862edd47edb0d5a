"""AWS's credential_process: what SDKs stumble over, and what a shell must not be told."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from credhelper.core.model import AWS, Call, Credential, Secret
from credhelper.core.text import json_object, json_string
from credhelper.errors import CredhelperError, NotFoundError
from credhelper.protocols import aws

KEYS = {"AccessKeyId": "ASIA1", "SecretAccessKey": "secret", "SessionToken": "token"}
EXPIRES_AT = 1800000000


def answer(form: str, **members: str) -> bytes:
    """Return what is printed for credentials with `members` on top of KEYS."""
    text = json_object({name: json_string(value) for name, value in (KEYS | members).items()})
    request = aws.parse(Call("credhelper", ["--format", form], b"", {}))
    credential = Credential(Secret(text), EXPIRES_AT, username="oauth2", profile="main", kind=AWS)
    return aws.render(request, credential).stdout


def test_the_document_is_what_the_sdks_guide_says_and_nothing_more() -> None:
    document = json.loads(answer("process", Region="r", Bucket="b", Prefix="p"))
    assert list(document) == ["Version", *KEYS, "Expiration"]
    assert document["Version"] == 1
    assert isinstance(document["Version"], int)
    assert isinstance(document["Expiration"], str)
    assert document == {"Version": 1, **KEYS, "Expiration": "2027-01-15T08:00:00Z"}


def test_it_asks_for_the_credentials_of_a_profile_and_more_life_than_botocores_15_minutes() -> None:
    request = aws.parse(Call("credhelper", ["--profile", "x", "--min-ttl", "5"], b"", {}))
    assert (request.wants, request.profile, request.service) == ("aws", "x", None)
    assert (request.min_ttl, request.margin) == (5, 1200)
    assert request.margin - 10 > 15 * 60  # expiry is told 10 s early


def test_a_document_of_8_kib_is_refused_and_a_shorter_one_is_not() -> None:
    empty = len(answer("process", SessionToken=""))
    whole = answer("process", SessionToken="t" * (8191 - empty))
    assert len(whole) == 8191
    with pytest.raises(CredhelperError, match="8191 bytes"):
        answer("process", SessionToken="t" * (8192 - empty))
    # A shell has no such limit.
    assert b"t" * 8000 in answer("env", SessionToken="t" * 8000)


def test_rclones_own_options_are_handed_on_as_they_are() -> None:
    told = {"rclone.type": "azureblob", "rclone.sas_url": "https://x/?a=b&c=d", "Path": "box/a b"}
    told["rclone.account"] = ""  # an option that nobody has set
    text = json_object({name: json_string(value) for name, value in told.items()})
    request = aws.parse(Call("credhelper", ["--format", "rclone"], b"", {}))
    credential = Credential(Secret(text), EXPIRES_AT, username="oauth2", profile="main", kind=AWS)
    assert aws.render(request, credential).stdout.decode() == (
        "[main]\n# main:box/a b, until 2027-01-15T08:00:00Z\n"
        "type = azureblob\nsas_url = https://x/?a=b&c=d\n"
    )
    assert request.wants == AWS


def test_rclones_own_options_come_on_top_of_the_keys() -> None:
    told = answer("rclone", Region="r", Bucket="b", Prefix="p/", **{"rclone.env_auth": "false"})
    assert told.decode() == (
        "[main]\n# main:b/p/, until 2027-01-15T08:00:00Z\n"
        "type = s3\nprovider = AWS\nenv_auth = false\naccess_key_id = ASIA1\n"
        "secret_access_key = secret\nsession_token = token\nregion = r\n"
    )
    other = answer("rclone", **{"rclone.provider": "Ceph", "rclone.endpoint": "https://s3.test"})
    assert b"provider = Ceph\n" in other
    assert b"endpoint = https://s3.test\n" in other


@pytest.mark.parametrize("form", ["process", "env", "url", "details"])
def test_another_store_than_s3_has_no_keys_and_says_so(form: str) -> None:
    text = json_object({"rclone.type": json_string("azureblob"), "Path": json_string("box/a")})
    request = aws.parse(Call("credhelper", ["--format", form], b"", {}))
    credential = Credential(Secret(text), EXPIRES_AT, username="oauth2", profile="main", kind=AWS)
    with pytest.raises(NotFoundError, match="does not lie on AWS") as caught:
        aws.render(request, credential)
    assert caught.value.hint == "credhelper aws --profile main --format rclone"


@pytest.mark.parametrize("value", [" a", "a ", '"a"', "'a", "`a`", "a\nb", "a\r[evil]"])
def test_what_rclone_would_read_differently_is_refused(value: str) -> None:
    with pytest.raises(CredhelperError):
        answer("rclone", SecretAccessKey=value)


def test_a_key_of_the_key_service_is_told_to_rclone() -> None:
    told = answer("rclone", Encryption="AWS:KMS", EncryptionKey="arn:aws:kms:k").decode()
    assert "server_side_encryption = aws:kms\n" in told
    assert "sse_kms_key_id = arn:aws:kms:k\n" in told
    assert "\n# main:, until" in told  # nobody told where


@pytest.mark.parametrize(
    "value", ["it's", "$(id)", "`id`", 'a"b', "a b", "a;b", "$HOME", "\\", "!x", "~", "*", "é"]
)
def test_no_value_is_more_than_one_word_to_a_shell(value: str) -> None:
    script = answer("env", SecretAccessKey=value, SessionToken=value, Region=value).decode()
    told = subprocess.run(
        ["/bin/sh", "-c", script + 'printf "%s\\n" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN"'],
        capture_output=True,
        env={},
        check=True,
    )
    assert told.stdout.decode() == f"{value}\n{value}\n"
    assert all(len(shlex.split(line)) == 2 for line in script.split("\n") if line)


@pytest.mark.parametrize("name", ["SecretAccessKey", "SessionToken", "Region"])
@pytest.mark.parametrize("value", ["a\nb", "a\0b", "a\rb", "a\x1bb", "a\x85b"])
def test_no_value_is_more_than_one_line_of_a_shell(name: str, value: str) -> None:
    with pytest.raises(CredhelperError, match="control character"):
        answer("env", **{name: value})


def test_without_a_region_a_shell_is_told_none() -> None:
    assert b"REGION" not in answer("env")
    assert b"AWS_REGION=us-east-1\n" in answer("env", Region="us-east-1")


def test_a_place_is_shown_without_a_secret() -> None:
    for form in ("url", "details"):
        told = answer(form, Bucket="b", Prefix="p/é/")
        assert b"secret" not in told
        assert b"token" not in told
    assert answer("url", Bucket="b", Prefix="p/é/") == "s3://b/p/é/\n".encode()
    assert answer("url", Bucket="b") == b"s3://b/\n"
    assert json.loads(answer("details", Bucket="b", Prefix="p/é/"))["Prefix"] == "p/é/"


def test_a_place_that_nobody_told_is_not_made_up() -> None:
    with pytest.raises(NotFoundError, match="for which bucket"):
        answer("url")
    assert "Bucket" not in json.loads(answer("details"))


@pytest.mark.parametrize("arguments", [[], ["--format", "env"], ["nonsense"]])
def test_stdin_is_the_sdks_own_and_never_read(arguments: list[str]) -> None:
    assert aws.reads(arguments) == "nothing"
