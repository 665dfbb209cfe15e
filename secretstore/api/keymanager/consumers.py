# SPDX-License-Identifier: Apache-2.0
"""Consumers of secrets and of containers."""

from secretstore.rpc.interface import (
    ContainerConsumerView,
    SecretConsumerView,
)


def of_secret(view: SecretConsumerView) -> dict[str, str]:
    """What a secret tells of one of its consumers."""
    return {
        'service': view['service'],
        'resource_type': view['resource_type'],
        'resource_id': view['resource_id'],
    }


def of_container(view: ContainerConsumerView) -> dict[str, str]:
    """What a container tells of one of its consumers."""
    return {'name': view['name'], 'URL': view['url']}
