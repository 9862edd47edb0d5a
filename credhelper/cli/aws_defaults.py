"""What AWS's files say of the default profile: SDKs believe it before they ask an endpoint."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping

from credhelper.core import paths
from credhelper.core.text import export, printable
from credhelper.errors import ConfigError

# Each makes an SDK take its credentials from the file, or by way of it.
_LEADING = (
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)
# The variable that names another file, the usual one, and the names of its default section.
_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", ("default",)),
    ("AWS_CONFIG_FILE", "~/.aws/config", ("default", "profile default")),
)


def warnings(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield a message and a hint for each file whose default profile comes before an endpoint.

    A file that cannot be read, is over 1 MiB or is not INI is passed over: SDKs complain of it.
    """
    for variable, usual, names in _FILES:
        path = _place(environ.get(variable) or usual, environ)
        found = _sections(path)
        for name in names:
            key = next((key for key in _LEADING if key in found.get(name, {})), None)
            if key:
                yield (
                    f"{printable(path)} has {key} in [{name}]: AWS's SDKs take that first, and do"
                    " not ask the endpoint",
                    export(variable, os.devnull),
                )
                break


def _place(text: str, environ: Mapping[str, str]) -> str:
    home = paths.home(environ)
    return os.path.join(home, text[2:]) if text.startswith("~/") and home else text


def _sections(path: str) -> dict[str, dict[str, str]]:
    # As botocore reads it, but that some SDKs take keys that stand twice.
    parser = configparser.RawConfigParser(default_section="\0", interpolation=None, strict=False)
    try:
        parser.read_string((paths.read_config(path) or b"").decode("utf-8", "replace"))
    except (ConfigError, configparser.Error):
        return {}
    # `[profile  default]` and `[profile "default"]` are the same to SDKs.
    return {
        " ".join(name.replace('"', "").replace("'", "").split()): dict(parser.items(name))
        for name in parser.sections()
    }
