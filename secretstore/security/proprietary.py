# SPDX-License-Identifier: Apache-2.0
"""Master keys in local files: nothing to install, for small sites."""

import re
import uuid

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import keyfiles, workflow

LOG = logging.getLogger(__name__)

_VERSION = b'\x01'
_LABEL = b'secretstore proprietary wrap\0' + _VERSION
_REFERENCE = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class SecurityWorkflow(workflow.BaseSecurityWorkflow):
    """Keeps each master key in a file of ``[proprietary] crypt_key_dir``.

    A file is read each time it is needed and its key forgotten at once:
    what is removed is gone, what is restored works, without a restart.
    A wrapped key is a version byte, nonce, ciphertext and tag.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._files = keyfiles.KeyDirectory(conf.proprietary.crypt_key_dir)

    def start(self) -> None:
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
        return _VERSION + self._master_key(reference).seal(
            key, _context(reference, binding)
        )

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        master_key = self._master_key(reference)
        try:
            if wrapped[:1] != _VERSION:
                raise errors.Corrupt('It has an unknown version')
            return master_key.open(wrapped[1:], _context(reference, binding))
        except errors.Corrupt as exc:
            raise errors.Corrupt(
                f'{self._files.path_of(_file_name(reference))}: this master '
                f'key does not open a stored key. {exc.message}'
            ) from None

    def destroy_master_key(self, reference: str) -> None:
        self._files.delete(_file_name(reference))

    def check(self) -> None:
        self._files.check()

    def _master_key(self, reference: str) -> aead.Aead:
        return aead.Aead(self._files.read(_file_name(reference)))


def _file_name(reference: str) -> str:
    # A reference comes from the database: one that could leave the
    # directory is not one that create_master_key() gave out.
    if _REFERENCE.fullmatch(reference) is None:
        raise errors.MasterKeyNotFound(
            f'{reference!r} is not the reference of a master key file'
        )
    return f'{reference}.key'


def _context(reference: str, binding: bytes) -> bytes:
    # References all have one length, so this is injective.
    return _LABEL + reference.encode() + binding
