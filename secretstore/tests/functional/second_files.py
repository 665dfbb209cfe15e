# SPDX-License-Identifier: Apache-2.0
"""A second custodian: key files again, in a directory of their own."""

from oslo_config import cfg

from secretstore.security import keyfiles, proprietary

NAME = f'{__name__}.SecurityWorkflow'


class SecurityWorkflow(proprietary.SecurityWorkflow):
    """Keeps its keys beside those of the first one."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        folder = f'{conf.proprietary.crypt_key_dir}-second'
        self._files = keyfiles.KeyDirectory(folder)
