# SPDX-License-Identifier: Apache-2.0
"""Master keys in local files: nothing to install, for small sites."""

import os
import re
import uuid

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import (
    credentials,
    delivery,
    keyfiles,
    local,
    workflow,
)

LOG = logging.getLogger(__name__)

_SUFFIX = '.key'
_PASSWORD = re.compile('[!-~]{1,512}')
_WRAP = local.LocalWrap('proprietary')


class SecurityWorkflow(workflow.BaseSecurityWorkflow):
    """Keeps each master key in a file of ``[proprietary] crypt_key_dir``.

    What systemd hands over as a credential of the file's name is read in its
    place, and is neither written nor removed.

    A file is read each time it is needed and its key forgotten at once:
    what is removed is gone, what is restored works, without a restart.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._files = keyfiles.KeyDirectory(conf.proprietary.crypt_key_dir)
        self._credentials = credentials.Credentials(
            os.environ.get('CREDENTIALS_DIRECTORY')
        )

    def start(self) -> None:
        for option in ('backup_password', 'replication_password'):
            self._password(option)
        if not self.conf.proprietary.crypt_key_dir:
            raise errors.StartupError('[proprietary] crypt_key_dir is not set')
        LOG.warning(
            'Security strategy "proprietary": the master keys are files in '
            '%s. This is meant for development and small sites: whoever '
            'reads that directory and the database reads every secret. '
            'Keep a backup of it apart from the database.',
            self.conf.proprietary.crypt_key_dir,
        )

    def create_master_key(self) -> str:
        reference = str(uuid.uuid4())
        self._files.create(_file_name(reference), aead.generate_key())
        return reference

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        master_key = self._master_key(reference)
        return _WRAP.wrap(master_key, reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        master_key = self._master_key(reference)
        try:
            return _WRAP.unwrap(master_key, reference, wrapped, binding)
        except errors.Corrupt as exc:
            raise errors.Corrupt(
                f'{self._path(reference)}: this master key does not open a '
                f'stored key. {exc.message}'
            ) from None

    def destroy_master_key(self, reference: str) -> None:
        name = _file_name(reference)
        if self._credentials.read(name) is not None:
            raise errors.MasterKeyUnusable(
                f'{self._credentials.path_of(name)}: this master key is a '
                f'systemd credential, which only its unit can let go: remove '
                f'it there and restart, then destroy the key once more'
            )
        self._files.delete(name)

    def check(self) -> None:
        # Without a key in it the directory need not exist.
        if not self._credentials.any(_SUFFIX):
            self._files.check()

    def get_backup_encryption_key(
        self, keys: delivery.NamedKeys, backup_id: str, backup_name: str
    ) -> delivery.Key:
        password = self._password('backup_password')
        if password is None:
            return super().get_backup_encryption_key(
                keys, backup_id, backup_name
            )
        name = delivery.KeyName('backup', backup_id, backup_name)
        return keys.get_or_create(name, lambda: delivery.NewKey(password))

    def get_replication_user_key(
        self, keys: delivery.NamedKeys, instance_id: str
    ) -> delivery.Key:
        password = self._password('replication_password')
        if password is None:
            return super().get_replication_user_key(keys, instance_id)
        name = delivery.KeyName('replication-user', instance_id, '')
        return keys.get_or_create(name, lambda: delivery.NewKey(password))

    def _password(self, option: str) -> str | None:
        password: str | None = self.conf.proprietary[option]
        if password is None or _PASSWORD.fullmatch(password):
            return password
        raise errors.StartupError(
            f'[proprietary] {option} must be 1 to 512 characters of printable '
            f'ASCII without white space: openssl and command lines take '
            f'nothing else'
        )

    def _path(self, reference: str) -> str:
        name = _file_name(reference)
        if self._credentials.read(name) is not None:
            return self._credentials.path_of(name)
        return self._files.path_of(name)

    def _master_key(self, reference: str) -> aead.Aead:
        name = _file_name(reference)
        key = self._credentials.read(name)
        return aead.Aead(self._files.read(name) if key is None else key)


def _file_name(reference: str) -> str:
    # One that could leave the directory is not one that create_master_key()
    # gave out.
    if not local.is_uuid(reference):
        raise errors.MasterKeyNotFound(
            f'{reference!r} is not the reference of a master key file'
        )
    return f'{reference}{_SUFFIX}'
