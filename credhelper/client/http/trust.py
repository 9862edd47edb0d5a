"""Whose certificates we believe: one TLS context that always checks; no switch turns it off."""

from __future__ import annotations

import functools
import os
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path

import certifi

from credhelper.core.text import printable
from credhelper.errors import ConfigError, reason

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def context_for(ca_file: str | None, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS context for all connections; the same one as long as its file is the same.

    Parameters:
    - ca_file: the configured file (or folder, as OpenSSL hashes it) of authorities.
    - environ: without a `ca_file` the first set one of REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
      SSL_CERT_FILE and SSL_CERT_DIR names them.

    With none, the authorities of certifi are believed. Raises ConfigError that names the place and
    who named it.
    """
    if ca_file:
        return _believing(ca_file, "ca_file")
    for variable in _VARIABLES:
        if place := environ.get(variable):
            return _believing(place, variable)
    return _believing(certifi.where(), "certifi")


def _believing(place: str, source: str) -> ssl.SSLContext:
    try:
        found = os.stat(place)
    except (OSError, ValueError):
        return _made(place, source)  # which says what is wrong
    if not stat.S_ISREG(found.st_mode):
        return _made(place, source)  # OpenSSL reads a folder when it looks for somebody
    stamp = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    return _kept(place, source, stamp)


@functools.lru_cache(maxsize=16)
def _kept(place: str, source: str, stamp: tuple[int, ...]) -> ssl.SSLContext:
    # To parse all authorities of the world takes as long as an exchange with the API.
    return _made(place, source)


def _made(place: str, source: str) -> ssl.SSLContext:
    # Not ssl.create_default_context: it would write session keys wherever SSLKEYLOGFILE says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    named = f"{printable(place)!r}, named by {source},"
    # SSL_CERT_DIR may list several folders, as OpenSSL reads it.
    folders = place.split(":") if source == "SSL_CERT_DIR" else [place]
    try:
        present = [folder for folder in folders if Path(folder).is_dir()]
        if present:
            context.load_verify_locations(capath=":".join(present))
        else:
            context.load_verify_locations(cafile=place)
    except ssl.SSLError:
        raise ConfigError(f"CA file {named} holds no certificates in PEM form") from None
    except OSError as error:
        raise ConfigError(f"CA file {named} cannot be read: {reason(error).lower()}") from None
    except ValueError:
        raise ConfigError(f"CA file {named} is not a file name") from None
    return context
