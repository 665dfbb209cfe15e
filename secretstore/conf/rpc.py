# SPDX-License-Identifier: Apache-2.0
"""Options of API and conductor as processes of their own."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.BoolOpt(
        'seal',
        default=True,
        help="""
Encrypt and authenticate everything between API and conductor under the key in
seal_key_file.  Without it, whoever reaches a conductor, or reads the bus, may
do and read everything: for tests only.  Must be the same on all hosts.
""",
    ),
    cfg.StrOpt(
        'seal_key_file',
        default='/etc/secretstore/seal.keys',
        help="""
File with the keys that seal messages, the same on all hosts, made by
``secretstore-manage rpc create-seal-key``.  It must belong to the user the
service runs as and be closed to group and others.  The first key is used;
the second, if there is one, is what was used before, and is still accepted.

Whoever has this file is trusted: a conductor believes what callers with the
key say about users and their roles.
""",
    ),
    cfg.FloatOpt(
        'seal_window',
        default=60,
        min=1,
        help="""
Seconds for which a sealed request may be executed after it was sealed, and by
which the clocks of two hosts may differ.  It is not executed once its caller
has given up either, so clocks must also differ by less than a third of
response_timeout.  Each conductor process remembers this long what it has
executed, and executes nothing twice.  Other conductors do not know: for this
long, whoever recorded a request may have another conductor execute it once
more.
""",
    ),
    cfg.IntOpt(
        'replay_cache_size',
        default=400000,
        min=1000,
        help="""
How many requests a conductor process remembers at most, at about 100 bytes
each.  When more come within seal_window the process refuses them until it may
forget older ones.
""",
    ),
    cfg.FloatOpt(
        'response_timeout',
        default=30,
        min=0.1,
        help="""
Seconds for which a caller waits for a conductor, all attempts together.
""",
    ),
    cfg.StrOpt(
        'version_cap',
        help="""
Highest version of the interface that callers speak, such as 1.0, while some
conductors are older than the API.  Without it: the highest they know.
""",
    ),
    cfg.ListOpt(
        'listen',
        default=['127.0.0.1:9312'],
        help="""
Where a conductor takes requests over HTTP: host:port, or the path of a unix
socket.  Not used with RabbitMQ.
""",
    ),
    cfg.StrOpt(
        'ssl_cert_file',
        default='',
        help="""
Certificate of this host, with those that lead to its CA, in PEM: a conductor
whose transport_url begins with https needs one; a caller shows it to
conductors that ask.
""",
    ),
    cfg.StrOpt(
        'ssl_key_file',
        default='',
        help='Key of ssl_cert_file, in PEM, if it is not in the same file.',
    ),
    cfg.StrOpt(
        'ssl_ca_file',
        default='',
        help="""
Certificates, in PEM, from which that of the other end must come.  A conductor
that has this option set refuses callers without a certificate; a caller
without it trusts the CAs of the system.
""",
    ),
    cfg.IntOpt(
        'threads',
        default=16,
        min=1,
        help='How many requests a conductor process executes at a time.',
    ),
    cfg.IntOpt(
        'max_queue',
        default=64,
        min=0,
        help="""
How many more requests may wait in a conductor process.  Those beyond are
refused at once: they go to another conductor, or their callers are told to
try again later.
""",
    ),
    cfg.IntOpt(
        'max_connections',
        default=512,
        min=16,
        help="""
How many connections a conductor process takes over HTTP.  Each thread of an
API process has one.  Beyond that a new one takes the place of the oldest over
which no good request has come, and is refused when there is none such.
""",
    ),
    cfg.IntOpt(
        'max_request_size',
        default=2**20,
        min=2**16,
        help="""
Largest request that a conductor takes over HTTP, in bytes.  Raise it with
max_allowed_request_size_in_bytes of the API: twice that, and some, because
payloads are in base64 twice when messages are sealed.
""",
    ),
    cfg.StrOpt(
        'topic',
        default='secretstore.conductor',
        help='Topic, and with it the queue, of the conductors on RabbitMQ.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='rpc')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('rpc', OPTS)]
