# SPDX-License-Identifier: Apache-2.0
"""The key-value pairs that users attach to secrets."""

from collections.abc import Iterator, Mapping
import contextlib

from oslo_db import exception as db_exception
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
KEY_EXISTS = 'Conflict. Key in request is already in the secret metadata'


@contextlib.contextmanager
def _secret_must_stay() -> Iterator[None]:
    """A secret deleted under our hands is as if it had never been there."""
    try:
        yield
    except db_exception.DBReferenceError as error:
        raise not_found() from error


class SecretMetadataManager:
    """Implements :class:`secretstore.rpc.interface.SecretMetadata`."""

    def __init__(
        self, database: Database, authorization: Authorization
    ) -> None:
        self._database = database
        self._authorization = authorization

    def _authorize(
        self,
        connection: Connection,
        context: RequestContext,
        secret_id: str,
        rule: str,
    ) -> None:
        row = db_secrets.get(connection, secret_id, utcnow())
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
            self._authorize(connection, context, secret_id, policy.PUT)
            with _secret_must_stay():
                db_metadata.replace_all(connection, secret_id, dict(metadata))

    @retried
    def get(self, context: RequestContext, secret_id: str, key: str) -> str:
        with self._database.reading() as connection:
            self._authorize(connection, context, secret_id, policy.GET)
            value = db_metadata.get(connection, secret_id, key)
        if value is None:
            raise errors.NotFound(NO_SUCH_KEY)
        return value

    @retried
    def add(
        self, context: RequestContext, secret_id: str, key: str, value: str
    ) -> None:
        with self._database.writing() as connection:
            self._authorize(connection, context, secret_id, policy.POST)
            with _secret_must_stay():
                added = db_metadata.add(connection, secret_id, key, value)
            if not added:
                raise errors.Conflict(KEY_EXISTS)

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
