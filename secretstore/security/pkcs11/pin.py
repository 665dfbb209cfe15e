# SPDX-License-Identifier: Apache-2.0
"""Where the PIN of the token comes from, and which one was refused."""

import hashlib
import hmac
import os
import secrets
import stat

from oslo_config import cfg

from secretstore import errors
from secretstore.security import credentials

_MOST_BYTES = 1024


class Pin:
    """The PIN of ``[pkcs11] pin_file`` or ``pin_credential``.

    It is read each time a session is opened, and not kept.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        """Raise ``StartupError`` unless exactly one of the two is set."""
        group = conf.pkcs11
        if bool(group.pin_file) == bool(group.pin_credential):
            raise errors.StartupError(
                'set one of [pkcs11] pin_file and pin_credential'
            )
        self._credential: str = group.pin_credential
        self._credentials = credentials.Credentials(
            os.environ.get('CREDENTIALS_DIRECTORY') or None
        )
        self.path: str = group.pin_file
        if self._credential:
            _require_credentials(self._credential)
            self.path = self._credentials.path_of(self._credential)
        self._salt = secrets.token_bytes(32)
        self._refused = b''

    def read(self) -> str:
        """The PIN: the first line of the file.

        Raises ``MasterKeyUnavailable`` with what to do when it cannot be
        had, and when it is the one that the token refused.
        """
        pin = self._read()
        if self._refused and hmac.compare_digest(
            self._refused, self._digest(pin)
        ):
            raise self.refusal('')
        return pin

    def refuse(self, pin: str) -> None:
        """Have ``read`` give this one never again."""
        self._refused = self._digest(pin)

    def refusal(self, reason: str) -> errors.MasterKeyUnavailable:
        """What to tell the operator of a PIN that the token refused."""
        return errors.MasterKeyUnavailable(
            f'{self.path}: the token refused this PIN'
            f'{f" ({reason})" if reason else ""}. It is not tried again, '
            f'since tokens lock themselves after a few attempts: put the '
            f'right one into the file, or restart the service'
        )

    def _read(self) -> str:
        try:
            pin = self._content().decode().splitlines()[0]
        except (UnicodeDecodeError, IndexError):
            pin = ''
        if not pin:
            raise errors.MasterKeyUnavailable(
                f'{self.path}: this holds no PIN, which is one line of text'
            )
        return pin

    def _content(self) -> bytes:
        if not self._credential:
            return self._content_of_file()
        content = self._credentials.content(self._credential)
        if content is None:
            raise errors.MasterKeyUnavailable(
                f'{self.path}: systemd gave no credential of this name'
            )
        return content

    def _content_of_file(self) -> bytes:
        try:
            with open(self.path, 'rb') as file:
                self._refuse_exposed(os.fstat(file.fileno()))
                return file.read(_MOST_BYTES)
        except OSError as exc:
            raise errors.MasterKeyUnavailable(
                f'{self.path}: the PIN cannot be read: {exc.strerror}'
            ) from None

    def _refuse_exposed(self, info: os.stat_result) -> None:
        # A group may read it: packages have files of root's that a service
        # reads as one of its group.
        if info.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise errors.MasterKeyUnavailable(
                f'{self.path}: open to others (mode '
                f'{stat.S_IMODE(info.st_mode):04o}): find out who could '
                f'read the PIN, change it, then run chmod 640'
            )

    def _digest(self, pin: str) -> bytes:
        return hmac.digest(self._salt, pin.encode(), hashlib.sha256)


def _require_credentials(name: str) -> None:
    if '/' in name:
        raise errors.StartupError(
            f'[pkcs11] pin_credential = {name}: this is the name of a '
            f'credential, not a path'
        )
    if not os.environ.get('CREDENTIALS_DIRECTORY'):
        raise errors.StartupError(
            f'[pkcs11] pin_credential = {name}: systemd gave this process no '
            f'credentials: add LoadCredential={name}:FILE to the unit'
        )
