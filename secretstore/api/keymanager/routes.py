# SPDX-License-Identifier: Apache-2.0
"""The URL table of the Key Manager API."""

from typing import Any

from oslo_config import cfg

from secretstore.api.keymanager import consumer_lists
from secretstore.api.keymanager.acls import AclsController
from secretstore.api.keymanager.consumer_lists import ConsumersController
from secretstore.api.keymanager.containers import ContainersController
from secretstore.api.keymanager.orders import OrdersController
from secretstore.api.keymanager.quotas import QuotasController
from secretstore.api.keymanager.secret_metadata import (
    SecretMetadataController,
)
from secretstore.api.keymanager.secret_stores import SecretStoresController
from secretstore.api.keymanager.secrets import SecretsController
from secretstore.api.keymanager.transport_keys import TransportKeysController
from secretstore.api.keymanager.versions import VersionsController
from secretstore.api.routing import Route
from secretstore.rpc.interface import Conductor

SECRETS = '/v1/secrets'
SECRET = '/v1/secrets/{id}'
CONTAINERS = '/v1/containers'
CONTAINER = '/v1/containers/{id}'
ORDERS = '/v1/orders'
ORDER = '/v1/orders/{id}'
ALL_QUOTAS = '/v1/project-quotas'
STORES = '/v1/secret-stores'
STORE = '/v1/secret-stores/{id}'
TRANSPORT_KEYS = '/v1/transport_keys'
TRANSPORT_KEY = '/v1/transport_keys/{id}'


def public_routes(conf: cfg.ConfigOpts) -> list[Route]:
    """What is answered without authentication."""
    versions = VersionsController(conf)
    return [Route('GET', '/', versions.index, 'Version retrieval')]


def routes(conf: cfg.ConfigOpts, conductor: Conductor) -> list[Route]:
    """Everything below /v1."""
    v1 = VersionsController(conf)
    secret_acls = AclsController(conductor.secret_acls, 'secret', conf)
    container_acls = AclsController(
        conductor.container_acls, 'container', conf
    )
    return [
        Route('GET', '/v1', v1.show, 'Version retrieval'),
        *_secret_routes(SecretsController(conductor.secrets, conf)),
        *_metadata_routes(
            SecretMetadataController(conductor.secret_metadata, conf)
        ),
        *_consumer_routes(
            f'{SECRET}/consumers',
            ConsumersController(
                conductor.secret_consumers, consumer_lists.OF_SECRETS, conf
            ),
            'Secret',
        ),
        *_acl_routes(SECRET, secret_acls, 'SecretACL(s)'),
        *_container_routes(ContainersController(conductor.containers, conf)),
        *_consumer_routes(
            f'{CONTAINER}/consumers',
            ConsumersController(
                conductor.container_consumers,
                consumer_lists.OF_CONTAINERS,
                conf,
            ),
            'Container',
        ),
        *_acl_routes(CONTAINER, container_acls, 'ContainerACL(s)'),
        *_order_routes(OrdersController(conductor.orders, conf)),
        *_quota_routes(QuotasController(conductor.quotas, conf)),
        *_store_routes(SecretStoresController(conductor.secret_stores, conf)),
        *_transport_key_routes(
            TransportKeysController(conductor.transport_keys, conf)
        ),
    ]


def _secret_routes(secrets: SecretsController) -> list[Route]:
    payload = f'{SECRET}/payload'
    return [
        Route('GET', SECRETS, secrets.index, 'Secret(s) retrieval'),
        Route('POST', SECRETS, secrets.create, 'Secret creation'),
        Route('GET', SECRET, secrets.show, 'Secret retrieval'),
        Route('PUT', SECRET, secrets.put_payload, 'Secret update'),
        Route('DELETE', SECRET, secrets.delete, 'Secret deletion'),
        Route('GET', payload, secrets.payload, 'Secret payload retrieval'),
    ]


