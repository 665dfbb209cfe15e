# SPDX-License-Identifier: Apache-2.0
"""The service's key pair that clients seal payloads to."""

import uuid

from oslo_config import cfg
from oslo_db import exception as db_exception

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import utcnow
from secretstore.context import RequestContext
from secretstore.crypto import transport
from secretstore.crypto.binding import binding
from secretstore.db import paging
from secretstore.db import transport_keys as db_keys
from secretstore.db.engine import Database, retried
from secretstore.db.transport_keys import TransportKeyRow
from secretstore.keys.hierarchy import SERVICE_PROJECT, KeyHierarchy
from secretstore.policies import transportkeys as policy
from secretstore.rpc.interface import (
    NewTransportKey,
    Page,
    TransportKeyQuery,
    TransportKeyView,
)

NOT_FOUND = 'Not Found. Transport Key not found.'
NOT_OURS = 'Provided transport key was not found.'


class TransportKeyManager:
    """Implements :class:`secretstore.rpc.interface.TransportKeys`.

    Raises StartupError when it is enabled and the library cannot do it.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyHierarchy,
        authorization: Authorization,
        conf: cfg.ConfigOpts,
    ) -> None:
        self._database = database
        self._keys = keys
        self._authorization = authorization
        self._enabled: bool = conf.transport_keys.enabled
        self._max_payload: int = conf.max_allowed_secret_in_bytes
        if self._enabled and not transport.is_supported():
            raise errors.StartupError(
                '[transport_keys] enabled: the OpenSSL of this host has no '
                'ML-KEM'
            )

    @retried
    def page(
        self, context: RequestContext, query: TransportKeyQuery
    ) -> Page[TransportKeyView]:
        self._authorization.require(context, policy.LIST, {})
        if self._enabled:
            self._in_use()
        page = paging.Page(
            limit=query['limit'],
            offset=query['offset'],
            marker=query['marker'],
        )
        with self._database.reading() as connection:
            rows, total = db_keys.page(connection, query['suite'], page)
        return Page([_view(row) for row in rows], total)

    @retried
    def get(self, context: RequestContext, key_id: str) -> TransportKeyView:
        self._authorization.require(context, policy.GET, {})
        row = self._row(key_id)
        if row is None:
            raise errors.NotFound(NOT_FOUND)
        return _view(row)

    def create(self, context: RequestContext, key: NewTransportKey) -> str:
        self._authorization.require(context, policy.CREATE, {})
        if key['suite'] == transport.SUITE:
            # Clients would take it for the service's own.
            raise errors.InvalidInput(
                'The service makes the keys of this suite itself.'
            )
        row = TransportKeyRow(
            id=str(uuid.uuid4()),
            suite=key['suite'],
            public_key=key['public_key'],
            project_key_id=None,
            envelope=None,
            in_use=False,
            created_at=utcnow(),
        )
        try:
            self._add(row)
        except db_exception.DBDuplicateEntry:
            # The id is ours alone: an earlier try did commit.
            return row.id
        return row.id

    def delete(self, context: RequestContext, key_id: str) -> None:
        self._authorization.require(context, policy.DELETE, {})
        if self._row(key_id) is None:
            raise errors.NotFound(NOT_FOUND)
        # When it is gone by now, somebody else was faster, or this is the
        # second try of a delete whose answer was lost: both mean success.
        self._remove(key_id)

    @retried
    def _remove(self, key_id: str) -> None:
        with self._database.writing() as connection:
            db_keys.delete(connection, key_id)

    def current_id(self) -> str:
        """The id of the key to seal to; InvalidInput when there is none."""
        if not self._enabled:
            raise errors.InvalidObject(
                'Secret',
                'no transport key is available',
                'transport_key_needed',
            )
        return self._in_use().id

    def open(self, key_id: str, sealed: bytes, info: bytes) -> bytes:
        """The payload that a client sealed.

        Not inside a transaction: it may ask for the key of the key.

        :raises NotSealed: when it was not sealed to this key for this
        :raises PayloadTooLarge: when it is over the limit for payloads
        """
        row = self._row(key_id) if self._enabled else None
        if row is None or row.envelope is None:
            raise errors.NotSealed(NOT_OURS)
        seed = self._keys.open(SERVICE_PROJECT, row.envelope, _binding(row.id))
        payload = transport.open_sealed(seed, sealed, info)
        if not payload:
            raise errors.NotSealed('Sealed payload is empty')
        if len(payload) > self._max_payload:
            raise errors.PayloadTooLarge
        return payload

    def _in_use(self) -> TransportKeyRow:
        """Our pair, made when there is none."""
        row = self._row_in_use()
        if row is None:
            try:
                self._add(self._new())
            except db_exception.DBDuplicateEntry:
                # Another process was faster, or our first try did commit.
                pass
            row = self._row_in_use()
        if row is None:
            raise errors.BeingChanged('The transport keys are being changed')
        return row

    def _new(self) -> TransportKeyRow:
        key_id = str(uuid.uuid4())
        seed = transport.generate_seed()
        sealed = self._keys.seal(SERVICE_PROJECT, seed, _binding(key_id))
        return TransportKeyRow(
            id=key_id,
            suite=transport.SUITE,
            public_key=transport.public_key(seed),
            project_key_id=sealed.project_key_id,
            envelope=sealed.record,
            in_use=True,
            created_at=utcnow(),
        )

    @retried
    def _row_in_use(self) -> TransportKeyRow | None:
        with self._database.reading() as connection:
            return db_keys.in_use(connection)

    @retried
    def _row(self, key_id: str) -> TransportKeyRow | None:
        with self._database.reading() as connection:
            return db_keys.get(connection, key_id)

    @retried
    def _add(self, row: TransportKeyRow) -> None:
        with self._database.writing() as connection:
            db_keys.add(connection, row)


def _binding(key_id: str) -> bytes:
    return binding('transport key', SERVICE_PROJECT, key_id)


def _view(row: TransportKeyRow) -> TransportKeyView:
    return {
        'id': row.id,
        'suite': row.suite,
        'public_key': row.public_key,
        'created': row.created_at,
    }
