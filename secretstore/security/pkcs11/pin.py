# SPDX-License-Identifier: Apache-2.0
"""Where the PIN of the token comes from, and which one was refused."""

from collections.abc import Callable, Iterator
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import time
from typing import NamedTuple

from oslo_config import cfg

from secretstore import errors, exposure
from secretstore.security import credentials, keyfiles
from secretstore.security.pkcs11.refused_pins import (
    Known,
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


# What is not presented again.
_FINAL = (Known.NO_ANSWER_TWICE, Known.REFUSED)
# How often is looked whether another token has taken the place of one that
# refused the PIN.
_LOOK_SECONDS = 10.0


class PinRefused(Exception):
    """The token refused the PIN; ``str()`` is how it put that."""


class Unanswered(Exception):
    """Nobody knows whether the token took the PIN; ``str()`` tells why."""


class _Note(NamedTuple):
    """What this process knows of one PIN.

    shared: others know it as well, and what they knew was of this version.
    """

    token: str = ''
    pin: bytes = b''
    known: Known = Known.NOTHING
    shared: bool = False
    version: Version = None
    look_at: float = 0.0


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
        # Others need not be asked, unless they have something new to tell.
        self._note = _Note()
        self._accepted = _Note()
        self._clock: Callable[[], float] = time.monotonic

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
        note = self._note
        if (
            not self._again
            and note.known in _FINAL
            and note.pin == self._digest(self.read())
            and self._is_current(note)
            and self._clock() < note.look_at
        ):
            raise self._refusal()

    @contextlib.contextmanager
    def presented(self, token: str, seconds: float) -> Iterator[str]:
        """The PIN, which no other process of this host presents meanwhile.

        What leaves the block as ``PinRefused`` is remembered, and becomes
        the ``MasterKeyUnusable`` that is raised for a PIN that is known to
        be refused.  Of a PIN that was not accepted before, so is a second
        ``Unanswered`` in a row.

        :param token: what tells it from other tokens
        :param seconds: to wait for others
        """
        with self._memory.turn(seconds) as turn:
            pin = self.read()
            known = self._known(turn, token, pin)
            if not self._again and known in _FINAL:
                raise self._refusal()
            try:
                yield pin
            except PinRefused as exc:
                self._again = False
                self._accepted = _Note()
                self._remember(turn, token, pin, Known.REFUSED)
                raise self._refusal(f' ({exc})') from None
            except Unanswered:
                self._again = False
                if not self._is_of(self._accepted, token, pin):
                    worse = max(known, _after_no_answer(known))
                    self._remember(turn, token, pin, worse)
                raise
            if turn is not None and (self._again or known):
                with self._reported():
                    turn.forget(token, pin)
            self._accept(token, pin)

    def _known(self, turn: Turn | None, token: str, pin: str) -> Known:
        accepted, note = self._accepted, self._note
        if self._is_of(accepted, token, pin) and self._is_current(accepted):
            return Known.NOTHING
        own = note.known if self._is_of(note, token, pin) else Known.NOTHING
        if own in _FINAL and self._is_current(note):
            self._write_down(token, pin, own, shared=note.shared)
            return own
        found = self._found(turn, token, pin)
        if found is None:
            if own in _FINAL:
                # Told at once from now on, until there is something to be had.
                self._write_down(token, pin, own, shared=note.shared)
            return own
        if found in _FINAL:
            self._write_down(token, pin, found, shared=True)
        # Or somebody has had it forgotten.
        return found if note.shared else max(found, own)

    def _found(self, turn: Turn | None, token: str, pin: str) -> Known | None:
        """What all processes know; None when that is not to be had."""
        found = None
        if turn is not None:
            with self._reported():
                found = turn.known(token, pin)
        if found is Known.NO_ANSWER_TWICE and self._is_of(
            self._accepted, token, pin
        ):
            # Others had no answer; this process knows better.
            return Known.NO_ANSWER
        return found

    def _remember(
        self, turn: Turn | None, token: str, pin: str, known: Known
    ) -> None:
        shared = False
        if turn is not None:
            with self._reported():
                turn.remember(token, pin, known)
                shared = True
        self._write_down(token, pin, known, shared=shared)

    def _write_down(
        self, token: str, pin: str, known: Known, *, shared: bool
    ) -> None:
        self._note = _Note(
            token,
            self._digest(pin),
            known,
            shared,
            self._memory.version,
            self._clock() + _LOOK_SECONDS,
        )

    def _accept(self, token: str, pin: str) -> None:
        self._note = _Note()
        self._accepted = _Note(
            token, self._digest(pin), shared=True, version=self._memory.version
        )

    def _is_of(self, note: _Note, token: str, pin: str) -> bool:
        return note.token == token and note.pin == self._digest(pin)

    def _is_current(self, note: _Note) -> bool:
        return not note.shared or self._memory.version == note.version

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self._memory.warn(exc)

    def _refusal(self, reason: str = '') -> errors.MasterKeyUnusable:
        if self._note.known is Known.NO_ANSWER_TWICE:
            what = 'did not answer when it was given this PIN, twice'
        else:
            what = f'refused this PIN{reason}'
        remedy = (
            'if the token has this one by now, run secretstore-manage hsm '
            'check'
            if self._note.shared
            else 'restart the service'
        )
        return errors.MasterKeyUnusable(
            f'{self.path}: the token {what}. It is not tried again, since '
            f'tokens lock themselves after a few attempts: put the right one '
            f'into the file, or, {remedy}'
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


def _after_no_answer(known: Known) -> Known:
    return Known.NO_ANSWER_TWICE if known else Known.NO_ANSWER


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
