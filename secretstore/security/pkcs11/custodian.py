# SPDX-License-Identifier: Apache-2.0
"""The token that the configuration names, with workers that speak to it."""

import os
import threading
from typing import TypeVar

from oslo_config import cfg

from secretstore import errors
from secretstore.security.pkcs11 import (
    blob,
    choice,
    messages,
    pool,
    reference,
    sessions,
)
from secretstore.security.pkcs11.pin import Pin
from secretstore.security.pkcs11.reference import KeyName
from secretstore.security.pkcs11.starter import Starter

T = TypeVar('T', bound=messages.Answer)

# A library is loaded, others log in, and then this one; each for as long as
# [pkcs11] start_timeout at the most.
_STEPS = 3


class Custodian:
    """What the strategy and the operator's commands ask of a token.

    Thread safe once it is built.  Workers are started when they are needed,
    so building one starts nothing, and a process that is forked later gets
    workers of its own.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, *, refused_pin_again: bool = False
    ) -> None:
        """Raise ``StartupError`` when the options cannot be right.

        :param refused_pin_again: present the PIN, once, also when the token
            has refused it before
        """
        _validate(conf)
        group = conf.pkcs11
        pin = Pin(conf, again=refused_pin_again)
        self.pin_path = pin.path
        self._pin = pin
        self._group = group
        self._pool = self._new_pool()
        self._lock = threading.Lock()
        self._wanted = list(group.mechanisms)
        self.prefix: str = group.key_label_prefix
        self.forms = messages.Forms([], {})

    def start(self) -> None:
        """Find out what the token can do.

        Raises ``MasterKeyUnavailable`` when it is away, and ``StartupError``
        when it has no mechanism that is enabled.
        """
        # To the end of a first login: how that ended is told, and remembered.
        patience = _STEPS * self._group.start_timeout
        self.forms = self._ask(
            messages.Discover(), messages.Forms, patience=patience
        )
        if not self.usable:
            missing = '; '.join(
                f'{name}: {self.forms.missing.get(name, "not enabled")}'
                for name in blob.NAMES
                if name not in self.usable
            )
            raise errors.StartupError(
                f'The token has none of the mechanisms that [pkcs11] '
                f'mechanisms enables ({missing})'
            )

    @property
    def usable(self) -> list[str]:
        """Names of the forms for new master keys, the best one first."""
        return [name for name in self._wanted if name in self.forms.usable]

    @property
    def token(self) -> messages.Token:
        """The token as the last worker found it; needs ``start``."""
        token = self._mine().token
        if token is None:
            raise errors.MasterKeyUnavailable('No session was opened yet')
        return token

    def stop(self) -> None:
        """Log out and end the workers."""
        self._mine().close()

    def create(self) -> KeyName:
        """Make a master key under a new name."""
        name = reference.new(self.prefix)
        request = messages.Create(name.label, name.id, self.usable[0])
        # Repeated, it might end with two keys of one name.
        self._ask(request, messages.Done, again=False)
        return name

    def find(self, text: str) -> KeyName:
        """A key that is there already; see ``choice.chosen``."""
        listed = messages.ListKeys(choice.label_of(text))
        return choice.chosen(text, self._ask(listed, messages.Keys).keys)

    def destroy(self, name: KeyName) -> None:
        request = messages.Destroy(name.label, name.id)
        self._ask(request, messages.Done, again=False)

    def wrap(self, name: KeyName, key: bytes, binding: bytes) -> bytes:
        # An old key stays with what it was made for, enabled or not.
        forms = [*self.usable, *self.forms.usable]
        return self._ask(
            messages.Wrap(name.label, name.id, key, binding, forms),
            messages.Done,
        ).result

    def unwrap(self, name: KeyName, wrapped: bytes, binding: bytes) -> bytes:
        return self._ask(
            messages.Unwrap(name.label, name.id, wrapped, binding),
            messages.Done,
        ).result

    def check(self) -> None:
        """Return when the token answers."""
        self._ask(messages.Check(), messages.Done)

    def keys(self) -> list[messages.KeyInfo]:
        """Secret keys of the token with labels that begin as ours do."""
        return self._ask(messages.ListKeys(self.prefix), messages.Keys).keys

    def _ask(
        self,
        request: messages.Request,
        expected: type[T],
        again: bool = True,
        patience: float = 0,
    ) -> T:
        answer = self._mine().call(request, again=again, patience=patience)
        if not isinstance(answer, expected):
            raise errors.MasterKeyUnavailable(
                f'A worker answered {type(answer).__name__}'
            )
        return answer

    def _mine(self) -> pool.Pool:
        """The pool of this process."""
        if self._pool.pid != os.getpid():
            with self._lock:
                if self._pool.pid != os.getpid():
                    self._pool.forget()
                    self._pool = self._new_pool()
        return self._pool

    def _new_pool(self) -> pool.Pool:
        # With a starter of its own: a fork may find any lock held.
        group = self._group
        find = messages.Find(
            group.library_path, group.token_label, group.token_serial_number
        )
        starter = Starter(find, self._pin, group.start_timeout)
        limits = sessions.Limits(
            group.workers, group.wait_timeout, group.call_timeout
        )
        return pool.Pool(starter, limits)


def _validate(conf: cfg.ConfigOpts) -> None:
    group = conf.pkcs11
    if not group.library_path:
        raise errors.StartupError('[pkcs11] library_path is not set')
    if not os.path.isfile(group.library_path):
        raise errors.StartupError(
            f'[pkcs11] library_path = {group.library_path}: there is no such '
            f'file'
        )
    if not group.token_label and not group.token_serial_number:
        raise errors.StartupError(
            'set [pkcs11] token_label, token_serial_number, or both'
        )
    if not reference.is_prefix(group.key_label_prefix):
        raise errors.StartupError(
            f'[pkcs11] key_label_prefix = {group.key_label_prefix}: use 1 to '
            f'60 letters, digits, dots, hyphens and underscores'
        )
