# SPDX-License-Identifier: Apache-2.0
"""Master keys in an HSM, or whatever else speaks PKCS#11."""

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.security import workflow
from secretstore.security.pkcs11 import blob
from secretstore.security.pkcs11.custodian import Custodian
from secretstore.security.pkcs11.reference import parse

LOG = logging.getLogger(__name__)


class SecurityWorkflow(workflow.BaseSecurityWorkflow):
    """Has a token wrap and unwrap; master keys never leave it.

    The vendor's library runs in ``[pkcs11] workers`` processes of its own,
    each with one session, so that neither a crash nor a hang of it, nor its
    rules for threads and forks, reach this process.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._started: Custodian | None = None

    def start(self) -> None:
        custodian = Custodian(self.conf)
        try:
            custodian.start()
        except errors.SecretStoreError:
            custodian.stop()
            raise
        self._started = custodian
        token, forms = custodian.token, custodian.forms
        LOG.info(
            'Security strategy "pkcs11": token %s (serial number %s, %s %s), '
            'library %s; new master keys are for %s; usable are %s; missing '
            'are %s',
            token.label,
            token.serial,
            token.manufacturer,
            token.model,
            token.library,
            custodian.usable[0],
            ', '.join(forms.usable),
            '; '.join(f'{k} ({v})' for k, v in forms.missing.items()) or '-',
        )

    def stop(self) -> None:
        if self._started is not None:
            self._started.stop()

    def create_master_key(self) -> str:
        return self._custodian.create().reference

    def find_master_key(self, name: str) -> str:
        return self._custodian.find(name).reference

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        if len(key) != blob.KEY_SIZE:
            raise ValueError(f'A key has {blob.KEY_SIZE} bytes')
        return self._custodian.wrap(parse(reference), key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        name = parse(reference)
        try:
            return self._custodian.unwrap(name, wrapped, binding)
        except errors.Corrupt as exc:
            raise errors.Corrupt(
                f'{reference}: this master key does not open a stored key: '
                f'{exc.message}'
            ) from None

    def destroy_master_key(self, reference: str) -> None:
        self._custodian.destroy(parse(reference))

    def check(self) -> None:
        self._custodian.check()

    @property
    def _custodian(self) -> Custodian:
        if self._started is None:
            raise errors.MasterKeyUnavailable('The strategy is not started')
        return self._started
