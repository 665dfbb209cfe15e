# SPDX-License-Identifier: Apache-2.0
"""Where the service keeps its files."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'state_path',
        default='/var/lib/secretstore',
        help="""
Folder for what this host has to remember, for use in other options
(``$state_path/...``).  ``secretstore-standalone`` keeps its database and its
keys here; with the ``pkcs11`` strategy, processes tell each other here which
PIN the token refused.  Others may leave it empty.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', OPTS)]
