# SPDX-License-Identifier: Apache-2.0
"""Which keys seal messages, told by the ids that refusals name."""

import logging
from typing import TYPE_CHECKING

from secretstore.rpc import sealfile, sealing

if TYPE_CHECKING:
    from oslo_config import cfg

LOG = logging.getLogger(__name__)


def ids(path: str) -> str:
    """The ids of the keys in a file, that of the one in use first.

    :raises StartupError: when the file cannot be used
    """
    first, *former = (sealing.key_id(key).hex() for key in sealfile.read(path))
    return f'{first} is used' + ''.join(f', {key} accepted' for key in former)


def log(conf: 'cfg.ConfigOpts') -> None:
    """Log what a process that starts now has read.

    :raises StartupError: when the file cannot be used
    """
    if conf.rpc.seal:
        path = conf.rpc.seal_key_file
        LOG.info('[rpc] seal_key_file %s: key %s', path, ids(path))