def _metadata_routes(metadata: SecretMetadataController) -> list[Route]:
    every, one = f'{SECRET}/metadata', f'{SECRET}/metadata/{{key}}'
    return [
        Route('GET', every, metadata.show_all, 'Secret metadata retrieval'),
        Route('PUT', every, metadata.replace, 'Secret metadata creation'),
        Route('POST', every, metadata.add, 'Secret metadatum creation'),
        Route('GET', one, metadata.show, 'Secret metadatum retrieval'),
        Route('PUT', one, metadata.update, 'Secret metadatum update'),
        Route('DELETE', one, metadata.delete, 'Secret metadatum removal'),
    ]


def _order_routes(orders: OrdersController) -> list[Route]:
    return [
        Route('GET', ORDERS, orders.index, 'Order(s) retrieval'),
        Route('POST', ORDERS, orders.create, 'Order creation'),
        Route('GET', ORDER, orders.show, 'Order retrieval'),
        Route('DELETE', ORDER, orders.delete, 'Order deletion'),
    ]


def _quota_routes(quotas: QuotasController) -> list[Route]:
    one = f'{ALL_QUOTAS}/{{project_id}}'
    return [
        Route('GET', '/v1/quotas', quotas.effective, 'Quotas'),
        Route('GET', ALL_QUOTAS, quotas.index, 'Project Quotas'),
        Route('GET', one, quotas.show, 'Project Quotas'),
        Route('PUT', one, quotas.put, 'Project Quotas'),
        Route('DELETE', one, quotas.delete, 'Project Quotas'),
    ]


def _store_routes(stores: SecretStoresController) -> list[Route]:
    preferred = f'{STORE}/preferred'
    remove = 'Removing preferred secret store'
    return [
        Route('GET', STORES, stores.index, 'List available secret stores'),
        Route(
            'GET',
            f'{STORES}/global-default',
            stores.show_default,
            'Retrieve global default secret store',
        ),
        Route(
            'GET',
            f'{STORES}/preferred',
            stores.show_preferred,
            'Retrieve project preferred store',
        ),
        Route('GET', STORE, stores.show, 'Secret store retrieval'),
        Route(
            'POST', preferred, stores.prefer, 'Setting preferred secret store'
        ),
        Route('DELETE', preferred, stores.unprefer, remove),
    ]


def _transport_key_routes(keys: TransportKeysController) -> list[Route]:
    return [
        Route('GET', TRANSPORT_KEYS, keys.index, 'Transport Key(s) retrieval'),
        Route('POST', TRANSPORT_KEYS, keys.create, 'Transport Key Creation'),
        Route('GET', TRANSPORT_KEY, keys.show, 'Transport Key retrieval'),
        Route('DELETE', TRANSPORT_KEY, keys.delete, 'Transport Key deletion'),
    ]


def _consumer_routes(
    path: str, consumers: ConsumersController[Any, Any, Any], parent: str
) -> list[Route]:
    one = f'{path}/{{consumer_id}}'
    what = f'{parent}Consumer'
    return [
        Route('GET', path, consumers.index, f'{what}s(s) retrieval'),
        Route('POST', path, consumers.add, f'{what} creation'),
        Route('DELETE', path, consumers.remove, f'{what} deletion'),
        Route('GET', one, consumers.show, f'{what} retrieval'),
    ]


def _container_routes(containers: ContainersController) -> list[Route]:
    members = f'{CONTAINER}/secrets'
    member = 'Container Secret'
    return [
        Route('GET', CONTAINERS, containers.index, 'Containers(s) retrieval'),
        Route('POST', CONTAINERS, containers.create, 'Container creation'),
        Route('GET', CONTAINER, containers.show, 'Container retrieval'),
        Route('DELETE', CONTAINER, containers.delete, 'Container deletion'),
        Route('POST', members, containers.add_secret, f'{member} creation'),
        Route(
            'DELETE', members, containers.remove_secret, f'{member} deletion'
        ),
    ]


def _acl_routes(parent: str, acls: AclsController, what: str) -> list[Route]:
    path = f'{parent}/acl'
    return [
        Route('GET', path, acls.show, f'{what} retrieval'),
        Route('PUT', path, acls.replace, f'{what} Update'),
        Route('PATCH', path, acls.update, f'{what} Update'),
        Route('DELETE', path, acls.delete, f'{what} deletion'),
    ]
