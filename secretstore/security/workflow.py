# SPDX-License-Identifier: Apache-2.0
"""The one plugin point: who guards the master keys."""

import abc

from oslo_config import cfg

from secretstore import errors
from secretstore.security import delivery


class BaseSecurityWorkflow(abc.ABC):
    """Guards master keys, and decides where keys asked for by name come from.

    A master key has a ``reference``: text that this strategy chose and
    that means nothing to anybody else.  References are stored, so they
    stay valid for as long as the key exists.

    All methods but ``__init__``, ``start`` and ``stop`` are called from
    many threads at once, and never inside a database transaction.  They
    raise

    * ``MasterKeyUnavailable`` when the custodian cannot be reached or used
      at the moment: the same call may work later;
    * ``MasterKeyNotFound`` when it answers and does not have the key;
    * ``Corrupt`` when the wrapped key was changed, is not one of ours, or
      was wrapped under another reference or binding.

    Messages are for the operator: they name the key and what to do.  No
    message and no log line holds key material.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        """Remember the configuration; open nothing.

        The object may be built in a parent process and used in its
        children, so files, sockets, threads and libraries wait for
        ``start``.
        """
        self.conf = conf

    def start(self) -> None:  # noqa: B027
        """Build what the methods need; called once, after any fork.

        Raises ``StartupError`` with one line when it never can work.
        """

    def stop(self) -> None:  # noqa: B027
        """Let go of everything; no method is called afterwards."""

    @abc.abstractmethod
    def create_master_key(self) -> str:
        """Make a new master key, durably, and return its reference."""

    def find_master_key(self, name: str) -> str:
        """The reference of a key that was made without this service.

        Raises ``InvalidInput`` when several have the name or this one must
        not be used.  Only for strategies whose keys can be made elsewhere.

        :param name: what an operator calls it
        """
        raise errors.InvalidInput(
            f'{name}: this security strategy uses no keys but those it makes'
        )

    @abc.abstractmethod
    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        """Return ``key`` (32 bytes) encrypted under a master key.

        The result opens under the same reference and binding only; it is
        stored, so its form is kept readable for ever.
        """

    @abc.abstractmethod
    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        """Return the key that ``wrap`` was given, exactly."""

    @abc.abstractmethod
    def destroy_master_key(self, reference: str) -> None:
        """Remove a master key for good.

        When this returns, nothing wrapped under it can be unwrapped any
        more.  Raises ``MasterKeyNotFound`` when there is no such key.
        """

    @abc.abstractmethod
    def check(self) -> None:
        """Return when the custodian can be used; raise as above if not.

        Called often (health checks), so it must be cheap.
        """

    # Delivery: secretstore keeps the keys, unless a strategy does otherwise.
    # A key that was delivered once stays what it is.

    def get_backup_encryption_key(
        self, keys: delivery.NamedKeys, backup_id: str, backup_name: str
    ) -> delivery.Key:
        """The key of a backup, always the same one.

        :param keys: those of the caller's project
        """
        name = delivery.KeyName('backup', backup_id, backup_name)
        return self._get_or_create_key(keys, name, delivery.AES_256_CBC)

    def get_replication_user_key(
        self, keys: delivery.NamedKeys, instance_id: str
    ) -> delivery.Key:
        """The password with which an instance's replicas log in."""
        name = delivery.KeyName('replication-user', instance_id, '')
        return self._get_or_create_key(keys, name, delivery.AES_256_CBC)

    def _get_or_create_key(
        self,
        keys: delivery.NamedKeys,
        name: delivery.KeyName,
        spec: delivery.KeySpec,
    ) -> delivery.Key:
        return keys.get_or_create(name, lambda: delivery.generate(spec))

    def read_named_key(self, reference: str) -> str:
        """What is delivered of a key that this strategy keeps.

        Only for strategies that make keys with a ``reference``.
        """
        raise _keeps_none(reference)

    def delete_named_key(self, reference: str) -> None:
        """Remove a key that this strategy keeps; one that is gone is fine."""
        raise _keeps_none(reference)


def _keeps_none(reference: str) -> errors.MasterKeyNotFound:
    return errors.MasterKeyNotFound(
        f'Named key {reference}: this security strategy keeps no named keys'
    )
