# SPDX-License-Identifier: Apache-2.0
"""Where the PIN of the token comes from, and which one was refused."""

from collections.abc import Iterator
import contextlib
import hashlib
import hmac
import os
import secrets
import stat

from oslo_config import cfg

from secretstore import errors, exposure
from secretstore.security import credentials, keyfiles
from secretstore.security.pkcs11.refused_pins import (
    RefusedPins,
    Turn,
    Version,
)

_MOST_BYTES = 1024
# A group may read it: packages have files of root's that a service reads as
# one of its group.
_RULE = exposure.Rule(
    exposure.OTHERS | stat.S_IWGRP,
    'find out who could read the PIN, change it, then run chmod 640',
)


class PinRefused(Exception):
    """The token refused the PIN; ``str()`` is how it put that."""


class Pin:
    """The PIN of ``[pkcs11] pin_file`` or ``pin_credential``.

    It is read each time a session is opened, and not kept.  A process has
    one of it, used by one thread at a time.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, again: bool = False) -> None:
        """Raise ``StartupError`` unless exactly one of the two is set.

        :param again: present it, once, though it may have been refused
        """
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
        self._again = again
        self._memory = RefusedPins(conf.state_path)
        # What this process knows of itself: others need not be asked, unless
        # they have something new to tell.
        self._refused = b''
        self._shared = False
        self._version: Version = None

    def read(self) -> str:
        """The first line of the file.

        Raises ``MasterKeyUnusable`` with what to do when there is none.
        """
        try:
            pin = self._content().decode().splitlines()[0]
        except (UnicodeDecodeError, IndexError):
            pin = ''
        if not pin:
            raise errors.MasterKeyUnusable(
                f'{self.path}: this holds no PIN, which is one line of text'
            )
        return pin

    def require_unrefused(self) -> None:
        """Raise when this process has nothing new to try; costs little."""
        known = self._matches(self.read()) and (
            not self._shared or self._memory.version == self._version
        )
        if known and not self._again:
            raise self._refusal()

    @contextlib.contextmanager
    def presented(self, token: str, seconds: float) -> Iterator[str]:
        """The PIN, which no other process of this host presents meanwhile.

        What leaves the block as ``PinRefused`` is remembered, and becomes
        the ``MasterKeyUnusable`` that is raised for a PIN that is known to
        be refused.

        :param token: what tells it from other tokens
        :param seconds: to wait for others
        """
        with self._memory.turn(seconds) as turn:
            pin = self.read()
            if not self._again and self._is_refused(turn, token, pin):
                raise self._refusal()
            try:
                yield pin
            except PinRefused as exc:
                self._again = False
                self._remember(turn, token, pin)
                raise self._refusal(f' ({exc})') from None
            if self._again and turn is not None:
                with self._reported():
                    turn.forget(token, pin)

    def _is_refused(self, turn: Turn | None, token: str, pin: str) -> bool:
        if turn is not None:
            with self._reported():
                if turn.is_refused(token, pin):
                    self._note(pin, shared=True)
                    return True
                if self._shared:
                    # Somebody has had it forgotten.
                    return False
        return self._matches(pin)

    def _remember(self, turn: Turn | None, token: str, pin: str) -> None:
        shared = False
        if turn is not None:
            with self._reported():
                turn.remember(token, pin)
                shared = True
        self._note(pin, shared=shared)

    def _note(self, pin: str, *, shared: bool) -> None:
        self._refused = self._digest(pin)
        self._shared = shared
        self._version = self._memory.version

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self._memory.warn(exc)

    def _matches(self, pin: str) -> bool:
        return bool(self._refused) and hmac.compare_digest(
            self._refused, self._digest(pin)
        )

    def _refusal(self, reason: str = '') -> errors.MasterKeyUnusable:
        remedy = (
            'if the token has this one by now, run secretstore-manage hsm '
            'check'
            if self._shared
            else 'restart the service'
        )
        return errors.MasterKeyUnusable(
            f'{self.path}: the token refused this PIN{reason}. It is not '
            f'tried again, since tokens lock themselves after a few attempts: '
            f'put the right one into the file, or, {remedy}'
        )

    def _content(self) -> bytes:
        if not self._credential:
            return self._content_of_file()
        content = self._credentials.content(self._credential)
        if content is None:
            raise errors.MasterKeyUnusable(
                f'{self.path}: systemd gave no credential of this name'
            )
        return content

    def _content_of_file(self) -> bytes:
        try:
            with open(self.path, 'rb') as file:
                info = os.fstat(file.fileno())
                keyfiles.refuse_exposed(self.path, info, _RULE)
                return file.read(_MOST_BYTES)
        except OSError as exc:
            raise errors.MasterKeyUnusable(
                f'{self.path}: the PIN cannot be read: {exc.strerror}'
            ) from None

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
