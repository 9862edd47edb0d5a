"""AWS's `credential_process`: credentials for S3 as one JSON object, or for a shell, or rclone.

Source: "Sourcing credentials with an external process" of the AWS SDKs' guide, and botocore's
`ProcessProvider` and `RefreshableCredentials`. `Version` is the number 1, `Expiration` a string.
Some SDKs read no more than 8 KiB, and strict ones stumble over members that they do not know, so
nothing is in it beyond what the guide names. Nothing is read.

Let a profile say what the credentials are for, and a section of ~/.aws/config ask for them:

  credhelper profile add default --aws folder=fol.0123456789
  credhelper profile add default --aws path=gds://my-volume/runs/42/

  [profile illumina]
  credential_process = credhelper aws --profile default
  region = us-east-1

Formats: `process`, that document; `env`, for `eval "$(...)"`, and `rclone`, a section of rclone's
config, which do not renew themselves; `url`, the `s3://BUCKET/PREFIX` that they are for; `details`,
all that is known of them. The last two hold no secret.

To try it: credhelper aws --format details
"""

import credhelper
from credhelper.core import service, strict_json
from credhelper.core.model import AWS, Credential, Listing, Reply, Request
from credhelper.core.text import (
    command,
    json_object,
    json_string,
    one_line,
    rfc3339,
    shell_word,
)
from credhelper.protocols import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import credhelper.errors
    from credhelper.core.model import Call

FORMATS = ("process", "env", "rclone", "url", "details")
USAGE = f"credhelper aws [--profile NAME] [--format {'|'.join(FORMATS)}] [--min-ttl SECONDS]"
# With less than 15 min left, botocore renews at each use: it gets more, so that it can keep them
# for a while.
MARGIN = 1200
MOST_BYTES = 8191
PLACES = ("Region", "Bucket", "Prefix", "Endpoint", "Encryption", "EncryptionKey")
_KEYS = ("AccessKeyId", "SecretAccessKey", "SessionToken")
_OURS = {
    "AccessKeyId": "access_key_id",
    "SecretAccessKey": "secret_access_key",
    "SessionToken": "session_token",
    "Region": "region",
    "EncryptionKey": "sse_kms_key_id",
}
_NO_SECRET = ("url", "details")
# The variables that send AWS's SDKs, and rclone, to another S3: the more specific one wins.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_RCLONE_ENDPOINT = "RCLONE_S3_ENDPOINT"
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_OPTIONS = {**options.COMMON, "--format": "format"}

reads = options.reads_nothing  # SDKs hand on their own stdin, which may stay open for ever
refuse = options.refuse


def parse(call: "Call") -> Request:
    """Return the request to get AWS credentials of a profile. Raises UsageError."""
    found, words = options.split(call.arguments, _OPTIONS, USAGE)
    options.at_most(0, words, USAGE)
    form = options.choice(found, "format", FORMATS)
    echo = {"format": form}
    endpoint = "" if form in _NO_SECRET else _endpoint(form, call.environ)
    if endpoint:
        echo["endpoint"] = endpoint
    return Request(
        "get",
        profile=found.get("profile"),
        min_ttl=options.min_ttl(found),
        margin=options.margin(found, MARGIN),
        echo=echo,
        wants=AWS,
    )


def render(request: Request, answer: Credential | Listing | bool | None) -> Reply:
    """Return the credentials in the shape that was asked for.

    Parameters: `answer`, a Credential of kind `aws`. Raises CredhelperError for one that does not
    fit into that shape, NotFoundError when its place is not known.
    """
    assert isinstance(answer, Credential)  # noqa: S101  # `get` is the only action that parse makes
    given = members(answer)
    form = request.echo["format"]
    if form != "rclone":
        require_keys(given, answer.profile)
    if "endpoint" in request.echo:
        _check_endpoint(request.echo["endpoint"], given.get("Endpoint", ""))
    if form == "env":
        text = _env(given, answer.expires_at)
    elif form == "rclone":
        text = _rclone(given, answer.profile, answer.expires_at)
    elif form == "url":
        text = one_line(_url(given, answer.profile), "place")
    elif form == "details":
        text = json_object(_details(given, answer))
    else:
        text = json_object(_document(given, answer.expires_at))
        if len(text) >= MOST_BYTES:
            raise credhelper.errors.CredhelperError(
                f"the AWS credentials of profile {answer.profile} take more than {MOST_BYTES}"
                " bytes, and some SDKs read no more"
            )
    return Reply(f"{text}\n".encode())


