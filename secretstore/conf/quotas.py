# SPDX-License-Identifier: Apache-2.0
"""How much a project may have unless it has quotas of its own.

Names and defaults are Barbican's.
"""

from oslo_config import cfg


def _opt(resource: str, what: str) -> cfg.Opt:
    return cfg.IntOpt(
        f'quota_{resource}',
        default=-1,
        help=f"""
Number of {what} that a project may have, unless a quota was set for it.
0 allows none, and a negative number any number.
""",
    )


OPTS: list[cfg.Opt] = [
    _opt('secrets', 'secrets (those that have expired do not count)'),
    _opt('orders', 'orders'),
    _opt('containers', 'containers'),
    _opt(
        'consumers',
        'consumers, of secrets (until those that expired are collected) and '
        'containers together,',
    ),
    cfg.IntOpt(
        'quota_cas',
        default=-1,
        help="""
Number of certificate authorities, told to whoever asks for the quotas.
There are none to count: it is known for the sake of files made for Barbican.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='quotas')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('quotas', OPTS)]
