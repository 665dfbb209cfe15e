# SPDX-License-Identifier: Apache-2.0
"""TLS 1.2 and later for both ends, with or without client certificates."""

import ssl
from typing import NamedTuple

from secretstore import errors


class Files(NamedTuple):
    """PEM files; an empty name means that there is none."""

    certificate: str = ''
    key: str = ''
    ca: str = ''
    """What the other end's certificate must come from."""


def for_server(files: Files) -> ssl.SSLContext:
    """With a CA, clients must show a certificate.  Raises StartupError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    _load(context, files)
    return context


def for_client(files: Files) -> ssl.SSLContext:
    """Without a CA, the system's are trusted.  Raises StartupError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not files.ca:
        context.load_default_certs()
    _load(context, files)
    return context


def _load(context: ssl.SSLContext, files: Files) -> None:
    name = files.ca
    try:
        if files.ca:
            context.load_verify_locations(files.ca)
        name = files.certificate
        if files.certificate:
            # The empty password keeps OpenSSL from asking for one.
            context.load_cert_chain(
                files.certificate, files.key or None, password=''
            )
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, 'reason', None) or error.strerror or error
        raise errors.StartupError(
            f'TLS: {name} cannot be used: {reason}'
        ) from error
