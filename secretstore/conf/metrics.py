# SPDX-License-Identifier: Apache-2.0
"""What the service counts, and where that can be read."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'listen',
        metavar='HOST:PORT',
        sample_default='127.0.0.1:9313',
        help="""
Address at which Prometheus reads the metrics of this service, such as
127.0.0.1:9313 or [::1]:9313; unset, nothing is counted. Processes of one host
with the same address share it, if they belong to the same user: each answers
with the numbers of all. Whoever can connect can read, so let it be an address
that only monitoring reaches. The numbers hold no names, ids or keys.
""",
    ),
    cfg.StrOpt(
        'directory',
        default='$state_path/metrics',
        help="""
Folder in which the processes of one address share their numbers, made when it
is missing. It must be on a local file system, best one in memory, such as a
folder below /run. It needs no backup: the first process to start clears what
those before it left.
""",
    ),
    cfg.IntOpt(
        'orders_interval',
        default=15,
        min=1,
        help="""
Seconds from one count of the orders in the database to the next, in each
process that has a conductor.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='metrics')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('metrics', OPTS)]
