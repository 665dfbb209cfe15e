# SPDX-License-Identifier: Apache-2.0
"""The bare ceiling: a raw WSGI application that stores and gives payloads.

It makes an envelope, writes two rows and commits, or reads them with one
joined select, and does nothing else: no tokens, policy, validation or key
hierarchy. What secretstore does more is the distance to this. Run by uWSGI
with the database's URL in BENCHMARK_CEILING_DB; hop.py puts a hop in between.
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
import os
import typing
import uuid

from cryptography.hazmat.primitives.ciphers import aead
import sqlalchemy as sa

PROJECT = 'p' * 32
NONCE = 12

metadata = sa.MetaData()
secrets = sa.Table(
    'secrets',
    metadata,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('project_id', sa.String(64), nullable=False),
    sa.Column('name', sa.String(255)),
    sa.Column('status', sa.String(20)),
    sa.Column('created_at', sa.DateTime),
)
payloads = sa.Table(
    'payloads',
    metadata,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('secret_id', sa.ForeignKey('secrets.id'), index=True),
    sa.Column('data_key', sa.LargeBinary(100)),
    sa.Column('ciphertext', sa.LargeBinary(4096)),
)
_insert_secret = sa.insert(secrets)
_insert_payload = sa.insert(payloads)
_select = (
    sa.select(secrets.c.name, payloads.c.data_key, payloads.c.ciphertext)
    .join(payloads, payloads.c.secret_id == secrets.c.id)
    .where(
        secrets.c.id == sa.bindparam('id'),
        secrets.c.project_id == sa.bindparam('project'),
    )
)
_project_key = aead.AESGCM(bytes(32))

StartResponse = typing.Callable[[str, list[tuple[str, str]]], object]


@functools.cache
def _engine() -> sa.Engine:
    return sa.create_engine(os.environ['BENCHMARK_CEILING_DB'], pool_size=20)


def create_tables(url: str) -> None:
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    engine.dispose()


def _seal(key: aead.AESGCM, data: bytes, binding: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + key.encrypt(nonce, data, binding)


def _open(key: aead.AESGCM, sealed: bytes, binding: bytes) -> bytes:
    return key.decrypt(sealed[:NONCE], sealed[NONCE:], binding)


def store(name: str, payload: str) -> str:
    """Store a base64 payload; the new secret's id."""
    secret_id = str(uuid.uuid4())
    binding = (PROJECT + secret_id).encode()
    data_key = os.urandom(32)
    ciphertext = _seal(
        aead.AESGCM(data_key), base64.b64decode(payload), binding
    )
    with _engine().begin() as connection:
        connection.execute(
            _insert_secret,
            {
                'id': secret_id,
                'project_id': PROJECT,
                'name': name,
                'status': 'ACTIVE',
                'created_at': datetime.datetime.now(datetime.UTC),
            },
        )
        connection.execute(
            _insert_payload,
            {
                'id': str(uuid.uuid4()),
                'secret_id': secret_id,
                'data_key': _seal(_project_key, data_key, binding),
                'ciphertext': ciphertext,
            },
        )
    return secret_id


def read(secret_id: str) -> bytes:
    with _engine().connect() as connection:
        row = connection.execute(
            _select, {'id': secret_id, 'project': PROJECT}
        ).one()
    binding = (PROJECT + secret_id).encode()
    data_key = _open(_project_key, row.data_key, binding)
    return _open(aead.AESGCM(data_key), row.ciphertext, binding)


class Application:
    """POST /v1/secrets, GET /v1/secrets/ID/payload and GET / (a probe).

    :param store: takes a name and a base64 payload, returns an id
    :param read: takes an id, returns the payload
    """

    def __init__(
        self,
        store: typing.Callable[[str, str], str],
        read: typing.Callable[[str], bytes],
    ) -> None:
        self._store = store
        self._read = read

    def __call__(
        self, environ: dict[str, typing.Any], start_response: StartResponse
    ) -> list[bytes]:
        parts = environ['PATH_INFO'].split('/')
        status, kind = '200 OK', 'application/octet-stream'
        if environ['REQUEST_METHOD'] == 'POST':
            size = int(environ['CONTENT_LENGTH'])
            wanted = json.loads(environ['wsgi.input'].read(size))
            made = self._store(wanted['name'], wanted['payload'])
            status, kind = '201 Created', 'application/json'
            body = json.dumps({'secret_ref': f'/v1/secrets/{made}'}).encode()
        elif len(parts) > 3:
            body = self._read(parts[3])
        else:
            body = b'ready'
        start_response(
            status,
            [('Content-Type', kind), ('Content-Length', str(len(body)))],
        )
        return [body]


application = Application(store, read)
