# SPDX-License-Identifier: Apache-2.0
"""The URL table of the Key Manager API."""

from oslo_config import cfg

from secretstore.api.keymanager.quotas import QuotasController
from secretstore.api.keymanager.secret_metadata import (
    SecretMetadataController,
)
from secretstore.api.keymanager.secrets import SecretsController
from secretstore.api.keymanager.versions import VersionsController
from secretstore.api.routing import Route
from secretstore.rpc.interface import Conductor

SECRETS = '/v1/secrets'
SECRET = '/v1/secrets/{id}'
PAYLOAD = '/v1/secrets/{id}/payload'
METADATA = '/v1/secrets/{id}/metadata'
METADATUM = '/v1/secrets/{id}/metadata/{key}'
QUOTAS = '/v1/quotas'
ALL_QUOTAS = '/v1/project-quotas'
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
        Route('GET', QUOTAS, quotas.effective, 'Quotas'),
        Route('GET', ALL_QUOTAS, quotas.index, 'Project Quotas'),
        Route('GET', ITS_QUOTAS, quotas.show, 'Project Quotas'),
        Route('PUT', ITS_QUOTAS, quotas.put, 'Project Quotas'),
        Route('DELETE', ITS_QUOTAS, quotas.delete, 'Project Quotas'),
    ]
