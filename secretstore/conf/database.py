# SPDX-License-Identifier: Apache-2.0
"""oslo.db's options, as far as they have an effect here.

Connections are made by ``secretstore.db.connect``, which leaves out most of
what oslo.db's engine does; an option that changes nothing is not offered.
"""

import copy

from oslo_config import cfg
from oslo_db import options as db_options

_USED = (
    'connection',
    'connection_parameters',
    'max_pool_size',
    'max_overflow',
    'pool_timeout',
    'connection_recycle_time',
    'mysql_sql_mode',
    'mysql_wsrep_sync_wait',
)

# oslo.db keeps 5, which is fewer than a process has threads: the others
# would make a connection for each request, and close it after.
MAX_POOL_SIZE = 20

OPTS: list[cfg.Opt] = [
    copy.copy(option)
    for option in db_options.database_opts
    if option.name in _USED
]
cfg.set_defaults(OPTS, max_pool_size=MAX_POOL_SIZE)


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='database')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('database', OPTS)]
