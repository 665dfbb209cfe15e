# SPDX-License-Identifier: Apache-2.0
"""Master keys that are secrets in a Barbican, and its keys by name."""

import contextlib
import time

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.cache import TtlCache
from secretstore.crypto import aead
from secretstore.security import (
    barbican_orders,
    delivery,
    local,
    remote_barbican,
    workflow,
)

LOG = logging.getLogger(__name__)

_WRAP = local.LocalWrap('barbican')
_NAME = 'secretstore master key'
# One is in use, and few are retired and still needed.
_CACHED_KEYS = 100
# Of a secret in Barbican.
_LONGEST_NAME = 255


class SecurityWorkflow(workflow.BaseSecurityWorkflow):
    """Keeps each master key as a secret of the project of ``[barbican]``.

    A reference is the secret's id.  A key that was fetched stays in memory
    for ``[barbican] key_cache_ttl``, and wrapping happens here.

    Keys by name are made by Barbican, as key orders, and stay there: each
    delivery asks for one.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._started: remote_barbican.RemoteBarbican | None = None
        self._keys: TtlCache[str, aead.Aead] = TtlCache(
            conf.barbican.key_cache_ttl, _CACHED_KEYS, time.monotonic
        )

    def start(self) -> None:
        self._started = remote_barbican.RemoteBarbican(self.conf)
        self._started.check()

    def stop(self) -> None:
        self._keys.clear()
        # Also when it, or another one before it, did not start.
        if self._started is not None:
            self._started.disconnect()

    @property
    def _barbican(self) -> remote_barbican.RemoteBarbican:
        if self._started is None:
            raise errors.MasterKeyUnavailable(
                'Barbican: the strategy was not started'
            )
        return self._started

    def create_master_key(self) -> str:
        return self._barbican.store(_NAME, aead.generate_key())

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        return _WRAP.wrap(self._master_key(reference), reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        master_key = self._master_key(reference)
        try:
            return _WRAP.unwrap(master_key, reference, wrapped, binding)
        except errors.Corrupt as exc:
            raise errors.Corrupt(
                f'Barbican: secret {reference}: this master key does not '
                f'open a stored key. {exc.message}'
            ) from None

    def destroy_master_key(self, reference: str) -> None:
        try:
            self._barbican.delete(_secret_id(reference))
        except errors.MasterKeyNotFound as exc:
            # Whoever asked for it takes that for destroyed.
            LOG.warning('A master key cannot be destroyed: %s', exc.message)
            raise
        finally:
            self._keys.invalidate(reference)

    def check(self) -> None:
        self._barbican.check()

    def read_named_key(self, reference: str) -> str:
        return delivery.as_text(self._barbican.fetch(_secret_id(reference)))

    def delete_named_key(self, reference: str) -> None:
        with contextlib.suppress(errors.MasterKeyNotFound):
            self._barbican.delete(_secret_id(reference))

    def _get_or_create_key(
        self,
        keys: delivery.NamedKeys,
        name: delivery.KeyName,
        spec: delivery.KeySpec,
    ) -> delivery.Key:
        """As a key order, named by what it is for, of Barbican's making."""

        def make() -> delivery.NewKey:
            reference = barbican_orders.order(
                self._barbican, _order_name(name), spec
            )
            return delivery.NewKey(reference=reference, spec=spec)

        return keys.get_or_create(name, make)

    def _master_key(self, reference: str) -> aead.Aead:
        return self._keys.get(reference, lambda: self._fetch(reference))

    def _fetch(self, reference: str) -> aead.Aead:
        key = self._barbican.fetch(_secret_id(reference))
        if len(key) != aead.KEY_SIZE:
            raise errors.MasterKeyNotFound(
                f'Barbican: secret {reference} is not a key of '
                f'{aead.KEY_SIZE} bytes'
            )
        return aead.Aead(key)


def _order_name(name: delivery.KeyName) -> str:
    words = (name.kind, name.object_id, name.title)
    return ' '.join(filter(None, words))[:_LONGEST_NAME]


def _secret_id(reference: str) -> str:
    if not local.is_uuid(reference):
        raise errors.MasterKeyNotFound(
            f'{reference!r} is not the reference of a secret in Barbican'
        )
    return reference
