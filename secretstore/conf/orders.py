# SPDX-License-Identifier: Apache-2.0
"""How keys are made that somebody ordered."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.FloatOpt(
        'asymmetric_budget',
        default=3.0,
        min=0,
        max=60,
        help="""
Seconds for which the request of a key pair waits for it. One that takes longer
is answered as PENDING, and made all the same. 0 never waits. Symmetric keys
are always made before the request is answered.
""",
    ),
    cfg.IntOpt(
        'asymmetric_workers',
        default=2,
        min=1,
        max=64,
        help="""
How many key pairs a process makes at the same time. Each takes up to seconds
of one processor.
""",
    ),
    cfg.IntOpt(
        'claim_seconds',
        default=60,
        min=1,
        help="""
Seconds for which nobody else tries to make a key pair that a process has begun
to make. If the process dies, another one begins after this time. Must be more
than the slowest key pair takes (DSA with 4096 bits: 30 seconds), and than the
clocks of the hosts differ.
""",
    ),
    cfg.IntOpt(
        'resume_interval',
        default=10,
        min=1,
        help="""
Seconds from one look for orders that somebody has to finish to the next, in
each process that has a conductor.
""",
    ),
    cfg.IntOpt(
        'max_attempts',
        default=5,
        min=1,
        help="""
How often making a key pair is begun before the order becomes an ERROR. Waiting
for the database or for a master key does not count.
""",
    ),
    cfg.IntOpt(
        'max_pending_per_project',
        default=100,
        min=0,
        help="""
Key pairs that a project may have ordered and not got yet. Whoever orders more
is told that a quota is reached; requests at the same time may come past it by
a few. 0 means any number.
""",
    ),
    cfg.IntOpt(
        'max_pending_seconds',
        default=86400,
        min=1,
        help="""
Age at which an order that has to wait, for a master key or for the database,
becomes an ERROR.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='orders')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('orders', OPTS)]
