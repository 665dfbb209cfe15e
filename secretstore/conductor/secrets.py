# SPDX-License-Identifier: Apache-2.0
"""Secrets: authorise, load, act, return a view."""

from oslo_db import exception as db_exception
from sqlalchemy import Connection

from secretstore import errors
from secretstore.conductor import access, payloads, repeats, views
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of, utcnow
from secretstore.conductor.transport_keys import TransportKeyManager
from secretstore.context import RequestContext
from secretstore.crypto import transport
from secretstore.db import secrets as db_secrets
from secretstore.db.consumers import OF_SECRETS
from secretstore.db.engine import Database, retried
from secretstore.db.quotas import Limits
from secretstore.db.secrets import (
    Filters,
    SecretRow,
    StoredPayload,
)
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.policies import secrets as policy
from secretstore.rpc.interface import (
    NewSecret,
    Page,
    Payload,
    SecretQuery,
    SecretView,
)

NO_PAYLOAD = 'Not Found. Sorry but your secret has no payload.'
# Where fields have other names than columns.  Every secret that is listed
# has the same status, which is therefore no column.
_COLUMNS = {'created': 'created_at', 'updated': 'updated_at'}
HAS_PAYLOAD = 'Secret already has data, cannot modify it.'
HAS_CONSUMERS = 'Secret cannot be deleted as it has consumers.'


def not_found() -> errors.NotFound:
    """The same words for a secret that is gone, expired or never was."""
    return errors.NotFound('Secret not found.')


