# SPDX-License-Identifier: Apache-2.0
"""Keys that a Barbican makes, as key orders."""

import logging
import time
from typing import Any

from secretstore import errors
from secretstore.security import barbican_answers as answers
from secretstore.security import delivery
from secretstore.security.remote_barbican import RemoteBarbican, id_in

LOG = logging.getLogger(__name__)

_ORDER_SECONDS = 30
_BINARY = 'application/octet-stream'
_PERHAPS_PLACED = (
    'Barbican: it is not known whether a key order named %r was placed just '
    'now: if there is one, remove it with the secret that it made, which '
    'nothing uses'
)
_STILL_PENDING = (
    'Barbican: nobody waits for order %s any more: once its workers have done '
    'it, remove it with the secret that it made, which nothing uses'
)


def order(barbican: RemoteBarbican, name: str, spec: delivery.KeySpec) -> str:
    """Have a key made, wait for it, and return the id of its secret.

    Raises as the methods of the Barbican do, and leaves nothing behind then,
    or a line in the log.
    """
    reference = _placed(barbican, name, spec)
    try:
        secret_id = _finished(barbican, reference)
    except errors.SecretStoreError:
        _remove_vain(barbican, reference)
        raise
    # The key is there, and that is what was asked for.
    try:
        with barbican.reported(f'order {id_in(reference)} stays'):
            barbican.connection().client.orders.delete(reference)
    except errors.SecretStoreError as error:
        LOG.warning('%s', error.message)
    return secret_id


def _placed(
    barbican: RemoteBarbican, name: str, spec: delivery.KeySpec
) -> str:
    with barbican.reported('no key can be ordered'):
        orders = barbican.connection().client.orders
    try:
        with barbican.reported('a key order failed'):
            placed = orders.create_key(
                name=name, payload_content_type=_BINARY, **spec._asdict()
            )
            reference: str = placed.submit()
            return reference
    except errors.MasterKeyUnavailable as exc:
        if not answers.is_in_vain(exc.__cause__):
            LOG.warning(_PERHAPS_PLACED, name)
        raise


def _finished(barbican: RemoteBarbican, reference: str) -> str:
    found = _done(barbican, reference)
    if found is None:
        raise errors.MasterKeyUnavailable(
            f'Barbican: order {id_in(reference)} is still not done after '
            f'{_ORDER_SECONDS} s: check its workers'
        )
    if not found.secret_ref:
        raise errors.MasterKeyUnavailable(
            f'Barbican: order {id_in(reference)} failed: {found.error_reason}'
        )
    return id_in(found.secret_ref)


def _done(barbican: RemoteBarbican, reference: str) -> Any | None:
    """The order when it is done; None when it is not in time.

    A look at it that fails is no reason to give up what is being made.
    """
    end = time.monotonic() + _ORDER_SECONDS
    pause = 0.05
    while True:
        try:
            found = _looked_at(barbican, reference)
        except errors.MasterKeyUnusable:
            raise
        except errors.MasterKeyUnavailable:
            if time.monotonic() > end:
                raise
        else:
            if found.status != 'PENDING':
                return found
            if time.monotonic() > end:
                return None
        time.sleep(pause)
        pause = min(pause * 2, 1)


def _looked_at(barbican: RemoteBarbican, reference: str) -> Any:
    with barbican.reported(f'order {id_in(reference)}'):
        return barbican.connection().client.orders.get(reference)


def _remove_vain(barbican: RemoteBarbican, reference: str) -> None:
    """Remove an order that nobody waits for, if it is done."""
    order_id = id_in(reference)
    try:
        found = _looked_at(barbican, reference)
        if found.status == 'PENDING':
            LOG.warning(_STILL_PENDING, order_id)
            return
        with barbican.reported(f'order {order_id} stays'):
            client = barbican.connection().client
            if found.secret_ref:
                client.secrets.delete(found.secret_ref, force=True)
            client.orders.delete(reference)
    except errors.SecretStoreError as error:
        LOG.warning('%s', error.message)
