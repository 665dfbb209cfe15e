# SPDX-License-Identifier: Apache-2.0
"""How long the service keeps what nobody can use any more."""

from oslo_config import cfg

NEVER = -1
_MOST_DAYS = 36500

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'expired_secret_retention',
        default=90,
        min=NEVER,
        max=_MOST_DAYS,
        help="""
Days for which a secret stays in the database after its expiration. It is
hidden from everybody from the moment it expires, and gone for good, with
payload, metadata, consumers and access list, when this time has passed. 0
removes it at the next collection, -1 never.
""",
    ),
    cfg.IntOpt(
        'finished_order_retention',
        default=90,
        min=NEVER,
        max=_MOST_DAYS,
        help="""
Days for which an order stays in the database, and in lists, after it became
ACTIVE or ERROR. What it made stays: only the order is removed. 0 removes it
at the next collection, -1 never. Clients that poll an order need it for some
seconds after it finished.
""",
    ),
    cfg.IntOpt(
        'interval',
        default=3600,
        min=1,
        help="""
Seconds from one collection to the next, in each process that has a
conductor. Several of them may collect at the same time; they share the work.
""",
    ),
    cfg.IntOpt(
        'batch_size',
        default=500,
        min=1,
        max=10000,
        help="""
How many secrets, or orders, are removed in one transaction, by a collection
and when a project is purged. Many keep other writers of the same projects
waiting for longer. A collection for which that is too much, as the database
does not answer in time, goes on with half as many, down to one.
""",
    ),
    cfg.FloatOpt(
        'batch_pause',
        default=1.0,
        min=0,
        help="""
Seconds between two transactions of a collection that has more to remove.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='collection')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('collection', OPTS)]
