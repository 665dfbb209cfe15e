# SPDX-License-Identifier: Apache-2.0
"""The processes of ``secretstore-conductor``."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'workers',
        default=1,
        min=1,
        max=128,
        help="""
Processes of one secretstore-conductor. As many as processors, less what the
API takes of them on the same host. Each has caches and database connections
of its own.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='conductor')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('conductor', OPTS)]
