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
PAYLOAD = '/v1/secrets/{id}/payload'
METADATA = '/v1/secrets/{id}/metadata'
METADATUM = '/v1/secrets/{id}/metadata/{key}'
SECRET_CONSUMERS = '/v1/secrets/{id}/consumers'
SECRET_ACL = '/v1/secrets/{id}/acl'
CONTAINERS = '/v1/containers'
CONTAINER = '/v1/containers/{id}'
CONTAINER_CONSUMERS = '/v1/containers/{id}/consumers'
CONTAINER_ACL = '/v1/containers/{id}/acl'
ORDERS = '/v1/orders'
ORDER = '/v1/orders/{id}'
QUOTAS = '/v1/quotas'
ALL_QUOTAS = '/v1/project-quotas'
STORES = '/v1/secret-stores'
STORE = '/v1/secret-stores/{id}'
TRANSPORT_KEYS = '/v1/transport_keys'
TRANSPORT_KEY = '/v1/transport_keys/{id}'
ITS_QUOTAS = '/v1/project-quotas/{project_id}'


def public_routes(conf: cfg.ConfigOpts) -> list[Route]:
    """What is answered without authentication."""
    versions = VersionsController(conf)
    return [Route('GET', '/', versions.index, 'Version retrieval')]


def routes(conf: cfg.ConfigOpts, conductor: Conductor) -> list[Route]:
    """Everything below /v1."""
    v1 = VersionsController(conf)
    secrets = SecretsController(conductor.secrets, conf)
    meta = SecretMetadataController(conductor.secret_metadata, conf)
    secret_consumers = ConsumersController(
        conductor.secret_consumers, consumer_lists.OF_SECRETS, conf
    )
    secret_acls = AclsController(conductor.secret_acls, 'secret', conf)
    container_consumers = ConsumersController(
        conductor.container_consumers, consumer_lists.OF_CONTAINERS, conf
    )
    container_acls = AclsController(
        conductor.container_acls, 'container', conf
    )
    orders = OrdersController(conductor.orders, conf)
    quotas = QuotasController(conductor.quotas, conf)
    return [
        Route('GET', '/v1', v1.show, 'Version retrieval'),
        Route('GET', SECRETS, secrets.index, 'Secret(s) retrieval'),
        Route('POST', SECRETS, secrets.create, 'Secret creation'),
        Route('GET', SECRET, secrets.show, 'Secret retrieval'),
        Route('PUT', SECRET, secrets.put_payload, 'Secret update'),
        Route('DELETE', SECRET, secrets.delete, 'Secret deletion'),
        Route('GET', PAYLOAD, secrets.payload, 'Secret payload retrieval'),
        Route('GET', METADATA, meta.show_all, 'Secret metadata retrieval'),
        Route('PUT', METADATA, meta.replace, 'Secret metadata creation'),
        Route('POST', METADATA, meta.add, 'Secret metadatum creation'),
        Route('GET', METADATUM, meta.show, 'Secret metadatum retrieval'),
        Route('PUT', METADATUM, meta.update, 'Secret metadatum update'),
        Route('DELETE', METADATUM, meta.delete, 'Secret metadatum removal'),
        *_consumer_routes(SECRET_CONSUMERS, secret_consumers, 'Secret'),
        *_acl_routes(SECRET_ACL, secret_acls, 'SecretACL(s)'),
        *_container_routes(ContainersController(conductor.containers, conf)),
        *_consumer_routes(
            CONTAINER_CONSUMERS, container_consumers, 'Container'
        ),
        *_acl_routes(CONTAINER_ACL, container_acls, 'ContainerACL(s)'),
        Route('GET', ORDERS, orders.index, 'Order(s) retrieval'),
        Route('POST', ORDERS, orders.create, 'Order creation'),
        Route('GET', ORDER, orders.show, 'Order retrieval'),
        Route('DELETE', ORDER, orders.delete, 'Order deletion'),
        Route('GET', QUOTAS, quotas.effective, 'Quotas'),
        Route('GET', ALL_QUOTAS, quotas.index, 'Project Quotas'),
        Route('GET', ITS_QUOTAS, quotas.show, 'Project Quotas'),
        Route('PUT', ITS_QUOTAS, quotas.put, 'Project Quotas'),
        Route('DELETE', ITS_QUOTAS, quotas.delete, 'Project Quotas'),
        *_store_routes(SecretStoresController(conductor.secret_stores, conf)),
        *_transport_key_routes(
            TransportKeysController(conductor.transport_keys, conf)
        ),
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


def _acl_routes(path: str, acls: AclsController, what: str) -> list[Route]:
    return [
        Route('GET', path, acls.show, f'{what} retrieval'),
        Route('PUT', path, acls.replace, f'{what} Update'),
        Route('PATCH', path, acls.update, f'{what} Update'),
        Route('DELETE', path, acls.delete, f'{what} deletion'),
    ]