def members(answer: Credential) -> dict[str, str]:
    """Return what is known of AWS credentials, by name. Raises RequestError for anything else."""
    return {
        name: value
        for name, value in strict_json.read(answer.token.reveal().encode(), "record").items()
        if isinstance(value, str)
    }


def require_keys(given: "Mapping[str, str]", profile: str) -> None:
    """Raise NotFoundError for credentials without AWS keys: those of a store that is not S3."""
    if "AccessKeyId" not in given:
        raise credhelper.errors.NotFoundError(
            f"the data of profile {profile} does not lie on AWS: there are no AWS keys",
            command("credhelper", "aws", "--profile", profile, "--format", "rclone"),
        )


def _endpoint(form: str, environ: "Mapping[str, str]") -> str:
    if form == "rclone":
        return environ.get(_RCLONE_ENDPOINT, "")
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    return next((environ[name] for name in _ENDPOINTS if environ.get(name)), "")


def _check_endpoint(url: str, ours: str) -> None:
    """Raise UnknownServiceError for a server that is neither AWS's, nor the API's, nor on loopback.

    Each request to it carries a session token.
    """
    receiver = service.receiver(url if "://" in url else f"https://{url}")
    if receiver.host.endswith(_AWS_HOSTS) or service.is_loopback(receiver.host):
        return
    if ours and service.receiver(ours if "://" in ours else f"https://{ours}") == receiver:
        return
    raise credhelper.errors.UnknownServiceError(
        f"the AWS credentials are not for {receiver}, where the environment says that S3 is",
        f"unset {' '.join((*_ENDPOINTS, _RCLONE_ENDPOINT))}",
    )


def _document(given: dict[str, str], expires_at: int) -> dict[str, str]:
    keys = {name: json_string(given[name]) for name in _KEYS}
    return {"Version": "1", **keys, "Expiration": json_string(rfc3339(expires_at))}


def _details(given: dict[str, str], answer: Credential) -> dict[str, str]:
    places = {name: json_string(given[name]) for name in PLACES if name in given}
    return {
        "Profile": json_string(answer.profile),
        "AccessKeyId": json_string(given["AccessKeyId"]),
        **places,
        "Expiration": json_string(rfc3339(answer.expires_at)),
    }


def _env(given: dict[str, str], expires_at: int) -> str:
    variables = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": rfc3339(expires_at),
    }
    if "Region" in given:
        variables |= dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), given["Region"])
    return "\n".join(
        f"export {name}={shell_word(one_line(value, name))}" for name, value in variables.items()
    )


def _rclone(given: dict[str, str], profile: str, expires_at: int) -> str:
    mark = "rclone."
    path = given.get("Path", "")
    found = {name[len(mark) :]: given[name] for name in given if name.startswith(mark)}
    if "AccessKeyId" in given:
        if "Bucket" in given:
            path = f"{given['Bucket']}/{given.get('Prefix', '')}"
        # What the API has for rclone, if it has that, comes on top of what all of S3 has.
        found = {"type": "s3", "provider": "AWS"} | found
        found |= {ours: given[name] for name, ours in _OURS.items() if name in given}
        if "Encryption" in given:
            found["server_side_encryption"] = given["Encryption"].replace("AWS:KMS", "aws:kms")
    # To rclone, an option without a value is not set.
    found = {name: value for name, value in found.items() if value}
    for name, value in found.items():
        # rclone trims what it reads, and takes quotes away.
        if value != value.strip() or value[:1] in ('"', "'", "`"):
            raise credhelper.errors.CredhelperError(f"rclone's config cannot hold this {name}")
    lines = [f"{name} = {one_line(value, name)}" for name, value in found.items()]
    where = f"# {profile}:{one_line(path, 'path') if path else ''}, until {rfc3339(expires_at)}"
    return "\n".join([f"[{profile}]", where, *lines])


def _url(given: dict[str, str], profile: str) -> str:
    if "Bucket" not in given:
        raise credhelper.errors.NotFoundError(
            f"the API did not tell for which bucket the AWS credentials of profile {profile} are"
        )
    return f"s3://{given['Bucket']}/{given.get('Prefix', '')}"
