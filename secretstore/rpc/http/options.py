# SPDX-License-Identifier: Apache-2.0
"""Options of the oslo.messaging driver, for programs that use it."""

from oslo_config import cfg

GROUP = 'oslo_messaging_http'

OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'listen',
        default=[],
        help="""
Where a server listens: host:port, or the path of a unix socket. Without it,
at the one host that transport_url names.
""",
    ),
    cfg.StrOpt(
        'ssl_cert_file',
        default='',
        help='Certificate, in PEM: of a server, or of a client that has one.',
    ),
    cfg.StrOpt(
        'ssl_key_file',
        default='',
        help='Key of ssl_cert_file, in PEM, if it is in a file of its own.',
    ),
    cfg.StrOpt(
        'ssl_ca_file',
        default='',
        help="""
Certificates of the authorities that the other side's certificate must come
from. A server that has this refuses clients without a certificate; a client
that does not have it trusts those of the system.
""",
    ),
    cfg.FloatOpt(
        'connect_timeout',
        default=2.0,
        min=0.01,
        help='Seconds after which a client tries the next server.',
    ),
    cfg.IntOpt(
        'max_queue',
        default=64,
        min=0,
        help="""
How many requests may wait in a server while executor_thread_pool_size are
executed. Those beyond are refused, and go to another server.
""",
    ),
    cfg.FloatOpt(
        'stop_timeout',
        default=60.0,
        min=0,
        help='Seconds for which a server that stops waits for requests.',
    ),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
