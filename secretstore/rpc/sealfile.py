# SPDX-License-Identifier: Apache-2.0
"""The file with the seal keys: base64, one a line, the first one is used."""

import base64
import binascii
from collections.abc import Callable
import contextlib
import os
import secrets

from secretstore import errors, exposure
from secretstore.crypto import aead

_Put = Callable[[str, str], None]

_MOST_KEYS = 2
_MOST_BYTES = 1024
_MAKE_ONE = (
    'make one with secretstore-manage rpc create-seal-key, or copy that of '
    'the other hosts'
)
_ROTATE = ', and perhaps secretstore-manage rpc create-seal-key --rotate'


def read(path: str) -> list[bytes]:
    """The keys; StartupError says what is wrong and what to do."""
    try:
        # A pipe under this name must not block the service.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _wrong(path, f'there is no such file: {_MAKE_ONE}') from None
    except OSError as error:
        raise _wrong(path, str(error.strerror)) from error
    try:
        if not _is_credential(path):
            rule = exposure.ours('600', _ROTATE)
            if problem := exposure.problem(os.fstat(file), rule):
                raise _wrong(path, problem)
        content = os.read(file, _MOST_BYTES)
    finally:
        os.close(file)
    return _parsed(path, content)


def create(path: str) -> None:
    """Make a file with a new key; InvalidInput when there is one."""
    _write(path, [aead.generate_key()], os.link)


def rotate(path: str) -> None:
    """Put a new key in front, and keep only the one that was used."""
    used = read(path)[0]
    _write(path, [aead.generate_key(), used], os.replace)


def _write(path: str, keys: list[bytes], put: '_Put') -> None:
    temporary = f'{path}.{secrets.token_hex(8)}.new'
    content = b''.join(base64.b64encode(key) + b'\n' for key in keys)
    try:
        file = os.open(
            temporary,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
            0o600,
        )
        try:
            with os.fdopen(file, 'wb') as writer:
                writer.write(content)
                writer.flush()
                os.fsync(file)
            put(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        _sync_directory(path)
    except FileExistsError:
        raise errors.InvalidInput(
            f'{path}: exists: give --rotate to put a new key into it'
        ) from None
    except OSError as error:
        raise _wrong(path, str(error.strerror)) from error


def _sync_directory(path: str) -> None:
    directory = os.open(os.path.dirname(path) or '.', os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _is_credential(path: str) -> bool:
    """Whether systemd guards it, by access lists and not by its owner."""
    folder = os.environ.get('CREDENTIALS_DIRECTORY')
    return bool(folder) and os.path.dirname(path) == folder


def _parsed(path: str, content: bytes) -> list[bytes]:
    lines = content.split()
    try:
        keys = [base64.b64decode(line, validate=True) for line in lines]
    except binascii.Error:
        keys = []
    sizes = {len(key) for key in keys}
    if not 1 <= len(keys) <= _MOST_KEYS or sizes != {aead.KEY_SIZE}:
        raise _wrong(
            path,
            f'it must hold one or two keys, each a line of base64 of '
            f'{aead.KEY_SIZE} bytes: {_MAKE_ONE}',
        )
    return keys


def _wrong(path: str, why: str) -> errors.StartupError:
    return errors.StartupError(f'[rpc] seal_key_file {path}: {why}')
