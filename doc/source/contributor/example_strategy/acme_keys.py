# SPDX-License-Identifier: Apache-2.0
"""Master keys in an SQLite file, on a disk that can be locked away."""

from collections.abc import Iterator
import contextlib
import secrets
import sqlite3

from oslo_config import cfg

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import local, workflow

WRAP = local.LocalWrap('acme')  # all references have one length


class SecurityWorkflow(workflow.BaseSecurityWorkflow):
    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        conf.register_opt(cfg.StrOpt('key_file'), group='acme')

    def create_master_key(self) -> str:
        reference, key = secrets.token_hex(16), aead.generate_key()
        with self._keys('rwc') as keys:
            keys.execute('CREATE TABLE IF NOT EXISTS keys (id UNIQUE, key)')
            keys.execute('INSERT INTO keys VALUES (?, ?)', [reference, key])
        return reference

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        return WRAP.wrap(self._key(reference), reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        return WRAP.unwrap(self._key(reference), reference, wrapped, binding)

    def destroy_master_key(self, reference: str) -> None:
        self._key(reference)  # raises when there is none
        with self._keys() as keys:
            keys.execute('PRAGMA secure_delete = ON')
            keys.execute('DELETE FROM keys WHERE id = ?', [reference])

    def check(self) -> None:
        with self._keys() as keys:
            keys.execute('SELECT id FROM keys LIMIT 1')

    def _key(self, reference: str) -> aead.Aead:
        with self._keys() as keys:
            sql = 'SELECT key FROM keys WHERE id = ?'
            for (key,) in keys.execute(sql, [reference]):
                return aead.Aead(key)
        raise errors.MasterKeyNotFound(f'acme: no master key {reference!r}')

    @contextlib.contextmanager
    def _keys(self, mode: str = 'rw') -> Iterator[sqlite3.Connection]:
        uri = f'file:{self.conf.acme.key_file}?mode={mode}'
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as db, db:
                yield db
        except sqlite3.Error as exc:
            raise errors.MasterKeyUnavailable(f'{uri}: {exc}') from exc