class SecretManager:
    """Implements :class:`secretstore.rpc.interface.Secrets`."""

    def __init__(
        self,
        database: Database,
        keys: KeyHierarchy,
        authorization: Authorization,
        limits: Limits,
        transport_keys: TransportKeyManager,
    ) -> None:
        self._database = database
        self._keys = keys
        self._authorization = authorization
        self._limits = limits
        self._transport_keys = transport_keys

    def create(
        self,
        context: RequestContext,
        secret: NewSecret,
        secret_id: str | None = None,
    ) -> str:
        self._authorization.require(context, policy.CREATE, {})
        now = utcnow()
        row = SecretRow(
            id=repeats.new_id(secret_id),
            project_id=project_of(context),
            creator_id=context.user_id,
            name=secret['name'],
            secret_type=secret['secret_type'],
            algorithm=secret['algorithm'],
            bit_length=secret['bit_length'],
            mode=secret['mode'],
            content_type=secret['content_type'],
            expiration=secret['expiration'],
            created_at=now,
            updated_at=now,
        )
        self._insert(row, self._opened(row.project_id, secret))
        return row.id

    def create_for_transport(
        self,
        context: RequestContext,
        secret: NewSecret,
        secret_id: str | None = None,
    ) -> tuple[str, str]:
        self._authorization.require(context, policy.CREATE, {})
        key_id = self._transport_keys.current_id()
        return self.create(context, secret, secret_id), key_id

    def _opened(self, project_id: str, secret: NewSecret) -> bytes | None:
        payload, key_id = secret['payload'], secret.get('transport_key_id')
        if payload is None or key_id is None:
            return payload
        return self._transport_keys.open(
            key_id, payload, transport.info_of_project(project_id)
        )

    @retried
    def _insert(self, row: SecretRow, payload: bytes | None) -> None:
        stored = None
        if payload is not None:
            stored = self._seal(row.project_id, row.id, payload)
        try:
            with self._database.writing() as connection:
                db_secrets.insert(connection, row, stored, self._limits)
        except db_exception.DBDuplicateEntry:
            # An earlier try whose answer was lost did commit.
            repeats.require_secret(self._database, self._keys, row, payload)

    def _seal(
        self, project_id: str, secret_id: str, payload: bytes
    ) -> StoredPayload:
        return payloads.seal(self._keys, project_id, secret_id, payload)

    @retried
    def get(
        self,
        context: RequestContext,
        secret_id: str,
        with_consumers: bool = False,
        with_transport_key: bool = False,
    ) -> SecretView:
        row = self._load(context, secret_id, policy.GET)
        consumers = None
        if with_consumers:
            with self._database.reading() as connection:
                consumers = OF_SECRETS.of(connection, [row.id])[row.id]
        view = views.secret(row, consumers)
        if with_transport_key:
            view['transport_key_id'] = self._transport_keys.current_id()
        return view

    def _load(
        self, context: RequestContext, secret_id: str, rule: str
    ) -> SecretRow:
        """The secret, when the caller may do this to it."""
        with self._database.reading() as connection:
            row = db_secrets.get(connection, secret_id, utcnow())
            if row is None:
                raise not_found()
            target = access.to_secret(connection, context, row)
        self._authorization.require(context, rule, target)
        return row

    @retried
    def payload(self, context: RequestContext, secret_id: str) -> Payload:
        with self._database.reading() as connection:
            row = db_secrets.get_payload(connection, secret_id, utcnow())
            if row is None:
                raise not_found()
            target = access.to_secret(connection, context, row)
        self._authorization.require(context, policy.DECRYPT, target)
        if row.content_type is None:
            raise errors.NotFound(NO_PAYLOAD)
        if row.envelope is None:
            raise errors.Corrupt(f'The payload of secret {row.id} is gone.')
        data = payloads.unseal(
            self._keys, row.project_id, row.id, row.envelope
        )
        return Payload(row.content_type, data)

    @retried
    def put_payload(
        self,
        context: RequestContext,
        secret_id: str,
        content_type: str,
        payload: bytes,
        transport_key_id: str | None = None,
    ) -> None:
        row = self._load_for_put(context, secret_id)
        if transport_key_id is not None:
            payload = self._transport_keys.open(
                transport_key_id, payload, transport.info_of_secret(row.id)
            )
        stored = self._seal(row.project_id, row.id, payload)
        self._set_payload(row.id, content_type, stored)

    @retried
    def _set_payload(
        self, secret_id: str, content_type: str, stored: StoredPayload
    ) -> None:
        with self._database.writing() as connection:
            done = db_secrets.set_payload(
                connection, secret_id, content_type, stored, utcnow()
            )
        if done:
            return
        # Somebody was faster, with the payload or with a delete; or an
        # earlier try of ours, whose answer was lost, did commit.
        with self._database.reading() as connection:
            row = db_secrets.get_payload(connection, secret_id, utcnow())
        if row is None:
            raise not_found()
        if row.envelope != stored.envelope:
            raise errors.Conflict(HAS_PAYLOAD)

    @retried
    def require_put(self, context: RequestContext, secret_id: str) -> None:
        self._load_for_put(context, secret_id)

    def _load_for_put(
        self, context: RequestContext, secret_id: str
    ) -> SecretRow:
        row = self._load(context, secret_id, policy.PUT)
        if row.content_type is not None:
            raise errors.Conflict(HAS_PAYLOAD)
        return row

    @retried
    def page(
        self,
        context: RequestContext,
        query: SecretQuery,
        with_consumers: bool = False,
    ) -> Page[SecretView]:
        self._authorization.require(context, policy.LIST, {})
        with self._database.reading() as connection:
            rows, total = self._rows(connection, context, query)
            consumers = {}
            if with_consumers:
                ids = [row.id for row in rows]
                consumers = OF_SECRETS.of(connection, ids)
        return Page(
            [views.secret(row, consumers.get(row.id)) for row in rows], total
        )

    def _rows(
        self,
        connection: Connection,
        context: RequestContext,
        query: SecretQuery,
    ) -> tuple[list[SecretRow], int]:
        wanted = _filters(query), _page(query), utcnow()
        if not query['acl_only']:
            return db_secrets.page(connection, project_of(context), *wanted)
        if not context.user_id:
            return [], 0
        return db_secrets.shared(connection, context.user_id, *wanted)

    @retried
    def delete(
        self,
        context: RequestContext,
        secret_id: str,
        unless_consumed: bool = False,
    ) -> None:
        row = self._load(context, secret_id, policy.DELETE)
        # When it is gone by now, somebody else was faster, or this is the
        # second try of a delete whose answer was lost: both mean success.
        self._remove(row.id, unless_consumed)

    @retried
    def _remove(self, secret_id: str, unless_consumed: bool) -> None:
        try:
            with self._database.writing() as connection:
                db_secrets.delete(connection, secret_id)
        except db_exception.DBReferenceError as error:
            if unless_consumed:
                raise errors.HasConsumers(HAS_CONSUMERS) from error
            with self._database.writing() as connection:
                OF_SECRETS.forget(connection, [secret_id])
                db_secrets.delete(connection, secret_id)


def _filters(query: SecretQuery) -> Filters:
    return Filters(
        name=query['name'],
        algorithm=query['algorithm'],
        mode=query['mode'],
        bit_length=query['bit_length'],
        secret_type=query['secret_type'],
        created=tuple(query['created']),
        updated=tuple(query['updated']),
        expiration=tuple(query['expiration']),
    )


def _page(query: SecretQuery) -> db_secrets.Page:
    return db_secrets.Page(
        limit=query['limit'],
        offset=query['offset'],
        sort=tuple(
            (_COLUMNS.get(field, field), descending)
            for field, descending in query['sort']
            if field != 'status'
        ),
        marker=query['marker'],
    )
