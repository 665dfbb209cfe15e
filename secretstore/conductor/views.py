# SPDX-License-Identifier: Apache-2.0
"""Rows as the interface tells of them."""

from collections.abc import Sequence

from secretstore.db.consumers import ConsumerRow
from secretstore.db.containers import ContainerRow, Member
from secretstore.db.secrets import SecretRow
from secretstore.rpc.interface import (
    ContainerConsumerView,
    ContainerSecret,
    ContainerView,
    SecretConsumerView,
    SecretView,
)


def secret(
    row: SecretRow, consumers: Sequence[ConsumerRow] | None
) -> SecretView:
    """A secret; None when its consumers were not asked for."""
    return {
        'id': row.id,
        'name': row.name,
        'secret_type': row.secret_type,
        'algorithm': row.algorithm,
        'bit_length': row.bit_length,
        'mode': row.mode,
        'creator_id': row.creator_id,
        'content_type': row.content_type,
        'expiration': row.expiration,
        'created': row.created_at,
        'updated': row.updated_at,
        'consumers': None
        if consumers is None
        else [secret_consumer(consumer) for consumer in consumers],
    }


def secret_consumer(row: ConsumerRow) -> SecretConsumerView:
    """A consumer of a secret."""
    service, resource_type, resource_id = row.fields
    return {
        'id': row.id,
        'service': service,
        'resource_type': resource_type,
        'resource_id': resource_id,
        'created': row.created_at,
        'updated': row.updated_at,
    }


def container(
    row: ContainerRow,
    members: Sequence[Member],
    consumers: Sequence[ConsumerRow],
) -> ContainerView:
    """A container with all that is in it."""
    return {
        'id': row.id,
        'name': row.name,
        'type': row.type,
        'creator_id': row.creator_id,
        'secrets': [ContainerSecret(*member) for member in members],
        'consumers': [container_consumer(one) for one in consumers],
        'created': row.created_at,
        'updated': row.updated_at,
    }


def container_consumer(row: ConsumerRow) -> ContainerConsumerView:
    """A consumer of a container."""
    name, url = row.fields
    return {
        'id': row.id,
        'name': name,
        'url': url,
        'created': row.created_at,
        'updated': row.updated_at,
    }
