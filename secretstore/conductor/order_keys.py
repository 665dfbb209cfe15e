# SPDX-License-Identifier: Apache-2.0
"""What orders make: secrets of the order's project and creator."""

from collections.abc import Mapping
import datetime
import json
from typing import Any, NamedTuple
import uuid

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import common, payloads
from secretstore.crypto import generate
from secretstore.crypto.binding import binding
from secretstore.db import containers as db_containers
from secretstore.db import orders as db_orders
from secretstore.db import quotas
from secretstore.db import secrets as db_secrets
from secretstore.db.orders import OrderRow, Outcome
from secretstore.db.quotas import Limits
from secretstore.db.secrets import SecretRow, StoredPayload
from secretstore.db.usage import Resource
from secretstore.keys.hierarchy import KeyHierarchy

_BINARY = 'application/octet-stream'
# Clients know these types of containers, and "generic" for all others.
_CONTAINER_TYPES = ('rsa', 'dsa')


class Made(NamedTuple):
    """What is to be stored, and how the order ends by it."""

    outcome: Outcome
    secrets: list[tuple[SecretRow, StoredPayload]]
    container: db_containers.ContainerRow | None = None
    # Names in the container, in the order of the secrets.
    names: tuple[str, ...] = ()


def encode_meta(
    meta: Mapping[str, Any], expiration: datetime.datetime | None
) -> str:
    """What an order asks for, as it is stored and told."""
    text = None
    if expiration is not None:
        text = expiration.isoformat(timespec='microseconds')
    return encode({**meta, 'expiration': text})


def encode(value: Any) -> str:
    """JSON as orders are stored in, in which they can be looked for."""
    return json.dumps(value, ensure_ascii=False)


def symmetric(keys: KeyHierarchy, order: OrderRow) -> Made:
    """A symmetric key; InvalidInput when there is none like it."""
    meta = json.loads(order.meta)
    payload = generate.symmetric(meta['algorithm'], int(meta['bit_length']))
    secret = _secret(order, meta, 'symmetric')
    return Made(
        Outcome(secret_id=secret.id),
        [(secret, _sealed(keys, secret, payload))],
    )


def check_pair(order: OrderRow) -> None:
    """Raise InvalidInput when there is no such key pair."""
    meta = json.loads(order.meta)
    generate.check_pair(meta['algorithm'], int(meta['bit_length']))


def key_pair(keys: KeyHierarchy, order: OrderRow) -> Made:
    """A key pair in a container, with the pass phrase if it has one."""
    meta = json.loads(order.meta)
    pass_phrase = None
    if order.pass_phrase is not None:
        pass_phrase = keys.open(
            order.project_id, order.pass_phrase, _binding(order)
        )
    pair = generate.pair(
        meta['algorithm'], int(meta['bit_length']), pass_phrase
    )
    parts = [
        ('private_key', 'private', pair.private),
        ('public_key', 'public', pair.public),
    ]
    if pass_phrase is not None:
        parts.append(('private_key_passphrase', 'passphrase', pass_phrase))
    secrets = []
    for _, kind, payload in parts:
        secret = _secret(order, meta, kind)
        secrets.append((secret, _sealed(keys, secret, payload)))
    container = _container(order, meta)
    return Made(
        Outcome(container_id=container.id),
        secrets,
        container,
        tuple(name for name, _, _ in parts),
    )


def seal_pass_phrase(
    keys: KeyHierarchy, order: OrderRow, pass_phrase: str | None
) -> bytes | None:
    """The envelope to keep while the order waits.

    Raises what sealing the key pair would raise at the moment, also when
    there is no pass phrase.
    """
    plain = (pass_phrase or '').encode()
    record = keys.seal(order.project_id, plain, _binding(order)).record
    return record if plain else None


def store(
    conn: sa.Connection,
    result: Made,
    limits: Limits,
    new_order: OrderRow | None = None,
) -> None:
    """Add all that was made, and its order if that is new.

    The last step of a transaction; QuotaReached must roll it back.
    """
    first, _ = result.secrets[0]
    counts: dict[Resource, int] = {'secrets': len(result.secrets)}
    for secret, payload in result.secrets:
        db_secrets.add(conn, secret, payload)
    if result.container is not None:
        members = [
            (secret.id, name)
            for (secret, _), name in zip(
                result.secrets, result.names, strict=True
            )
        ]
        db_containers.add(conn, result.container, members)
        counts['containers'] = 1
    if new_order is not None:
        db_orders.add(conn, new_order)
        counts['orders'] = 1
    quotas.take_all(conn, first.project_id, counts, limits, first.created_at)


def failure(error: errors.SecretStoreError) -> Outcome:
    """How an order ends that cannot be done, in Barbican's words."""
    code, words = '500', 'failure seen - please contact site administrator'
    if isinstance(error, errors.InvalidInput):
        code, words = '400', f'issue seen - {error.message}'
    if isinstance(error, errors.QuotaReached):
        code, words = '403', f'issue seen - {error.message}'
    if isinstance(error, errors.Unavailable):
        code, words = '503', 'failure seen - what it needs was away too long'
    return _error(code, words)


def gave_up(attempts: int) -> Outcome:
    """How an order ends that nobody lived to do."""
    return _error('500', f'failure seen - given up after {attempts} attempts')


def _error(code: str, words: str) -> Outcome:
    return Outcome(
        error_status_code=code, error_reason=f'Process TypeOrder {words}.'
    )


def _binding(order: OrderRow) -> bytes:
    return binding('order pass phrase', order.project_id, order.id)


def _secret(
    order: OrderRow, meta: Mapping[str, Any], secret_type: str
) -> SecretRow:
    now = common.utcnow()
    expiration = meta['expiration']
    content_type = meta.get('payload_content_type') or _BINARY
    return SecretRow(
        id=str(uuid.uuid4()),
        project_id=order.project_id,
        creator_id=order.creator_id,
        name=meta.get('name'),
        secret_type=secret_type,
        algorithm=meta['algorithm'],
        bit_length=int(meta['bit_length']),
        mode=meta.get('mode'),
        # Without a charset: it is known to be UTF-8.
        content_type=content_type.partition(';')[0].strip().lower(),
        expiration=expiration and datetime.datetime.fromisoformat(expiration),
        created_at=now,
        updated_at=now,
    )


def _sealed(
    keys: KeyHierarchy, secret: SecretRow, payload: bytes
) -> StoredPayload:
    return payloads.seal(keys, secret.project_id, secret.id, payload)


def _container(
    order: OrderRow, meta: Mapping[str, Any]
) -> db_containers.ContainerRow:
    now = common.utcnow()
    algorithm = meta['algorithm'].lower()
    return db_containers.ContainerRow(
        id=str(uuid.uuid4()),
        project_id=order.project_id,
        creator_id=order.creator_id,
        name=meta.get('name'),
        type=algorithm if algorithm in _CONTAINER_TYPES else 'generic',
        created_at=now,
        updated_at=now,
    )
