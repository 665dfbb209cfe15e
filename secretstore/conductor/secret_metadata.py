# SPDX-License-Identifier: Apache-2.0
"""The key-value pairs that users attach to secrets."""

from collections.abc import Mapping

from sqlalchemy import Connection

from secretstore import errors
from secretstore.conductor import access
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import utcnow
from secretstore.conductor.secrets import not_found
from secretstore.context import RequestContext
from secretstore.db import metadata as db_metadata
from secretstore.db import secrets as db_secrets
from secretstore.db.engine import Database, retried
from secretstore.policies import secretmeta as policy

NO_SUCH_KEY = 'Secret metadata not found.'
TOO_MANY = 'Invalid Metadata. A secret has at most {} pairs.'
KEY_EXISTS = 'Conflict. Key in request is already in the secret metadata'


class SecretMetadataManager:
    """Implements :class:`secretstore.rpc.interface.SecretMetadata`."""

    def __init__(
        self,
        database: Database,
        authorization: Authorization,
        at_most: int,
    ) -> None:
        """at_most is how many pairs a secret may have."""
        self._database = database
        self._authorization = authorization
        self._at_most = at_most

    def _authorize(
        self,
        connection: Connection,
        context: RequestContext,
        secret_id: str,
        rule: str,
        lock: bool = False,
    ) -> None:
        find = db_secrets.lock if lock else db_secrets.get
        row = find(connection, secret_id, utcnow())
        if row is None:
            raise not_found()
        target = access.to_secret(connection, context, row)
        self._authorization.require(context, rule, target)

    @retried
    def get_all(
        self, context: RequestContext, secret_id: str
    ) -> dict[str, str]:
        with self._database.reading() as connection:
            self._authorize(connection, context, secret_id, policy.GET)
            return db_metadata.get_all(connection, secret_id)

    @retried
    def replace(
        self,
        context: RequestContext,
        secret_id: str,
        metadata: Mapping[str, str],
    ) -> None:
        with self._database.writing() as connection:
            self._authorize(
                connection, context, secret_id, policy.PUT, lock=True
            )
            if len(metadata) > self._at_most:
                raise errors.InvalidInput(TOO_MANY.format(self._at_most))
            db_metadata.replace_all(connection, secret_id, dict(metadata))

    @retried
    def get(self, context: RequestContext, secret_id: str, key: str) -> str:
        with self._database.reading() as connection:
            self._authorize(connection, context, secret_id, policy.GET)
            value = db_metadata.get(connection, secret_id, key)
        if value is None:
            raise errors.NotFound(NO_SUCH_KEY)
        return value

    def add(
        self, context: RequestContext, secret_id: str, key: str, value: str
    ) -> None:
        self._add(context, secret_id, key, value, [])

    @retried
    def _add(
        self,
        context: RequestContext,
        secret_id: str,
        key: str,
        value: str,
        tried: list[str],
    ) -> None:
        with self._database.writing() as connection:
            self._authorize(
                connection, context, secret_id, policy.POST, lock=True
            )
            known = db_metadata.get_all(connection, secret_id)
            if key in known:
                # What an earlier try did add, though its answer was lost,
                # is there as it should be.
                if tried and known[key] == value:
                    return
                raise errors.Conflict(KEY_EXISTS)
            if len(known) >= self._at_most:
                raise errors.QuotaReached()
            db_metadata.add(connection, secret_id, key, value)
            tried.append(key)

    @retried
    def update(
        self, context: RequestContext, secret_id: str, key: str, value: str
    ) -> None:
        with self._database.writing() as connection:
            self._authorize(connection, context, secret_id, policy.PUT)
            if not db_metadata.update(connection, secret_id, key, value):
                raise errors.NotFound(NO_SUCH_KEY)

    @retried
    def delete(
        self, context: RequestContext, secret_id: str, key: str
    ) -> None:
        with self._database.writing() as connection:
            self._authorize(connection, context, secret_id, policy.DELETE)
            db_metadata.delete(connection, secret_id, key)
